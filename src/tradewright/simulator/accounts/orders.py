"""One order of the simulated account: its states and the moves between them.

Lives here: `Order` and the pure functions that give its next value. Not here: when a move is due (`engine`), margin.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import Any

from tradewright.simulator.accounts.contracts import exact_value_of, value_of
from tradewright.simulator.accounts.events import (
    AmendAccepted,
    MarketUnit,
    OrderAccepted,
    OrderAmended,
    OrderClosed,
    OrderFilled,
    OrderTriggered,
    OrderType,
    PositionIndex,
    Protection,
    Side,
    Slippage,
    SmpType,
    StopKind,
    TimeInForce,
    Trail,
    Trigger,
)
from tradewright.simulator.market.model import is_inverse, is_spot

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
    PARTIALLY_FILLED_CANCELLED = "PartiallyFilledCanceled"  # on spot only; contracts say Cancelled for both
    UNTRIGGERED = "Untriggered"
    TRIGGERED = "Triggered"
    DEACTIVATED = "Deactivated"  # ended before its trigger was met


RESTING = frozenset({OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED})
LIVE = RESTING | {OrderStatus.ACCEPTED, OrderStatus.UNTRIGGERED, OrderStatus.TRIGGERED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """`number` counts the account's orders from 1 and is their age. `symbol` holds a listing.

    Quantities in the base coin (USD of an inverse contract), values in the settle coin, or the quote coin on spot.
    Where `in_quote`, `quantity` and `leaves` are amounts of quote coin. The fee is in `fee_coin`, "" meaning the settle
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
    market_unit: MarketUnit = ""
    status: OrderStatus = OrderStatus.ACCEPTED
    filled_quantity: Decimal = ZERO
    filled_value: Decimal = ZERO
    filled_exact: Decimal = ZERO  # the same unrounded: an average of few dollars would show the rounding
    paid_fee: Decimal = ZERO
    fee_coin: str = ""
    rebate: Decimal = ZERO  # what makers' rebates on spot brought, in the other coin
    rebate_coin: str = ""
    realised: Decimal = ZERO
    stop_kind: StopKind = ""
    trigger: Trigger | None = None
    protection: Protection | None = None
    slippage: Slippage | None = None
    parent_id: str = ""
    parent_link_id: str = ""
    pair_id: str = ""
    position_index: PositionIndex = 0
    create_type: str = ""
    smp_type: SmpType = "None"
    iv: Decimal | None = None
    trail: Trail | None = None
    queued: tuple[int, int] = (0, 0)  # place in the queue of its price: smaller is served first
    closed_quantity: Decimal = ZERO  # what its fills closed of the position
    protected_quantity: Decimal = ZERO  # of what its fills opened, what has its take-profit and stop-loss already
    was_triggered: bool = False
    cancel_requested: bool = False
    amend_requested: AmendAccepted | None = None
    cancel_type: str = NOT_CANCELLED
    reject_reason: str = NO_ERROR
    smp_order_id: str = ""

    @property
    def is_live(self) -> bool:
        return self.status in LIVE

    @property
    def is_resting(self) -> bool:
        return self.status in RESTING

    @property
    def is_dormant(self) -> bool:
        """It waits for its trigger, or is on its way to: it binds nothing and fills nothing."""
        return self.trigger is not None and not self.was_triggered and self.is_live

    @property
    def looks_at_marks(self) -> bool:
        """Whether it, or one that it will bring, triggers by mark or index price."""
        if self.trigger is None and self.protection is None:
            return False
        triggers = [self.trigger] if self.is_dormant else []
        legs = [self.protection.take_profit, self.protection.stop_loss] if self.protection is not None else []
        return any(one is not None and one.by != "LastPrice" for one in (*triggers, *legs))

    @property
    def is_protective(self) -> bool:
        """The exchange made it to close a position: a take-profit or stop-loss."""
        return self.stop_kind not in ("", "Stop", "tpslOrder")

    @property
    def follows_position(self) -> bool:
        return self.stop_kind in ("TakeProfit", "StopLoss", "TrailingStop")

    @property
    def gains(self) -> bool:
        """Of an order that waits for a price: whether it is one to sell high or to buy low."""
        return self.trigger is not None and self.trigger.rises == (self.side == "Sell")

    @property
    def locks_while_waiting(self) -> bool:
        """Whether a spot order keeps its coins from other use before its trigger."""
        return self.stop_kind == "tpslOrder" or (self.stop_kind == "BidirectionalTpslOrder" and self.side == "Sell")

    @property
    def unprotected_quantity(self) -> Decimal:
        """What its fills opened and no take-profit or stop-loss answers for yet, although it asked for one."""
        opened = self.filled_quantity - self.closed_quantity
        if self.is_spot and self.side == "Buy":
            opened -= self.paid_fee  # which is taken out of the coins that were bought
        if self.protection is None or (self.protection.whole and self.protected_quantity):
            return ZERO
        return opened - self.protected_quantity

    @property
    def is_spot(self) -> bool:
        return is_spot(self.symbol)

    @property
    def in_quote(self) -> bool:
        """A spot market order that says how much to spend or to receive, not how much to trade."""
        return self.market_unit == "quoteCoin"

    @property
    def leaves(self) -> Decimal:
        """What may still fill, in the unit of `quantity`; nothing once the order has ended."""
        done = self.filled_value if self.in_quote else self.filled_quantity
        return self.quantity - done if self.is_live else ZERO

    @property
    def average_price(self) -> Decimal | None:
        if not self.filled_quantity:
            return None
        if is_inverse(self.symbol):
            return self.filled_quantity / self.filled_exact
        return self.filled_exact / self.filled_quantity


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
        market_unit=event.market_unit,
        stop_kind=event.stop_kind,
        trigger=event.trigger,
        protection=event.protection,
        slippage=event.slippage,
        parent_id=event.parent_id,
        parent_link_id=event.parent_link_id,
        pair_id=event.pair_id,
        position_index=event.position_index,
        create_type=event.create_type,
        smp_type=event.smp_type,
        iv=event.iv,
        trail=event.trail,
        queued=(number, 0),
        created_ms=event.at.wall_ms,
        updated_ms=event.at.wall_ms,
    )


