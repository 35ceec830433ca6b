"""A longer bar as it forms out of base bars that come one by one.

The whole rule against looking ahead, bar by bar: a longer bar is given out at the first base close at or after its end,
and nothing of it before. The same over whole columns: `longer`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from tradewright.strategy.candles import Candles
from tradewright.strategy.evaluate.fields import Bar
from tradewright.strategy.timeframe import Timeframe, is_multiple, length_ms, open_of


class Forming:
    """`given`: bars of the longer timeframe itself, from before the first base bar; they stand as they are, and behind
    the last of them bars are built."""

    def __init__(self, base: Timeframe, timeframe: Timeframe, given: Candles | None = None) -> None:
        if not is_multiple(timeframe, base):
            raise ValueError(f"bars of {timeframe} cannot be built from bars of {base}: not a whole multiple")
        if given is not None and given.timeframe != timeframe:
            raise ValueError(f"candles given as {timeframe} are of {given.timeframe}")
        self._timeframe = timeframe
        self._length_ms, self._base_length_ms = length_ms(timeframe), length_ms(base)
        self._given = _bars(given)
        # Bars that open at or before this moment are not built: they are given, or began before the first base bar.
        self._not_built_ms: int | None = self._given[-1].open_time_ms if self._given else None
        self._begun = False
        self._bar: Bar | None = None

    def closed_by(self, bar: Bar) -> Iterator[Bar]:
        """The longer bars that are first seen closed at this base bar's close, in order."""
        close_ms = bar.open_time_ms + self._base_length_ms
        while self._given and self._given[0].open_time_ms + self._length_ms <= close_ms:
            yield self._given.popleft()
        opened_ms = open_of(bar.open_time_ms, self._timeframe)
        if not self._begun:
            self._begun = True
            if opened_ms < bar.open_time_ms:
                self._not_built_ms = max(opened_ms, opened_ms if self._not_built_ms is None else self._not_built_ms)
        if self._bar is not None and self._bar.open_time_ms != opened_ms:  # it ended in a gap
            yield self._bar
            self._bar = None
        if self._not_built_ms is not None and opened_ms <= self._not_built_ms:
            return
        self._bar = bar._replace(open_time_ms=opened_ms) if self._bar is None else _grown(self._bar, bar)
        if opened_ms + self._length_ms <= close_ms:
            yield self._bar
            self._bar = None


def _grown(forming: Bar, bar: Bar) -> Bar:
    return Bar(
        forming.open_time_ms,
        forming.open,
        max(forming.high, bar.high),
        min(forming.low, bar.low),
        bar.close,
        forming.volume + bar.volume,
        forming.turnover + bar.turnover,
    )


def _bars(candles: Candles | None) -> deque[Bar]:
    if candles is None:
        return deque()
    columns = (candles.open, candles.high, candles.low, candles.close, candles.volume, candles.turnover)
    return deque(map(Bar, candles.open_time_ms.tolist(), *(column.tolist() for column in columns)))
