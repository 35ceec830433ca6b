"""Candles of a listing whose minutes are computed: the same answers as `candles.CandleView`, out of a path.

Lives here: which minutes, hours and days make which candle, and how far back they go. Not here: the minutes (`paths`).
Nothing is stored but a few sums, so that a hundred charts cost no memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Final

from tradewright.simulator.market.candles import CLOSED_KLINES_MAX, Window
from tradewright.simulator.market.intervals import DAY_MS, HOUR_MS, MINUTE_MS, bucket_end, bucket_start, fixed_length_ms
from tradewright.simulator.market.model import InstrumentSpec, Kline
from tradewright.simulator.market.synthetic.paths import Bar, Path, PathTrade, bar_of, join

_HOURS_KEPT: Final = 512
_DAYS_KEPT: Final = 80
_DEPTH_DAYS: Final = {"D": 28, "W": 42}
_DEPTH_HOURLY_DAYS: Final = 14
_DEPTH_MINUTES_DAYS: Final = 7


class ComputedCandles:
    """Candles go back a week, those of an hour and longer two, days four, weeks six; there are two months."""

    def __init__(self, spec: InstrumentSpec, path: Path) -> None:
        self._tick = spec.tick_size
        self._step = spec.qty_step
        self._path = path
        self._hour = lru_cache(maxsize=_HOURS_KEPT)(self._make_hour)
        self._day = lru_cache(maxsize=_DAYS_KEPT)(self._make_day)
        # What tickers ask for again and again: the day but for its last minute, that minute's trades, and both.
        self._day_so_far: tuple[tuple[int, int], Bar | None] | None = None
        self._open: tuple[int, Sequence[PathTrade]] | None = None
        self._day_now: tuple[tuple[int, int, int], Window | None] | None = None

    def klines(self, interval: str, start_ms: int | None, end_ms: int | None, limit: int, now_ms: int) -> list[Kline]:
        """See `Market.klines`."""
        if start_ms is not None and start_ms > now_ms:
            return []
        oldest_first = start_ms is not None and end_ms is None
        first = first_bucket(interval, max(history_ms(interval, now_ms), start_ms or 0))
        last = bucket_start(interval, now_ms if end_ms is None else min(now_ms, end_ms))
        found: list[Kline] = []
        for start in upwards(interval, first, last) if oldest_first else downwards(interval, last, first):
            if len(found) >= limit:
                break
            kline = self._kline(interval, start, now_ms)
            if kline is not None:
                found.append(kline)
        return found[::-1] if oldest_first else found

    def closed_klines(self, interval: str, after_ms: int, now_ms: int) -> list[Kline]:
        """See `Market.closed_klines`. Cheap when there is none, since streams ask with every beat."""
        first = first_bucket(interval, max(history_ms(interval, now_ms), after_ms + 1))
        open_start = bucket_start(interval, now_ms)
        if first >= open_start:
            return []
        newest_first = self.klines(interval, first, open_start - 1, CLOSED_KLINES_MAX, now_ms)
        return newest_first[::-1]

    def live_kline(self, interval: str, now_ms: int) -> Kline | None:
        """See `Market.live_kline`."""
        return self._kline(interval, bucket_start(interval, now_ms), now_ms)

    def day(self, now_ms: int) -> Window | None:
        """The last 24 hours, to the minute."""
        minute = now_ms // MINUTE_MS
        first, trades = -(-(now_ms - DAY_MS) // MINUTE_MS), self._trades_of(minute)
        offset_ms = now_ms - minute * MINUTE_MS
        done = sum(one.second * 1000 + one.offset_ms <= offset_ms for one in trades)
        if self._day_now is None or self._day_now[0] != (first, minute, done):
            self._day_now = (first, minute, done), self._make_window(first, minute, trades[:done])
        return self._day_now[1]

    def price_at(self, ms: int) -> Decimal | None:
        """Open of the first minute at or after `ms`."""
        return self._path.minute(-(-ms // MINUTE_MS)).bar.open * self._tick

    def _kline(self, interval: str, start_ms: int, now_ms: int) -> Kline | None:
        end_ms = bucket_end(interval, start_ms) - 1
        bar = self._span(start_ms // MINUTE_MS, min(end_ms, now_ms))
        if bar is None:
            return None
        return Kline(
            start_ms=start_ms,
            end_ms=end_ms,
            open=bar.open * self._tick,
            high=bar.high * self._tick,
            low=bar.low * self._tick,
            close=bar.close * self._tick,
            volume=bar.volume * self._step,
            turnover=self._turnover(bar),
            confirm=now_ms > end_ms,
        )

    def _turnover(self, bar: Bar) -> Decimal:
        return bar.turnover * (self._tick * self._step)

    def _span(self, minute: int, to_ms: int) -> Bar | None:
        """All trades from the beginning of a minute up to and including `to_ms`, by the largest pieces that fit."""
        return join(self._pieces(minute, to_ms))

    def _trades_of(self, minute: int) -> Sequence[PathTrade]:
        if self._open is None or self._open[0] != minute:
            self._open = minute, self._path.minute(minute).trades()
        return self._open[1]

    def _make_window(self, first: int, minute: int, done: Sequence[PathTrade]) -> Window | None:
        bar = join(part for part in (self._day_before(first, minute), bar_of(done)) if part is not None)
        if bar is None:
            return None
        opened, high, low = (ticks * self._tick for ticks in (bar.open, bar.high, bar.low))
        return Window(opened, high, low, bar.volume * self._step, self._turnover(bar))

    def _day_before(self, first: int, minute: int) -> Bar | None:
        """The day's minutes that are over. Tickers ask ten times a second, and it changes once a minute."""
        if self._day_so_far is None or self._day_so_far[0] != (first, minute):
            self._day_so_far = (first, minute), self._span(first, minute * MINUTE_MS - 1)
        return self._day_so_far[1]

    def _pieces(self, minute: int, to_ms: int) -> Iterator[Bar]:
        over = (to_ms + 1) // MINUTE_MS  # minutes before this one are complete
        while minute < over:
            if minute % 1440 == 0 and over - minute >= 1440:
                yield self._day(minute // 1440)
                minute += 1440
            elif minute % 60 == 0 and over - minute >= 60:
                yield self._hour(minute // 60)
                minute += 60
            else:
                yield self._path.minute(minute).bar
                minute += 1
        begun = self._path.minute(minute).bar_until(to_ms - minute * MINUTE_MS)
        if begun is not None:
            yield begun

    def _make_hour(self, hour: int) -> Bar:
        return self._path.hour(hour).bar

    def _make_day(self, day: int) -> Bar:
        # Its hours are not kept for themselves: a chart of days would push out those of today.
        bar = join(self._make_hour(hour) for hour in range(24 * day, 24 * day + 24))
        assert bar is not None, "a day has hours"
        return bar


def history_ms(interval: str, now_ms: int) -> int:
    """Before this no candle begins. A candle that has just closed is always there, and none ever changes."""
    if interval == "M":
        return bucket_start("M", bucket_start("M", now_ms) - 1)
    by_hours = interval not in _DEPTH_DAYS and fixed_length_ms(interval) >= HOUR_MS
    return now_ms - DAY_MS * _DEPTH_DAYS.get(interval, _DEPTH_HOURLY_DAYS if by_hours else _DEPTH_MINUTES_DAYS)


def first_bucket(interval: str, ms: int) -> int:
    """Start of the first candle that starts at or after `ms`."""
    start = bucket_start(interval, ms)
    return start if start == ms else bucket_end(interval, start)


def upwards(interval: str, first: int, last: int) -> Iterator[int]:
    start = first
    while start <= last:
        yield start
        start = bucket_end(interval, start)


def downwards(interval: str, last: int, first: int) -> Iterator[int]:
    start = last
    while start >= first:
        yield start
        start = bucket_start(interval, start - 1)
