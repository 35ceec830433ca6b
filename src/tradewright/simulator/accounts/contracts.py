"""What a quantity of a contract is worth: quote coin for a linear one, base coin for an inverse one.

Lives here: the one place that knows the difference. Values in, values out.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

from tradewright.simulator.market.model import Listing, is_inverse

CENT: Final = Decimal("0.00000001")  # Bybit books amounts of a coin to eight places
# Of the premium: an option's fee is never more. Bybit's fee page says so; not verified against the exchange.
OPTION_FEE_CAP: Final = Decimal("0.07")


def rounded(amount: Decimal) -> Decimal:
    """Half even, to eight places."""
    return amount.quantize(CENT, ROUND_HALF_EVEN)


def value_of(listing: Listing, quantity: Decimal, price: Decimal) -> Decimal:
    """In the settle coin. Exact for what is traded in the quote coin; an inverse contract's is rounded half even to
    eight places, because a quotient has no end.
    """
    return rounded(quantity / price) if is_inverse(listing) else quantity * price


def exact_value_of(listing: Listing, quantity: Decimal, price: Decimal) -> Decimal:
    """The same to the 28 digits that Decimal has: for averages of prices, never for money."""
    return quantity / price if is_inverse(listing) else quantity * price


def profit_of(listing: Listing, *, is_long: bool, cost: Decimal, value: Decimal) -> Decimal:
    """What a position that cost `cost` has won when it is worth `value` (both in the settle coin, not negative).

    An inverse contract is worth less coin the higher its price, so its long gains as its value falls.
    """
    gain = value - cost if is_long else cost - value
    return -gain if is_inverse(listing) else gain
