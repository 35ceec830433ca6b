"""One order of the simulated account: its states and the moves between them.

Lives here: `Order` and the pure functions that give its next value. Not here: when a move is due (`engine`), margin.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum

from tradewright.simulator.events import OrderAccepted, OrderClosed, OrderFilled, OrderType, Side, TimeInForce

ZERO = Decimal(0)
NO_ERROR = "EC_NoError"
NOT_CANCELLED = "UNKNOWN"


class OrderStatus(StrEnum):
    """Bybit's words, plus `ACCEPTED`: acknowledged but not yet at the matching engine, which Bybit shows as New."""

    ACCEPTED = "Accepted"
    NEW = "New"
    PARTIALLY_FILLED = "PartiallyFilled"
    FILLED = "Filled"
    CANCELLED = "Cancelled"


LIVE = frozenset({OrderStatus.ACCEPTED, OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED})
RESTING = frozenset({OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """`number` counts the account's orders from 1 and is their age. Quantities in the base coin, values in the settle
    coin.
    """

    number: int
    order_id: str
    link_id: str
    symbol: str
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    quantity: Decimal
    price: Decimal
    reduce_only: bool
    close_on_trigger: bool
    last_price_on_created: Decimal
    created_ms: int
    updated_ms: int
    status: OrderStatus = OrderStatus.ACCEPTED
    filled_quantity: Decimal = ZERO
    filled_value: Decimal = ZERO
    paid_fee: Decimal = ZERO
    realised: Decimal = ZERO
    cancel_requested: bool = False
    cancel_type: str = NOT_CANCELLED
    reject_reason: str = NO_ERROR

    @property
    def is_live(self) -> bool:
        return self.status in LIVE

    @property
    def is_resting(self) -> bool:
        return self.status in RESTING

    @property
    def leaves(self) -> Decimal:
        """What may still fill (base coin); nothing once the order has ended."""
        return self.quantity - self.filled_quantity if self.is_live else ZERO

    @property
    def average_price(self) -> Decimal | None:
        return self.filled_value / self.filled_quantity if self.filled_quantity else None


def accepted(event: OrderAccepted, *, number: int) -> Order:
    return Order(
        number=number,
        order_id=event.order_id,
        link_id=event.link_id,
        symbol=event.symbol,
        side=event.side,
        order_type=event.order_type,
        time_in_force=event.time_in_force,
        quantity=event.quantity,
        price=event.price,
        reduce_only=event.reduce_only,
        close_on_trigger=event.close_on_trigger,
        last_price_on_created=event.last_price,
        created_ms=event.at.wall_ms,
        updated_ms=event.at.wall_ms,
    )


def opened(order: Order, *, wall_ms: int) -> Order:
    assert order.status is OrderStatus.ACCEPTED, f"{order.order_id} opened while {order.status}"
    return replace(order, status=OrderStatus.NEW, updated_ms=wall_ms)


def filled(order: Order, event: OrderFilled) -> Order:
    assert order.is_live, f"{order.order_id} filled while {order.status}"
    quantity = order.filled_quantity + event.quantity
    assert quantity <= order.quantity, f"{order.order_id} filled {quantity} of {order.quantity}"
    return replace(
        order,
        status=OrderStatus.FILLED if quantity == order.quantity else OrderStatus.PARTIALLY_FILLED,
        filled_quantity=quantity,
        filled_value=order.filled_value + event.price * event.quantity,
        paid_fee=order.paid_fee + event.fee,
        realised=order.realised + event.realised,
        updated_ms=event.at.wall_ms,
    )


def closed(order: Order, event: OrderClosed) -> Order:
    assert order.is_live, f"{order.order_id} closed while {order.status}"
    return replace(
        order,
        status=OrderStatus.CANCELLED,
        cancel_type=event.cancel_type,
        reject_reason=event.reject_reason,
        updated_ms=event.at.wall_ms,
    )


def cancel_lost(order: Order, *, wall_ms: int) -> Order:
    """Filled before the cancel came: Bybit repeats Filled and says so in the reason."""
    assert order.status is OrderStatus.FILLED, f"the cancel of {order.order_id} was lost while {order.status}"
    return replace(order, cancel_type="CancelByUser", reject_reason="EC_OrigClOrdIDDoesNotExist", updated_ms=wall_ms)
