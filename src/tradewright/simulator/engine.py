"""The exchange's heart: takes commands, lets orders meet the market, and writes down what came of it.

Lives here: when something happens; every step ends in a batch of events that is logged, applied and then told to the
streams.
Not here: what happens (`decisions`), the wire (`rest_*`, `ws_*`), the event loop (handed in as `later`).
Everything happens on one thread, one thing after another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from tradewright.simulator import margin, matching
from tradewright.simulator.account import SETTLE_COIN, Account
from tradewright.simulator.commands import CancelOrder, PlaceOrder, SetLeverage, check_notional, check_quantity
from tradewright.simulator.decisions import Scene, arrival, ended, fill, fillable
from tradewright.simulator.errors import ApiError, RetCode
from tradewright.simulator.events import (
    CancelAccepted,
    CancelLost,
    Entry,
    Event,
    Funded,
    LeverageSet,
    Moment,
    OrderAccepted,
)
from tradewright.simulator.log import EventLog
from tradewright.simulator.market.model import InstrumentSpec, Market, MarketBook, MarketEvent, MarketTrade
from tradewright.simulator.orders import Order, OrderStatus, accepted
from tradewright.simulator.positions import Position

ACTIVE_ORDERS_MAX = 500  # per symbol, as on Bybit's futures
STEP_MS = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A batch that is on disk and applied. `delay_ms` is how long the streams still wait to tell it."""

    entries: Sequence[Entry]
    delay_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the engine needs from outside: time, ids, the loop, and somebody who listens.

    `later(delay_ms, call)` runs something after so much wall time; `tell(outcome)` hears of every batch.
    """

    wall_ms: Callable[[], int]
    new_id: Callable[[], str]
    later: Callable[[int, Callable[[], None]], None]
    tell: Callable[[Outcome], None]


class Engine:
    """One account on one market. See `SimulatorConfig` for `order_delay_ms` and `partial_fills`."""

    def __init__(
        self, *, market: Market, log: EventLog, around: Surroundings, order_delay_ms: int, partial_fills: bool
    ) -> None:
        self.market = market
        self.account = Account()
        self.specs: dict[str, InstrumentSpec] = {spec.symbol: spec for spec in market.instruments}
        self._log = log
        self._around = around
        self._order_delay_ms = order_delay_ms
        self._partial_fills = partial_fills
        self._untold: list[MarketEvent] = []
        for entry in log.entries:
            self.account.apply(entry)

    def resume(self) -> None:
        """After a restart: finish what was acknowledged but had not happened yet."""
        for order in self.account.live_orders():
            if order.status is not OrderStatus.ACCEPTED and order.time_in_force in ("IOC", "FOK"):
                # The crash came between its fills: the rest of such an order never waits.
                rest = ended(order, self._scene(order.symbol), reject_reason="EC_NoImmediateQtyToFill")
                self._commit([rest])
            self._arrive(order.order_id, delay_ms=0)
            if order.cancel_requested:
                self._finish_cancel(order.order_id, delay_ms=0)
        for symbol in self.specs:
            self._drop_useless(symbol, delay_ms=0)

    def fund(self, funds: Iterable[tuple[str, Decimal]]) -> None:
        """Pay in play money; the first start does it once."""
        self._commit([Funded(coin=coin, amount=amount, at=self._moment()) for coin, amount in funds if amount])

    def place(self, command: PlaceOrder) -> Order:
        """Accept an order. Its effect comes `order_delay_ms` later, but it can be read at once.

        Raises `ApiError`: 110072 duplicate link id, 110017 reduce-only rule, 110094 value, 110020 too many orders,
        110007 margin. A refused command leaves no trace.
        """
        if command.link_id and self.account.link_id_used(command.link_id):
            raise ApiError(RetCode.DUPLICATE_LINK_ID, "OrderLinkedID is duplicate")
        if sum(1 for _ in self.account.live_orders(command.symbol)) >= ACTIVE_ORDERS_MAX:
            raise ApiError(RetCode.TOO_MANY_ORDERS, f"You have reached the limit of {ACTIVE_ORDERS_MAX} active orders.")
        self.catch_up()
        event = self._accepted_event(command)
        self._check_margin(accepted(event, number=0))
        self._commit([event])
        self._around.later(self._order_delay_ms, lambda: self._arrive(event.order_id, delay_ms=0))
        return self.account.orders[event.order_id]

    def cancel(self, command: CancelOrder) -> Order:
        """Accept a cancel and carry it out in the books; the streams hear of it `order_delay_ms` later.

        An order that has not reached the matching engine yet goes there first, in front of its cancel, and may fill.
        Raises `ApiError` 110001 if there is no such live order.
        """
        self.catch_up()
        order = self.account.find_order(order_id=command.order_id, link_id=command.link_id)
        if order is None or order.symbol != command.symbol or not order.is_live:
            raise ApiError(RetCode.ORDER_NOT_FOUND, "order not exists or too late to cancel")
        self._commit([CancelAccepted(order_id=order.order_id, at=self._moment())], tell=False)
        self._arrive(order.order_id, delay_ms=self._order_delay_ms)
        self._finish_cancel(order.order_id, delay_ms=self._order_delay_ms)
        return self.account.orders[order.order_id]

    def set_leverage(self, command: SetLeverage) -> None:
        """Raises `ApiError` 110043 if nothing changes, 110007 if the margin does not cover a lower leverage."""
        position = self.account.position(command.symbol)
        if position.leverage == command.leverage:
            raise ApiError(RetCode.LEVERAGE_UNCHANGED, "leverage not modified")
        changed = {**self.account.positions, command.symbol: replace(position, leverage=command.leverage)}
        after = self._margin(changed.values(), self.account.live_orders())
        if command.leverage < position.leverage and after.available < 0:
            raise ApiError(RetCode.NOT_ENOUGH_MARGIN, "ab not enough for new leverage")
        self._commit([LeverageSet(symbol=command.symbol, leverage=command.leverage, at=self._moment())])

    def catch_up(self) -> bool:
        """Let the market go on to this moment and fill what it went through.

        Commands do so first: an order must never meet trades from before it came, nor a cancel overtake one.
        One call goes no further than `STEP_MS` of wall time, so that a machine that slept for hours answers
        meanwhile; the result says whether the market has arrived.
        """
        clock = self.market.clock
        target_ms = clock.market_ms(self._around.wall_ms())
        step_ms = min(target_ms, self.market.now_ms + int(STEP_MS * clock.speed))
        happened = self.market.advance(step_ms)
        for event in happened:
            self._fill_resting(event)
        self._untold += happened
        return step_ms >= target_ms

    def take_events(self) -> list[MarketEvent]:
        """What the market did since the last call, for the public streams."""
        happened, self._untold = self._untold, []
        return happened

    def margin_now(self) -> margin.MarginView:
        return self._margin(self.account.positions.values(), self.account.live_orders())

    def _accepted_event(self, command: PlaceOrder) -> OrderAccepted:
        """The command with its prices and quantity settled by the market and the position of this moment."""
        symbol, side = command.symbol, command.side
        spec, last_price = self.specs[symbol], self.market.last_price(symbol)
        if command.price is None:
            price = matching.protection_price(spec, self.market.book(symbol), side, last_price)
        else:
            mark, index = self.market.mark_price(symbol), self.market.index_price(symbol)
            price = matching.clamp(command.price, side, matching.price_bounds(spec, mark_price=mark, index_price=index))
        quantity = self._reduced_quantity(command) if command.reduce_only else command.quantity
        if command.price is None and not command.reduce_only:
            check_notional(spec, quantity * last_price)
        return OrderAccepted(
            at=self._moment(),
            order_id=self._around.new_id(),
            link_id=command.link_id,
            symbol=symbol,
            side=side,
            order_type=command.order_type,
            time_in_force=command.time_in_force,
            quantity=quantity,
            price=price,
            reduce_only=command.reduce_only,
            close_on_trigger=command.close_on_trigger,
            last_price=last_price,
        )

    def _reduced_quantity(self, command: PlaceOrder) -> Decimal:
        """A reduce-only order is cut to the position on arrival; there must be something to reduce."""
        reducible = self.account.position(command.symbol).reducible(command.side)
        if not reducible:
            raise ApiError(RetCode.REDUCE_ONLY_RULE, "current position is zero, cannot fix reduce-only order qty")
        quantity = reducible if command.closes_all else min(command.quantity, reducible)
        check_quantity(self.specs[command.symbol], quantity, command.order_type)
        return quantity

    def _check_margin(self, order: Order) -> None:
        """Refuse an order that binds margin the account has not got. One that only reduces is always let through."""
        before = self.margin_now()
        after = self._margin(self.account.positions.values(), [*self.account.live_orders(), order])
        if after.order_initial > before.order_initial and after.available < 0:
            raise ApiError(RetCode.NOT_ENOUGH_MARGIN, "ab not enough for new order")

    def _arrive(self, order_id: str, *, delay_ms: int) -> None:
        """Bring an accepted order to the matching engine, unless its cancel has done so already."""
        order = self.account.orders[order_id]
        if order.status is not OrderStatus.ACCEPTED:
            return
        self.catch_up()
        position, book = self.account.position(order.symbol), self.market.book(order.symbol)
        self._commit(arrival(order, position, book, self._scene(order.symbol)), delay_ms=delay_ms)
        self._drop_useless(order.symbol, delay_ms=delay_ms)

    def _finish_cancel(self, order_id: str, *, delay_ms: int) -> None:
        order = self.account.orders[order_id]
        if order.is_live:
            outcome: Event = ended(
                order, self._scene(order.symbol), cancel_type="CancelByUser", reject_reason="EC_PerCancelRequest"
            )
        elif order.status is OrderStatus.FILLED:
            outcome = CancelLost(order_id=order_id, at=self._moment())
        else:
            return
        self._commit([outcome], delay_ms=delay_ms)

    def _fill_resting(self, event: MarketEvent) -> None:
        """Fill the resting orders this market event went through, best price first, then oldest first."""
        waiting = (order for order in self.account.live_orders(event.symbol) if order.is_resting)
        match event:
            case MarketTrade(price=price, size=size):
                passed = [order for order in waiting if matching.went_through(order, price)]
                available = size if self._partial_fills else None
            case MarketBook():
                if self._partial_fills:  # a book says nothing of how much was traded
                    return
                passed = [order for order in waiting if matching.book_went_through(order, event)]
                available = None
        passed.sort(key=lambda order: (-order.price if order.side == "Buy" else order.price, order.number))
        for order in passed:
            quantity = fillable(order, self.account.position(order.symbol))
            if available is not None:
                quantity = min(quantity, available)
                available -= quantity
            if quantity > 0:
                part, scene = matching.Take(order.price, quantity), self._scene(order.symbol, market_ms=event.time_ms)
                self._commit([fill(order, self.account.position(order.symbol), part, scene, is_maker=True)])
        if passed:
            self._drop_useless(event.symbol, delay_ms=0)

    def _drop_useless(self, symbol: str, *, delay_ms: int) -> None:
        """Cancel resting reduce-only orders that have nothing left to reduce."""
        position = self.account.position(symbol)
        scene = self._scene(symbol)
        gone = [
            ended(order, scene, cancel_type="CancelByReduceOnly")
            for order in self.account.live_orders(symbol)
            if order.is_resting and order.reduce_only and not position.reducible(order.side)
        ]
        self._commit(gone, delay_ms=delay_ms)

    def _commit(self, events: Sequence[Event], *, delay_ms: int = 0, tell: bool = True) -> None:
        """Write, apply, tell: in this order, so that nobody ever hears of what a crash could undo."""
        if not events:
            return
        entries = self._log.append(events)
        for entry in entries:
            self.account.apply(entry)
        if tell:
            self._around.tell(Outcome(entries=entries, delay_ms=delay_ms))

    def _margin(self, positions: Iterable[Position], orders: Iterable[Order]) -> margin.MarginView:
        return margin.view(
            wallet=self.account.coin(SETTLE_COIN).balance,
            positions=positions,
            orders=orders,
            specs=self.specs,
            marks={symbol: self.market.mark_price(symbol) for symbol in self.specs},
        )

    def _moment(self) -> Moment:
        return Moment(wall_ms=self._around.wall_ms(), market_ms=self.market.now_ms)

    def _scene(self, symbol: str, *, market_ms: int | None = None) -> Scene:
        at = self._moment() if market_ms is None else Moment(self._around.wall_ms(), market_ms)
        return Scene(
            spec=self.specs[symbol],
            mark_price=self.market.mark_price(symbol),
            at=at,
            new_id=self._around.new_id,
        )
