"""Candles of a live market: exact, bounded, paged as on Bybit, and confirmed once."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tradewright.simulator.market import INTERVALS, Kline
from tradewright.simulator.market.bars import BarRing, OpenBar, RolledBars
from tradewright.simulator.market.candles import CandleView
from unit.simulator_market.samples import MINUTE, NOON, aggregated, numbers, synthetic, trades_of

HOUR = 60 * MINUTE


@pytest.mark.parametrize("interval", ["1", "3", "5", "15"])
def test_live_candles_are_the_aggregation_of_the_trades(interval: str) -> None:
    market = synthetic()
    trades = [
        trade for second in range(31 * 60) for trade in trades_of(market.advance(NOON + second * 1000), "BTCUSDT")
    ]

    expected = aggregated(trades, int(interval) * MINUTE)
    found = market.klines("BTCUSDT", interval, NOON + 1, None, 1000)

    assert {kline.start_ms: numbers(kline) for kline in found} == {
        start: row for start, row in expected.items() if start > NOON
    }


@pytest.mark.parametrize("interval", INTERVALS)
def test_the_open_candle_is_the_first_of_the_list(interval: str) -> None:
    market = synthetic(history_minutes=200)
    for minute in range(1, 5):
        market.advance(NOON + minute * MINUTE + 30_000)

        newest = market.klines("ETHUSDT", interval, None, None, 2)[0]

        assert newest == market.live_kline("ETHUSDT", interval)
        assert not newest.confirm
        assert newest.start_ms <= market.now_ms <= newest.end_ms


def test_a_candle_is_confirmed_when_its_time_is_over_and_not_before() -> None:
    market = synthetic()
    market.advance(NOON + MINUTE - 1)
    assert [kline.confirm for kline in market.klines("BTCUSDT", "1", NOON, None, 2)] == [False]

    market.advance(NOON + MINUTE)

    assert market.klines("BTCUSDT", "1", NOON, NOON, 2)[0].confirm
    assert market.klines("BTCUSDT", "5", NOON, None, 2)[0].confirm is False


def test_what_a_stream_still_owes_is_every_candle_once() -> None:
    market = synthetic()
    seen = NOON - MINUTE
    owed: list[Kline] = []
    for step in range(1, 60):
        market.advance(NOON + step * 17_000)
        closed = market.closed_klines("BTCUSDT", "1", seen)
        owed += closed
        seen = closed[-1].start_ms if closed else seen

    assert [kline.start_ms for kline in owed] == [NOON + minute * MINUTE for minute in range(16)]
    assert owed == market.klines("BTCUSDT", "1", NOON, NOON + 15 * MINUTE, 100)[::-1]


def test_a_start_alone_gives_the_oldest_and_everything_else_the_newest() -> None:
    market = synthetic()
    market.advance(NOON + 10 * MINUTE + 1)

    def starts(start_ms: int | None, end_ms: int | None, limit: int) -> list[int]:
        found = market.klines("BTCUSDT", "1", start_ms, end_ms, limit)
        return [(kline.start_ms - NOON) // MINUTE for kline in found]

    assert starts(NOON + 2 * MINUTE, None, 3) == [4, 3, 2]
    assert starts(NOON + 2 * MINUTE - 1, None, 1) == [2]
    assert starts(NOON + 2 * MINUTE + 1, None, 1) == [3]
    assert starts(None, NOON + 5 * MINUTE + 59_999, 2) == [5, 4]
    assert starts(NOON + MINUTE, NOON + 8 * MINUTE, 3) == [8, 7, 6]
    assert starts(NOON + 9 * MINUTE, NOON + 2 * MINUTE, 3) == []
    assert starts(None, None, 0) == []
    assert starts(NOON + HOUR, None, 5) == []


def test_hours_and_longer_are_the_same_with_and_without_the_minutes_behind_them() -> None:
    bars = [_flat(NOON + minute * MINUTE, minute) for minute in range(60 * 30)]
    ring = BarRing(90)
    short = CandleView(ring, MINUTE, lambda: None, kept_max={"60": 1000})
    for bar in bars:
        short.keep_rolled()
        ring.append(bar)
    long = CandleView(BarRing(10_000, bars), MINUTE, lambda: None)
    now_ms = bars[-1].end_ms

    assert len(ring) < 700
    for interval in ("60", "120", "240", "720", "D", "W", "M"):
        assert short.klines(interval, None, None, 1000, now_ms) == long.klines(interval, None, None, 1000, now_ms)
        assert short.klines(interval, NOON + HOUR, NOON + 20 * HOUR, 9, now_ms) == long.klines(
            interval, NOON + HOUR, NOON + 20 * HOUR, 9, now_ms
        )


def test_memory_is_bounded() -> None:
    ring = BarRing(100)
    hours = RolledBars(ring, "60", kept_max=24)
    for minute in range(60 * 60):
        hours.extend()
        ring.append(_flat(NOON + minute * MINUTE, minute))

    assert 100 <= len(ring) <= 612
    assert len(hours.before(NOON + 1000 * HOUR)) == 24


def test_a_day_looks_back_exactly_24_hours() -> None:
    bars = [_flat(NOON + minute * MINUTE, minute) for minute in range(1500)]
    view = CandleView(BarRing(10_000, bars), MINUTE, lambda: _flat(NOON + 1500 * MINUTE, 5000))

    day = view.day(NOON + 1500 * MINUTE)

    assert day is not None
    assert (day.open, day.low, day.high) == (Decimal(1060), Decimal(1060), Decimal(6000))
    assert day.volume == 1441
    assert view.price_at(NOON + 1440 * MINUTE) == Decimal(2440)


def test_before_anything_traded_there_is_no_candle_and_no_day() -> None:
    view = CandleView(BarRing(10), MINUTE, lambda: None)

    assert view.live_kline("1", NOON) is None
    assert view.day(NOON) is None
    assert view.price_at(NOON) is None
    assert view.klines("D", None, None, 10, NOON) == []


def _flat(start_ms: int, number: int) -> Kline:
    return OpenBar(start_ms, Decimal(1000 + number), Decimal(1)).kline(MINUTE, confirm=True)