def opened(order: Order, *, wall_ms: int) -> Order:
    assert order.status in (OrderStatus.ACCEPTED, OrderStatus.TRIGGERED), f"{order.order_id} opened in {order.status}"
    assert not order.is_dormant, f"{order.order_id} opened before its trigger"
    return replace(order, status=OrderStatus.NEW, updated_ms=wall_ms)


def armed(order: Order, *, wall_ms: int) -> Order:
    assert order.status is OrderStatus.ACCEPTED, f"{order.order_id} armed while {order.status}"
    assert order.is_dormant, f"{order.order_id} has no trigger to wait for"
    return replace(order, status=OrderStatus.UNTRIGGERED, updated_ms=wall_ms)


def triggered(order: Order, event: OrderTriggered) -> Order:
    assert order.status is OrderStatus.UNTRIGGERED, f"{order.order_id} triggered while {order.status}"
    return replace(
        order,
        status=OrderStatus.TRIGGERED,
        was_triggered=True,
        price=event.price,
        quantity=event.quantity,
        updated_ms=event.at.wall_ms,
    )


def amended(order: Order, event: OrderAmended, *, queued: tuple[int, int]) -> Order:
    """The order with its new values; `queued` is the place behind all others, taken if it was requeued."""
    assert order.is_live, f"{order.order_id} amended while {order.status}"
    return replace(
        order,
        quantity=event.quantity,
        price=event.price,
        trigger=event.trigger,
        protection=event.protection,
        pair_id=event.pair_id,
        trail=event.trail or order.trail,
        iv=event.iv,
        queued=queued if event.requeued else order.queued,
        amend_requested=None,
        updated_ms=event.at.wall_ms,
    )


def filled(order: Order, event: OrderFilled) -> Order:
    assert order.is_live, f"{order.order_id} filled while {order.status}"
    part = event.price * event.quantity if order.in_quote else event.quantity
    assert part <= order.leaves, f"{order.order_id} filled {part} of the {order.leaves} that were left"
    return replace(
        order,
        status=OrderStatus.FILLED if part == order.leaves else OrderStatus.PARTIALLY_FILLED,
        filled_quantity=order.filled_quantity + event.quantity,
        filled_value=order.filled_value + value_of(order.symbol, event.quantity, event.price),
        filled_exact=order.filled_exact + exact_value_of(order.symbol, event.quantity, event.price),
        **_fees(order, event),
        realised=order.realised + event.realised,
        closed_quantity=order.closed_quantity + event.closed_quantity,
        updated_ms=event.at.wall_ms,
    )


def bared(order: Order) -> Order:
    """An entry opens its position anew: the stops of the whole position that it brought went with the one before."""
    whole = order.protection is not None and order.protection.whole
    return replace(order, protected_quantity=ZERO) if whole else order


def _fees(order: Order, event: OrderFilled) -> dict[str, Any]:
    """A fee comes out of what is received; a maker's rebate on spot is paid in the other coin."""
    if event.base_coin and event.fee < 0:
        return {"rebate": order.rebate - event.fee, "rebate_coin": event.fee_coin}
    return {"paid_fee": order.paid_fee + event.fee, "fee_coin": event.fee_coin}


def closed(order: Order, event: OrderClosed) -> Order:
    assert order.is_live, f"{order.order_id} closed while {order.status}"
    partly = order.is_spot and order.filled_quantity > 0
    status = OrderStatus.PARTIALLY_FILLED_CANCELLED if partly else OrderStatus.CANCELLED
    return replace(
        order,
        status=OrderStatus.DEACTIVATED if order.is_dormant else status,
        cancel_type=event.cancel_type,
        reject_reason=event.reject_reason,
        smp_order_id=event.smp_order_id,
        updated_ms=event.at.wall_ms,
    )


def cancel_lost(order: Order, *, wall_ms: int) -> Order:
    """Filled before the cancel came: Bybit repeats Filled and says so in the reason."""
    assert order.status is OrderStatus.FILLED, f"the cancel of {order.order_id} was lost while {order.status}"
    return replace(order, cancel_type="CancelByUser", reject_reason="EC_OrigClOrdIDDoesNotExist", updated_ms=wall_ms)
