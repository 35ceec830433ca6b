"""Candles over REST, kept, with what is missing said openly.

Lives here: `CandleCache`: closed candles per instrument and interval, the live one merged from the hub, gaps, bounds.
Not here: one series' bookkeeping (`market.candle_series`), the calendar (`market.intervals`).
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from structlog.typing import FilteringBoundLogger

from tradewright.core.clock import Clock
from tradewright.core.errors import InvalidInput, Problem
from tradewright.core.instrument import Category, InstrumentId
from tradewright.exchange.ports import Candle, CandleUpdate, MarketGateway, StreamDown, StreamUp
from tradewright.market.candle_series import CandleSeries, Gap
from tradewright.market.intervals import (
    EARLIEST_MS,
    LATEST_MS,
    back,
    check_interval,
    first_open_from,
    next_open,
    open_at,
)
from tradewright.market.market_clock import MarketClock

PAGE_ROWS = 1_000
ROWS_MAX = 6_000  # of one answer; more than a chart can draw
SERIES_ROWS_MAX = 12_000
TOTAL_ROWS_MAX = 60_000  # about 45 MB


@dataclass(frozen=True, slots=True)
class CandleSlice:
    """Candles oldest first; `gaps` are half-open ranges inside the asked range where the exchange has none, though it
    has older ones: a range that lies in a gap is one gap, and one that begins before the market began is not.

    `age_ms` is how long ago the newest row was received.
    """

    rows: Sequence[Candle]
    gaps: Sequence[Gap]
    market_now_ms: int
    age_ms: int


class CandleCache:
    """History is fetched once, in pages of 1,000; the newest rows again until they are closed for certain."""

    def __init__(
        self, market: MarketGateway, market_clock: MarketClock, *, clock: Clock, log: FilteringBoundLogger
    ) -> None:
        self._market = market
        self._market_clock = market_clock
        self._clock = clock
        self._log = log.bind(component="market.candles")
        self._series: OrderedDict[tuple[InstrumentId, str], CandleSeries] = OrderedDict()
        self._locks: dict[tuple[InstrumentId, str], asyncio.Lock] = {}

    async def get(
        self,
        instrument: InstrumentId,
        interval: str,
        *,
        start_ms: int | None = None,
        end_ms: int | None = None,
        limit: int = 1_500,
    ) -> CandleSlice:
        """The newest `limit` candles that open in [start_ms, end_ms); without an end, up to and with the live one.

        Raises `InvalidInput` for an unknown interval, a time outside 2009–2100, an empty range or a limit outside
        1–6,000, and `ExchangeUnavailable` when rows are needed and cannot be read.
        """
        check_interval(interval)
        _check_range(start_ms, end_ms, limit)
        now_ms = await self._market_clock.now_ms()
        newest_end = next_open(open_at(now_ms, interval), interval)
        end = newest_end if end_ms is None else min(end_ms, newest_end)
        last_open = open_at(end - 1, interval)
        start = back(last_open, interval, limit - 1)
        if start_ms is not None:
            start = max(start, first_open_from(start_ms, interval))
        key = (instrument, interval)
        async with self._locks.setdefault(key, asyncio.Lock()):
            series = self._touch(key)
            await self._fill(series, instrument, start, end, now_ms)
            if series.starts_in_doubt(start, end):
                older = await self._market.candles(instrument, interval, start_ms=None, end_ms=start - 1, limit=1)
                series.tell_older(start, older[-1].open_time_ms if older else None)
            answer = CandleSlice(
                rows=series.rows(start, end),
                gaps=series.gaps(start, min(end, open_at(now_ms, interval))),
                market_now_ms=now_ms,
                age_ms=series.age_ms(self._clock.monotonic()),
            )
            series.trim(Gap(start, end))
        self._evict(keep=key)
        return answer

    def merge_live(self, event: CandleUpdate | StreamUp | StreamDown, *, category: Category = "linear") -> None:
        """What a hub's `observe_candles` calls: keeps watched series up to date without REST. `category` is the hub's:
        where its upstream comes or goes, what was not finished in its series is read again."""
        match event:
            case CandleUpdate():
                series = self._series.get((event.instrument, event.interval))
                if series is not None:
                    series.merge_live(event.candle, self._clock.monotonic())
            case StreamUp() | StreamDown():
                for (instrument, _), series in self._series.items():
                    if instrument.category == category:
                        series.drop_live()

    def row_count(self) -> int:
        return sum(len(series) for series in self._series.values())

    async def _fill(self, series: CandleSeries, instrument: InstrumentId, start: int, end: int, now_ms: int) -> None:
        """Fetches what is not known of [start, end), each page touching what is known; bounded by `ROWS_MAX` rows."""
        interval = series.interval
        for page in series.pages_to_read(start, end, PAGE_ROWS, at=self._clock.monotonic()):
            rows = await self._market.candles(
                instrument, interval, start_ms=page.from_ms, end_ms=page.to_ms - 1, limit=PAGE_ROWS
            )
            series.add_page(rows, page.from_ms, page.to_ms, now_ms=now_ms, at=self._clock.monotonic())
            self._log.debug("candles.page", symbol=instrument.symbol, interval=interval, rows=len(rows))

    def _touch(self, key: tuple[InstrumentId, str]) -> CandleSeries:
        series = self._series.get(key)
        if series is None:
            series = self._series[key] = CandleSeries(key[1], rows_max=SERIES_ROWS_MAX)
        self._series.move_to_end(key)
        return series

    def _evict(self, keep: tuple[InstrumentId, str]) -> None:
        """Forgets the series longest unread until the total bound holds."""
        while self.row_count() > TOTAL_ROWS_MAX and len(self._series) > 1:
            oldest = next(iter(self._series))
            if oldest == keep or self._locks[oldest].locked():
                self._series.move_to_end(oldest)
                if all(self._locks[key].locked() or key == keep for key in self._series):
                    return
                continue
            del self._series[oldest]
            del self._locks[oldest]


def _check_range(start_ms: int | None, end_ms: int | None, limit: int) -> None:
    problems = []
    for name, value in (("start_ms", start_ms), ("end_ms", end_ms)):
        if value is not None and not EARLIEST_MS <= value <= LATEST_MS:
            bounds = {"value": str(value), "minimum": str(EARLIEST_MS), "maximum": str(LATEST_MS)}
            problems.append(Problem("candles.time", name, bounds))
    if start_ms is not None and end_ms is not None and start_ms >= end_ms:
        problems.append(Problem("candles.range", "start_ms", {"value": str(start_ms), "maximum": str(end_ms - 1)}))
    if not 1 <= limit <= ROWS_MAX:
        problems.append(
            Problem("candles.limit", "limit", {"value": str(limit), "minimum": "1", "maximum": str(ROWS_MAX)})
        )
    if problems:
        raise InvalidInput(problems)
