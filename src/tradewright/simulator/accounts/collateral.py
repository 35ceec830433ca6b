"""What a coin is worth as collateral: its price in dollars less a haircut.

Lives here: the ratios and what an amount backs. Not here: what is bound by positions and orders (`needs`), the account
as a whole (`margin`). Bybit's ratios fall with the amount and change over time; these are one plausible figure per coin
and not verified. A coin that is not listed here backs nothing. What is owed counts in full.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Final

_ZERO: Final = Decimal(0)
DOLLARS: Final = ("USD", "USDT", "USDC")  # worth one dollar here
RATIOS: Final[Mapping[str, Decimal]] = MappingProxyType(
    {
        "USDT": Decimal(1),
        "USDC": Decimal(1),
        "BTC": Decimal("0.95"),
        "ETH": Decimal("0.9"),
        "SOL": Decimal("0.85"),
        "XRP": Decimal("0.85"),
        "BNB": Decimal("0.85"),
        "DOGE": Decimal("0.8"),
        "ADA": Decimal("0.8"),
        "LTC": Decimal("0.8"),
        "LINK": Decimal("0.8"),
        "AVAX": Decimal("0.8"),
        "DOT": Decimal("0.8"),
        "TRX": Decimal("0.8"),
    }
)


def ratio_of(coin: str) -> Decimal:
    """The part of a coin's worth that backs contracts, from 0 to 1."""
    return RATIOS.get(coin, _ZERO)


def backing(amount: Decimal, *, price: Decimal, ratio: Decimal) -> Decimal:
    """What `amount` of a coin adds to the backing, in dollars; a negative one takes its whole worth away."""
    return amount * price * (ratio if amount > 0 else 1)


def amount_that_backs(dollars: Decimal, *, price: Decimal, ratio: Decimal) -> Decimal:
    """The amount of a coin whose `backing` this is; 0 where no amount of it can back anything. `price` is above 0."""
    if dollars <= 0:
        return dollars / price
    return dollars / (price * ratio) if ratio else _ZERO
