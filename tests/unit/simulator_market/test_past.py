"""Candles from before a market began: they join on, add up, are the same in any order, and never leave a hole."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import cache
from itertools import pairwise

import pytest

from tradewright.simulator.market.bars import BarRing, merge
from tradewright.simulator.market.build import build_market
from tradewright.simulator.market.candles import CandleView
from tradewright.simulator.market.instruments import BTCUSDT, ETHUSDT, INVERSE
from tradewright.simulator.market.intervals import DAY_MS, INTERVALS, bucket_end, bucket_start
from tradewright.simulator.market.model import Kline, Market
from unit.simulator_market.samples import MINUTE, NOON, synthetic

DAYS = 35
NOON_AND_17 = NOON + 17 * MINUTE  # so that candles of all lengths lie across the join
WANTED_BARS = 1_500


def market(seed: int = 7, start_ms: int = NOON_AND_17, days: int = DAYS) -> Market:
    return synthetic(seed=seed, start_ms=start_ms, listed=(BTCUSDT, ETHUSDT, *INVERSE[:1]), past_days=days)


def everything(of: Market, interval: str, symbol: str = "BTCUSDT") -> list[Kline]:
    """Page by page from the newest on, as a client reads it; oldest first."""
    found: list[Kline] = []
    end_ms: int | None = None
    while page := of.klines(symbol, interval, None, end_ms, 1000):
        found += page
        end_ms = page[-1].start_ms - 1
    return found[::-1]


def added_up(interval: str, finer: Sequence[Kline], now_ms: int) -> dict[int, Kline]:
    groups: dict[int, list[Kline]] = {}
    for kline in finer:
        groups.setdefault(bucket_start(interval, kline.start_ms), []).append(kline)
    return {start: merge(interval, bars, now_ms) for start, bars in groups.items()}


@cache
def played_and_its_minutes() -> tuple[Market, list[Kline]]:
    played = market()
    played.advance(NOON_AND_17 + 9 * MINUTE + 30_000)
    return played, everything(played, "1")


@pytest.mark.parametrize("interval", [interval for interval in INTERVALS if interval != "1"])
def test_longer_candles_are_the_sum_of_the_minutes_across_the_join_and_without_a_hole(interval: str) -> None:
    played, minutes = played_and_its_minutes()
    assert len(minutes) == (NOON_AND_17 + 10 * MINUTE - minutes[0].start_ms) // MINUTE > DAYS * 1_440
    assert all(later.open == earlier.close for earlier, later in pairwise(minutes[:-10]))
    found = everything(played, interval)
    assert {kline.start_ms: kline for kline in found} == added_up(interval, minutes, played.now_ms)
    assert played.live_kline("BTCUSDT", interval) == found[-1]
    oldest_first = played.klines("BTCUSDT", interval, found[1].start_ms, None, 20)
    assert oldest_first == found[1:21][::-1]


def test_every_candle_is_one_that_trades_could_have_made() -> None:
    for symbol in ("BTCUSDT", "ETHUSDT"):
        for kline in everything(market(), "5", symbol):
            assert 0 < kline.low <= min(kline.open, kline.close) <= max(kline.open, kline.close) <= kline.high
            assert kline.low * kline.volume <= kline.turnover <= kline.high * kline.volume
            assert kline.volume > 0
            assert kline.confirm or kline.end_ms > NOON_AND_17


def test_a_fresh_market_has_enough_history_of_every_timeframe_and_a_follower_has_it_too() -> None:
    fresh = build_market(["synthetic"], seed=1, speed=1, from_ms=None, wall_now_ms=NOON)
    for interval in ("1", "3", "5", "15", "30", "60", "120", "240", "360", "720", "D"):
        first = fresh.klines("BTCUSDT", interval, None, None, 1000)
        more = fresh.klines("BTCUSDT", interval, None, first[-1].start_ms - 1, 1000)
        assert len(first) + len(more) >= WANTED_BARS, interval
        assert len(fresh.klines("spot:BTCUSDT", interval, None, None, 1000)) == 1000


def test_no_order_of_asking_matters_and_another_seed_is_another_past() -> None:
    one, other = market(), market()
    days, minutes = everything(one, "D"), everything(one, "1")
    assert everything(other, "1") == minutes
    assert everything(other, "D") == days
    assert everything(market(seed=8), "D")[:DAYS] != days[:DAYS]


def test_a_market_that_was_saved_has_the_same_past() -> None:
    played = market()
    played.advance(NOON_AND_17 + 40 * MINUTE)
    again = market(start_ms=NOON_AND_17 + 45 * MINUTE)
    again.restore(json.loads(json.dumps(played.state())))
    for interval in ("5", "15", "60", "D"):
        known = [kline for kline in everything(played, interval) if kline.confirm and kline.end_ms < NOON_AND_17]
        assert everything(again, interval)[: len(known)] == known
        assert len(known) > DAYS - 1


def test_prices_of_years_stay_near_those_of_today() -> None:
    days = everything(market(days=1_600), "D")
    base = Decimal(65_000)
    assert len(days) == 1_601
    assert all(base / 3 < kline.close < base * 2 for kline in days)
    moves = [float(later.close / earlier.close) - 1 for earlier, later in pairwise(days)]
    assert 0.015 < (sum(move**2 for move in moves) / len(moves)) ** 0.5 < 0.05  # a day's; the symbol's is 0.025


class _Older:
    """Flat bars of a past that ends at NOON."""

    until_ms = NOON

    def bars(self, interval: str, lower: int | None, upper: int | None, *, reverse: bool) -> Iterator[Kline]:
        first = NOON - DAY_MS if lower is None else max(lower, NOON - DAY_MS)
        starts = []
        while first < min(NOON, NOON if upper is None else upper):
            starts.append(first)
            first = bucket_end(interval, first)
        return iter([_flat(start, bucket_end(interval, start)) for start in (reversed(starts) if reverse else starts)])


def _flat(start_ms: int, end_ms: int) -> Kline:
    one = Decimal(1)
    return Kline(
        start_ms=start_ms,
        end_ms=end_ms - 1,
        open=one,
        high=one,
        low=one,
        close=one,
        volume=one,
        turnover=one,
        confirm=True,
    )


def test_once_minutes_are_forgotten_short_candles_end_there_and_longer_ones_go_on_over_those_rolled_up() -> None:
    ring = BarRing(100)
    view = CandleView(ring, MINUTE, lambda: None, kept_max={"60": 1_000, "15": 8}, older=_Older())
    for minute in range(1_000):
        view.keep_rolled()
        ring.append(_flat(NOON + minute * MINUTE, NOON + (minute + 1) * MINUTE))
    now_ms = NOON + 1_000 * MINUTE
    for interval, is_joined in (("1", False), ("5", False), ("15", False), ("30", False), ("60", True), ("240", True)):
        found = view.klines(interval, None, None, 5_000, now_ms)
        assert (found[-1].start_ms < NOON) is is_joined, interval
        steps = {later.start_ms - earlier.start_ms for later, earlier in pairwise(found)}
        assert steps == {bucket_end(interval, 0)}, f"{interval}: a hole"


def test_memory_is_bounded_however_much_is_asked_for() -> None:
    asked = market(days=400)
    asked.klines("BTCUSDT", "D", None, None, 1000)
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for interval in ("15", "240", "D"):
        everything(asked, interval)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after - before < 4_000_000
