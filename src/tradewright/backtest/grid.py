"""A run of kind `grid`: neighbouring levels form cells, each buys at its lower level and sells at its upper one.

Lives here: the contract's section 5. Bars that no order and no stop can be reached in are passed over.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from tradewright.backtest.book import Lot
from tradewright.backtest.feed import Feed, Piece
from tradewright.backtest.run import WATCHED_EVERY, Run, Watch, opposite
from tradewright.backtest.settings import Settings
from tradewright.backtest.touch import NEVER_HIGH, NEVER_LOW, pass_high, pass_low, touch_high, touch_low
from tradewright.strategy.model import Grid, Strategy
from tradewright.strategy.prices import Direction, Filters, decimal_of

_STRETCH_MAX = 16 * WATCHED_EVERY


@dataclass(slots=True)
class _Cell:
    """`direction` of the position it opens. `buy_reach`, `sell_reach`: a low, a high that far passes through."""

    number: int
    direction: Direction
    lower: Decimal
    upper: Decimal
    quantity: Decimal
    buy_reach: float
    sell_reach: float
    lot: Lot | None = None
    opened_bar: int = 0

    @property
    def opening(self) -> Decimal:
        return self.lower if self.direction > 0 else self.upper

    @property
    def is_buying(self) -> bool:
        """Whether the order that rests is its buy."""
        return (self.lot is None) == (self.direction > 0)


class GridRun(Run):
    def __init__(self, strategy: Strategy, plan: Grid, feed: Feed, settings: Settings, watch: Watch | None) -> None:
        super().__init__(strategy, feed, settings, watch)
        self.plan = plan
        self._cells: list[_Cell] = []
        self._stop_below = NEVER_LOW if plan.stop_below is None else touch_low(plan.stop_below)
        self._stop_above = NEVER_HIGH if plan.stop_above is None else touch_high(plan.stop_above)
        self._exposed = 0
        self._exposed_from: int | None = None  # the first of the closes at which something is open

    def exposed(self) -> int:
        return self._exposed

    def go(self) -> None:
        bar = self._start_bar()
        if bar is None or not self._start(bar):
            return
        while bar <= self.last:
            self.look(bar)
            if self._play(bar):
                return
            bar = self._hold(bar + 1)

    def _start_bar(self) -> int | None:
        import numpy as np

        opens = np.asarray(self.feed.open)[self.feed.first : self.last + 1]
        inside = (opens >= touch_high(self.plan.lower)) & (opens <= touch_low(self.plan.upper))
        place = int(inside.argmax())
        return self.feed.first + place if inside[place] else None

    def _start(self, bar: int) -> bool:
        """Everything is decided at this open; False when the grid cannot be."""
        price, time_ms = decimal_of(self.feed.open[bar]), int(self.feed.times[bar])
        prices = levels_of(self.plan, self.filters)
        self._cells = [
            self._cell(number, prices[number], prices[number + 1], price) for number in range(len(prices) - 1)
        ]
        equity = self.book.equity(self.feed.open[bar])
        problem = None
        if any(self.filters.is_below_minimum(cell.quantity, cell.opening) for cell in self._cells):
            problem = "below_minimum"
        elif any(cell.lower == cell.upper for cell in self._cells):
            problem = "levels_collide"
        elif sum(cell.quantity * cell.opening for cell in self._cells) > equity * self.strategy.leverage:
            problem = "insufficient_balance"
        if problem is not None:
            self.notes.add(problem, time_ms)
            return False
        if self.plan.side != "neutral":
            for cell in self._cells:
                if (cell.opening - price) * cell.direction > 0:
                    self._open(bar, cell, self.slipped(price, cell.direction), self.taker)
            self.book.mark(bar)
        return True

    def _cell(self, number: int, lower: Decimal, upper: Decimal, price: Decimal) -> _Cell:
        side = self.plan.side
        is_long = side == "long" or (side == "neutral" and lower <= price)
        opening, each = lower if is_long else upper, self.plan.per_level
        if each.by == "base":
            quantity = self.filters.quantity(each.amount, Decimal(1))
        else:
            quantity = self.filters.quantity(each.amount, opening) if opening > 0 else Decimal(0)
        return _Cell(
            number, 1 if is_long else -1, lower, upper, quantity, buy_reach=pass_low(lower), sell_reach=pass_high(upper)
        )

    def _hold(self, bar: int) -> int:
        """The first bar from this one on in which something may happen."""
        below, above = self._stop_below, self._stop_above
        for cell in self._cells:
            if cell.is_buying:
                below = max(below, cell.buy_reach)
            else:
                above = min(above, cell.sell_reach)
        ruin = self.book.price_of(Decimal(0))
        if ruin is not None and self.book.net > 0:
            below = max(below, ruin + abs(ruin) * 1e-9)
        elif ruin is not None:
            above = min(above, ruin - abs(ruin) * 1e-9)
        limit = min(self.last, self.feed.funding.bar, bar + _STRETCH_MAX)
        return self.feed.ranges.first(bar, limit, below, above) if limit > bar else bar

    def _play(self, bar: int) -> bool:
        """One bar; True when nothing comes after it."""
        feed = self.feed
        rate = feed.funding.due(bar)
        if rate is not None:
            for lot in [cell.lot for cell in self._cells if cell.lot is not None and cell.opened_bar < bar]:
                self.book.pay_funding(lot, rate, decimal_of(feed.close[bar - 1]))
        piece = feed.whole(bar)
        stop = self._stop_price(piece)
        self._fill(bar, piece, is_stopped=stop is not None)
        if stop is not None:
            for cell in self._cells:
                self._close(
                    bar, cell, self.slipped(stop, opposite(cell.direction)), self.taker, piece.time_ms, "stop_loss"
                )
        self.book.mark(bar)
        self._count(bar)
        if self.is_ruined(bar):
            self._end(bar)
            return True
        if stop is None and bar == self.last:
            self._end(bar)
        return stop is not None or bar == self.last

    def _stop_price(self, piece: Piece) -> Decimal | None:
        """Where the grid is closed in this bar, before slippage; the lower stop is looked at first."""
        if self.plan.stop_below is not None and piece.low <= self._stop_below:
            return decimal_of(piece.open) if piece.open <= self._stop_below else self.plan.stop_below
        if self.plan.stop_above is not None and piece.high >= self._stop_above:
            return decimal_of(piece.open) if piece.open >= self._stop_above else self.plan.stop_above
        return None

    def _fill(self, bar: int, piece: Piece, *, is_stopped: bool) -> None:
        """The orders that rested at the open, each at its price. A cell's next order rests from the next bar."""
        for cell in self._cells:
            is_buy_passed, is_sell_passed = piece.low <= cell.buy_reach, piece.high >= cell.sell_reach
            if not (is_buy_passed if cell.is_buying else is_sell_passed):
                continue
            is_ambiguous = is_stopped or (is_buy_passed and is_sell_passed)
            price = cell.lower if cell.is_buying else cell.upper
            if cell.lot is None:
                self._open(bar, cell, price, self.maker).is_ambiguous = is_ambiguous
            else:
                cell.lot.is_ambiguous |= is_ambiguous
                self._close(bar, cell, price, self.maker, piece.time_ms, "take_profit")

    def _open(self, bar: int, cell: _Cell, price: Decimal, rate: Decimal) -> Lot:
        time_ms = int(self.feed.times[bar])
        lot = self.book.open(cell.direction, cell.quantity, price, rate, time_ms, "grid", cell.number)
        cell.lot, cell.opened_bar = lot, bar
        return lot

    def _close(self, bar: int, cell: _Cell, price: Decimal, rate: Decimal, time_ms: int, reason: str) -> None:
        if cell.lot is not None:
            cell.lot.bars = bar - cell.opened_bar + (reason == "end_of_data")
            self.book.close(cell.lot, price, rate, time_ms, reason)
            cell.lot = None

    def _count(self, bar: int) -> None:
        """Which closes have something open."""
        is_open = any(cell.lot is not None for cell in self._cells)
        if is_open and self._exposed_from is None:
            self._exposed_from = bar
        elif not is_open and self._exposed_from is not None:
            self._exposed += bar - self._exposed_from
            self._exposed_from = None

    def _end(self, bar: int) -> None:
        self.last = bar
        if self._exposed_from is not None:
            self._exposed += bar - self._exposed_from + 1
            self._exposed_from = None
        close, time_ms = decimal_of(self.feed.close[bar]), self.feed.close_ms(bar)
        for cell in self._cells:
            self._close(bar, cell, close, self.taker, time_ms, "end_of_data")
        self.book.mark(bar)


def levels_of(plan: Grid, filters: Filters) -> list[Decimal]:
    """The prices of all levels, the lowest first, each on its nearest tick."""
    steps = plan.levels - 1
    if plan.spacing == "arithmetic":
        prices = [plan.lower + number * (plan.upper - plan.lower) / steps for number in range(plan.levels)]
    else:
        ratio = plan.upper / plan.lower
        inner = [plan.lower * ratio ** (Decimal(number) / steps) for number in range(1, steps)]
        prices = [plan.lower, *inner, plan.upper]
    return [filters.nearest(price) for price in prices]
