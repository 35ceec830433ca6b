"""Candles of an exchange into the store: what is missing of a span, page by page, kept as it comes.

Lives here: which pages to ask for, and taking them in. Not here: the exchange's wire (`exchange.bybit`), which also
keeps to its limits of calls; merging (`store`).

Going on is the same as beginning: what the store has is not asked for again. Bars that the exchange does not have are
asked for each time, since they may have been late. Only closed bars are taken.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tradewright.core.clock import Clock
from tradewright.core.errors import ExchangeUnavailable, ReadRefused
from tradewright.core.instrument import InstrumentId
from tradewright.exchange.ports import Candle, MarketGateway
from tradewright.market.history.judging import gaps_in
from tradewright.market.history.manifest import Manifest
from tradewright.market.history.rows import BARS_MAX, PRICES, Rows
from tradewright.market.history.series import Series
from tradewright.market.history.store import DataStore
from tradewright.market.intervals import open_at
from tradewright.strategy.timeframe import Timeframe, length_ms, open_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PAGE_BARS: Final = 1_000
PAGES_AT_ONCE: Final = 4
KEEP_PAGES: Final = 48  # so often it is written down: at most so much is asked for again after a crash
TRIES: Final = 4  # of one page
FIRST_WAIT_S: Final = 1.0  # doubled after each failed try
INTERVALS: Final[Mapping[Timeframe, str]] = {
    "1m": "1",
    "3m": "3",
    "5m": "5",
    "15m": "15",
    "30m": "30",
    "1h": "60",
    "2h": "120",
    "4h": "240",
    "6h": "360",
    "12h": "720",
    "1d": "D",
    "1w": "W",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """`pages` of `pages_in_all` were read, which gave `bars`; a page of an archive is a day's file."""

    pages: int
    pages_in_all: int
    bars: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Downloaded:
    """`added` bars came in; `was_there` of the span were there before. `absent`: the exchange has none of these.
    `manifest` is None where nothing is stored: the exchange has nothing of the span. `notes`: what else a person should
    know. `days_without_file`: their begins (Unix ms), of an archive."""

    added: int
    was_there: int
    absent: int
    manifest: Manifest | None
    notes: tuple[str, ...] = ()
    days_without_file: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class _Page:
    """Opens from `first_ms` to `last_ms`, both included; at most a page's bars."""

    first_ms: int
    last_ms: int


