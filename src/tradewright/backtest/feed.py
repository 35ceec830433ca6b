"""What a run reads at each bar: prices, what the program says, funding that is due, the finer bars inside.

Lives here: `Feed`, over columns that were worked out before the run. Not here: deciding anything.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from tradewright.backtest.result import NoBars
from tradewright.backtest.settings import Settings
from tradewright.backtest.touch import Ranges
from tradewright.market.history.fine import FineCandles, cover
from tradewright.market.history.funding import Funding
from tradewright.strategy.candles import Candles
from tradewright.strategy.evaluate.position import Position
from tradewright.strategy.prices import decimal_of
from tradewright.strategy.timeframe import length_ms

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tradewright.strategy.evaluate.arrays import Columns

FAR = 2**62


class Piece(NamedTuple):
    """A bar that is walked: the base bar, or one of the finer bars inside it."""

    time_ms: int
    open: float
    high: float
    low: float
    close: float


class Feed:
    """Bars `first` … `last` of the candles, by their indices in them. Prices are doubles."""

    def __init__(self, candles: Candles, columns: Columns, settings: Settings) -> None:
        import numpy as np

        times = np.ascontiguousarray(candles.open_time_ms)
        self.first = 0 if settings.from_ms is None else int(np.searchsorted(times, settings.from_ms))
        end = len(times) if settings.to_ms is None else int(np.searchsorted(times, settings.to_ms))
        if self.first >= end:
            raise NoBars("there is no bar between the times asked for")
        self.last = end - 1
        self.length_ms = length_ms(candles.timeframe)
        self._columns = columns
        self.times = times.data
        self.open = np.ascontiguousarray(candles.open).data
        self.high = np.ascontiguousarray(candles.high).data
        self.low = np.ascontiguousarray(candles.low).data
        self.close = np.ascontiguousarray(candles.close).data
        self._fine = None if settings.fine is None else _Fine(settings.fine, candles)
        self.ranges = Ranges(candles.low, candles.high) if self._fine is None else self._fine.ranges(candles)
        self.funding = _Funding(settings.funding, times, self.first, self.last)

    def close_ms(self, bar: int) -> int:
        """T: when the bar closed."""
        return int(self.times[bar]) + self.length_ms

    def first_closing_at(self, time_ms: int) -> int:
        """The first bar whose close is at or after `time_ms`."""
        return bisect_left(self.times, time_ms - self.length_ms)

    def pieces(self, bar: int) -> Iterable[Piece]:
        """The finer bars inside where they cover it, else the bar itself."""
        inside = None if self._fine is None else self._fine.pieces(bar)
        return (self.whole(bar),) if inside is None else inside

    def whole(self, bar: int) -> Piece:
        return Piece(self.times[bar], self.open[bar], self.high[bar], self.low[bar], self.close[bar])

    def flags(self, output: str) -> bytes | None:
        """For each bar 1 where the rule is true; None where that hangs on the position."""
        return None if output in self._columns.of_position else (self._columns[output] == 1.0).tobytes()

    def at(self, output: str, bar: int, position: Position) -> float:
        """The output's double at this bar's close, NaN unknown."""
        return self._columns.at(output, bar, position)


class _Funding:
    """Rates by the bar at whose open they are due, oldest first; read forward."""

    def __init__(self, funding: Funding | None, times: NDArray[np.int64], first: int, last: int) -> None:
        import numpy as np

        self._due: list[tuple[int, Decimal]] = []
        if funding is not None:
            bars = np.searchsorted(times, funding.time_ms)
            # None is charged at the first bar of a run, whose position would be from before it.
            is_inside = (bars > first) & (bars <= last)
            self._due = [
                (int(bar), decimal_of(rate))
                for bar, rate in zip(bars[is_inside], funding.rate_ratio[is_inside], strict=True)
            ]
        self._next = 0
        self.bar = self._due[0][0] if self._due else FAR

    def due(self, bar: int) -> Decimal | None:
        """The sum of the rates due at this bar's open; those of earlier bars are passed over. None: nothing is due."""
        if bar < self.bar:
            return None
        total: Decimal | None = None
        while self._next < len(self._due) and self._due[self._next][0] <= bar:
            if self._due[self._next][0] == bar:
                total = self._due[self._next][1] + (total or 0)
            self._next += 1
        self.bar = self._due[self._next][0] if self._next < len(self._due) else FAR
        return total


class _Fine:
    """Finer candles by the base bar in which they lie."""

    def __init__(self, fine: FineCandles, base: Candles) -> None:
        import numpy as np

        self._starts, self._each = cover(base, fine)
        rows = fine.rows
        self._columns = tuple(
            np.ascontiguousarray(column).data
            for column in (rows.open_time_ms, rows.open, rows.high, rows.low, rows.close)
        )
        self._low, self._high = rows.low, rows.high

    def pieces(self, bar: int) -> Iterator[Piece] | None:
        """None where they do not cover the bar completely."""
        start = int(self._starts[bar])
        if start < 0:
            return None
        return (Piece(*(column[index] for column in self._columns)) for index in range(start, start + self._each))

    def ranges(self, base: Candles) -> Ranges:
        """Lows and highs of what is walked."""
        import numpy as np

        low, high = base.low.copy(), base.high.copy()
        is_whole = self._starts >= 0
        inside = self._starts[is_whole][:, None] + np.arange(self._each)
        low[is_whole] = self._low[inside].min(axis=1)
        high[is_whole] = self._high[inside].max(axis=1)
        return Ranges(low, high)
