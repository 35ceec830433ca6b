"""Candles of every interval out of one series of closed base bars and the bar that is still open.

Lives here: which bars make which candles, the open candle, the 24-hour window, and how what is older joins on. Not
here: the bars (`bars`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain

from tradewright.simulator.market.bars import ClosedBars, OlderBars, RolledBars, merge
from tradewright.simulator.market.intervals import DAY_MS, adds_up, bucket_end, bucket_start, fixed_length_ms
from tradewright.simulator.market.model import Kline

CLOSED_KLINES_MAX = 1000


@dataclass(frozen=True, slots=True)
class Window:
    """What traded in a span that ends now; `open` is the price at its beginning."""

    open: Decimal
    high: Decimal
    low: Decimal
    volume: Decimal
    turnover: Decimal


class CandleView:
    """Answers for every interval from `closed` and the open base bar that `live` returns (None between bars)."""

    def __init__(
        self,
        closed: ClosedBars,
        base_ms: int,
        live: Callable[[], Kline | None],
        *,
        kept_max: Mapping[str, int] | None = None,
        older: OlderBars | None = None,
    ) -> None:
        """Bars are rolled up to hours, and to what else `kept_max` names, the longest first, with how many are kept of
        each. `older` ends where the first bar that ever was began."""
        self._closed = closed
        self._base_ms = base_ms
        self._live = live
        self._open_parts: dict[str, Kline] = {}  # the closed part of the open candle; at most one per interval
        self._day: tuple[int, int, Window] | None = None  # (first start, last start, their window)
        usual: Mapping[str, int | None] = {"60": None}
        self._rolled = [
            RolledBars(closed, interval, kept)
            for interval, kept in (kept_max or usual).items()
            if base_ms < fixed_length_ms(interval) and adds_up(base_ms, interval)
        ]
        self._older = older

    def klines(self, interval: str, start_ms: int | None, end_ms: int | None, limit: int, now_ms: int) -> list[Kline]:
        """See `Market.klines`."""
        if not adds_up(self._base_ms, interval) or limit < 1:
            return []
        lower = None if start_ms is None else _first_bucket(interval, start_ms)
        upper = None if end_ms is None else bucket_end(interval, bucket_start(interval, end_ms))
        oldest_first = start_ms is not None and end_ms is None
        bars = self._bars(interval, lower, upper, reverse=not oldest_first)
        found = list(_grouped(interval, bars, limit, now_ms, reverse=not oldest_first))
        return found[::-1] if oldest_first else found

    def closed_klines(self, interval: str, after_ms: int, now_ms: int) -> list[Kline]:
        """See `Market.closed_klines`."""
        newest_first = self.klines(interval, after_ms + 1, None, CLOSED_KLINES_MAX, now_ms)
        return [kline for kline in reversed(newest_first) if kline.confirm]

    def live_kline(self, interval: str, now_ms: int) -> Kline | None:
        """See `Market.live_kline`. Cheap: the closed part of the candle is kept and only extended."""
        if not adds_up(self._base_ms, interval):
            return None
        start_ms = bucket_start(interval, now_ms)
        part = self._open_part(interval, start_ms)
        bars = [bar for bar in (part, self._live()) if bar is not None]
        return merge(interval, bars, now_ms) if bars else None

    def day(self, now_ms: int) -> Window | None:
        """The last 24 hours, to the base bar; None when nothing traded in them."""
        return self._with_live(self._closed_day(now_ms), self._live())

    def price_at(self, ms: int) -> Decimal | None:
        """Open of the first bar at or after `ms`, i.e. the price then; None when there is no such bar."""
        index = self._closed.index_at(ms)
        if index < len(self._closed):
            return self._closed.bar(index).open
        live = self._live()
        return live.open if live is not None else None

    def keep_rolled(self) -> None:
        """Roll finished bars up, before they are forgotten. Cheap when there is nothing to do."""
        for rolled in self._rolled:
            rolled.extend()

    def rolled_before(self, interval: str, ms: int) -> list[Kline]:
        """Rolled up candles of `interval` that start before `ms`, to be saved."""
        return next((rolled.before(ms) for rolled in self._rolled if rolled.interval == interval), [])

    def remember_rolled(self, interval: str, bars: list[Kline]) -> None:
        """Take over saved ones, which must be older than the bars."""
        for rolled in self._rolled:
            if rolled.interval == interval:
                rolled.remember(bars)

    def _bars(self, interval: str, lower: int | None, upper: int | None, *, reverse: bool) -> Iterator[Kline]:
        """Bars that start in [lower, upper), the open one included, in either order; rolled up ones where they do."""
        longer: Sequence[Kline] = ()
        base_from = lower
        rolled = self._rolled_for(interval)
        if rolled is not None:
            longer, longer_end = rolled.between(lower, upper)
            base_from = longer_end if lower is None else max(lower, longer_end)
        first = 0 if base_from is None else self._closed.index_at(base_from)
        last = len(self._closed) if upper is None else self._closed.index_at(upper)
        live = self._live()
        if live is not None and not (lower or 0) <= live.start_ms < (live.end_ms if upper is None else upper):
            live = None
        base = (
            self._closed.bar(index) for index in (range(last - 1, first - 1, -1) if reverse else range(first, last))
        )
        newest = iter(()) if live is None else iter((live,))
        older = self._older_bars(interval, rolled, lower, upper, reverse=reverse)
        return chain(newest, base, reversed(longer), older) if reverse else chain(older, longer, base, newest)

    def _rolled_for(self, interval: str) -> RolledBars | None:
        return next((one for one in self._rolled if adds_up(fixed_length_ms(one.interval), interval)), None)

    def _older_bars(
        self, interval: str, rolled: RolledBars | None, lower: int | None, upper: int | None, *, reverse: bool
    ) -> Iterator[Kline]:
        """None of them once what came after has been forgotten: there would be a hole."""
        first_ms = None if rolled is None else rolled.first_ms()
        if first_ms is None and len(self._closed):
            first_ms = self._closed.bar(0).start_ms
        if self._older is None or first_ms is None or first_ms > self._older.until_ms:
            return iter(())
        return self._older.bars(interval, lower, upper, reverse=reverse)

    def _open_part(self, interval: str, start_ms: int) -> Kline | None:
        """The closed bars of the open candle as one bar whose `end_ms` is where the last of them ended."""
        known = self._open_parts.get(interval)
        if known is not None and known.start_ms != start_ms:
            known = None
        if known is None and self._older is not None and start_ms < self._older.until_ms:
            live = self._live()
            bars = [bar for bar in self._bars(interval, start_ms, None, reverse=False) if bar != live]
        else:
            first = self._closed.index_at(start_ms if known is None else known.end_ms + 1)
            bars = [self._closed.bar(index) for index in range(first, len(self._closed))]
        if bars:
            merged = merge(interval, bars if known is None else [known, *bars], start_ms)
            known = _until(merged, bars[-1].end_ms)
            self._open_parts[interval] = known
        return known

    def _closed_day(self, now_ms: int) -> Window | None:
        first = self._closed.index_at(now_ms - DAY_MS)
        if first >= len(self._closed):
            return None
        first_start = self._closed.bar(first).start_ms
        last_start = self._closed.bar(len(self._closed) - 1).start_ms
        if self._day is None or self._day[:2] != (first_start, last_start):
            bars = [self._closed.bar(index) for index in range(first, len(self._closed))]
            window = Window(
                open=bars[0].open,
                high=max(bar.high for bar in bars),
                low=min(bar.low for bar in bars),
                volume=sum((bar.volume for bar in bars), Decimal(0)),
                turnover=sum((bar.turnover for bar in bars), Decimal(0)),
            )
            self._day = (first_start, last_start, window)
        return self._day[2]

    @staticmethod
    def _with_live(window: Window | None, live: Kline | None) -> Window | None:
        if live is None:
            return window
        if window is None:
            return Window(live.open, live.high, live.low, live.volume, live.turnover)
        return Window(
            open=window.open,
            high=max(window.high, live.high),
            low=min(window.low, live.low),
            volume=window.volume + live.volume,
            turnover=window.turnover + live.turnover,
        )


def _first_bucket(interval: str, start_ms: int) -> int:
    """Start of the first candle that starts at or after `start_ms`."""
    start = bucket_start(interval, start_ms)
    return start if start == start_ms else bucket_end(interval, start)


def _until(kline: Kline, end_ms: int) -> Kline:
    return Kline(
        start_ms=kline.start_ms,
        end_ms=end_ms,
        open=kline.open,
        high=kline.high,
        low=kline.low,
        close=kline.close,
        volume=kline.volume,
        turnover=kline.turnover,
        confirm=False,
    )


def _grouped(interval: str, bars: Iterator[Kline], limit: int, now_ms: int, *, reverse: bool) -> Iterator[Kline]:
    """At most `limit` candles, in the order in which the bars come."""
    group: list[Kline] = []
    group_start = 0
    made = 0
    for bar in bars:
        start = bucket_start(interval, bar.start_ms)
        if group and start != group_start:
            yield merge(interval, group[::-1] if reverse else group, now_ms)
            made += 1
            group = []
            if made == limit:
                return
        group_start = start
        group.append(bar)
    if group:
        yield merge(interval, group[::-1] if reverse else group, now_ms)
