"""One series of candles: the rows known, the ranges that were read, and so what is missing.

Lives here: `CandleSeries` and `Gap`. Pure bookkeeping: no I/O and no clock.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tradewright.exchange.ports import Candle
from tradewright.market.intervals import back, forward, next_open, open_at

LIVE_OF_STREAM_FOR_S = 5.0  # the unfinished candle is read again over REST when it is older than this
LIVE_OF_REST_FOR_S = 0.5
UNSETTLED_CANDLES = 2  # a candle this young that is not there yet may still come; older, it is a gap


@dataclass(frozen=True, slots=True)
class Gap:
    """The half-open range [from_ms, to_ms), on candle opens."""

    from_ms: int
    to_ms: int


class CandleSeries:
    """Closed candles by open time, the live one, and one contiguous range that is known: [known_from, known_to).

    A series is read at its newest end almost always, so one range is enough: a read that does not touch it replaces it.
    """

    def __init__(self, interval: str, *, rows_max: int) -> None:
        self.interval = interval
        self._rows_max = rows_max
        self._opens: list[int] = []
        self._closed: dict[int, Candle] = {}
        self._live: Candle | None = None
        self._live_until = 0.0  # monotonic s
        self._known: Gap | None = None
        self._older_ms: int | None = None  # the exchange has a candle that opens here, kept or not
        self._none_before_ms: int | None = None  # and none that opens before this
        self._updated_at: float | None = None

    def __len__(self) -> int:
        return len(self._closed)

    def pages_to_read(self, start: int, end: int, page_rows: int, *, at: float) -> Sequence[Gap]:
        """What of [start, end) must be read at `at`, in an order in which each page touches the range known by then."""
        live = self._live
        if live is not None and live.open_time_ms == open_at(end - 1, self.interval) and at < self._live_until:
            end = live.open_time_ms
        if start >= end:
            return ()
        known = self._known
        if known is None or end < known.from_ms or start > known.to_ms:
            self._forget()
            return list(self._backwards(start, end, page_rows))
        pages = []
        page_start = known.to_ms
        while page_start < end:
            page_end = min(end, forward(page_start, self.interval, page_rows))
            pages.append(Gap(page_start, page_end))
            page_start = page_end
        pages += self._backwards(start, known.from_ms, page_rows)
        return pages

    def add_page(self, rows: Sequence[Candle], start: int, end: int, *, now_ms: int, at: float) -> None:
        """Takes the exchange's whole answer for [start, end), read when the market clock showed `now_ms`."""
        newest = start
        for row in rows:
            if not start <= row.open_time_ms < end:
                continue
            if row.confirmed:
                self._put(row)
                newest = next_open(row.open_time_ms, self.interval)
            else:
                self._take_live(row, at + LIVE_OF_REST_FOR_S)
        settled = back(open_at(now_ms, self.interval), self.interval, UNSETTLED_CANDLES)
        self._extend(start, max(newest, min(end, settled)))
        self._updated_at = at

    def merge_live(self, candle: Candle, at: float) -> None:
        """Takes one candle of the stream. A confirmed one extends what is known only where it touches it."""
        self._updated_at = at
        if not candle.confirmed:
            self._take_live(candle, at + LIVE_OF_STREAM_FOR_S)
            return
        if self._live is not None and self._live.open_time_ms <= candle.open_time_ms:
            self._live = None
        known = self._known
        if known is not None and known.from_ms <= candle.open_time_ms <= known.to_ms:
            self._put(candle)
            self._extend(candle.open_time_ms, next_open(candle.open_time_ms, self.interval))
            self.trim(Gap(candle.open_time_ms, candle.open_time_ms))

    def drop_live(self) -> None:
        """Forgets the unfinished candle: the stream was interrupted and it may have changed meanwhile."""
        self._live = None

    def rows(self, start: int, end: int) -> list[Candle]:
        """Known candles that open in [start, end), oldest first, the live one last."""
        opens = self._opens[bisect_left(self._opens, start) : bisect_left(self._opens, end)]
        found = [self._closed[opened] for opened in opens]
        live = self._live
        if live is not None and start <= live.open_time_ms < end and live.open_time_ms not in self._closed:
            found.append(live)
        return found

    def starts_in_doubt(self, start: int, end: int) -> bool:
        """Whether [start, end) begins without a candle, and what was read does not tell if the market began later."""
        opens = self._opens[bisect_left(self._opens, start) : bisect_left(self._opens, end)]
        if (opens and opens[0] == start) or self._has_older(start):
            return False
        none_before, known = self._none_before_ms, self._known
        if none_before is None:
            return True
        is_read = known is not None and known.from_ms <= none_before and start <= known.to_ms
        return not (start <= none_before or is_read)

    def tell_older(self, start: int, opened_ms: int | None) -> None:
        """What the exchange says of the newest candle before `start`: when it opened, or that there is none."""
        if opened_ms is None:
            self._none_before_ms = max(start, self._none_before_ms or start)
        else:
            self._older_ms = min(opened_ms, self._older_ms or opened_ms)

    def gaps(self, start: int, end: int) -> list[Gap]:
        """Ranges of [start, end) that were read and have no candle; what lies before the exchange's first is none."""
        known = self._known
        if known is None:
            return []
        start, end = max(start, known.from_ms), min(end, known.to_ms)
        if self._has_older(start):
            expected = start
        elif self._opens:
            expected = max(start, self._opens[0])
        else:
            return []
        found: list[Gap] = []
        for opened in self._opens[bisect_left(self._opens, expected) : bisect_left(self._opens, end)]:
            if opened > expected:
                found.append(Gap(expected, opened))
            expected = next_open(opened, self.interval)
        if expected < end:
            found.append(Gap(expected, end))
        return found

    def age_ms(self, now: float) -> int:
        return 0 if self._updated_at is None else int((now - self._updated_at) * 1000)

    def _has_older(self, start: int) -> bool:
        is_kept = bool(self._opens) and self._opens[0] < start
        return is_kept or (self._older_ms is not None and self._older_ms < start)

    def _backwards(self, start: int, end: int, page_rows: int) -> Iterator[Gap]:
        while start < end:
            page_start = max(start, back(end, self.interval, page_rows))
            yield Gap(page_start, end)
            end = page_start

    def _take_live(self, candle: Candle, until: float) -> None:
        if self._live is None or candle.open_time_ms >= self._live.open_time_ms:
            self._live, self._live_until = candle, until

    def _put(self, candle: Candle) -> None:
        if candle.open_time_ms not in self._closed:
            insort(self._opens, candle.open_time_ms)
        self._closed[candle.open_time_ms] = candle

    def _extend(self, start: int, end: int) -> None:
        known = self._known
        if known is None:
            self._known = Gap(start, max(start, end))
        elif start <= known.to_ms and end >= known.from_ms:
            self._known = Gap(min(known.from_ms, start), max(known.to_ms, end))

    def trim(self, keep: Gap) -> None:
        """Forgets surplus rows at the ends, oldest first, but none inside `keep`, so what is known stays contiguous."""
        surplus = len(self._opens) - self._rows_max
        if surplus <= 0 or self._known is None:
            return
        oldest = min(surplus, bisect_left(self._opens, keep.from_ms))
        newest = min(surplus - oldest, len(self._opens) - bisect_left(self._opens, keep.to_ms))
        kept = self._opens[oldest : len(self._opens) - newest]
        for opened in (*self._opens[:oldest], *self._opens[len(self._opens) - newest :]):
            del self._closed[opened]
        from_ms = kept[0] if oldest else self._known.from_ms
        to_ms = next_open(kept[-1], self.interval) if newest else self._known.to_ms
        self._opens = kept
        self._known = Gap(from_ms, to_ms)

    def _forget(self) -> None:
        self._opens.clear()
        self._closed.clear()
        self._known = None