async def download(
    market: MarketGateway,
    store: DataStore,
    series: Series,
    *,
    from_ms: int,
    to_ms: int,
    source: str,
    clock: Clock,
    tell: Callable[[Progress], None],
) -> Downloaded:
    """Brings the store's bars with from ≤ open time < to up to what the exchange has, in order of time.

    Whatever ends it, what was read stays. Raises `ValueError` for a span that is empty or too long, `ReadRefused` where
    the exchange turned the question down (no such symbol), `ExchangeUnavailable` when it does not answer for long,
    `BadCandles` where it contradicts itself or the store is damaged, `StoreBusy`, `OSError`.
    """
    length = length_ms(series.timeframe)
    first_ms = open_of(from_ms + length - 1, series.timeframe)
    if not 0 <= from_ms < to_ms:
        raise ValueError(f"the span is from {from_ms} to {to_ms}; its end must be after its begin")
    if (to_ms - from_ms) // length > BARS_MAX:
        raise ValueError(f"the span is {(to_ms - from_ms) // length} bars; at most {BARS_MAX} are kept of a series")
    instrument = InstrumentId(series.category, series.symbol)
    end_ms = min(to_ms, open_of(await market.market_now_ms(), series.timeframe))
    known = await asyncio.to_thread(store.read, series)
    had = opens_within(known, first_ms, end_ms)
    listed_ms = await _listed_from(market, instrument, first_ms, end_ms, had, clock)
    pages = _missing_pages(had, listed_ms, end_ms, series.timeframe)
    taken = _Taken(store, series, source)
    done = 0
    try:
        for at in range(0, len(pages), PAGES_AT_ONCE):
            batch = pages[at : at + PAGES_AT_ONCE]
            for rows in await _read_pages(market, instrument, series.timeframe, batch, clock):
                taken.waiting += rows
            done += len(batch)
            if done // KEEP_PAGES != (done - len(batch)) // KEEP_PAGES:
                await taken.keep()
            tell(Progress(pages=done, pages_in_all=len(pages), bars=taken.added + len(taken.waiting)))
    finally:
        await taken.keep()
    asked = sum((page.last_ms - page.first_ms) // length + 1 for page in pages)
    manifest = dict(await asyncio.to_thread(store.all)).get(series)
    return Downloaded(added=taken.added, was_there=len(had), absent=asked - taken.added, manifest=manifest)


class _Taken:
    """Bars that were read, and those of them that wait to be written down."""

    def __init__(self, store: DataStore, series: Series, source: str) -> None:
        self.waiting: list[Candle] = []
        self.added = 0
        self._store = store
        self._series = series
        self._source = source

    async def keep(self) -> None:
        """Not broken off half-way when the whole is: writing takes a moment, reading it again takes minutes."""
        if self.waiting:
            rows = rows_of_candles(self.waiting)
            self.waiting = []
            kept = await asyncio.shield(asyncio.to_thread(self._store.add, self._series, rows, source=self._source))
            self.added += kept.added


def rows_of_candles(candles: Sequence[Candle]) -> Rows:
    """As columns, in the order given; each price the double nearest to its decimal."""
    import numpy as np

    columns = {
        name: np.array([getattr(candle, name) for candle in candles], dtype=np.float64)
        for name in (*PRICES, "volume", "turnover")
    }
    return Rows(open_time_ms=np.array([candle.open_time_ms for candle in candles], dtype=np.int64), **columns)


def opens_within(known: Rows | None, first_ms: int, end_ms: int) -> NDArray[np.int64]:
    """The open times that are there of a span."""
    import numpy as np

    if known is None:
        return np.empty(0, dtype=np.int64)
    opens = known.open_time_ms
    inside: NDArray[np.int64] = opens[(opens >= first_ms) & (opens < end_ms)]
    return inside


async def _listed_from(
    market: MarketGateway, instrument: InstrumentId, first_ms: int, end_ms: int, had: NDArray[np.int64], clock: Clock
) -> int:
    """Where the exchange's candles begin, to the month, so that years before are not asked for page by page."""
    if end_ms <= first_ms or (len(had) and had[0] == first_ms):
        return first_ms
    page = _Page(open_at(first_ms, "M"), end_ms - 1)
    months = await _read_page(market, instrument, "M", page, clock)
    return max(first_ms, months[0].open_time_ms) if months else end_ms


def _missing_pages(had: NDArray[np.int64], first_ms: int, end_ms: int, timeframe: Timeframe) -> list[_Page]:
    """What is not there of [first, end), in pages."""
    length = length_ms(timeframe)
    first_ms = open_of(first_ms + length - 1, timeframe)
    holes: list[tuple[int, int]] = []
    if not len(had):
        holes = [(first_ms, end_ms)]
    else:
        firsts, missing = gaps_in(had, length)
        holes = [(first_ms, int(had[0]))]
        holes += [(int(first), int(first + bars * length)) for first, bars in zip(firsts, missing, strict=True)]
        holes.append((int(had[-1]) + length, end_ms))
    span = PAGE_BARS * length
    return [_Page(begin, min(begin + span, end) - length) for start, end in holes for begin in range(start, end, span)]


async def _read_pages(
    market: MarketGateway, instrument: InstrumentId, timeframe: Timeframe, pages: Sequence[_Page], clock: Clock
) -> list[list[Candle]]:
    """Some pages at once, told in their order; only their own closed bars."""
    reads = [asyncio.ensure_future(_read_page(market, instrument, INTERVALS[timeframe], page, clock)) for page in pages]
    try:
        answers = await asyncio.gather(*reads)
    finally:
        for read in reads:
            read.cancel()
        await asyncio.gather(*reads, return_exceptions=True)
    return [
        [candle for candle in answer if candle.confirmed and page.first_ms <= candle.open_time_ms <= page.last_ms]
        for page, answer in zip(pages, answers, strict=True)
    ]


async def _read_page(
    market: MarketGateway, instrument: InstrumentId, interval: str, page: _Page, clock: Clock
) -> Sequence[Candle]:
    wait_s = FIRST_WAIT_S
    for _ in range(TRIES - 1):
        try:
            return await market.candles(
                instrument, interval, start_ms=page.first_ms, end_ms=page.last_ms, limit=PAGE_BARS
            )
        except ReadRefused:
            raise  # asking again brings the same
        except ExchangeUnavailable:
            await clock.sleep(wait_s)
            wait_s *= 2
    return await market.candles(instrument, interval, start_ms=page.first_ms, end_ms=page.last_ms, limit=PAGE_BARS)
