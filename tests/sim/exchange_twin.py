"""A small exchange in memory whose own log is the truth that runs are checked against.

Lives here: `ExchangeTwin`: orders (also amended, conditional and attached ones), fills, one position per contract, a
wallet with spot beside contracts, and the log of what it accepted. It knows nothing of trading's rules and shares no
code with them; from `core` it takes only the words of the ports.
Not here: how an order looks and what a wallet adds up to (`twin_book`), how calls get lost (`exchange_ports`).
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal

from sim.twin_book import Holding, TwinOrder, amended_order, wallet_of
from tradewright.core.errors import ClockRejected, DuplicateLinkId, Refused, Trace
from tradewright.core.ids import ExchangeOrderId, ExecutionId, LinkId
from tradewright.core.instrument import InstrumentId
from tradewright.core.order import (
    Execution,
    NewOrder,
    OrderChange,
    PositionExits,
    RemoteOrder,
    RemotePosition,
    Trigger,
    Wallet,
)
from tradewright.lab.virtual_loop import VirtualClock

RECV_WINDOW = timedelta(seconds=5)
FUNDS = Decimal(100_000)
QUANTITY_REFUSED = Decimal(100)  # from here on there is not enough margin
_FEE_RATE = Decimal("0.00055")
_LEVERAGE = Decimal(10)
_MATCHING_S_MAX = 0.05
_SAME_MOMENT_S = 1e-6  # a timer may fire a hair before its time
_ZERO = Decimal(0)
_LEGS = ("TakeProfit", "StopLoss")
PositionKey = tuple[InstrumentId, int]
Fact = RemoteOrder | Execution | RemotePosition | Wallet


@dataclass(frozen=True, slots=True)
class LogEntry:
    at_s: float
    what: str  # accepted | refused | filled | cancelled | amended | leverage | exits | triggered
    link_id: str
    detail: str


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
    leverages: dict[InstrumentId, Decimal] = field(default_factory=dict)
    settings: dict[InstrumentId, list[datetime]] = field(default_factory=dict)  # when leverage or exits were set
    refuse_next: list[int] = field(default_factory=list)  # codes of the next placements
    refuse_exits: list[int] = field(default_factory=list)  # codes of the next exits of positions
    legs_dropped: int = 0  # of the next exits that are to be made of it, none is
    hedged: set[InstrumentId] = field(default_factory=set)
    margin_mode: str = "REGULAR_MARGIN"
    trails: dict[PositionKey, Decimal] = field(default_factory=dict)  # distances of trailing stops

    # Commands, carried out at once.

    def place(self, order: NewOrder, signed_at: datetime) -> ExchangeOrderId:
        """Accepts an order or refuses it, as an exchange does: by signature time, client id, margin, trigger."""
        self._check_window(signed_at, order.link_id)
        if order.link_id and any(known.asked.link_id == order.link_id for known in self.orders.values()):
            self._log("refused", order.link_id, "duplicate")
            raise DuplicateLinkId("OrderLinkedID is duplicate", self.trace(signed_at, 110072))
        code = self._refusal(order)
        if code is not None:
            self._log("refused", order.link_id, str(code))
            raise Refused(f"refused with {code}", self.trace(signed_at, code))
        placed = self._new_order(order, visible_at_s=self.clock.monotonic() + self.hide_for())
        self._log("accepted", order.link_id, placed.order_id)
        asyncio.get_running_loop().call_later(self.rng.uniform(0.0, _MATCHING_S_MAX), self._match, placed)
        return placed.order_id

    def cancel(self, signed_at: datetime, *, link_id: str | None, order_id: str | None) -> ExchangeOrderId:
        self._check_window(signed_at, link_id or "")
        order = self._live(link_id, order_id)
        if order is None:
            raise Refused("order not exists or too late to cancel", self.trace(signed_at, 110001))
        self._cancel(order)
        return order.order_id

    def cancel_working(self, signed_at: datetime, category: str) -> list[ExchangeOrderId]:
        self._check_window(signed_at, "")
        working = [
            order
            for order in self.orders.values()
            if order.rests and not order.ended and order.asked.instrument.category == category
        ]
        for order in working:
            self._cancel(order)
        return [order.order_id for order in working]

    def amend(
        self, change: OrderChange, signed_at: datetime, *, link_id: str | None, order_id: str | None
    ) -> ExchangeOrderId:
        self._check_window(signed_at, link_id or "")
        order = self._live(link_id, order_id)
        if order is None:
            raise Refused("order not exists or too late to replace", self.trace(signed_at, 110001))
        if change.quantity is not None and change.quantity <= order.filled:
            raise Refused("order quantity is below what is filled", self.trace(signed_at, 110064))
        amended = amended_order(order.asked, change)
        if amended == order.asked:
            raise Refused("the order remains unchanged", self.trace(signed_at, 10001))
        order.asked = amended
        order.updated_at = self._stamp()
        self._log("amended", order.asked.link_id, f"{order.order_id} signed {signed_at.isoformat()}")
        self._tell(order)
        if order.rests and self._crosses(order):
            self._fill(order, order.rest, maker=False)
        return order.order_id

    def set_leverage(self, instrument: InstrumentId, leverage: Decimal, signed_at: datetime) -> None:
        self._check_window(signed_at, "")
        self.leverages[instrument] = leverage
        self._log("leverage", "", f"{instrument.symbol} {leverage} signed {signed_at.isoformat()}")
        self._changed(instrument)

    def set_exits(self, instrument: InstrumentId, exits: PositionExits, signed_at: datetime) -> None:
        self._check_window(signed_at, "")
        index = exits.position_index
        self._check_leg(instrument, index, signed_at)
        if not self._size(instrument, index):
            raise Refused("can not set tp/sl/ts for zero position", self.trace(signed_at, 10001))
        if self.refuse_exits:
            raise Refused("can not set tp/sl/ts", self.trace(signed_at, self.refuse_exits.pop(0)))
        asked = f"{exits.take_profit} {exits.stop_loss} signed {signed_at.isoformat()}"
        self._log("exits", "", f"{instrument.symbol} {asked}")
        self._set_legs(instrument, exits, parent="")
        if exits.trailing_stop is not None:
            self.trails[instrument, index] = exits.trailing_stop
        self._changed(instrument, index)

    def set_position_mode(self, instrument: InstrumentId, hedge: bool, signed_at: datetime) -> None:
        self._check_window(signed_at, "")
        if hedge == (instrument in self.hedged):
            return
        if any(self._size(instrument, index) for index in self._indexes(instrument)):
            raise Refused("You have an existing position", self.trace(signed_at, 110024))
        if any(order.asked.instrument == instrument and not order.ended for order in self.orders.values()):
            raise Refused("You have existing orders", self.trace(signed_at, 110028))
        (self.hedged.add if hedge else self.hedged.discard)(instrument)
        self._log("position_mode", "", f"{instrument.symbol} {hedge} signed {signed_at.isoformat()}")

    def set_margin_mode(self, mode: str, signed_at: datetime) -> None:
        self._check_window(signed_at, "")
        if mode == self.margin_mode:
            return
        if any(not order.ended for order in self.orders.values()) or self.positions():
            raise Refused("Set margin mode failed: there are positions or orders", self.trace(signed_at, 3400045))
        self.margin_mode = mode
        self._log("margin_mode", "", f"{mode} signed {signed_at.isoformat()}")

    def move_price(self, price: Decimal) -> None:
        """The market goes to a price: what waits for it is set off, and resting orders that it reaches are filled, half
        of them only in part."""
        self.price = price
        for order in list(self.orders.values()):
            if order.status == "Untriggered" and self._is_set_off(order):
                self._set_off(order)
            elif order.rests and not order.ended and self._crosses(order):
                part = (order.rest / 2).quantize(Decimal("0.001"))
                self._fill(order, part if part and self.rng.random() < 0.5 else order.rest, maker=True)

    def stop_of(self, instrument: InstrumentId, index: int = 0) -> Decimal | None:
        """Where the stop of a position really is; None: it has none."""
        leg = self._legs(instrument, index).get("StopLoss")
        return None if leg is None or leg.asked.trigger is None else leg.asked.trigger.price

    def size_of(self, instrument: InstrumentId, index: int = 0) -> Decimal:
        """What is really held, seen or not (signed)."""
        return self._size(instrument, index)

    def lose_stop(self, instrument: InstrumentId, index: int = 0) -> None:
        """The stop of a position goes, as if somebody had taken it off elsewhere."""
        leg = self._legs(instrument, index).get("StopLoss")
        if leg is not None:
            self._cancel(leg)

    # Reads: whatever is visible by now.

    def visible_orders(self) -> list[TwinOrder]:
        return [order for order in self.orders.values() if order.visible_at_s <= self._now_s()]

    def visible_fills(self) -> list[Execution]:
        return [fill for visible_at_s, fill in self.fills if visible_at_s <= self._now_s()]

    def positions(self) -> list[RemotePosition]:
        """Positions that are not flat, as the visible fills add up to."""
        reports = [
            self._position(instrument, index, holding)
            for (instrument, index), holding in self._holdings().items()
            if instrument.category == "linear"
        ]
        return [report for report in reports if report.size]

    def legs(self, instrument: InstrumentId) -> list[RemotePosition]:
        return [self.position(instrument, index) for index in self._indexes(instrument)]

    def position(self, instrument: InstrumentId, index: int = 0) -> RemotePosition:
        return self._position(instrument, index, self._holdings().get((instrument, index), Holding()))

    def wallet(self) -> Wallet:
        return wallet_of(FUNDS, self.visible_fills(), [*self.visible_orders()], self._stamp())

    def trace(self, signed_at: datetime, ret_code: int = 0) -> Trace:
        return Trace(signed_at=signed_at, answered_at=self.clock.now(), http_status=200, ret_code=ret_code)

    # Within.

    def _check_window(self, signed_at: datetime, link_id: str) -> None:
        now = self.clock.now()
        if not now - RECV_WINDOW <= signed_at < now + timedelta(seconds=1):
            self._log("refused", link_id, "window")
            raise ClockRejected("invalid request, please check your server timestamp", self.trace(signed_at, 10002))

    def _indexes(self, instrument: InstrumentId) -> tuple[int, ...]:
        return (1, 2) if instrument in self.hedged else (0,)

    def _check_leg(self, instrument: InstrumentId, index: int, signed_at: datetime) -> None:
        if index not in self._indexes(instrument):
            raise Refused("position idx not match position mode", self.trace(signed_at, 10001))

    def _refusal(self, order: NewOrder) -> int | None:
        if self.refuse_next:
            return self.refuse_next.pop(0)
        if order.position_index not in self._indexes(order.instrument):
            return 10001
        if order.quantity >= QUANTITY_REFUSED:
            return 110007
        if order.reduce_only and not self._reduces(order):
            return 110017
        if order.trigger is not None and order.trigger.rises != (order.trigger.price > self.price):
            return 110092 if order.trigger.rises else 110093
        if order.instrument.category == "spot" and not self._can_pay(order):
            return 170131
        return None

    def _can_pay(self, order: NewOrder) -> bool:
        coins = self.wallet().coins
        if order.side == "Sell":
            return order.quantity <= coins["BTC"].wallet_balance - coins["BTC"].locked
        price = order.price if order.price is not None else self.price
        return order.quantity * price <= coins["USDT"].wallet_balance - coins["USDT"].locked

    def _new_order(self, order: NewOrder, *, visible_at_s: float, stop_type: str = "", parent: str = "") -> TwinOrder:
        placed = TwinOrder(
            order_id=ExchangeOrderId(f"x-{len(self.orders) + 1}"),
            asked=order,
            created_at=self._stamp(),
            updated_at=self._stamp(),
            visible_at_s=visible_at_s,
            status="New" if order.trigger is None else "Untriggered",
            stop_order_type=stop_type or ("" if order.trigger is None else "Stop"),
            parent_link_id=parent,
        )
        self.orders[placed.order_id] = placed
        return placed

    def _live(self, link_id: str | None, order_id: str | None) -> TwinOrder | None:
        for order in self.orders.values():
            named = order.order_id == order_id if order_id else bool(link_id) and order.asked.link_id == link_id
            if named and not order.ended:
                return order
        return None

    def _now_s(self) -> float:
        return self.clock.monotonic() + _SAME_MOMENT_S

    def _stamp(self) -> datetime:
        now = self.clock.now()
        return now.replace(microsecond=now.microsecond // 1000 * 1000)  # the wire carries milliseconds

    def _log(self, what: str, link_id: str, detail: str) -> None:
        self.log.append(LogEntry(round(self.clock.monotonic(), 6), what, link_id, detail))

    def _index_of(self, fill: Execution) -> int:
        return self.orders[fill.exchange_order_id].asked.position_index

    def _size(self, instrument: InstrumentId, index: int = 0) -> Decimal:
        """What is really held, seen or not (signed)."""
        fills = [fill for _, fill in self.fills if fill.instrument == instrument and self._index_of(fill) == index]
        return sum((fill.quantity if fill.side == "Buy" else -fill.quantity for fill in fills), _ZERO)

    def _reduces(self, order: NewOrder) -> bool:
        size = self._size(order.instrument, order.position_index)
        return size > 0 if order.side == "Sell" else size < 0

    def _crosses(self, order: TwinOrder) -> bool:
        assert order.asked.price is not None, "only limit orders rest"
        return self.price <= order.asked.price if order.asked.side == "Buy" else self.price >= order.asked.price

    def _is_set_off(self, order: TwinOrder) -> bool:
        trigger = order.asked.trigger
        assert trigger is not None, "what waits has a trigger"
        return self.price >= trigger.price if trigger.rises else self.price <= trigger.price

    def _set_off(self, order: TwinOrder) -> None:
        self._log("triggered", order.asked.link_id, order.order_id)
        order.status = "New"
        order.updated_at = self._stamp()
        if order.stop_order_type in _LEGS:
            order.asked = replace(
                order.asked, quantity=abs(self._size(order.asked.instrument, order.asked.position_index))
            )
        self._match(order)

    def _match(self, order: TwinOrder) -> None:
        """The first moment of an accepted order: waiting, filled at once in one to three parts, or resting."""
        if order.ended:
            return
        if order.status == "Untriggered":
            self._tell(order)
            return
        if order.asked.order_type == "Limit" and not self._crosses(order):
            if order.asked.time_in_force in ("IOC", "FOK"):
                self._end(order, "Cancelled")
            else:
                order.rests = True
                self._tell(order)
            return
        for _ in range(self.rng.randrange(3)):
            part = (order.rest / 3).quantize(Decimal("0.001"))
            if part and not order.ended:
                self._fill(order, part, maker=False)
        if not order.ended:
            self._fill(order, order.rest, maker=False)

    def _fill(self, order: TwinOrder, quantity: Decimal, *, maker: bool) -> None:
        """Never more of a reduce-only order than there is to take off; the rest of it is cancelled."""
        if order.asked.reduce_only:
            held = self._size(order.asked.instrument, order.asked.position_index)
            reducible = abs(held) if self._reduces(order.asked) else _ZERO
            if reducible < quantity:
                if reducible:
                    self._book(order, reducible, maker=maker)
                self._end(order, "Cancelled")
                return
        self._book(order, quantity, maker=maker)

    def _book(self, order: TwinOrder, quantity: Decimal, *, maker: bool) -> None:
        price = order.asked.price if maker and order.asked.price is not None else self.price
        is_spot_buy = order.asked.instrument.category == "spot" and order.asked.side == "Buy"
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
            fee=quantity * _FEE_RATE * (1 if is_spot_buy else price),
            fee_coin="BTC" if is_spot_buy else "USDT",
            is_maker=maker,
            exec_type="Trade",
            executed_at=self._stamp(),
            sequence=number,
        )
        self.fills.append((max(order.visible_at_s, self.clock.monotonic()), fill))
        self._log("filled", order.asked.link_id, f"{order.order_id} {quantity} @ {price}")
        self._tell(order, fill)
        if order.asked.instrument.category == "linear":
            self._look_after_legs(order)

    # Exits of a position: conditional orders of the exchange's own, at most one of each kind for a symbol.

    def _look_after_legs(self, order: TwinOrder) -> None:
        instrument, index = order.asked.instrument, order.asked.position_index
        size = self._size(instrument, index)
        if not size:
            self.trails.pop((instrument, index), None)
        legs = self._legs(instrument, index)
        closes = "Sell" if size > 0 else "Buy"
        gone = [leg for leg in legs.values() if not size or leg.asked.side != closes]
        for leg in gone:
            self._end(leg, "Deactivated")
        if size and (order.asked.take_profit or order.asked.stop_loss) and not order.asked.reduce_only:
            exits = PositionExits(
                take_profit=None if order.asked.take_profit is None else order.asked.take_profit.trigger_price,
                stop_loss=None if order.asked.stop_loss is None else order.asked.stop_loss.trigger_price,
                position_index=index,
            )
            self._set_legs(instrument, exits, parent=order.asked.link_id)
        if gone or order.asked.take_profit or order.asked.stop_loss:
            self._changed(instrument, index)

    def _legs(self, instrument: InstrumentId, index: int) -> dict[str, TwinOrder]:
        return {
            order.stop_order_type: order
            for order in self.orders.values()
            if order.stop_order_type in _LEGS and order.status == "Untriggered"
            if (order.asked.instrument, order.asked.position_index) == (instrument, index)
        }

    def _set_legs(self, instrument: InstrumentId, exits: PositionExits, *, parent: str) -> None:
        index = exits.position_index
        legs, size = self._legs(instrument, index), self._size(instrument, index)
        asked = ((exits.take_profit, exits.take_profit_by), (exits.stop_loss, exits.stop_loss_by))
        for kind, (price, by) in zip(_LEGS, asked, strict=True):
            held = legs.get(kind)
            trigger = None if held is None else held.asked.trigger
            unchanged = trigger is not None and (trigger.price, trigger.by) == (price, by)
            if price is None or unchanged:
                continue
            if held is not None:
                self._end(held, "Deactivated")
            if price:
                rises = (size > 0) == (kind == "TakeProfit")
                if rises != (price > self.price):
                    continue  # passed already: the exchange drops it
                if self.legs_dropped:
                    self.legs_dropped -= 1
                    continue
                leg = NewOrder(
                    link_id=LinkId(""),
                    instrument=instrument,
                    side="Sell" if size > 0 else "Buy",
                    order_type="Market",
                    quantity=abs(size),
                    price=None,
                    time_in_force="IOC",
                    reduce_only=True,
                    trigger=Trigger(price=price, by=by, rises=rises),
                    position_index=index,
                )
                made = self._new_order(leg, visible_at_s=self.clock.monotonic(), stop_type=kind, parent=parent)
                self._tell(made)

    def _changed(self, instrument: InstrumentId, index: int | None = None) -> None:
        """A position's settings are others by now, and it is told; None: those of the whole symbol."""
        self.settings.setdefault(instrument, []).append(self._stamp())
        for leg in self._indexes(instrument) if index is None else (index,):
            self.publish(self.position(instrument, leg))

    def _cancel(self, order: TwinOrder) -> None:
        is_leg = order.stop_order_type in _LEGS
        if order.status == "Untriggered":
            self._end(order, "Deactivated")
        else:
            self._end(order, "PartiallyFilledCanceled" if order.filled else "Cancelled")
        if is_leg:
            self._changed(order.asked.instrument, order.asked.position_index)

    def _end(self, order: TwinOrder, status: str) -> None:
        order.status = status
        order.updated_at = self._stamp()
        self._log("cancelled", order.asked.link_id, order.order_id)
        self._tell(order)

    def _tell(self, order: TwinOrder, fill: Execution | None = None) -> None:
        """Publishes the order as it is now, and what a fill moved; not before the order is visible."""
        report = order.report()
        is_spot = order.asked.instrument.category == "spot"

        def publish() -> None:
            if fill is not None:
                self.publish(fill)
            self.publish(report)
            if fill is not None and not is_spot:
                self.publish(self.position(fill.instrument, self._index_of(fill)))
            if fill is not None or is_spot:
                self.publish(self.wallet())

        wait_s = order.visible_at_s - self.clock.monotonic()
        if wait_s > 0:
            asyncio.get_running_loop().call_later(wait_s, publish)
        else:
            publish()

    def _holdings(self) -> dict[PositionKey, Holding]:
        """As the visible fills add up to."""
        unseen = [fill.sequence for seen_s, fill in self.fills if seen_s > self._now_s()]
        hidden = min(unseen, default=len(self.fills) + 1)
        holdings: dict[PositionKey, Holding] = {}
        now_s = self._now_s()
        for visible_at_s, fill in self.fills:
            if visible_at_s > now_s:
                continue
            holding = holdings.setdefault((fill.instrument, self._index_of(fill)), Holding())
            holding.size += fill.quantity if fill.side == "Buy" else -fill.quantity
            holding.entry = fill.price
            if fill.sequence < hidden:
                holding.includes = fill.sequence
            holding.updated_at = max(holding.updated_at or fill.executed_at, fill.executed_at)
        return holdings

    def _position(self, instrument: InstrumentId, index: int, holding: Holding) -> RemotePosition:
        settings = self.settings.get(instrument, [])
        times = [*settings[-1:], *([holding.updated_at] if holding.updated_at is not None else [])]
        exits = {
            kind: leg.asked.trigger.price for kind, leg in self._legs(instrument, index).items() if leg.asked.trigger
        }
        return RemotePosition(
            instrument=instrument,
            position_index=index,
            side=None if not holding.size else ("Buy" if holding.size > 0 else "Sell"),
            size=abs(holding.size),
            entry_price=holding.entry if holding.size else None,
            mark_price=self.price,
            liquidation_price=None,
            leverage=self.leverages.get(instrument, _LEVERAGE),
            unrealised_pnl=_ZERO,
            realised_pnl=_ZERO,
            initial_margin=_ZERO,
            sequence=holding.includes,
            updated_at=max(times) if times else self._stamp(),
            take_profit=exits.get("TakeProfit") if holding.size else None,
            stop_loss=exits.get("StopLoss") if holding.size else None,
            trailing_stop=(self.trails.get((instrument, index)) or None) if holding.size else None,
        )
