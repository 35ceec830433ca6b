"""Downloads: what is missing is asked for, once, and stays whatever happens."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from tradewright.core.errors import ExchangeUnavailable, ReadRefused
from tradewright.core.instrument import InstrumentId
from tradewright.exchange.ports import Candle
from tradewright.market.history import downloading
from tradewright.market.history.downloading import PAGE_BARS, TRIES, Downloaded, Progress, download
from tradewright.market.history.faults import BadCandles
from tradewright.market.history.series import Series
from tradewright.market.history.store import DataStore
from unit.market.fake_market import BTC, FakeMarket, candle

MINUTE = 60_000
DAY = 1_440 * MINUTE
MONTH_MS = 1_698_796_800_000  # 2023-11-01
SERIES = Series(category="linear", symbol="BTCUSDT", timeframe="1m")


class SleptClock:
    """Nobody waits; `slept` says for how long they would have."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def now(self) -> datetime:
        return datetime(2026, 11, 26, tzinfo=UTC)

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


class History(FakeMarket):
    """`count` minutes from the first of a month; `pages` are the spans of minutes that were asked for."""

    def __init__(self, count: int, *, missing: Sequence[int] = (), now_minute: int | None = None) -> None:
        super().__init__()
        self.history = {MONTH_MS + n * MINUTE: candle(MONTH_MS + n * MINUTE, str(100 + n)) for n in range(count)}
        for n in missing:
            del self.history[MONTH_MS + n * MINUTE]
        self.now_ms = MONTH_MS + (count if now_minute is None else now_minute) * MINUTE
        self.failures: list[ExchangeUnavailable] = []
        self.pages: list[tuple[int, int]] = []

    async def candles(
        self, instrument: InstrumentId, interval: str, *, start_ms: int | None, end_ms: int | None, limit: int
    ) -> Sequence[Candle]:
        assert instrument == BTC
        assert start_ms is not None
        assert end_ms is not None
        if interval == "M":
            return [candle(MONTH_MS)] if end_ms >= MONTH_MS else []
        if self.failures:
            raise self.failures.pop()
        self.pages.append(((start_ms - MONTH_MS) // MINUTE, (end_ms - MONTH_MS) // MINUTE))
        assert (end_ms - start_ms) // MINUTE < limit == PAGE_BARS
        self._maybe_fail()
        await asyncio.sleep(0)
        return [
            msgspec.structs.replace(self.history[at], confirmed=at + MINUTE <= self.now_ms)
            for at in range(start_ms, min(end_ms, self.now_ms) + 1, MINUTE)
            if at in self.history
        ]


class Desk:
    def __init__(self, tmp_path: Path) -> None:
        self.clock = SleptClock()
        self.store = DataStore(tmp_path / "data", self.clock)
        self.told: list[Progress] = []

    async def download(self, market: FakeMarket, first: int, end: int) -> Downloaded:
        return await download(
            market,
            self.store,
            SERIES,
            from_ms=MONTH_MS + first * MINUTE,
            to_ms=MONTH_MS + end * MINUTE,
            source="a test",
            clock=self.clock,
            tell=self.told.append,
        )

    def minutes(self) -> list[int]:
        found = self.store.read(SERIES)
        return [] if found is None else [(int(time) - MONTH_MS) // MINUTE for time in found.open_time_ms]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


async def test_a_span_comes_in_whole_in_pages_that_touch(desk: Desk) -> None:
    market = History(5_000)
    done = await desk.download(market, 500, 4_200)
    assert sorted(market.pages) == [(500, 1_499), (1_500, 2_499), (2_500, 3_499), (3_500, 4_199)]
    assert desk.minutes() == list(range(500, 4_200))
    assert (done.added, done.was_there, done.absent) == (3_700, 0, 0)
    assert desk.told[-1] == Progress(pages=4, pages_in_all=4, bars=3_700)
    found = desk.store.read(SERIES)
    assert found is not None
    assert found.close[0] == 600


async def test_the_candle_that_is_still_open_is_not_taken(desk: Desk) -> None:
    market = History(100, now_minute=50)
    done = await desk.download(market, 0, 1_000_000)
    assert desk.minutes() == list(range(50))
    assert done.absent == 0


async def test_what_is_there_is_not_asked_for_again(desk: Desk) -> None:
    market = History(5_000, missing=[2_000, 2_001])
    await desk.download(market, 1_000, 3_000)
    market.pages.clear()
    done = await desk.download(market, 0, 4_000)
    # Before, the hole inside, and behind; the hole is asked for again because it might have been late.
    assert sorted(market.pages) == [(0, 999), (2_000, 2_001), (3_000, 3_999)]
    assert (done.added, done.was_there, done.absent) == (2_000, 1_998, 2)
    assert done.manifest is not None
    assert done.manifest.missing_bars == 2


async def test_years_before_the_listing_are_not_asked_for(desk: Desk) -> None:
    market = History(1_500)
    await desk.download(market, -500 * 1_440, 1_500)
    assert sorted(market.pages) == [(0, 999), (1_000, 1_499)]


async def test_a_span_of_which_the_exchange_has_nothing_stores_nothing(desk: Desk) -> None:
    done = await desk.download(History(100), -5_000, -2_000)
    assert (done.added, done.manifest) == (0, None)
    assert desk.store.all() == []


async def test_a_short_outage_is_waited_for(desk: Desk) -> None:
    market = History(1_000)
    market.failures = [ExchangeUnavailable("away")] * (TRIES - 1)
    await desk.download(market, 0, 1_000)
    assert desk.minutes() == list(range(1_000))
    assert desk.clock.slept == [1.0, 2.0, 4.0]


async def test_a_question_that_is_turned_down_is_not_asked_again(desk: Desk) -> None:
    market = History(1_000)
    market.failures = [ReadRefused("no such symbol")] * 2
    with pytest.raises(ReadRefused):
        await desk.download(market, 0, 1_000)
    assert desk.clock.slept == []


async def test_what_came_before_a_failure_stays_and_the_next_run_goes_on(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloading, "KEEP_PAGES", 4)
    bars = 12 * PAGE_BARS
    market = History(bars)
    market.fail_after = 8
    with pytest.raises(ExchangeUnavailable):
        await desk.download(market, 0, bars)
    kept = desk.minutes()
    assert len(kept) >= 4 * PAGE_BARS
    assert kept == list(range(len(kept)))
    market.fail_after = None
    market.pages.clear()
    await desk.download(market, 0, bars)
    assert min(market.pages)[0] == len(kept)
    assert desk.minutes() == list(range(bars))


async def test_what_came_before_a_cancel_stays(desk: Desk) -> None:
    market = History(20_000)
    going = asyncio.ensure_future(desk.download(market, 0, 20_000))
    while len(market.pages) < 8 and not going.done():
        await asyncio.sleep(0)
    going.cancel()
    with pytest.raises(asyncio.CancelledError):
        await going
    assert len(desk.minutes()) >= 4_000
    await desk.download(market, 0, 20_000)
    assert desk.minutes() == list(range(20_000))


async def test_longer_bars_are_asked_for_by_the_exchanges_name(desk: Desk) -> None:
    class Weeks(History):
        async def candles(
            self, instrument: InstrumentId, interval: str, *, start_ms: int | None, end_ms: int | None, limit: int
        ) -> Sequence[Candle]:
            assert interval in ("W", "M")
            if interval == "M":
                return await super().candles(instrument, interval, start_ms=start_ms, end_ms=end_ms, limit=limit)
            assert (start_ms, end_ms) == (MONTH_MS + 5 * DAY, MONTH_MS + 12 * DAY)  # Mondays
            return [candle(MONTH_MS + 5 * DAY), candle(MONTH_MS + 12 * DAY)]

    series = Series(category="linear", symbol="BTCUSDT", timeframe="1w")
    market = Weeks(1, now_minute=30 * 1_440)
    done = await download(
        market,
        desk.store,
        series,
        from_ms=MONTH_MS,
        to_ms=MONTH_MS + 19 * DAY,
        source="a test",
        clock=desk.clock,
        tell=desk.told.append,
    )
    assert done.added == 2


@pytest.mark.parametrize(("first", "end"), [(10, 10), (10, 5), (0, 30_000_000)])
async def test_a_span_that_is_none_or_too_long_is_refused(first: int, end: int, desk: Desk) -> None:
    with pytest.raises(ValueError, match=r"the span is"):
        await desk.download(History(100), first, end)


async def test_an_exchange_that_gives_prices_that_cannot_be_is_not_believed(desk: Desk) -> None:
    market = History(10)
    market.history[MONTH_MS] = candle(MONTH_MS, "0")
    with pytest.raises(BadCandles) as caught:
        await desk.download(market, 0, 10)
    assert caught.value.code == "bad_candle"
    assert desk.store.all() == []
