"""Candles: fetched once, whole, with what is missing said, and never older than the stream."""

from __future__ import annotations

import random

import pytest
import structlog

from tradewright.core.errors import ExchangeUnavailable, InvalidInput
from tradewright.core.instrument import InstrumentId
from tradewright.exchange.ports import CandleUpdate, StreamDown
from tradewright.market import candles as candles_module
from tradewright.market.candle_series import Gap
from tradewright.market.candles import CandleCache
from tradewright.market.market_clock import MarketClock
from unit.exchange.fakes import FakeClock
from unit.market.fake_market import BTC, MINUTE_MS, START_MS, FakeMarket, candle


def made(market: FakeMarket) -> tuple[CandleCache, FakeClock]:
    clock = FakeClock()
    return CandleCache(market, MarketClock(market, clock=clock), clock=clock, log=structlog.get_logger()), clock


def opens(count: int) -> list[int]:
    return [START_MS - n * MINUTE_MS for n in range(count - 1, -1, -1)]


async def test_the_newest_rows_come_with_the_live_one_last() -> None:
    market = FakeMarket()
    market.fill(50)
    cache, _ = made(market)
    answer = await cache.get(BTC, "1", limit=10)
    assert [row.open_time_ms for row in answer.rows] == opens(10)
    assert [row.confirmed for row in answer.rows] == [True] * 9 + [False]
    assert answer.gaps == []
    assert answer.market_now_ms == START_MS


async def test_closed_candles_are_not_fetched_again() -> None:
    market = FakeMarket()
    market.fill(2_500)
    cache, clock = made(market)
    first = await cache.get(BTC, "1", limit=2_500)
    assert [row.open_time_ms for row in first.rows] == opens(2_500)
    assert len(market.reads) == 3, "pages of 1,000"
    market.reads.clear()
    await clock.advance(1)
    second = await cache.get(BTC, "1", limit=2_500)
    assert second.rows == first.rows
    assert [(end or 0) - (start or 0) < 3 * MINUTE_MS for start, end in market.reads] == [True], "the newest rows only"
    market.reads.clear()
    old = await cache.get(BTC, "1", start_ms=START_MS - 2_000 * MINUTE_MS, end_ms=START_MS - 1_000 * MINUTE_MS)
    assert len(old.rows) == 1_000
    assert market.reads == []


async def test_older_rows_are_added_in_front() -> None:
    market = FakeMarket()
    market.fill(3_000)
    cache, _ = made(market)
    await cache.get(BTC, "1", limit=100)
    answer = await cache.get(BTC, "1", limit=3_000)
    assert [row.open_time_ms for row in answer.rows] == opens(3_000)


async def test_missing_candles_are_gaps_but_what_was_before_the_market_is_not() -> None:
    market = FakeMarket()
    market.fill(100, missing=(40, 41, 42, 60))
    cache, _ = made(market)
    answer = await cache.get(BTC, "1", limit=500)
    everything = opens(100)
    assert answer.gaps == [Gap(everything[40], everything[43]), Gap(everything[60], everything[61])]
    assert len(answer.rows) == 96


async def test_a_gap_that_an_edge_of_the_asked_range_cuts_is_told_from_edge_to_edge() -> None:
    market = FakeMarket()
    market.fill(100, missing=range(40, 60))
    everything = opens(100)
    for first, last in ((45, 80), (20, 50), (45, 50), (20, 60), (40, 80)):
        for warm in (False, True):
            cache, _ = made(market)
            if warm:
                await cache.get(BTC, "1", limit=10)
            answer = await cache.get(BTC, "1", start_ms=everything[first], end_ms=everything[last], limit=500)
            assert len(answer.rows) == len([n for n in range(first, last) if not 40 <= n < 60])
            assert answer.gaps == [Gap(everything[max(first, 40)], everything[min(last, 60)])], (first, last, warm)


async def test_before_its_first_candle_a_market_has_no_gap_and_is_asked_for_older_ones_once() -> None:
    market = FakeMarket()
    market.fill(100)
    cache, clock = made(market)
    everything = opens(100)
    for first in (-300, -50, -300, -10):
        start = START_MS - (99 - first) * MINUTE_MS
        await clock.advance(1)
        answer = await cache.get(BTC, "1", start_ms=start, end_ms=everything[20], limit=500)
        assert [row.open_time_ms for row in answer.rows] == everything[:20]
        assert answer.gaps == []
    before = await cache.get(BTC, "1", start_ms=START_MS - 300 * MINUTE_MS, end_ms=START_MS - 200 * MINUTE_MS)
    assert (before.rows, before.gaps) == ([], [])
    assert len([start for start, _ in market.reads if start is None]) == 1


