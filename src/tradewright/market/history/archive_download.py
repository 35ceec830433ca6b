"""Candles of Bybit's public archive of trades into the store: a day's file at a time, made into bars and kept.

Lives here: which days to fetch, what of them is taken, and what is told. Not here: the wire (`exchange.bybit.archive`),
making bars (`trade_bars`), merging (`store`).

Going on is the same as beginning: days whose bars are all there are not fetched. Bars that are there are never changed.
A day without a file is told and skipped; a file that is not what it should be is fetched once more, and then ends the
download with its place, since the days after it would lie beyond a hole that nobody asked for.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final, Protocol

from tradewright.core.clock import Clock, from_milliseconds, milliseconds
from tradewright.core.errors import ExchangeUnavailable, ReadRefused
from tradewright.market.history.archive_names import path_of
from tradewright.market.history.downloading import FIRST_WAIT_S, TRIES, Downloaded, Progress, opens_within
from tradewright.market.history.faults import TIMES_TOLD_MAX, BadCandles
from tradewright.market.history.rows import BARS_MAX, COLUMNS, Rows
from tradewright.market.history.series import Series
from tradewright.market.history.source import opened, whole_lines
from tradewright.market.history.store import DataStore
from tradewright.market.history.trade_bars import FileBars, Span, bars_of, rows_of_bars, whole
from tradewright.market.history.trade_files import trades_of
from tradewright.strategy.timeframe import DAY_MS, length_ms, open_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

KEEP_DAYS: Final = 7  # so often it is written down: at most so many files are fetched again after a crash
_QUIET_TOLD_MS: Final = 3_600_000  # a longer stretch without a trade is told: a file may lack a part of its day


class TradeArchive(Protocol):
    """What a download needs of the archive; implemented by `exchange.bybit.archive`."""

    @property
    def address(self) -> str: ...

    async def fetch(self, path: str, into: BinaryIO) -> bool:
        """The whole file; False: the archive has none. Raises `ReadRefused`, `ExchangeUnavailable`."""
        ...


async def download_archive(
    archive: TradeArchive,
    store: DataStore,
    series: Series,
    *,
    from_ms: int,
    to_ms: int,
    clock: Clock,
    tell: Callable[[Progress], None],
) -> Downloaded:
    """Brings the store's bars with from ≤ open time < to up to what the archive has of days that are over.

    Whatever ends it, whole days that were read stay. Raises as `downloading.download` does, and `BadCandles`
    (`bad_file`) with the place for a file that is not what it should be.
    """
    length = length_ms(series.timeframe)
    if not 0 <= from_ms < to_ms:
        raise ValueError(f"the span is from {from_ms} to {to_ms}; its end must be after its begin")
    if (to_ms - from_ms) // length > BARS_MAX:
        raise ValueError(f"the span is {(to_ms - from_ms) // length} bars; at most {BARS_MAX} are kept of a series")
    long = series.timeframe if length > DAY_MS else "1d"  # whole days, and of a week's bar all seven
    over_ms = open_of(milliseconds(clock.now()), long)
    first_ms, end_ms = open_of(from_ms + length - 1, series.timeframe), min(to_ms, over_ms)
    wanted = Span(first_ms=first_ms, end_ms=max(first_ms, open_of(end_ms + length - 1, series.timeframe)))
    known = await asyncio.to_thread(store.read, series)
    had = opens_within(known, wanted.first_ms, wanted.end_ms)
    run = _Run(archive, store, series, wanted, known, clock)
    step = max(DAY_MS, length)
    begins = [at for at in range(open_of(first_ms, long), wanted.end_ms, step) if run.lacks(at, step, had)]
    try:
        for done, begin_ms in enumerate(begins, 1):
            await run.take(begin_ms, step)
            if done % KEEP_DAYS == 0:
                await run.keep()
            tell(Progress(pages=done, pages_in_all=len(begins), bars=run.bars))
    finally:
        await run.keep()
    if not begins and to_ms > over_ms:
        run.notes.append(f"the archive has days that are over: up to {_day(over_ms)}, 00:00")
    manifest = dict(await asyncio.to_thread(store.all)).get(series)
    absent = (wanted.end_ms - wanted.first_ms) // length - len(had) - run.added
    return Downloaded(
        added=run.added,
        was_there=len(had),
        absent=absent,
        manifest=manifest,
        notes=run.told(),
        days_without_file=tuple(run.missing),
    )


@dataclass(frozen=True, slots=True)
class _Close:
    """The close of the bar that ends at `end_ms`."""

    end_ms: int
    price: float


class _Run:
    """One download: what was read and waits to be written, and what is to be told at the end."""

    def __init__(
        self, archive: TradeArchive, store: DataStore, series: Series, wanted: Span, known: Rows | None, clock: Clock
    ) -> None:
        self.notes: list[str] = []
        self.missing: list[int] = []
        self.added = 0
        self._archive = archive
        self._store = store
        self._series = series
        self._wanted = wanted
        self._known = known
        self._clock = clock
        self._length = length_ms(series.timeframe)
        self._waiting: list[Rows] = []
        self._close: _Close | None = None
        self._contradicted = 0
        self._flat = 0

    @property
    def bars(self) -> int:
        """Read so far; some of them may have been there."""
        return self.added + sum(map(len, self._waiting))

    def lacks(self, begin_ms: int, step_ms: int, had: NDArray[np.int64]) -> bool:
        """Whether a wanted bar of [begin, begin + step) is not there."""
        first_ms, end_ms = max(begin_ms, self._wanted.first_ms), min(begin_ms + step_ms, self._wanted.end_ms)
        there = int(((had >= first_ms) & (had < end_ms)).sum())
        return there < (end_ms - first_ms) // self._length

    async def take(self, begin_ms: int, step_ms: int) -> None:
        """The bars of [begin, begin + step): of one day, or of the seven of a week, which must all be there."""
        files: list[FileBars] = []
        for day_ms in range(begin_ms, begin_ms + step_ms, DAY_MS):
            file = await self._file(day_ms)
            if file is None:
                self.missing.append(day_ms)
            else:
                files.append(file)
        if len(files) * DAY_MS < step_ms:
            return
        span = Span(first_ms=begin_ms, end_ms=begin_ms + step_ms)
        made = whole(rows_of_bars(files), self._length, span, self._close_before(begin_ms))
        self._close = _Close(span.end_ms, float(made.rows.close[-1]))
        self._flat += made.flat
        if made.flat_run * self._length > _QUIET_TOLD_MS:
            begin = from_milliseconds(made.flat_from_ms).strftime("%Y-%m-%d %H:%M")
            self.notes.append(f"nothing was traded for {made.flat_run} bars from {begin}: they are flat")
        for day_ms, file in zip(range(begin_ms, span.end_ms, DAY_MS), files, strict=True):
            if file.outside:
                self.notes.append(
                    f"{file.outside} trades in the file of {_day(day_ms)} are of other days, and left out"
                )
        opens = made.rows.open_time_ms
        self._waiting.append(made.rows.take((opens >= self._wanted.first_ms) & (opens < self._wanted.end_ms)))

    async def keep(self) -> None:
        """Not broken off half-way when the whole is: writing takes a moment, fetching it again takes minutes."""
        waiting, self._waiting = [rows for rows in self._waiting if len(rows)], []
        if not waiting:
            return
        kept = await asyncio.shield(
            asyncio.to_thread(
                self._store.add, self._series, _joined(waiting), source=self._archive.address, on_conflict="keep"
            )
        )
        self.added += kept.added
        self._contradicted += kept.conflicts

    def told(self) -> tuple[str, ...]:
        """Everything a person should know, the gravest first."""
        notes = []
        if self.missing:
            days = ", ".join(map(_day, self.missing[:TIMES_TOLD_MAX]))
            more = " …" if len(self.missing) > TIMES_TOLD_MAX else ""
            notes.append(f"{len(self.missing)} days have no file with trades in the archive: {days}{more}")
        if self._contradicted:
            notes.append(f"{self._contradicted} bars that were there differ from the archive's trades; they were kept")
        if self._flat:
            notes.append(f"{self._flat} bars without a trade are flat at the last close")
        more_notes = len(self.notes) - TIMES_TOLD_MAX
        rest = [f"and {more_notes} more of such days"] if more_notes > 0 else []
        return (*notes, *self.notes[:TIMES_TOLD_MAX], *rest)

    def _close_before(self, begin_ms: int) -> float | None:
        if self._close is not None and self._close.end_ms == begin_ms:
            return self._close.price
        if self._known is None:
            return None
        close = self._known.close[self._known.open_time_ms == begin_ms - self._length]
        return float(close[0]) if len(close) else None

    async def _file(self, day_ms: int) -> FileBars | None:
        """The bars of one day's file; None where there is none, or no trade in it."""
        path = path_of(self._series.category, self._series.symbol, day_ms)
        try:
            return await self._fetched(path, day_ms)
        except BadCandles:
            # It may have been spoilt on its way; what is wrong with the archive's own file is told the second time.
            return await self._fetched(path, day_ms)

    async def _fetched(self, path: str, day_ms: int) -> FileBars | None:
        self._store.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        # On the disk that has the room, and without a name: whatever ends us, nothing of it stays.
        with tempfile.TemporaryFile(dir=self._store.root) as file:
            if not await self._fetch_patiently(path, file):
                return None
            return await asyncio.to_thread(self._bars, file, path, day_ms)

    async def _fetch_patiently(self, path: str, file: BinaryIO) -> bool:
        wait_s = FIRST_WAIT_S
        for _ in range(TRIES - 1):
            try:
                return await self._archive.fetch(path, _emptied(file))
            except ReadRefused:
                raise  # asking again brings the same
            except ExchangeUnavailable:
                await self._clock.sleep(wait_s)
                wait_s *= 2
        return await self._archive.fetch(path, _emptied(file))

    def _bars(self, file: BinaryIO, path: str, day_ms: int) -> FileBars | None:
        file.seek(0)
        name = f"{self._archive.address}/{path}"
        with opened(file, name=name) as stream:
            frames = trades_of(
                whole_lines(stream, name), category=self._series.category, symbol=self._series.symbol, name=name
            )
            return bars_of(frames, self._series.timeframe, Span(first_ms=day_ms, end_ms=day_ms + DAY_MS), name)


def _emptied(file: BinaryIO) -> BinaryIO:
    file.seek(0)
    file.truncate()
    return file


def _day(ms: int) -> str:
    return from_milliseconds(ms).strftime("%Y-%m-%d")


def _joined(parts: list[Rows]) -> Rows:
    import numpy as np

    return Rows(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in COLUMNS})
