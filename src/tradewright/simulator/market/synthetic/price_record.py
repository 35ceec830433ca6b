"""What mark, index and premium of a lived symbol have been, minute by minute.

Lives here: the samples, their candles, saving and loading. Not here: the prices themselves (`walk`).
The process cannot be asked for its past, so its prices are noted once a second and kept as long as its traded minutes.
Saved is one day of them: what is older are the traded candles after a restart, without a premium.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Final

from tradewright.simulator.market.intervals import MINUTE_MS, bucket_end, bucket_start
from tradewright.simulator.market.model import Bar, Kline, PriceKind
from tradewright.simulator.market.price_bars import PREMIUM_STEP, premium_steps

_SAVED_MAX: Final = 1440
_WIDTH: Final = 12  # open, high, low, close of mark, index (ticks) and premium (millionths)
_PLACES: Final[dict[PriceKind, int]] = {"mark": 0, "index": 4, "premium": 8}
_TRIMMED: Final = 512  # rows are dropped in blocks


class PriceRecord:
    """Minutes that are over, ascending, and the one in the making."""

    def __init__(self, tick_size: Decimal, kept_max: int, *, saved_from_ms: int) -> None:
        """Minutes before `saved_from_ms` are not saved: a history that its seed makes again."""
        self._tick_size = tick_size
        self._kept_max = kept_max
        self._saved_from_ms = saved_from_ms
        self._saved: deque[str] = deque(maxlen=_SAVED_MAX)  # rows as text, so that saving is cheap
        self._starts = array("q")
        self._rows = array("q")
        self._open: list[int] = []  # start (ms), then a row; empty before the first sample

    def sample(self, ms: int, mark: int, index: int) -> None:
        """The prices (ticks) from `ms` on. Times rise; a minute that was closed already is not opened again."""
        start_ms = ms - ms % MINUTE_MS
        premium = premium_steps(mark, index)
        now = self._open
        if not now or start_ms > now[0]:
            self._close()
            self._open = [start_ms, *[mark] * 4, *[index] * 4, *[premium] * 4]
            return
        for place, value in ((1, mark), (5, index), (9, premium)):
            if value > now[place + 1]:
                now[place + 1] = value
            elif value < now[place + 2]:
                now[place + 2] = value
            now[place + 3] = value

    def bars(self, kind: PriceKind, interval: str, start_ms: int | None, end_ms: int | None, limit: int) -> list[Bar]:
        """See `Market.price_bars`."""
        oldest_first = start_ms is not None and end_ms is None
        lower = 0
        if start_ms is not None:
            lower = bucket_start(interval, start_ms)
            lower = lower if lower == start_ms else bucket_end(interval, lower)
        upper = None if end_ms is None else bucket_end(interval, bucket_start(interval, end_ms))
        found = list(self._grouped(kind, interval, self._between(lower, upper, reverse=not oldest_first), limit))
        return found[::-1] if oldest_first else found

    def open_minute(self) -> list[int]:
        """To be given to `load`: the minute in the making."""
        return list(self._open)

    def saved_rows(self) -> list[str]:
        """Closed minutes, a day of them at most. Small numbers: the state is written often."""
        return list(self._saved)

    def load(self, traded: Iterable[Kline], saved: Sequence[str], opened: Sequence[int]) -> None:
        """Undo of `saved_rows` and `open_minute`; minutes that were not saved are taken from the traded ones."""
        self._close()  # the last minute of the history, which is over
        rows = [_unpacked(row) for row in saved]
        before_ms = rows[0][0] if rows else opened[0] if opened else None
        kept = [start for start in self._starts if before_ms is None or start < before_ms]
        del self._starts[len(kept) :], self._rows[len(kept) * _WIDTH :]
        known_ms = self._starts[-1] if self._starts else -1
        for bar in traded:
            if bar.start_ms > known_ms and (before_ms is None or bar.start_ms < before_ms):
                prices = [int(price / self._tick_size) for price in (bar.open, bar.high, bar.low, bar.close)]
                self._append(bar.start_ms, [*prices, *prices, 0, 0, 0, 0])
        for start_ms, row in rows:
            self._append(start_ms, row)
        self._saved = deque(saved, maxlen=_SAVED_MAX)
        self._open = list(opened)

    def _close(self) -> None:
        now = self._open
        if now and (not self._starts or now[0] > self._starts[-1]):
            self._append(now[0], now[1:])
            if now[0] >= self._saved_from_ms:
                self._saved.append(_packed(now[0], now[1:]))

    def _append(self, start_ms: int, row: Iterable[int]) -> None:
        self._starts.append(start_ms)
        self._rows.extend(row)
        if len(self._starts) > self._kept_max + _TRIMMED:
            surplus = len(self._starts) - self._kept_max
            del self._starts[:surplus], self._rows[: surplus * _WIDTH]

    def _row(self, place: int) -> Sequence[int]:
        return self._rows[place * _WIDTH : (place + 1) * _WIDTH]

    def _between(self, lower: int, upper: int | None, *, reverse: bool) -> Iterator[tuple[int, Sequence[int]]]:
        """Minutes that start in [lower, upper), the open one included, in either order."""
        first = bisect_left(self._starts, lower)
        last = len(self._starts) if upper is None else bisect_left(self._starts, upper)
        opened = self._open and lower <= self._open[0] and (upper is None or self._open[0] < upper)
        # Closed a moment ago by a market that was stopped and makes that second again.
        opened = opened and (not self._starts or self._starts[-1] < self._open[0])
        if opened and reverse:
            yield self._open[0], self._open[1:]
        for place in range(last - 1, first - 1, -1) if reverse else range(first, last):
            yield self._starts[place], self._row(place)
        if opened and not reverse:
            yield self._open[0], self._open[1:]

    def _grouped(
        self, kind: PriceKind, interval: str, minutes: Iterable[tuple[int, Sequence[int]]], limit: int
    ) -> Iterator[Bar]:
        """At most `limit` candles, in the order in which the minutes come."""
        place, made = _PLACES[kind], 0
        group: list[tuple[int, Sequence[int]]] = []
        group_start = -1
        for start_ms, row in minutes:
            bucket = bucket_start(interval, start_ms)
            if group and bucket != group_start:
                yield self._bar(kind, group_start, group)
                made += 1
                group = []
            if made >= limit:
                return
            group_start = bucket
            group.append((start_ms, row[place : place + 4]))
        if group and made < limit:
            yield self._bar(kind, group_start, group)

    def _bar(self, kind: PriceKind, start_ms: int, group: list[tuple[int, Sequence[int]]]) -> Bar:
        unit = PREMIUM_STEP if kind == "premium" else self._tick_size
        first, last = min(group), max(group)
        return Bar(
            start_ms=start_ms,
            open=first[1][0] * unit,
            high=max(row[1] for _, row in group) * unit,
            low=min(row[2] for _, row in group) * unit,
            close=last[1][3] * unit,
        )


def _packed(start_ms: int, row: Sequence[int]) -> str:
    """Everything but the start and the premium as the distance from the first mark."""
    first = row[0]
    near = [value - first for value in row[1:8]]
    return " ".join(map(str, (start_ms // MINUTE_MS, first, *near, *row[8:])))


def _unpacked(text: str) -> tuple[int, list[int]]:
    minute, first, *rest = map(int, text.split(" "))
    if len(rest) != _WIDTH - 1:
        raise ValueError(f"a minute of mark and index has {len(rest)} numbers, not {_WIDTH - 1}: {text!r}")
    return minute * MINUTE_MS, [first, *(first + value for value in rest[:7]), *rest[7:]]
