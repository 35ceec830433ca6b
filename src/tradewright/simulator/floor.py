"""The trading floor: orders meet the market here, and every step ends in a batch of events.

Lives here: letting the market go on, bringing orders to the matching engine, filling those that rest, ending those that
are of no use; a batch is logged, applied and then told to the streams.
Not here: commands and their refusals (`engine`), what becomes of an order (`decisions`), the event loop (handed in as
`later`). Everything happens on one thread, one thing after another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from tradewright.simulator import margin, matching, spot
from tradewright.simulator.account import Account
from tradewright.simulator.decisions import Scene, arrival, ended, fill, fillable
from tradewright.simulator.events import CancelLost, Entry, Event, Moment
from tradewright.simulator.log import EventLog
from tradewright.simulator.market.model import InstrumentSpec, Market, MarketBook, MarketEvent, MarketTrade
from tradewright.simulator.orders import Order, OrderStatus
from tradewright.simulator.positions import ZERO, Position

STEP_MS = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A batch that is on disk and applied. `delay_ms` is how long the streams still wait to tell it."""

    entries: Sequence[Entry]
    delay_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the exchange needs from outside: time, ids, the loop, and somebody who listens.

    `later(delay_ms, call)` runs something after so much wall time; `tell(outcome)` hears of every batch.
    """

    wall_ms: Callable[[], int]
    new_id: Callable[[], str]
    later: Callable[[int, Callable[[], None]], None]
    tell: Callable[[Outcome], None]


class Floor:
    """One account on one market. With `partial_fills` a trade fills resting orders no further than its size."""

    def __init__(self, *, market: Market, log: EventLog, around: Surroundings, partial_fills: bool) -> None:
        self.market = market
        self.account = Account()
        self.specs: dict[str, InstrumentSpec] = {spec.listing: spec for spec in market.instruments}
        self.around = around
        self._log = log
        self._partial_fills = partial_fills
        self._untold: list[MarketEvent] = []
        for entry in log.entries:
            self.account.apply(entry)

    def catch_up(self) -> bool:
        """Let the market go on to this moment and fill what it went through.

        Commands do so first: an order must never meet trades from before it came, nor a cancel overtake one.
        One call goes no further than `STEP_MS` of wall time, so that a machine that slept for hours answers
        meanwhile; the result says whether the market has arrived.
        """
        clock = self.market.clock
        target_ms = clock.market_ms(self.around.wall_ms())
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

    def arrive(self, order_id: str, *, delay_ms: int) -> None:
        """Bring an accepted order to the matching engine, unless its cancel has done so already."""
        order = self.account.orders[order_id]
        if order.status is not OrderStatus.ACCEPTED:
            return
        self.catch_up()
        position, book = self.account.position(order.symbol), self.market.book(order.symbol)
        self.commit(arrival(order, position, book, self.scene(order.symbol)), delay_ms=delay_ms)
        self.drop_useless(order.symbol, delay_ms=delay_ms)

    def finish_cancel(self, order_id: str, *, delay_ms: int) -> None:
        order = self.account.orders[order_id]
        if order.is_live:
            outcome: Event = ended(
                order, self.scene(order.symbol), cancel_type="CancelByUser", reject_reason="EC_PerCancelRequest"
            )
        elif order.status is OrderStatus.FILLED:
            outcome = CancelLost(order_id=order_id, at=self.moment())
        else:
            return
        self.commit([outcome], delay_ms=delay_ms)

    def drop_useless(self, symbol: str, *, delay_ms: int) -> None:
        """Cancel resting reduce-only orders that have nothing left to reduce."""
        position = self.account.position(symbol)
        scene = self.scene(symbol)
        gone = [
            ended(order, scene, cancel_type="CancelByReduceOnly")
            for order in self.account.live_orders(symbol)
            if order.is_resting and order.reduce_only and not position.reducible(order.side)
        ]
        self.commit(gone, delay_ms=delay_ms)

    def commit(self, events: Sequence[Event], *, delay_ms: int = 0, tell: bool = True) -> None:
        """Write, apply, tell: in this order, so that nobody ever hears of what a crash could undo."""
        if not events:
            return
        entries = self._log.append(events)
        for entry in entries:
            self.account.apply(entry)
        if tell:
            self.around.tell(Outcome(entries=entries, delay_ms=delay_ms))

    def margin_now(self) -> margin.MarginView:
        return self.margin_of(self.account.positions.values(), self.account.live_orders())

    def margin_of(self, positions: Iterable[Position], orders: Iterable[Order]) -> margin.MarginView:
        """The margin the account would have with these positions and orders at the prices of this moment."""
        held, listed = list(positions), list(orders)
        locked = spot.locked(listed, self.specs)
        return margin.view(
            wallet=sum((self.account.coin(coin).balance for coin in margin.COLLATERAL), ZERO),
            locked=sum((locked.get(coin, ZERO) for coin in margin.COLLATERAL), ZERO),
            positions=held,
            orders=listed,
            specs=self.specs,
            marks={position.symbol: self.market.mark_price(position.symbol) for position in held if position.size},
        )

    def free_coins(self, coin: str, *, without: str = "") -> Decimal:
        """What a spot order may lock of a coin; negative if there is less than is locked already.

        The order with the id `without` is not counted. What contracts need of the collateral is not free.
        """
        orders = [order for order in self.account.live_orders() if order.order_id != without]
        free = self.account.coin(coin).balance - spot.locked(orders, self.specs).get(coin, ZERO)
        if coin not in margin.COLLATERAL:
            return free
        return min(free, self.margin_of(self.account.positions.values(), orders).available)

    def reference_price(self, symbol: str) -> Decimal:
        """The mark price of a contract; a spot pair has none, and its index price stands in."""
        if self.specs[symbol].is_spot:
            return self.market.index_price(symbol)
        return self.market.mark_price(symbol)

    def moment(self) -> Moment:
        return Moment(wall_ms=self.around.wall_ms(), market_ms=self.market.now_ms)

    def scene(self, symbol: str, *, market_ms: int | None = None) -> Scene:
        at = self.moment() if market_ms is None else Moment(self.around.wall_ms(), market_ms)
        return Scene(
            spec=self.specs[symbol],
            mark_price=self.reference_price(symbol),
            at=at,
            new_id=self.around.new_id,
        )

    def _fill_resting(self, event: MarketEvent) -> None:
        """Fill the resting orders this market event went through, best price first, then oldest first."""
        waiting = (order for order in self.account.live_orders(event.symbol) if order.is_resting)
        available: Decimal | None
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
                part, scene = matching.Take(order.price, quantity), self.scene(order.symbol, market_ms=event.time_ms)
                self.commit([fill(order, self.account.position(order.symbol), part, scene, is_maker=True)])
        if passed:
            self.drop_useless(event.symbol, delay_ms=0)
