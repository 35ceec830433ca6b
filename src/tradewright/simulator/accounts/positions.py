"""Positions: what a fill does to one, and what it is worth.

Lives here: `Position` and pure arithmetic in Decimal. Not here: margin over the whole account (`margin`).
The cost of the open part is kept instead of an average price, so that profits and costs add up to the last digit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from tradewright.simulator.accounts.contracts import CENT, exact_value_of, profit_of, rounded, value_of
from tradewright.simulator.accounts.events import OrderFilled, PositionIndex, Side
from tradewright.simulator.market.model import Listing, is_inverse

__all__ = ["CENT", "DEFAULT_LEVERAGE", "ZERO", "Closing", "Position", "PositionKey", "after_fill", "closing"]

ZERO = Decimal(0)
DEFAULT_LEVERAGE = Decimal(10)


PositionKey = tuple[Listing, PositionIndex]


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """`symbol` holds a listing, `index` is 0 in one-way mode, 1 for the long and 2 for the short leg in hedge mode.

    `size` is signed (base coin, or USD of an inverse contract; negative is short); `cost` is what its open part was
    bought or sold for (settle coin, ≥ 0).
    """

    symbol: Listing
    index: PositionIndex = 0
    size: Decimal = ZERO
    cost: Decimal = ZERO
    exact_cost: Decimal = ZERO  # of an inverse contract, unrounded: for the average price only
    leverage: Decimal = DEFAULT_LEVERAGE
    holding_realised: Decimal = ZERO  # since the position was last flat, fees included
    total_realised: Decimal = ZERO  # since the account exists, fees included
    opened_ms: int = 0
    created_ms: int = 0
    updated_ms: int = 0
    seq: int = -1
    added_margin: Decimal = ZERO  # isolated mode: by hand on top of what it needed, settle coin
    adds_margin: bool = False  # isolated mode: takes margin from the wallet before it is liquidated
    is_liquidated: bool = False  # the exchange is at it

    @property
    def key(self) -> PositionKey:
        return self.symbol, self.index

    @property
    def side(self) -> Side | None:
        if not self.size:
            return None
        return "Buy" if self.size > 0 else "Sell"

    @property
    def average_price(self) -> Decimal | None:
        """In the quote coin."""
        if not self.size:
            return None
        return abs(self.size) / self.exact_cost if is_inverse(self.symbol) else self.cost / abs(self.size)

    def value(self, price: Decimal) -> Decimal:
        """What the open part is worth at `price`, settle coin, not negative."""
        return value_of(self.symbol, abs(self.size), price) if self.size else ZERO

    def unrealised(self, mark_price: Decimal) -> Decimal:
        """Profit of the open part at `mark_price`, settle coin."""
        return profit_of(self.symbol, is_long=self.size >= 0, cost=self.cost, value=self.value(mark_price))

    def price_of_profit(self, profit: Decimal) -> Decimal | None:
        """The price at which the open part has won `profit` (settle coin, negative: lost), exact; None if there is no
        price above 0.
        """
        gains_as_value_rises = (self.size > 0) != is_inverse(self.symbol)
        value = self.cost + profit if gains_as_value_rises else self.cost - profit
        if not self.size or value <= 0:
            return None
        return abs(self.size) / value if is_inverse(self.symbol) else value / abs(self.size)

    def reducible(self, side: Side) -> Decimal:
        """How much an order of this side could close."""
        return max(ZERO, -self.size if side == "Buy" else self.size)


@dataclass(frozen=True, slots=True)
class Closing:
    """The part of a fill that closes: its quantity, the cost it releases and the profit without fees."""

    quantity: Decimal
    released_cost: Decimal
    realised: Decimal


def closing(position: Position, *, side: Side, price: Decimal, quantity: Decimal) -> Closing:
    """What of this fill closes the position; zeros if it only opens.

    The released cost is rounded half even to eight places unless everything closes; the rest stays in the cost, so
    nothing is lost.
    """
    closed = min(quantity, position.reducible(side))
    if not closed:
        return Closing(ZERO, ZERO, ZERO)
    is_all = closed == abs(position.size)
    released = position.cost if is_all else rounded(position.cost * closed / abs(position.size))
    value = value_of(position.symbol, closed, price)
    return Closing(closed, released, profit_of(position.symbol, is_long=side == "Sell", cost=released, value=value))


def after_fill(position: Position, event: OrderFilled, *, seq: int) -> Position:
    """The position after one execution, flips included."""
    part = closing(position, side=event.side, price=event.price, quantity=event.quantity)
    signed = event.quantity if event.side == "Buy" else -event.quantity
    size = position.size + signed
    opened = event.quantity - part.quantity
    starts_anew = not position.size or (opened > 0 and part.quantity > 0)
    flow = event.realised - event.fee
    opening_fee = event.fee - rounded(event.fee * part.quantity / event.quantity)
    return replace(
        position,
        size=size,
        cost=position.cost - part.released_cost + value_of(position.symbol, opened, event.price),
        exact_cost=_exact_cost(position, event, part.quantity, opened) if size else ZERO,
        holding_realised=-opening_fee if starts_anew else position.holding_realised + flow,
        total_realised=position.total_realised + flow,
        added_margin=position.added_margin if size and not starts_anew else ZERO,
        is_liquidated=position.is_liquidated and size != 0,
        opened_ms=event.at.wall_ms if starts_anew else position.opened_ms,
        created_ms=position.created_ms or event.at.wall_ms,
        updated_ms=event.at.wall_ms,
        seq=seq,
    )


def _exact_cost(position: Position, event: OrderFilled, closed: Decimal, opened: Decimal) -> Decimal:
    if not is_inverse(position.symbol):
        return ZERO
    stays = position.exact_cost * (1 - closed / abs(position.size)) if closed else position.exact_cost
    return stays + exact_value_of(position.symbol, opened, event.price)
