"""What the runs of all kinds share: the bars, the books, costs, warnings, and how a run is watched and ends.

Lives here: `Run`, the ground that `signal`, `dca` and `grid` stand on. Not here: what they decide.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from tradewright.backtest.book import Book
from tradewright.backtest.feed import Feed
from tradewright.backtest.notes import Notes
from tradewright.backtest.result import Cancelled, Result, Trade
from tradewright.backtest.settings import BASIS_POINT, Settings
from tradewright.core.money import ZERO
from tradewright.strategy.entries import liquidation_ratio
from tradewright.strategy.model import Strategy
from tradewright.strategy.prices import Direction, decimal_of

# (bars done, bars in all) -> whether to go on.
Watch = Callable[[int, int], bool]
WATCHED_EVERY = 2_048  # bars


class Run:
    """To be used inside `core.money.exactly()`. A run is used once."""

    def __init__(self, strategy: Strategy, feed: Feed, settings: Settings, watch: Watch | None) -> None:
        category = strategy.market.category
        self.strategy, self.feed, self.settings = strategy, feed, settings
        self.filters = settings.filters
        self.taker, self.maker = settings.taker_rate(category), settings.maker_rate(category)
        slippage = settings.slippage_bps * BASIS_POINT
        self._slipped = {1: 1 + slippage, -1: 1 - slippage}
        sides: tuple[Direction, Direction] = (1, -1)
        margin = settings.maintenance_margin_pct
        self.liquidation_ratios: dict[Direction, Decimal] = (
            {side: liquidation_ratio(side, strategy.leverage, margin) for side in sides} if category == "linear" else {}
        )
        self.book, self.notes = Book(settings.equity), Notes()
        self.last = feed.last
        self._watch = watch
        self._next_look = feed.first + WATCHED_EVERY

    def go(self) -> None:
        """Plays all bars; `self.last` is the last one that was run."""
        raise NotImplementedError

    def exposed(self) -> int:
        """Closes with an open position."""
        return sum(trade.bars for trade in self.book.trades)

    def trades(self) -> list[Trade]:
        """In the order of the report."""
        return sorted(self.book.trades, key=lambda trade: (trade.exit_time_ms, trade.entry_time_ms, trade.cell))

    def slipped(self, price: Decimal, direction: Direction) -> Decimal:
        """What an order at the market gets: a buy (1) pays more, a sell (-1) receives less."""
        return price * self._slipped[direction]

    def look(self, bar: int) -> None:
        """Tells who watches how far the run is. Raises `Cancelled` when it is to stop."""
        if self._watch is not None and bar >= self._next_look:
            self._next_look = bar + WATCHED_EVERY
            first = self.feed.first
            if not self._watch(bar - first, self.feed.last - first + 1):
                raise Cancelled

    def is_ruined(self, bar: int) -> bool:
        """Whether this close is the last because nothing is left. Warns when it is."""
        if not self.book.is_at_most(ZERO, self.feed.close[bar]):
            return False
        self.notes.add("ruined", self.feed.close_ms(bar))
        return True

    def result(self) -> Result:
        import numpy as np

        feed, book, first = self.feed, self.book, self.feed.first
        bars = slice(first, self.last + 1)
        closes = np.asarray(feed.close)[bars]
        return Result(
            strategy=self.strategy,
            settings=self.settings,
            opened_ms=int(feed.times[first]),
            closed_ms=feed.close_ms(self.last),
            first_open=decimal_of(feed.open[first]),
            last_close=decimal_of(feed.close[self.last]),
            capital=self.settings.equity,
            trades=self.trades(),
            close_times_ms=np.asarray(feed.times)[bars] + feed.length_ms,
            equity=book.curve(first, closes, self.settings.equity),
            closes=closes,
            final_equity=book.cash,
            exposed=self.exposed(),
            warnings=self.notes.warnings(),
        )


def opposite(direction: Direction) -> Direction:
    return -1 if direction > 0 else 1
