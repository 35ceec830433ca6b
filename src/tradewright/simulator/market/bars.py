"""Base bars: the one in the making, the series of closed ones, and whole hours that outlive them.

Lives here: the containers and the merge of bars into one candle. Not here: answering for intervals (`candles`), and
where bars come from (`synthetic_symbol` aggregates its trades, `tape` has the rows of a file).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
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


class HourBars:
    """Whole hours of a finer series. They outlive its bars, and make days, weeks and months cheap to add up."""

    __slots__ = ("_closed", "_end_ms", "_hours", "_kept_max")

    def __init__(self, closed: ClosedBars, kept_max: int | None) -> None:
        """`kept_max`: how many hours at most; None where the bars themselves are bounded (a file)."""
        self._closed = closed
        self._kept_max = kept_max
        self._hours: list[Kline] = []
        self._end_ms = 0  # everything before has been rolled up

    def extend(self) -> None:
        """Roll up the hours after which another bar has closed: nothing can be added to them any more."""
        if not len(self._closed):
            return
        last_hour = bucket_start("60", self._closed.bar(len(self._closed) - 1).start_ms)
        if last_hour <= self._end_ms:
            return
        first, last = self._closed.index_at(self._end_ms), self._closed.index_at(last_hour)
        bars = (self._closed.bar(index) for index in range(first, last))
        self._hours.extend(merge("60", list(group), last_hour) for _, group in groupby(bars, _hour_of))
        self._end_ms = last_hour
        if self._kept_max is not None:
            del self._hours[: max(0, len(self._hours) - self._kept_max)]

    def between(self, lower: int | None, upper: int | None) -> tuple[Sequence[Kline], int]:
        """Hours that start in [lower, upper), and where the bars go on that are in no hour yet."""
        self.extend()
        first = 0 if lower is None else self._index_at(lower)
        last = len(self._hours) if upper is None else self._index_at(upper)
        return self._hours[first:last], self._end_ms

    def before(self, ms: int) -> list[Kline]:
        self.extend()
        return self._hours[: self._index_at(ms)]

    def remember(self, hours: list[Kline]) -> None:
        self._hours = list(hours)
        self._end_ms = hours[-1].end_ms + 1 if hours else 0

    def _index_at(self, ms: int) -> int:
        return bisect_left(self._hours, ms, key=_start_of)


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


def _hour_of(bar: Kline) -> int:
    return bucket_start("60", bar.start_ms)
