"""What is held of one instrument and what it cost, at average cost.

Lives here: `Holding` and `filled`, what one fill makes of it. Values in, values out.
Not here: entries of the ledger (`core.ledger`), positions as the exchange reports them (`core.order`).

What a part that is closed had cost is a share of the whole, rounded half even to eight places, and counted from the
last fill that opened: so any partition of a quantity into fills gives the same cost and profit, to the last digit. An
exchange that rounds at each fill differs by some units of the eighth place: `core.tie_out` says what is let pass.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Context, Decimal, localcontext
from typing import Final

from tradewright.core.money import ZERO, rounded

WIDE: Final = Context(prec=80)  # products of money are exact
PLACE: Final = Decimal("0.00000001")  # the exchange books amounts of a coin to eight places


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """`size` is signed, negative when short, in base coin; costs are in quote coin and not negative."""

    is_long: bool = True
    base_size: Decimal = ZERO  # after the last fill that opened
    base_cost: Decimal = ZERO
    closed: Decimal = ZERO  # of it, since

    @property
    def unsigned(self) -> Decimal:
        return self.base_size - self.closed

    @property
    def size(self) -> Decimal:
        return self.unsigned if self.is_long else -self.unsigned

    @property
    def cost(self) -> Decimal:
        """What the open part was bought or sold for."""
        if not self.closed:
            return self.base_cost
        with localcontext(WIDE):
            return self.base_cost - rounded(self.base_cost * self.closed / self.base_size, PLACE)

    @property
    def book_value(self) -> Decimal:
        """The cost, negative when short."""
        return self.cost if self.is_long else -self.cost

    @property
    def average_price(self) -> Decimal | None:
        """Quote per base, to 28 digits: for showing. None when flat."""
        return self.cost / self.unsigned if self.unsigned else None


FLAT: Final = Holding()


@dataclass(frozen=True, slots=True)
class Filled:
    """What a fill came to: the holding after it, and what the closed part has won (quote coin, without fees)."""

    holding: Holding
    closed: Decimal
    realised: Decimal


def held(size: Decimal, price: Decimal) -> Holding:
    """As if it had been opened at once at this price. `size` is signed."""
    with localcontext(WIDE):
        return Holding(is_long=size >= 0, base_size=abs(size), base_cost=abs(size) * price)


def filled(holding: Holding, quantity: Decimal, price: Decimal) -> Filled:
    """After a fill of a signed quantity (base coin, negative sells) at a price: it closes first, and opens the rest."""
    with localcontext(WIDE):
        is_buy, left = quantity > 0, abs(quantity)
        closes = ZERO if is_buy == holding.is_long else min(left, holding.unsigned)
        realised = ZERO
        if closes:
            holding, realised = _closed(holding, closes, price)
            left -= closes
        return Filled(_opened(holding, left, price, is_long=is_buy) if left else holding, closes, realised)


def _closed(holding: Holding, quantity: Decimal, price: Decimal) -> tuple[Holding, Decimal]:
    is_all = quantity == holding.unsigned
    after = FLAT if is_all else replace(holding, closed=holding.closed + quantity)
    released = holding.cost - after.cost
    won = quantity * price - released
    return after, won if holding.is_long else -won


def _opened(holding: Holding, quantity: Decimal, price: Decimal, *, is_long: bool) -> Holding:
    return Holding(
        is_long=is_long,
        base_size=holding.unsigned + quantity,
        base_cost=holding.cost + quantity * price,
    )
