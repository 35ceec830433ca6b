"""A small exchange in memory whose own log is the truth that runs are checked against.

Lives here: `ExchangeTwin`: orders, fills, one position per symbol, a wallet, and the log of what it accepted. It knows
nothing of trading's rules and shares no code with them; from `core` it takes only the words of the ports.
Not here: how calls and events get lost on the way (`exchange_ports`).
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from sim.virtual_loop import VirtualClock
from tradewright.core.errors import ClockRejected, DuplicateLinkId, Refused, Trace
from tradewright.core.ids import ExchangeOrderId, ExecutionId
from tradewright.core.instrument import InstrumentId
from tradewright.core.order import (
    CoinBalance,
    Execution,
    NewOrder,
    OrderState,
    RemoteOrder,
    RemotePosition,
    Wallet,
)

RECV_WINDOW = timedelta(seconds=5)
FUNDS = Decimal(100_000)
QUANTITY_REFUSED = Decimal(100)  # from here on there is not enough margin
_FEE_RATE = Decimal("0.00055")
_MATCHING_S_MAX = 0.05
_ENDED = frozenset({"Filled", "Cancelled", "PartiallyFilledCanceled"})
_STATES: dict[str, OrderState] = {
    "New": "working",
    "PartiallyFilled": "partially_filled",
    "Filled": "filled",
    "Cancelled": "cancelled",
    "PartiallyFilledCanceled": "cancelled",
}
_SAME_MOMENT_S = 1e-6  # a timer may fire a hair before its time
Fact = RemoteOrder | Execution | RemotePosition | Wallet


@dataclass(slots=True, kw_only=True)
class TwinOrder:
    order_id: ExchangeOrderId
    asked: NewOrder
    created_at: datetime
    updated_at: datetime
    visible_at_s: float  # on the loop's clock
    status: str = "New"
    rests: bool = False  # in the book, where the market may come to it
    filled: Decimal = Decimal(0)
    cost: Decimal = Decimal(0)

    @property
    def ended(self) -> bool:
        return self.status in _ENDED

    def report(self) -> RemoteOrder:
        return RemoteOrder(
            exchange_order_id=self.order_id,
            link_id=self.asked.link_id,
            instrument=self.asked.instrument,
            side=self.asked.side,
            order_type=self.asked.order_type,
            time_in_force=self.asked.time_in_force,
            quantity=self.asked.quantity,
            price=self.asked.price,
            state=_STATES[self.status],
            filled_quantity=self.filled,
            average_price=self.cost / self.filled if self.filled else None,
            reduce_only=self.asked.reduce_only,
            reject_reason="EC_NoError",
            cancel_type="UNKNOWN",
            raw_status=self.status,
            created_at=self.created_at,
            updated_at=self.updated_at,
        )


@dataclass(frozen=True, slots=True)
class LogEntry:
    at_s: float
    what: str  # accepted | refused | filled | cancelled
    link_id: str
    detail: str


@dataclass(slots=True)
class _Holding:
    size: Decimal = Decimal(0)  # signed
    entry: Decimal | None = None
    sequence: int = 0
    updated_at: datetime | None = None


@dataclass(slots=True)
class ExchangeTwin:
    """`clock` is the exchange's. `hide_for` draws how long a new order stays invisible, in seconds."""

    clock: VirtualClock
    rng: random.Random
    price: Decimal = Decimal(60000)
    hide_for: Callable[[], float] = lambda: 0.0
    publish: Callable[[Fact], None] = lambda _fact: None
    log: list[LogEntry] = field(default_factory=list)
    orders: dict[ExchangeOrderId, TwinOrder] = field(default_factory=dict)
    fills: list[tuple[float, Execution]] = field(default_factory=list)  # (visible at, fill)

    # Commands, carried out at once.

    def place(self, order: NewOrder, signed_at: datetime) -> ExchangeOrderId:
        """Accepts an order or refuses it, as an exchange does: by signature time, client id, margin."""
        self._check_window(signed_at, order.link_id)
        if order.link_id and any(known.asked.link_id == order.link_id for known in self.orders.values()):
            self._log("refused", order.link_id, "duplicate")
            raise DuplicateLinkId("OrderLinkedID is duplicate", self.trace(signed_at, 110072))
        if order.quantity >= QUANTITY_REFUSED:
            self._log("refused", order.link_id, "margin")
            raise Refused("ab not enough for new order", self.trace(signed_at, 110007))
        if order.reduce_only and not self._reduces(order):
            self._log("refused", order.link_id, "reduce only")
            raise Refused("current position is zero, cannot fix reduce-only order qty", self.trace(signed_at, 110017))
        placed = TwinOrder(
            order_id=ExchangeOrderId(f"x-{len(self.orders) + 1}"),
            asked=order,
            created_at=self._stamp(),
            updated_at=self._stamp(),
            visible_at_s=self.clock.monotonic() + self.hide_for(),
        )
        self.orders[placed.order_id] = placed
        self._log("accepted", order.link_id, placed.order_id)
        asyncio.get_running_loop().call_later(self.rng.uniform(0.0, _MATCHING_S_MAX), self._match, placed)
        return placed.order_id

    def cancel(self, signed_at: datetime, *, link_id: str | None, order_id: str | None) -> ExchangeOrderId:
        self._check_window(signed_at, link_id or "")
        for order in self.orders.values():
            named = order.order_id == order_id if order_id else bool(link_id) and order.asked.link_id == link_id
            if named and not order.ended:
                self._end(order, "PartiallyFilledCanceled" if order.filled else "Cancelled")
                return order.order_id
        raise Refused("order not exists or too late to cancel", self.trace(signed_at, 110001))

    def move_price(self, price: Decimal) -> None:
        """The market goes to a price; resting orders that it reaches are filled, half of them only in part."""
        self.price = price
        for order in list(self.orders.values()):
            if order.rests and not order.ended and self._crosses(order):
                rest = order.asked.quantity - order.filled
                part = (rest / 2).quantize(Decimal("0.001"))
                self._fill(order, part if part and self.rng.random() < 0.5 else rest, maker=True)

    # Reads: whatever is visible by now.

    def visible_orders(self) -> list[TwinOrder]:
        return [order for order in self.orders.values() if order.visible_at_s <= self._now_s()]

    def visible_fills(self) -> list[Execution]:
        return [fill for visible_at_s, fill in self.fills if visible_at_s <= self._now_s()]

    def positions(self) -> list[RemotePosition]:
        """Positions that are not flat, as the visible fills add up to."""
        reports = [self._position(instrument, holding) for instrument, holding in self._holdings().items()]
        return [report for report in reports if report.size]

    def wallet(self) -> Wallet:
        balance = FUNDS - sum((fill.fee for fill in self.visible_fills()), Decimal(0))
        zero = Decimal(0)
        usdt = CoinBalance(
            coin="USDT",
            wallet_balance=balance,
            equity=balance,
            order_margin=zero,
            position_margin=zero,
            unrealised_pnl=zero,
        )
        return Wallet(total_equity=balance, total_available=balance, reported_at=self._stamp(), coins={"USDT": usdt})

    def trace(self, signed_at: datetime, ret_code: int = 0) -> Trace:
        return Trace(signed_at=signed_at, answered_at=self.clock.now(), http_status=200, ret_code=ret_code)

    # Within.

    def _check_window(self, signed_at: datetime, link_id: str) -> None:
        now = self.clock.now()
        if not now - RECV_WINDOW <= signed_at < now + timedelta(seconds=1):
            self._log("refused", link_id, "window")
            raise ClockRejected("invalid request, please check your server timestamp", self.trace(signed_at, 10002))

    def _now_s(self) -> float:
        return self.clock.monotonic() + _SAME_MOMENT_S

    def _stamp(self) -> datetime:
        now = self.clock.now()
        return now.replace(microsecond=now.microsecond // 1000 * 1000)  # the wire carries milliseconds

    def _log(self, what: str, link_id: str, detail: str) -> None:
        self.log.append(LogEntry(round(self.clock.monotonic(), 6), what, link_id, detail))

    def _reduces(self, order: NewOrder) -> bool:
        size = self._holdings(visible_only=False).get(order.instrument, _Holding()).size
        return size > 0 if order.side == "Sell" else size < 0

    def _crosses(self, order: TwinOrder) -> bool:
        assert order.asked.price is not None, "only limit orders rest"
        return self.price <= order.asked.price if order.asked.side == "Buy" else self.price >= order.asked.price

    def _match(self, order: TwinOrder) -> None:
        """The first moment of an accepted order: filled at once, in one to three parts, or resting."""
        if order.ended:
            return
        if order.asked.order_type == "Limit" and not self._crosses(order):
            if order.asked.time_in_force in ("IOC", "FOK"):
                self._end(order, "Cancelled")
            else:
                order.rests = True
                self._tell(order)
            return
        rest = order.asked.quantity
        for _ in range(self.rng.randrange(3)):
            part = (rest / 3).quantize(Decimal("0.001"))
            if part:
                self._fill(order, part, maker=False)
                rest -= part
        self._fill(order, rest, maker=False)

    def _fill(self, order: TwinOrder, quantity: Decimal, *, maker: bool) -> None:
        price = order.asked.price if maker and order.asked.price is not None else self.price
        order.filled += quantity
        order.cost += quantity * price
        order.status = "Filled" if order.filled == order.asked.quantity else "PartiallyFilled"
        order.updated_at = self._stamp()
        number = len(self.fills) + 1
        fill = Execution(
            exec_id=ExecutionId(f"e-{number}"),
            exchange_order_id=order.order_id,
            link_id=order.asked.link_id,
            instrument=order.asked.instrument,
            side=order.asked.side,
            price=price,
            quantity=quantity,
            fee=quantity * price * _FEE_RATE,
            fee_coin="USDT",
            is_maker=maker,
            exec_type="Trade",
            executed_at=self._stamp(),
            sequence=number,
        )
        self.fills.append((max(order.visible_at_s, self.clock.monotonic()), fill))
        self._log("filled", order.asked.link_id, f"{order.order_id} {quantity} @ {price}")
        self._tell(order, fill)

    def _end(self, order: TwinOrder, status: str) -> None:
        order.status = status
        order.updated_at = self._stamp()
        self._log("cancelled", order.asked.link_id, order.order_id)
        self._tell(order)

    def _tell(self, order: TwinOrder, fill: Execution | None = None) -> None:
        """Publishes the order as it is now, and what a fill moved; not before the order is visible."""
        report = order.report()

        def publish() -> None:
            if fill is not None:
                self.publish(fill)
            self.publish(report)
            if fill is not None:
                holding = self._holdings()[fill.instrument]
                self.publish(self._position(fill.instrument, holding))
                self.publish(self.wallet())

        wait_s = order.visible_at_s - self.clock.monotonic()
        if wait_s > 0:
            asyncio.get_running_loop().call_later(wait_s, publish)
        else:
            publish()

    def _holdings(self, *, visible_only: bool = True) -> dict[InstrumentId, _Holding]:
        holdings: dict[InstrumentId, _Holding] = {}
        now_s = self._now_s()
        for visible_at_s, fill in self.fills:
            if visible_only and visible_at_s > now_s:
                continue
            holding = holdings.setdefault(fill.instrument, _Holding())
            holding.size += fill.quantity if fill.side == "Buy" else -fill.quantity
            holding.entry = fill.price
            holding.sequence += 1  # how many fills it rests on: more of them are never older
            holding.updated_at = max(holding.updated_at or fill.executed_at, fill.executed_at)
        return holdings

    def _position(self, instrument: InstrumentId, holding: _Holding) -> RemotePosition:
        zero = Decimal(0)
        assert holding.updated_at is not None, "a holding comes from a fill"
        return RemotePosition(
            instrument=instrument,
            position_index=0,
            side=None if not holding.size else ("Buy" if holding.size > 0 else "Sell"),
            size=abs(holding.size),
            entry_price=holding.entry if holding.size else None,
            mark_price=self.price,
            liquidation_price=None,
            leverage=Decimal(10),
            unrealised_pnl=zero,
            realised_pnl=zero,
            initial_margin=zero,
            sequence=holding.sequence,
            updated_at=holding.updated_at,
        )
