"""The archive's days into the store, from a real server over HTTP: days that are missing, cut, wrong, or late."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web

from tradewright.core.errors import ExchangeUnavailable, ReadRefused
from tradewright.exchange.bybit.archive import BybitArchive
from tradewright.market.history.archive_download import KEEP_DAYS, download_archive
from tradewright.market.history.archive_names import path_of
from tradewright.market.history.downloading import TRIES, Downloaded, Progress
from tradewright.market.history.faults import BadCandles
from tradewright.market.history.rows import Rows
from tradewright.market.history.series import Series
from tradewright.market.history.store import DataStore
from tradewright.strategy.timeframe import Timeframe
from unit.market.history.trade_tapes import (
    DAY,
    DAY_MS,
    Trade,
    by_open,
    candles,
    contracts_file,
    spot_file,
    tape,
    with_flat,
)

MINUTE = 60_000


class Shelf:
    """An archive over HTTP. `files`: what is there; `failures`: what happens before, by path, in this order: a status,
    a number of bytes after which the connection is cut, or other bytes."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.failures: dict[str, list[int | bytes]] = {}
        self.cuts: dict[str, int] = {}
        self.asked: list[str] = []
        self.reached = asyncio.Event()
        self.hold: asyncio.Event | None = None

    def put(self, category: str, day: int, content: bytes) -> str:
        path = path_of("spot" if category == "spot" else "linear", "BTCUSDT", DAY + day * DAY_MS)
        self.files[path] = content
        return path

    async def answer(self, request: web.Request) -> web.StreamResponse:
        path = request.path.removeprefix("/below/")
        self.asked.append(path)
        if self.hold is not None and len(self.asked) > 1:
            self.reached.set()
            await self.hold.wait()
        if self.cuts.get(path):
            self.cuts[path] -= 1
            return await self._cut(request, self.files[path])
        failures = self.failures.get(path)
        failure = failures.pop(0) if failures else None
        if isinstance(failure, int):
            return web.Response(status=failure, headers={"Location": "https://elsewhere.example/"})
        content = self.files.get(path) if failure is None else failure
        return web.Response(status=404) if content is None else web.Response(body=content)

    async def _cut(self, request: web.Request, content: bytes) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(len(content))})
        await response.prepare(request)
        await response.write(content[: len(content) // 2])
        assert request.transport is not None
        request.transport.abort()
        return response


class PatientClock:
    """Nobody waits; `slept` says for how long they would have. It is noon of the day `now_day` after the first one."""

    def __init__(self) -> None:
        self.now_day = 100
        self.slept: list[float] = []

    def now(self) -> datetime:
        return datetime.fromtimestamp((DAY + self.now_day * DAY_MS) / 1000 + 43_200, UTC)

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


class Desk:
    def __init__(self, shelf: Shelf, address: str, root: Path) -> None:
        self.shelf = shelf
        self.clock = PatientClock()
        self.store = DataStore(root, self.clock)
        self.told: list[Progress] = []
        self.tell: Callable[[Progress], None] = self.told.append
        self.address = address

    async def download(
        self, first_ms: int, end_ms: int, *, category: str = "linear", timeframe: Timeframe = "1m"
    ) -> Downloaded:
        archive = BybitArchive(self.address)
        try:
            return await download_archive(
                archive,
                self.store,
                self.series(category, timeframe),
                from_ms=first_ms,
                to_ms=end_ms,
                clock=self.clock,
                tell=self.tell,
            )
        finally:
            await archive.close()

    def series(self, category: str = "linear", timeframe: Timeframe = "1m") -> Series:
        return Series(category="spot" if category == "spot" else "linear", symbol="BTCUSDT", timeframe=timeframe)

    def rows(self, category: str = "linear", timeframe: Timeframe = "1m") -> Rows:
        found = self.store.read(self.series(category, timeframe))
        assert found is not None
        return found

    @contextmanager
    def refused(self, error: type[Exception], told: str) -> Iterator[None]:
        with pytest.raises(error, match=told):
            yield


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    shelf = Shelf()
    server = web.Application()
    server.router.add_get("/{path:.*}", shelf.answer)
    runner = web.AppRunner(server)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    yield Desk(shelf, f"http://{host}:{port}/below", tmp_path / "data")
    await runner.cleanup()


def day_tape(day: int, count: int = 2_000) -> list[Trade]:
    return tape(day, first_ms=DAY + day * DAY_MS, count=count)


def expected(*days: int, end_day: int) -> dict[int, list[float]]:
    trades = [trade for day in days for trade in day_tape(day)]
    return with_flat(candles(trades, MINUTE), MINUTE, DAY + end_day * DAY_MS)


@pytest.mark.parametrize("category", ["linear", "spot"])
async def test_days_become_candles_without_a_gap_between_them(desk: Desk, category: str) -> None:
    write = spot_file if category == "spot" else contracts_file
    paths = [desk.shelf.put(category, day, write(day_tape(day))) for day in range(3)]
    done = await desk.download(DAY, DAY + 3 * DAY_MS, category=category)
    assert desk.shelf.asked == paths
    wanted = expected(0, 1, 2, end_day=3)
    assert by_open(desk.rows(category)) == wanted
    assert (done.added, done.was_there, done.absent) == (len(wanted), 0, 3 * 1_440 - len(wanted))
    assert done.manifest is not None
    assert done.manifest.gaps == 0
    assert desk.told[-1] == Progress(pages=3, pages_in_all=3, bars=len(wanted))


async def test_a_day_without_a_file_is_a_gap_that_is_told_and_no_error(desk: Desk) -> None:
    for day in (0, 2):
        desk.shelf.put("linear", day, contracts_file(day_tape(day)))
    done = await desk.download(DAY, DAY + 3 * DAY_MS)
    assert done.days_without_file == (DAY + DAY_MS,)
    assert "1 days have no file with trades in the archive: 2024-01-02" in done.notes
    assert done.manifest is not None
    assert done.manifest.gaps == 1
    opens = set(by_open(desk.rows()))
    assert not [at for at in opens if DAY + DAY_MS <= at < DAY + 2 * DAY_MS]
    first_trade_ms = day_tape(2)[0].ns // 10**6
    assert min(at for at in opens if at >= DAY + 2 * DAY_MS) == first_trade_ms // MINUTE * MINUTE


async def test_a_file_without_a_trade_is_a_day_without_a_file(desk: Desk) -> None:
    desk.shelf.put("spot", 0, gzip.compress(b"id,timestamp,price,volume,side\n"))
    done = await desk.download(DAY, DAY + DAY_MS, category="spot")
    assert (done.added, done.days_without_file, done.manifest) == (0, (DAY,), None)


async def test_what_is_there_is_not_fetched_again_and_what_came_late_is(desk: Desk) -> None:
    for day in (0, 2):
        desk.shelf.put("linear", day, contracts_file([Trade((DAY + day * DAY_MS) * 10**6, "5", "1"), *day_tape(day)]))
    await desk.download(DAY, DAY + 3 * DAY_MS)
    quiet_until = DAY + DAY_MS + 3 * 60 * MINUTE
    late = desk.shelf.put(
        "linear", 1, contracts_file([trade for trade in day_tape(1) if trade.ns >= quiet_until * 10**6])
    )
    desk.shelf.asked.clear()
    done = await desk.download(DAY, DAY + 3 * DAY_MS)
    assert desk.shelf.asked == [late]
    assert (done.added, done.was_there, done.absent) == (1_440, 2_880, 0)
    bars = by_open(desk.rows())
    close = bars[DAY + DAY_MS - MINUTE][3]
    before_its_first_trade = [bars[at] for at in range(DAY + DAY_MS, quiet_until, MINUTE)]
    assert before_its_first_trade == [[close] * 4 + [0.0, 0.0]] * 180


async def test_an_outage_is_waited_out(desk: Desk) -> None:
    path = desk.shelf.put("linear", 0, contracts_file(day_tape(0)))
    desk.shelf.failures[path] = [503, 429, 500]
    done = await desk.download(DAY, DAY + DAY_MS)
    assert done.added > 1_000
    assert desk.clock.slept == [1.0, 2.0, 4.0]


async def test_an_outage_that_lasts_ends_it_and_the_days_before_stay(desk: Desk) -> None:
    desk.shelf.put("linear", 0, contracts_file(day_tape(0)))
    path = desk.shelf.put("linear", 1, contracts_file(day_tape(1)))
    desk.shelf.failures[path] = [503] * TRIES
    with desk.refused(ExchangeUnavailable, "BTCUSDT2024-01-02.csv.gz answered HTTP 503"):
        await desk.download(DAY, DAY + 2 * DAY_MS)
    assert by_open(desk.rows()) == expected(0, end_day=1)
    await desk.download(DAY, DAY + 2 * DAY_MS)
    assert by_open(desk.rows()) == expected(0, 1, end_day=2)


async def test_a_body_that_is_cut_is_never_taken_for_a_day(desk: Desk) -> None:
    path = desk.shelf.put("linear", 0, contracts_file(day_tape(0)))
    desk.shelf.cuts[path] = 2
    await desk.download(DAY, DAY + DAY_MS)
    assert desk.clock.slept == [1.0, 2.0]
    assert desk.shelf.asked == [path] * 3, "each try begins with nothing"
    assert by_open(desk.rows()) == expected(0, end_day=1)


async def test_a_file_that_is_cut_but_served_whole_is_fetched_once_more(desk: Desk) -> None:
    content = contracts_file(day_tape(0))
    path = desk.shelf.put("linear", 0, content)
    desk.shelf.failures[path] = [content[: len(content) // 2]]
    await desk.download(DAY, DAY + DAY_MS)
    assert by_open(desk.rows()) == expected(0, end_day=1)
    assert desk.shelf.asked == [path, path]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"<html>Please sign in</html>", "2024-01-02.csv.gz is no file of trades of Bybit's archive.*<html>Please"),
        (contracts_file(day_tape(1))[:-20], "2024-01-02.csv.gz is not a whole gzip file"),
        (contracts_file(day_tape(1, count=5), "ETHUSDT"), "2024-01-02.csv.gz, line 2: symbol is 'ETHUSDT'"),
        (contracts_file(day_tape(5)), "2024-01-02.csv.gz has 2000 trades, and none of them is of the span"),
        (spot_file(day_tape(1)), "2024-01-02.csv.gz has trades of spot, and linear was asked for"),
    ],
    ids=["a page", "cut", "another symbol", "another day", "another category"],
)
async def test_a_wrong_file_ends_it_with_its_place_and_the_days_before_stay(
    desk: Desk, content: bytes, told: str
) -> None:
    desk.shelf.put("linear", 0, contracts_file(day_tape(0)))
    desk.shelf.put("linear", 1, content)
    desk.shelf.put("linear", 2, contracts_file(day_tape(2)))
    with desk.refused(BadCandles, told):
        await desk.download(DAY, DAY + 3 * DAY_MS)
    assert by_open(desk.rows()) == expected(0, end_day=1)


@pytest.mark.parametrize(("status", "told"), [(403, "an address or a country"), (302, "elsewhere.example"), (401, "")])
async def test_an_answer_that_will_not_change_is_not_asked_for_again(desk: Desk, status: int, told: str) -> None:
    path = desk.shelf.put("linear", 0, contracts_file(day_tape(0)))
    desk.shelf.failures[path] = [status]
    with desk.refused(ReadRefused, f"answered HTTP {status}.*{told}"):
        await desk.download(DAY, DAY + DAY_MS)
    assert desk.shelf.asked == [path]
    assert desk.store.all() == []


async def test_nobody_there_is_unavailable(desk: Desk) -> None:
    unreachable = Desk(desk.shelf, "http://127.0.0.1:1", desk.store.root)
    with desk.refused(ExchangeUnavailable, "did not come whole"):
        await unreachable.download(DAY, DAY + DAY_MS)


async def test_a_download_that_is_stopped_keeps_the_days_that_were_read(desk: Desk) -> None:
    for day in range(3):
        desk.shelf.put("linear", day, contracts_file(day_tape(day)))
    desk.shelf.hold = asyncio.Event()
    running = asyncio.ensure_future(desk.download(DAY, DAY + 3 * DAY_MS))
    await desk.shelf.reached.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    desk.shelf.hold.set()
    assert by_open(desk.rows()) == expected(0, end_day=1)
    left = {path.name for path in desk.store.root.rglob("*") if path.is_file()}
    assert left == {"1m.json", "1m.parquet", ".1m.lock"}


async def test_bars_that_are_there_are_kept_and_a_contradiction_is_told(desk: Desk) -> None:
    desk.shelf.put("linear", 0, contracts_file(day_tape(0)))
    other = Desk(desk.shelf, desk.address, desk.store.root.with_name("other"))
    await other.download(DAY, DAY + DAY_MS)
    rows = other.rows().take(slice(100, 110))
    rows.volume[:] += 1
    desk.store.add(desk.series(), rows, source="another")
    done = await desk.download(DAY, DAY + DAY_MS)
    assert "10 bars that were there differ from the archive's trades; they were kept" in done.notes
    changed = desk.rows().volume - other.rows().volume
    assert list(changed.nonzero()[0]) == list(range(100, 110))


async def test_only_the_span_is_taken_and_only_days_that_are_over(desk: Desk) -> None:
    desk.clock.now_day = 1
    for day in range(3):
        desk.shelf.put("linear", day, contracts_file([Trade((DAY + day * DAY_MS) * 10**6, "5", "1"), *day_tape(day)]))
    done = await desk.download(DAY + 10 * MINUTE + 1, DAY + 20 * DAY_MS)
    assert len(desk.shelf.asked) == 1
    opens = [int(at) for at in desk.rows().open_time_ms]
    assert opens == list(range(DAY + 11 * MINUTE, DAY + DAY_MS, MINUTE))
    assert done.absent == 0
    nothing = await desk.download(DAY + DAY_MS, DAY + 20 * DAY_MS)
    assert nothing.notes == ("the archive has days that are over: up to 2024-01-02, 00:00",)


async def test_a_weeks_bar_needs_its_seven_days(desk: Desk) -> None:
    for day in range(14):
        if day != 9:
            desk.shelf.put("spot", day, spot_file(day_tape(day)))
    done = await desk.download(DAY, DAY + 14 * DAY_MS, category="spot", timeframe="1w")
    week = candles([trade for day in range(7) for trade in day_tape(day)], 7 * DAY_MS, 4 * DAY_MS)
    assert by_open(desk.rows("spot", "1w")) == week
    assert (done.absent, done.days_without_file) == (1, (DAY + 9 * DAY_MS,))


async def test_a_long_silence_is_told_as_a_file_may_lack_a_part_of_its_day(desk: Desk) -> None:
    early = [trade for trade in day_tape(0) if trade.ns < (DAY + 20 * 3_600_000) * 10**6]
    desk.shelf.put("linear", 0, contracts_file(early))
    done = await desk.download(DAY, DAY + DAY_MS)
    last_minute = (early[-1].ns // 10**6 - DAY) // MINUTE
    run, hour, minute = 1_440 - last_minute - 1, *divmod(last_minute + 1, 60)
    assert f"nothing was traded for {run} bars from 2024-01-01 {hour:02}:{minute:02}: they are flat" in done.notes


async def test_it_is_written_down_every_few_days(desk: Desk) -> None:
    for day in range(KEEP_DAYS + 1):
        desk.shelf.put("linear", day, contracts_file([Trade((DAY + day * DAY_MS) * 10**6, "5", "1")]))
    seen: list[int] = []
    desk.tell = lambda _: seen.append(len(desk.rows()) if desk.store.all() else 0)
    await desk.download(DAY, DAY + (KEEP_DAYS + 1) * DAY_MS)
    assert seen == [0] * (KEEP_DAYS - 1) + [KEEP_DAYS * 1_440] * 2
    assert len(desk.rows()) == (KEEP_DAYS + 1) * 1_440


@pytest.mark.parametrize(("first", "end"), [(5, 5), (6, 5), (-1, 5)])
async def test_a_span_that_is_none_is_refused(desk: Desk, first: int, end: int) -> None:
    with desk.refused(ValueError, "its end must be after its begin"):
        await desk.download(first, end)
