"""One-way positions: what a fill does to one, and what it is worth.

Lives here: `Position` and pure arithmetic in Decimal. Not here: margin over the whole account (`margin`).
The cost of the open part is kept instead of an average price, so that profits and costs add up to the last digit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import ROUND_HALF_EVEN, Decimal

from tradewright.simulator.accounts.events import OrderFilled, Side

ZERO = Decimal(0)
CENT = Decimal("0.00000001")  # Bybit books amounts of a coin to eight places
DEFAULT_LEVERAGE = Decimal(10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """`size` is signed (base coin, negative is short); `cost` is what its open part was bought or sold for (settle
    coin, ≥ 0).
    """

    symbol: str
    size: Decimal = ZERO
    cost: Decimal = ZERO
    leverage: Decimal = DEFAULT_LEVERAGE
    holding_realised: Decimal = ZERO  # since the position was last flat, fees included
    total_realised: Decimal = ZERO  # since the account exists, fees included
    opened_ms: int = 0
    created_ms: int = 0
    updated_ms: int = 0
    seq: int = -1

    @property
    def side(self) -> Side | None:
        if not self.size:
            return None
        return "Buy" if self.size > 0 else "Sell"

    @property
    def average_price(self) -> Decimal | None:
        return self.cost / abs(self.size) if self.size else None

    def unrealised(self, mark_price: Decimal) -> Decimal:
        """Profit of the open part at `mark_price`, settle coin."""
        value = abs(self.size) * mark_price
        return value - self.cost if self.size >= 0 else self.cost - value

    def reducible(self, side: Side) -> Decimal:
        """How much an order of this side could close (base coin)."""
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
    if closed == abs(position.size):
        released = position.cost
    else:
        released = (position.cost * closed / abs(position.size)).quantize(CENT, ROUND_HALF_EVEN)
    value = price * closed
    return Closing(closed, released, value - released if side == "Sell" else released - value)


def after_fill(position: Position, event: OrderFilled, *, seq: int) -> Position:
    """The position after one execution, flips included."""
    part = closing(position, side=event.side, price=event.price, quantity=event.quantity)
    signed = event.quantity if event.side == "Buy" else -event.quantity
    size = position.size + signed
    opened = event.quantity - part.quantity
    starts_anew = not position.size or (opened > 0 and part.quantity > 0)
    flow = event.realised - event.fee
    return replace(
        position,
        size=size,
        cost=position.cost - part.released_cost + opened * event.price,
        holding_realised=flow if starts_anew else position.holding_realised + flow,
        total_realised=position.total_realised + flow,
        opened_ms=event.at.wall_ms if starts_anew else position.opened_ms,
        created_ms=position.created_ms or event.at.wall_ms,
        updated_ms=event.at.wall_ms,
        seq=seq,
    )
