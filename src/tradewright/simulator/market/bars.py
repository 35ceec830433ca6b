"""Base bars: the one in the making, the series of closed ones, and longer bars that outlive them.

Lives here: the containers and the merge of bars into one candle. Not here: answering for intervals (`candles`), and
where bars come from (`synthetic_symbol` aggregates its trades, `tape` has the rows of a file).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import groupby
from typing import Protocol

from tradewright.simulator.market.intervals import bucket_end, bucket_start
from tradewright.simulator.market.model import Kline


class ClosedBars(Protocol):
    """Closed base bars, ascending, not necessarily without holes. Old ones may fall off the front between calls."""

    def __len__(self) -> int: ...

    def bar(self, index: int) -> Kline: ...

    def index_at(self, ms: int) -> int:
        """Index of the first bar that starts at or after `ms`; the length when there is none."""
        ...


class OlderBars(Protocol):
    """Pieces of candles from before the closed bars begin, made when they are asked for."""

    @property
    def until_ms(self) -> int:
        """Where they end."""
        ...

    def bars(self, interval: str, lower: int | None, upper: int | None, *, reverse: bool) -> Iterator[Kline]:
        """Those that start in [lower, upper), begins of candles of `interval`, in either order."""
        ...


class BarRing:
    """The newest `capacity` closed bars; what is older is forgotten."""

    __slots__ = ("_bars", "_capacity")

    def __init__(self, capacity: int, bars: Iterable[Kline] = ()) -> None:
        self._capacity = capacity
        self._bars = list(bars)

    def __len__(self) -> int:
        return len(self._bars)

    def bar(self, index: int) -> Kline:
        return self._bars[index]

    def index_at(self, ms: int) -> int:
        return bisect_left(self._bars, ms, key=_start_of)

    def append(self, bar: Kline) -> None:
        self._bars.append(bar)
        # Trimmed in blocks: deleting the head of a list moves all the rest.
        if len(self._bars) > self._capacity + 512:
            del self._bars[: len(self._bars) - self._capacity]


class PlayedRows:
    """The first `count` bars of a longer series: those that are over while it is played."""

    __slots__ = ("_bars", "count")

    def __init__(self, bars: ClosedBars, count: int) -> None:
        self._bars = bars
        self.count = count

    def __len__(self) -> int:
        return self.count

    def bar(self, index: int) -> Kline:
        return self._bars.bar(index)

    def index_at(self, ms: int) -> int:
        return min(self._bars.index_at(ms), self.count)


class OpenBar:
    """A base bar in the making: the exact aggregation of the trades it has seen."""

    __slots__ = ("close", "high", "low", "open", "start_ms", "turnover", "volume")

    def __init__(self, start_ms: int, price: Decimal, size: Decimal) -> None:
        self.start_ms = start_ms
        self.open = self.high = self.low = self.close = price
        self.volume = size
        self.turnover = price * size

    def add(self, price: Decimal, size: Decimal) -> None:
        if price > self.high:
            self.high = price
        elif price < self.low:
            self.low = price
        self.close = price
        self.volume += size
        self.turnover += price * size

    def kline(self, length_ms: int, *, confirm: bool) -> Kline:
        return Kline(
            start_ms=self.start_ms,
            end_ms=self.start_ms + length_ms - 1,
            open=self.open,
            high=self.high,
            low=self.low,
            close=self.close,
            volume=self.volume,
            turnover=self.turnover,
            confirm=confirm,
        )


class RolledBars:
    """Whole candles of `interval` of a finer series. They outlive its bars, and make longer candles cheap to add up."""

    __slots__ = ("_bars", "_closed", "_end_ms", "_kept_max", "interval")

    def __init__(self, closed: ClosedBars, interval: str, kept_max: int | None) -> None:
        """`kept_max`: how many at most; None where the bars themselves are bounded (a file)."""
        self.interval = interval
        self._closed = closed
        self._kept_max = kept_max
        self._bars: list[Kline] = []
        self._end_ms = 0  # everything before has been rolled up

    def extend(self) -> None:
        """Roll up those after which another bar has closed: nothing can be added to them any more."""
        if not len(self._closed):
            return
        last_start = bucket_start(self.interval, self._closed.bar(len(self._closed) - 1).start_ms)
        if last_start <= self._end_ms:
            return
        first, last = self._closed.index_at(self._end_ms), self._closed.index_at(last_start)
        bars = (self._closed.bar(index) for index in range(first, last))
        groups = groupby(bars, lambda bar: bucket_start(self.interval, bar.start_ms))
        self._bars.extend(merge(self.interval, list(group), last_start) for _, group in groups)
        self._end_ms = last_start
        if self._kept_max is not None:
            del self._bars[: max(0, len(self._bars) - self._kept_max)]

    def between(self, lower: int | None, upper: int | None) -> tuple[Sequence[Kline], int]:
        """Those that start in [lower, upper), and where the bars go on that are in none yet."""
        self.extend()
        first = 0 if lower is None else self._index_at(lower)
        last = len(self._bars) if upper is None else self._index_at(upper)
        return self._bars[first:last], self._end_ms

    def first_ms(self) -> int | None:
        """Where the oldest begins; None where there is none."""
        self.extend()
        return self._bars[0].start_ms if self._bars else None

    def before(self, ms: int) -> list[Kline]:
        self.extend()
        return self._bars[: self._index_at(ms)]

    def remember(self, bars: list[Kline]) -> None:
        self._bars = list(bars)
        self._end_ms = bars[-1].end_ms + 1 if bars else 0

    def _index_at(self, ms: int) -> int:
        return bisect_left(self._bars, ms, key=_start_of)


def merge(interval: str, bars: Sequence[Kline], now_ms: int) -> Kline:
    """One candle of `interval` out of its base bars (ascending, at least one)."""
    start_ms = bucket_start(interval, bars[0].start_ms)
    end_ms = bucket_end(interval, start_ms) - 1
    return Kline(
        start_ms=start_ms,
        end_ms=end_ms,
        open=bars[0].open,
        high=max(bar.high for bar in bars),
        low=min(bar.low for bar in bars),
        close=bars[-1].close,
        volume=sum((bar.volume for bar in bars), Decimal(0)),
        turnover=sum((bar.turnover for bar in bars), Decimal(0)),
        confirm=now_ms > end_ms,
    )


def _start_of(bar: Kline) -> int:
    return bar.start_ms
