"""Listings that the market has no more: what an account's past needs to be told.

Lives here: `Specs`, which never lacks one it is asked for, and `gone_spec`, read from a listing's name alone. Not here:
trading them, which is over; who looks a listing up for a client (`get`) does not find it.
An exchange that starts again on an old log meets such listings: an option that was delivered weeks ago, a contract that
another market had. Their prices are told with eight decimals, since nobody remembers their ticks.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Final, cast

from tradewright.simulator.market.model import Category, InstrumentSpec, Listing, OptionType

_FINE: Final = Decimal("0.00000001")
_NO_BOUND: Final = Decimal("1000000000000")
_ZERO: Final = Decimal(0)
_ONE: Final = Decimal(1)
_QUOTES: Final = ("USDT", "USDC", "USD", "EUR", "BTC", "ETH")  # how names of pairs end


class Specs(dict[Listing, InstrumentSpec]):
    """The listings by name. Asking by `[]` for one that is not there gives what its name tells, without listing it."""

    def __missing__(self, listing: Listing) -> InstrumentSpec:
        return gone_spec(listing)


def gone_spec(listing: Listing) -> InstrumentSpec:
    """Coins, strike and kind from the name; everything else means nothing any more."""
    kind, _, symbol = listing.rpartition(":")
    category = cast(Category, kind or "linear")
    base, quote, settle = _coins(category, symbol)
    parts = symbol.split("-")
    is_option = category == "option" and len(parts) > 3
    return InstrumentSpec(
        category=category,
        symbol=symbol,
        symbol_id=0,
        base_coin=base,
        quote_coin=quote,
        settle_coin=settle,
        price_scale=8,
        tick_size=_FINE,
        min_price=_FINE,
        max_price=_NO_BOUND,
        qty_step=_FINE,
        min_qty=_FINE,
        max_limit_qty=_NO_BOUND,
        max_market_qty=_NO_BOUND,
        min_notional=_ZERO,
        min_leverage=_ONE,
        max_leverage=_ONE,
        leverage_step=_ONE,
        maker_fee_rate=_ZERO,
        taker_fee_rate=_ZERO,
        maintenance_margin_rate=_ZERO,
        price_limit_ratio_x=_ONE,
        price_limit_ratio_y=_ONE,
        upper_funding_rate=_ZERO,
        lower_funding_rate=_ZERO,
        funding_interval_min=0,
        launch_ms=0,
        quote_precision=_FINE if category == "spot" else None,
        status="Closed",
        option_type=cast(OptionType, {"C": "Call", "P": "Put"}.get(parts[3], "")) if is_option else "",
        strike=_number(parts[2]) if is_option else None,
    )


def _coins(category: Category, symbol: str) -> tuple[str, str, str]:
    """Base, quote and settle coin, by how Bybit makes its names."""
    head, *ending = symbol.split("-")
    if category == "option":
        quote = ending[-1] if ending and ending[-1] in _QUOTES else "USDC"
        return head, quote, quote
    if category == "inverse":
        base = symbol.partition("USD")[0]
        return base, "USD", base
    for quote in _QUOTES:
        if head.endswith(quote) and head != quote:
            return head.removesuffix(quote), quote, "" if category == "spot" else quote
    return head.removesuffix("PERP"), "USDC", "" if category == "spot" else "USDC"


def _number(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        return None
