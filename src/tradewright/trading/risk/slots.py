"""One order in the count of exposure: what of it may still move the position that we hold.

Lives here: `Slot`, made of an intent or of a report. Not here: who counts them (`exposure`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from tradewright.core.ids import ExchangeOrderId, IntentId
from tradewright.core.instrument import InstrumentId, OrderType, QuantityUnit, Side
from tradewright.core.money import ZERO
from tradewright.core.order import FINAL_STATES, Execution, OrderChange, RemoteOrder
from tradewright.core.risk import Verdict, dearest
from tradewright.core.risk_prices import PriceView
from tradewright.trading.model import PlaceIntent


@dataclass(frozen=True, slots=True)
class Waiting:
    """A fill that is booked, and that the position as we hold it may not include yet."""

    exec_id: str
    sequence: int
    executed_at: datetime
    quantity: Decimal
    price: Decimal


@dataclass(slots=True, kw_only=True)
class Slot:
    """`uncommitted`: what was judged and has no request yet; `committed`: what has one. `changes`: what amends ask for
    and may already be so."""

    instrument: InstrumentId
    side: Side
    order_type: OrderType
    quantity: Decimal
    quantity_unit: QuantityUnit
    price: Decimal | None
    trigger_price: Decimal | None
    reduces: bool
    is_live: bool = True
    is_reported: bool = False
    exchange_order_id: ExchangeOrderId | None = None
    updated_at: datetime | None = None
    filled: Decimal = ZERO
    settled: Decimal = ZERO  # base coin that the position includes, by fills that were told
    settled_value: Decimal = ZERO  # the same in quote coin
    untold: Decimal = ZERO  # base coin that the position includes and no fill was told of yet
    untold_until: datetime | None = None  # such a fill is not younger than this
    waiting: list[Waiting] = field(default_factory=list)
    changes: dict[IntentId, OrderChange] = field(default_factory=dict)
    uncommitted: set[IntentId] = field(default_factory=set)
    committed: set[IntentId] = field(default_factory=set)
    verdicts: dict[IntentId, Verdict] = field(default_factory=dict)

    def outstanding(self) -> Decimal:
        """Base coin (or quote coin, of an order for an amount) that may still come to the position."""
        if self.quantity_unit == "quote" and self.is_live:
            return max(ZERO, self.quantity - self.settled_value)
        included = self.settled + self.untold
        executed = included + self.waits()
        asked = [change.quantity for change in self.changes.values() if change.quantity is not None]
        total = max(self.quantity, *asked, self.filled) if asked else max(self.quantity, self.filled)
        return max(total if self.is_live else self.filled, executed) - included

    def notional(self, prices: PriceView | None) -> Decimal:
        """What that may come to, in quote coin, at the dearest of its prices. Without prices at its own."""
        if self.reduces:
            return ZERO
        if self.is_live and not self.changes and not self.waiting and self.quantity_unit == "base":
            left = max(self.quantity, self.filled) - self.settled - self.untold  # the same, for nearly all of them
            if prices is not None and prices.reference is not None:
                return left * dearest(self.price, self.trigger_price, self.order_type, self.side, prices)
        left = self.outstanding()
        if not left:
            return ZERO
        if self.quantity_unit == "quote" and self.is_live:
            return left
        asked = list(self.changes.values())
        own = [self.price, *(change.price for change in asked)]
        triggers = [self.trigger_price, *(change.trigger_price for change in asked)]
        price = max((one for one in own if one is not None), default=None)
        trigger = max((one for one in triggers if one is not None), default=None)
        if prices is not None and prices.reference is not None:
            return left * dearest(price, trigger, self.order_type, self.side, prices)
        return left * max(price or ZERO, trigger or ZERO, *(one.price for one in self.waiting), ZERO)

    def settle(self, is_included: Callable[[Waiting], bool]) -> None:
        """Those fills are in the position that we hold."""
        for one in [one for one in self.waiting if is_included(one)]:
            self.waiting.remove(one)
            self.settled += one.quantity
            self.settled_value += one.quantity * one.price

    def waits(self) -> Decimal:
        """Base coin of the fills that the position may not include yet."""
        return sum((one.quantity for one in self.waiting), ZERO)

    def include(self, until: datetime) -> None:
        """The position includes all that was reported as filled, but for the fills that wait."""
        self.untold = max(self.untold, self.filled - self.settled - self.waits())
        self.untold_until = until

    @property
    def is_over(self) -> bool:
        return not self.is_live and not self.waiting and self.filled <= self.settled + self.untold

    def report(self, order: RemoteOrder) -> None:
        """Takes a report, unless a newer one was taken; a final one is never taken back."""
        if self.is_reported and not self.is_live:
            return
        is_final = order.state in FINAL_STATES
        is_older = self.updated_at is not None and order.updated_at < self.updated_at
        if self.is_reported and not is_final and (is_older or order.filled_quantity < self.filled):
            return
        self.is_reported, self.is_live = True, not is_final
        self.exchange_order_id, self.updated_at = order.exchange_order_id, order.updated_at
        self.filled = max(self.filled, order.filled_quantity)
        self.quantity, self.quantity_unit = order.quantity, order.quantity_unit
        if self.order_type != "Market":
            self.price = order.price
        self.trigger_price = order.trigger_price
        self.reduces = order.reduce_only or order.close_on_trigger
        self.uncommitted.clear()

    def fill(self, execution: Execution) -> None:
        if self.untold_until is not None and execution.executed_at <= self.untold_until and self.untold > 0:
            told = min(self.untold, execution.quantity)  # late word of what the position has included for long
            self.untold -= told
            self.settled += told
            self.settled_value += told * execution.price
            if told == execution.quantity:
                return
            execution = replace(execution, quantity=execution.quantity - told)
        self.waiting.append(
            Waiting(execution.exec_id, execution.sequence, execution.executed_at, execution.quantity, execution.price)
        )


def placed_slot(intent: PlaceIntent) -> Slot:
    order = intent.order
    return Slot(
        instrument=order.instrument,
        side=order.side,
        order_type=order.order_type,
        quantity=order.quantity,
        quantity_unit=order.quantity_unit,
        price=order.price,
        trigger_price=None if order.trigger is None else order.trigger.price,
        reduces=order.reduce_only,
    )


def reported_slot(order: RemoteOrder) -> Slot:
    """The price of a market order is the exchange's own bound and not its sender's."""
    return Slot(
        instrument=order.instrument,
        side=order.side,
        order_type=order.order_type,
        quantity=order.quantity,
        quantity_unit=order.quantity_unit,
        price=None if order.order_type == "Market" else order.price,
        trigger_price=order.trigger_price,
        reduces=order.reduce_only or order.close_on_trigger,
    )


def stray_slot(execution: Execution) -> Slot:
    """A fill whose order was not reported yet: it counts for itself."""
    return Slot(
        instrument=execution.instrument,
        side=execution.side,
        order_type="Market",
        quantity=ZERO,
        quantity_unit="base",
        price=None,
        trigger_price=None,
        reduces=False,
        is_live=False,
    )
