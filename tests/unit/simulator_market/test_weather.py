"""Calm and restless stretches, jumps and liquidations: figures of a seeded sample within generous bounds.

The aims are those of `weather`'s first lines.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter
from decimal import Decimal
from functools import cache
from itertools import pairwise

import pytest

from tradewright.simulator.market import MarketBook
from tradewright.simulator.market.instruments import USDT_PERPETUALS
from tradewright.simulator.market.intervals import DAY_MS, HOUR_MS
from tradewright.simulator.market.model import MarketLiquidation
from tradewright.simulator.market.synthetic.market import SyntheticMarket
from tradewright.simulator.market.synthetic.walk import PROFILES
from tradewright.simulator.market.synthetic.weather import Changing, Climate, Jump
from unit.simulator_market.samples import MINUTE, NOON, synthetic

LISTED = USDT_PERPETUALS[:3]
SEED = 7


@cache
def returns(name: str) -> tuple[float, ...]:
    """Of the minutes of six days."""
    made = synthetic(seed=SEED, listed=LISTED, history_minutes=6 * 1440)
    closes: list[float] = []
    for day in range(6, 0, -1):
        rows = made.klines(name, "1", NOON - day * DAY_MS, NOON - (day - 1) * DAY_MS - 1, 1440)
        closes += [float(row.close) for row in reversed(rows)]
    return tuple(math.log(after / before) for before, after in pairwise(closes))


@pytest.mark.parametrize("name", ["BTCUSDT", "SOLUSDT"])
def test_returns_have_fat_tails_and_their_sizes_remember_the_last_hour(name: str) -> None:
    found = returns(name)
    sizes = [abs(one) for one in found]
    mean, spread = statistics.fmean(found), statistics.pvariance(found)

    assert 8 < statistics.fmean((one - mean) ** 4 for one in found) / spread**2 < 300
    assert 0.1 < _autocorrelation(sizes, 1) < 0.6
    assert 0.03 < _autocorrelation(sizes, 30) < 0.4
    assert abs(_autocorrelation(found, 1)) < 0.12  # which way it goes next cannot be told
    assert 0.015 < math.sqrt(spread * 1440) < 0.07


def test_calm_and_restless_stretches_last() -> None:
    climate = Climate(SEED)
    hours = [climate.heat(hour * 3600) for hour in range(24 * 200)]

    assert statistics.fmean(heat**2 for heat in hours) == pytest.approx(1, abs=0.15)
    assert 0.02 < sum(heat > 1.6 for heat in hours) / len(hours) < 0.2
    assert 0.05 < sum(heat < 0.6 for heat in hours) / len(hours) < 0.4
    assert _autocorrelation(hours, 1) > 0.5
    assert abs(_autocorrelation(hours, 48)) < 0.15


def test_jumps_are_rare_and_each_listings_own() -> None:
    climate = Climate(SEED)
    skies = {name: Changing(climate, name=name, daily_volatility=0.03) for name in ("A", "B", "C")}
    jumps = {name: [_jump(sky, hour) for hour in range(24 * 60)] for name, sky in skies.items()}

    for found in jumps.values():
        per_day = sum(jump is not None for jump in found) / 60
        assert 1 <= per_day <= 4
        ups = sum(jump.move > 0 for jump in found if jump is not None)
        assert 0.3 < ups / (per_day * 60) < 0.7
    together = sum(a is not None and b is not None for a, b in zip(jumps["A"], jumps["B"], strict=True))
    assert together < 30


def test_a_jump_moves_the_price_thins_the_book_and_hurts_one_side() -> None:
    jump = _next_jump("BTCUSDT", SEED)
    made = synthetic(seed=SEED, start_ms=jump.second * 1000 - 20_000, listed=LISTED)
    before_ms = jump.second * 1000 - 1
    calm = made.advance(before_ms)
    price = made.mark_price("BTCUSDT")
    struck = made.advance(before_ms + 1000 * (jump.seconds + 10))
    moved = float(made.mark_price("BTCUSDT") / price - 1)

    assert moved == pytest.approx(jump.move, abs=abs(jump.move) / 2)
    assert abs(moved) > 4 * PROFILES["BTCUSDT"].daily_volatility / math.sqrt(1440)
    spreads, sizes = zip(_books(calm), _books(struck), strict=True)
    assert spreads[1] >= 3 * spreads[0]
    assert sizes[1] < sizes[0] / 3
    hurt = Counter(event.side for event in struck if isinstance(event, MarketLiquidation) and event.symbol == "BTCUSDT")
    side = "Buy" if jump.move < 0 else "Sell"
    assert hurt[side] >= 3 * jump.seconds - 2
    assert hurt[side] > hurt.total() / 2
    assert hurt.total() > sum(isinstance(event, MarketLiquidation) for event in calm)


def test_books_are_back_after_ten_minutes() -> None:
    jump = _next_jump("BTCUSDT", SEED)
    made = synthetic(seed=SEED, start_ms=jump.second * 1000 + 601_000, listed=LISTED)

    spread, _ = _books(made.advance(made.now_ms + 10_000))

    assert spread <= 2 * LISTED[0].tick_size


def test_spreads_are_one_tick_most_of_the_time() -> None:
    books = [
        event
        for event in synthetic(seed=SEED, listed=LISTED).advance(NOON + MINUTE)
        if isinstance(event, MarketBook) and event.symbol == "BTCUSDT"
    ]
    ticks = Counter((book.asks[0][0] - book.bids[0][0]) / LISTED[0].tick_size for book in books)

    assert 0.6 < ticks[Decimal(1)] / len(books) < 0.85
    assert max(ticks) <= 4


def test_a_quiet_contract_jumps_within_its_minute_and_somebody_is_hurt() -> None:
    jump = _next_jump("SOLUSDT", SEED, volatility=0.038)
    start_ms = jump.second * 1000 // MINUTE * MINUTE
    made = synthetic(seed=SEED, start_ms=start_ms - 1, listed=LISTED)
    usual = statistics.median(abs(one) for one in returns("SOLUSDT"))

    events = [event for event in made.advance(start_ms + 10 * MINUTE) if event.symbol == "SOLUSDT"]

    (row,) = made.klines("SOLUSDT", "1", start_ms, start_ms, 1)
    assert abs(math.log(row.close / row.open)) > 5 * usual
    assert (row.close > row.open) == (jump.move > 0)
    side = "Buy" if jump.move < 0 else "Sell"
    hurt = [event for event in events if isinstance(event, MarketLiquidation)]
    assert any(event.side == side and event.time_ms < start_ms + MINUTE for event in hurt)
    assert all(after.seq > before.seq for before, after in pairwise(events))


def _next_jump(name: str, seed: int, volatility: float = PROFILES["BTCUSDT"].daily_volatility) -> Jump:
    """The first one after noon."""
    sky = Changing(Climate(seed), name=name, daily_volatility=volatility)
    found = (_jump(sky, hour) for hour in range(NOON // HOUR_MS, NOON // HOUR_MS + 240))
    return next(jump for jump in found if jump is not None)


def _jump(sky: Changing, hour: int) -> Jump | None:
    return sky.jump(hour)


def _books(events: list[object]) -> tuple[Decimal, Decimal]:
    """Median spread and median size of the first five levels of BTCUSDT."""
    books = [event for event in events if isinstance(event, MarketBook) and event.symbol == "BTCUSDT"]
    spreads = [book.asks[0][0] - book.bids[0][0] for book in books]
    sizes = [size for book in books for _, size in book.bids[:5] + book.asks[:5]]
    return statistics.median(spreads), statistics.median(sizes)


def _autocorrelation(found: list[float] | tuple[float, ...], lag: int) -> float:
    mean = statistics.fmean(found)
    covariance = statistics.fmean((a - mean) * (b - mean) for a, b in zip(found, found[lag:], strict=False))
    return covariance / statistics.pvariance(found)


def test_without_weather_nobody_is_ever_liquidated() -> None:
    made: SyntheticMarket = synthetic(seed=SEED, listed=LISTED, weather=False)

    assert not any(isinstance(event, MarketLiquidation) for event in made.advance(NOON + 10 * MINUTE))