async def test_a_candle_that_comes_late_is_a_gap_only_while_it_is_missing() -> None:
    market = FakeMarket()
    market.fill(10)
    late = market.history.pop(START_MS - MINUTE_MS)
    cache, clock = made(market)
    assert (await cache.get(BTC, "1", limit=10)).rows[-2].open_time_ms == START_MS - 2 * MINUTE_MS
    market.history[late.open_time_ms] = late
    await clock.advance(1)
    answer = await cache.get(BTC, "1", limit=10)
    assert [row.open_time_ms for row in answer.rows] == opens(10)
    assert answer.gaps == []


async def test_an_exchange_that_was_away_leaves_a_gap_up_to_now() -> None:
    market = FakeMarket()
    market.fill(20)
    cache, clock = made(market)
    await cache.get(BTC, "1", limit=20)
    market.now_ms = START_MS + 30 * MINUTE_MS
    await clock.advance(1)
    answer = await cache.get(BTC, "1", limit=40)
    assert answer.rows[-1].open_time_ms == START_MS
    assert answer.gaps[0].from_ms == START_MS + MINUTE_MS
    assert START_MS + 28 * MINUTE_MS <= answer.gaps[-1].to_ms <= START_MS + 30 * MINUTE_MS


async def test_live_candles_of_the_stream_are_served_without_rest() -> None:
    market = FakeMarket()
    market.fill(20)
    cache, clock = made(market)
    await cache.get(BTC, "1", limit=20)
    market.reads.clear()
    cache.merge_live(CandleUpdate(BTC, "1", candle(START_MS - MINUTE_MS, "118")))
    cache.merge_live(CandleUpdate(BTC, "1", candle(START_MS, "777")))
    cache.merge_live(CandleUpdate(BTC, "1", candle(START_MS + MINUTE_MS, "778", confirmed=False)))
    market.now_ms = START_MS + MINUTE_MS + 5
    await clock.advance(1)
    answer = await cache.get(BTC, "1", limit=20)
    assert [int(row.close) for row in answer.rows[-2:]] == [777, 778]
    assert answer.age_ms == 1_000
    assert market.reads == []


async def test_the_unfinished_candle_is_not_trusted_for_long_without_the_stream() -> None:
    market = FakeMarket()
    market.fill(20)
    cache, clock = made(market)
    await cache.get(BTC, "1", limit=2)
    market.history[START_MS] = candle(START_MS, "321")
    await clock.advance(1)
    assert (await cache.get(BTC, "1", limit=2)).rows[-1].close == 321
    cache.merge_live(CandleUpdate(BTC, "1", candle(START_MS, "322", confirmed=False)))
    await clock.advance(1)
    assert (await cache.get(BTC, "1", limit=2)).rows[-1].close == 322
    market.history[START_MS] = candle(START_MS, "323")
    await clock.advance(10)
    assert (await cache.get(BTC, "1", limit=2)).rows[-1].close == 323


async def test_after_an_interruption_what_was_live_is_read_again() -> None:
    market = FakeMarket()
    market.fill(20)
    cache, clock = made(market)
    await cache.get(BTC, "1", limit=20)
    cache.merge_live(CandleUpdate(BTC, "1", candle(START_MS, "777", confirmed=False)))
    cache.merge_live(StreamDown("lost"))
    market.history[START_MS] = candle(START_MS, "123")
    market.history[START_MS + MINUTE_MS] = candle(START_MS + MINUTE_MS, "124")
    market.now_ms = START_MS + MINUTE_MS
    cache.merge_live(CandleUpdate(BTC, "1", candle(START_MS + MINUTE_MS, "124", confirmed=False)))
    await clock.advance(1)
    answer = await cache.get(BTC, "1", limit=3)
    assert [(int(row.close), row.confirmed) for row in answer.rows[-2:]] == [(123, True), (124, False)]


