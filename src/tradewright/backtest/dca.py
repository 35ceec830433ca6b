"""A run of kind `dca`: cycles of a base order and safety orders, closed at a target that follows the average.

Lives here: the contract's section 6. Brakes, daily loss and the order of a bar are those of `signal`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from tradewright.backtest.book import Lot
from tradewright.backtest.brakes import Brakes
from tradewright.backtest.feed import Feed, Piece
from tradewright.backtest.guard import Guard, Hit
from tradewright.backtest.run import WATCHED_EVERY, Run, Watch, opposite
from tradewright.backtest.settings import Settings
from tradewright.backtest.touch import pass_high, pass_low
from tradewright.core.money import ZERO
from tradewright.strategy.entries import are_on_their_sides, exceeds
from tradewright.strategy.model import Dca, Strategy
from tradewright.strategy.prices import HUNDRED, Direction, decimal_of

_STRETCH_MAX = 16 * WATCHED_EVERY
_ONE = Decimal(1)


@dataclass(frozen=True, slots=True)
class _SafetyOrder:
    price: Decimal
    quantity: Decimal
    reach: float  # a low (of a sell a high) that far passes through its price


@dataclass(slots=True)
class _Cycle:
    lot: Lot
    guard: Guard
    waiting: list[_SafetyOrder] = field(default_factory=list)  # the nearest last
    is_exit_decided: bool = False


class DcaRun(Run):
    def __init__(self, strategy: Strategy, plan: Dca, feed: Feed, settings: Settings, watch: Watch | None) -> None:
        super().__init__(strategy, feed, settings, watch)
        self.plan = plan
        self.side: Direction = 1 if plan.side == "long" else -1
        self.brakes = Brakes(plan.limits, int(feed.times[feed.first]), settings.equity)
        self._starts = None if plan.starts_now else feed.flags("dca.start")
        self._safety_values = _safety_values(plan)
        self._cycle: _Cycle | None = None
        self._ordered: Decimal | None = None  # the base order's quantity; it fills at the next open
        self._decided_ms = 0
        self._is_over = False  # the one cycle of a plan that does not repeat was begun

    def go(self) -> None:
        bar = self.feed.first
        while bar <= self.last:
            self.look(bar)
            if self._cycle is None and self._ordered is None:
                bar = self._next_start(bar)
                if bar >= self.last:
                    return
                self._decide(bar)
            else:
                if self._cycle is not None and self._ordered is None:
                    bar = self._hold(self._cycle, bar)
                if self._play(bar):
                    return
            bar += 1

    def _next_start(self, bar: int) -> int:
        if self._is_over:
            return self.last
        if self._starts is None:
            return bar
        found = self._starts.find(1, bar, self.last)
        return self.last if found < 0 else found

    def _hold(self, cycle: _Cycle, bar: int) -> int:
        """The first bar from this one on in which something may happen; those before are held."""
        if cycle.is_exit_decided:
            return bar
        limit = min(self.last, self.feed.funding.bar, bar + _STRETCH_MAX)
        if self.brakes.watches_equity:
            limit = min(limit, self.feed.first_closing_at(self.brakes.next_day_ms))
        below, above = cycle.guard.below, cycle.guard.above
        reaches = [order.reach for order in cycle.waiting[-1:]]
        price = self.book.price_of(self.brakes.least)
        if price is not None:
            reaches.append(price + self.side * abs(price) * 1e-9)
        if self.side > 0:
            below = max(below, *reaches, below)
        else:
            above = min(above, *reaches, above)
        until = self.feed.ranges.first(bar, limit, below, above) if limit > bar else bar
        cycle.lot.bars += until - bar
        return until

    def _play(self, bar: int) -> bool:
        """One bar; True when it was the last."""
        feed = self.feed
        rate = feed.funding.due(bar)
        if rate is not None and self._cycle is not None:
            self.book.pay_funding(self._cycle.lot, rate, decimal_of(feed.close[bar - 1]))
            self.book.mark(bar)
        for piece in feed.pieces(bar):
            self._inside(bar, piece)
        if self._cycle is not None:
            self._cycle.lot.bars += 1
        is_end = self.is_ruined(bar) or bar == self.last
        if is_end:
            self._end(bar)
        else:
            self._decide(bar)
        return is_end

    def _inside(self, bar: int, piece: Piece) -> None:
        if self._cycle is not None and self._cycle.is_exit_decided:
            self._close(bar, piece.time_ms, Hit("daily_loss", decimal_of(piece.open)))
        if self._ordered is not None:
            quantity, self._ordered = self._ordered, None
            self._begin(bar, piece, quantity)
        cycle = self._cycle
        if cycle is None:
            return
        guard, lot = cycle.guard, cycle.lot
        hit = guard.at_open(piece)
        if hit is not None:
            is_stop = hit.reason != "take_profit"
            lot.is_ambiguous |= is_stop and any(self._is_beyond(order, piece.open) for order in cycle.waiting)
            self._close(bar, piece.time_ms, hit)
            return
        reaches_target = guard.reaches_target(piece)
        is_filled = self._fill_safety(bar, piece, cycle)
        if is_filled:
            lot.is_ambiguous |= reaches_target or guard.reaches_target(piece)
        if guard.reaches_stop(piece):
            lot.is_ambiguous |= reaches_target
            self._close(bar, piece.time_ms, guard.stop_hit())
        elif reaches_target and not is_filled:
            self._close(bar, piece.time_ms, guard.target_hit())

    def _begin(self, bar: int, piece: Piece, quantity: Decimal) -> None:
        """The base order fills; the safety orders rest from then on."""
        price = self.slipped(decimal_of(piece.open), self.side)
        lot = self.book.open(self.side, quantity, price, self.taker, piece.time_ms, "start")
        guard = Guard(self.side)
        guard.stop = self._stop(price)
        self._cycle = _Cycle(lot, guard, self._safety_orders(price))
        self._follow_average(self._cycle)
        self.brakes.entered(piece.time_ms)
        self.book.mark(bar)

    def _safety_orders(self, first_fill: Decimal) -> list[_SafetyOrder]:
        safety = self.plan.safety
        orders: list[_SafetyOrder] = []
        if safety is None:
            return orders
        deviation, step = ZERO, safety.step_pct
        for value in self._safety_values:
            deviation += step
            step *= safety.step_scale
            price = self.filters.order_price(self.side, first_fill * (1 - self.side * deviation / HUNDRED))
            quantity = self.filters.quantity(value, price) if price > 0 else ZERO
            if self.filters.is_below_minimum(quantity, price):
                self.notes.add("below_minimum", self._decided_ms)
            else:
                reach = pass_low(price) if self.side > 0 else pass_high(price)
                orders.append(_SafetyOrder(price, quantity, reach))
        return orders[::-1]

    def _fill_safety(self, bar: int, piece: Piece, cycle: _Cycle) -> bool:
        """Those through which the range passes, the nearest first."""
        is_filled = False
        while cycle.waiting and self._is_passed(cycle.waiting[-1], piece):
            order = cycle.waiting.pop()
            self._note_liquidation(bar, cycle.guard, order)
            self.book.add(cycle.lot, order.quantity, order.price, self.maker)
            self._follow_average(cycle)
            is_filled = True
        if is_filled:
            self.book.mark(bar)
        return is_filled

    def _note_liquidation(self, bar: int, guard: Guard, order: _SafetyOrder) -> None:
        """The contract fills safety orders before it looks at the stop; where the exchange would not, say so."""
        if guard.liquidation is not None and (guard.liquidation - order.price) * self.side >= 0:
            self.notes.add("liquidation_before_safety", self.feed.close_ms(bar))

    def _follow_average(self, cycle: _Cycle) -> None:
        average, guard = cycle.lot.price, cycle.guard
        guard.target = self._target(average)
        if self.liquidation_ratios:
            guard.liquidation = average * self.liquidation_ratios[self.side]
        guard.refresh()

    def _target(self, average: Decimal) -> Decimal:
        level = average * (1 + self.side * self.plan.take_profit_pct / HUNDRED)
        return self.filters.protective_price(self.side, level)

    def _stop(self, first_fill: Decimal) -> Decimal | None:
        if self.plan.stop_loss_pct is None:
            return None
        level = first_fill * (1 - self.side * self.plan.stop_loss_pct / HUNDRED)
        return self.filters.protective_price(self.side, level)

    def _is_passed(self, order: _SafetyOrder, piece: Piece) -> bool:
        return piece.low <= order.reach if self.side > 0 else piece.high >= order.reach

    def _is_beyond(self, order: _SafetyOrder, price: float) -> bool:
        return price <= order.reach if self.side > 0 else price >= order.reach

    def _close(self, bar: int, time_ms: int, hit: Hit, *, is_end: bool = False) -> None:
        cycle = self._cycle
        assert cycle is not None, "only an open cycle is closed"
        is_slipped = not is_end and hit.reason != "liquidation"
        price = self.slipped(hit.price, opposite(self.side)) if is_slipped else hit.price
        self.book.close(cycle.lot, price, self.taker, time_ms, hit.reason)
        self.book.mark(bar)
        self.brakes.exited(bar)
        self._cycle = None

    def _decide(self, bar: int) -> None:
        time_ms, close = self.feed.close_ms(bar), self.feed.close[bar]
        self.brakes.look(self.book, time_ms, close)
        if self._cycle is not None:
            self._cycle.is_exit_decided = self.brakes.is_tripped
            return  # a daily loss that closes a cycle also holds the next one
        is_start = self._starts is None or self._starts[bar] == 1
        if is_start and not self._is_over and not self.brakes.hold(bar, time_ms, is_exit_decided=False):
            self._start(bar, time_ms, close)

    def _start(self, bar: int, time_ms: int, close: float) -> None:
        reference, plan = decimal_of(close), self.plan
        stop, target = self._stop(reference), self._target(reference)
        quantity = self.filters.quantity(plan.base_quote, reference)
        values = plan.base_quote + sum(self._safety_values)
        problem = None
        if target <= 0 or (stop is not None and stop <= 0):
            problem = "protect_unknown"
        elif not are_on_their_sides(self.side, reference, stop, target):
            problem = "protect_wrong_side"
        elif exceeds(values, _ONE, self.book.equity(close), self.strategy.leverage, self.taker):
            problem = "insufficient_balance"
        elif self.filters.is_below_minimum(quantity, reference):
            problem = "below_minimum"
        if problem is not None:
            self.notes.add(problem, time_ms)
            return
        self._ordered, self._decided_ms = quantity, time_ms
        self._is_over = not plan.repeat

    def _end(self, bar: int) -> None:
        self.last = bar
        if self._cycle is not None:
            close = decimal_of(self.feed.close[bar])
            self._close(bar, self.feed.close_ms(bar), Hit("end_of_data", close), is_end=True)


def _safety_values(plan: Dca) -> list[Decimal]:
    """What each safety order is worth in quote coin, the first one first."""
    if plan.safety is None:
        return []
    return [plan.safety.quote * plan.safety.size_scale**power for power in range(plan.safety.count)]