@pytest.mark.parametrize("pages_that_work", [0, 1, 2])
async def test_a_failing_page_is_unavailable_and_the_next_call_is_whole(pages_that_work: int) -> None:
    market = FakeMarket()
    market.fill(2_500)
    cache, clock = made(market)
    market.fail_after = pages_that_work
    with pytest.raises(ExchangeUnavailable):
        await cache.get(BTC, "1", limit=2_500)
    market.fail_after = None
    await clock.advance(1)
    assert [row.open_time_ms for row in (await cache.get(BTC, "1", limit=2_500)).rows] == opens(2_500)


async def test_memory_is_bounded_and_the_longest_unread_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candles_module, "TOTAL_ROWS_MAX", 250)
    market = FakeMarket()
    market.fill(100)
    cache, _ = made(market)
    for number in range(5):
        await cache.get(InstrumentId("linear", f"COIN{number}USDT"), "1", limit=100)
        assert cache.row_count() <= 250
    market.reads.clear()
    await cache.get(InstrumentId("linear", "COIN4USDT"), "1", limit=100)
    assert all((start or 0) > START_MS - 5 * MINUTE_MS for start, _ in market.reads)


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"interval": "2"}, "interval"),
        ({"limit": 0}, "limit"),
        ({"limit": 6_001}, "limit"),
        ({"start_ms": 5, "end_ms": START_MS}, "start_ms"),
        ({"start_ms": START_MS, "end_ms": START_MS}, "start_ms"),
        ({"end_ms": 10**15}, "end_ms"),
    ],
)
async def test_a_question_that_makes_no_sense_names_the_field(arguments: dict[str, object], field: str) -> None:
    cache, _ = made(FakeMarket())
    with pytest.raises(InvalidInput) as caught:
        await cache.get(BTC, **({"interval": "1"} | arguments))  # type: ignore[arg-type]
    assert [problem.field for problem in caught.value.problems] == [field]


async def test_a_month_is_walked_backwards_and_forwards_row_for_row_in_bounded_memory() -> None:
    market = FakeMarket()
    market.fill(20_000)
    cache, clock = made(market)
    everything = opens(20_000)
    windows = [everything[at : at + 6_000] for at in range(0, 20_000, 6_000)]
    for window in (*reversed(windows), *windows):
        await clock.advance(1)
        answer = await cache.get(BTC, "1", start_ms=window[0], end_ms=window[-1] + 1, limit=6_000)
        assert [row.open_time_ms for row in answer.rows] == window
        assert answer.gaps == []
        assert cache.row_count() <= candles_module.SERIES_ROWS_MAX


@pytest.mark.parametrize("rows_max", [2_000, 12_000])
@pytest.mark.parametrize("seed", range(15))
async def test_whatever_was_asked_before_the_answer_equals_the_exchanges_own(
    seed: int, rows_max: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(candles_module, "SERIES_ROWS_MAX", rows_max)
    chance = random.Random(seed)
    market = FakeMarket()
    missing = [position for position in range(1, 3_998) if chance.random() < 0.05]
    market.fill(4_000, missing=missing)
    cache, clock = made(market)
    for _ in range(12):
        if chance.random() < 0.5:
            market.now_ms += chance.randrange(1, 5) * MINUTE_MS
            for at in range(START_MS, market.now_ms + 1, MINUTE_MS):
                market.history.setdefault(at, candle(at, "5"))
        start = START_MS - chance.randrange(1, 4_500) * MINUTE_MS + chance.randrange(3) * 7
        end = min(market.now_ms + 1, start + chance.randrange(1, 2_000) * MINUTE_MS)
        await clock.advance(1)
        answer = await cache.get(BTC, "1", start_ms=start, end_ms=end, limit=6_000)
        expected = [at for at in sorted(market.history) if start <= at < end]
        assert [row.open_time_ms for row in answer.rows] == expected
        in_gaps = {at for gap in answer.gaps for at in range(gap.from_ms, gap.to_ms, MINUTE_MS)}
        assert in_gaps.isdisjoint(market.history)
        first_asked = -(-start // MINUTE_MS) * MINUTE_MS
        settled = market.now_ms - market.now_ms % MINUTE_MS - 2 * MINUTE_MS
        inside = range(max(first_asked, min(market.history)), min(end, settled), MINUTE_MS)
        assert in_gaps >= {at for at in inside if at not in market.history}
        assert in_gaps <= set(range(max(first_asked, min(market.history)), end, MINUTE_MS))
