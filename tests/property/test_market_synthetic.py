"""Whatever the seed and however the market is stepped: one market, uncrossed books, exact candles."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from tradewright.simulator.market import MarketBook, MarketEvent
from unit.simulator_market.samples import FEW, MINUTE, NOON, aggregated, numbers, synthetic, trades_of

SEEDS = st.integers(min_value=-(2**63), max_value=2**63)
LISTINGS = [spec.listing for spec in FEW]
STEPS = st.lists(st.integers(min_value=1, max_value=45_000), min_size=1, max_size=12)


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS, steps=STEPS)
def test_the_size_of_the_steps_changes_nothing(seed: int, steps: list[int]) -> None:
    stepped, whole = (synthetic(seed=seed) for _ in range(2))
    now_ms = NOON
    events: list[MarketEvent] = []
    for step_ms in steps:
        now_ms += step_ms
        events += stepped.advance(now_ms)

    assert events == whole.advance(now_ms)
    for symbol in LISTINGS:
        assert stepped.ticker(symbol) == whole.ticker(symbol)
        assert stepped.book(symbol) == whole.book(symbol)
        assert stepped.klines(symbol, "1", None, None, 20) == whole.klines(symbol, "1", None, None, 20)
        assert stepped.live_kline(symbol, "3") == whole.live_kline(symbol, "3")


@settings(max_examples=25, deadline=None)
@given(
    seed=SEEDS, cut_ms=st.integers(min_value=0, max_value=90_000), more_ms=st.integers(min_value=1, max_value=60_000)
)
def test_stopping_and_restoring_changes_nothing(seed: int, cut_ms: int, more_ms: int) -> None:
    market, again = (synthetic(seed=seed, speed=2) for _ in range(2))
    market.advance(NOON + cut_ms)

    again.restore(market.state())

    assert again.advance(NOON + cut_ms + more_ms) == market.advance(NOON + cut_ms + more_ms)
    assert again.state() == market.state()


@settings(max_examples=20, deadline=None)
@given(seed=SEEDS)
def test_books_are_never_crossed_and_numbers_stay_on_tick_and_step(seed: int) -> None:
    market = synthetic(seed=seed)
    specs = {spec.listing: spec for spec in market.instruments}
    for event in market.advance(NOON + 20_000):
        spec = specs[event.symbol]
        if isinstance(event, MarketBook):
            assert event.bids[0][0] < event.asks[0][0]
            assert all(better[0] > worse[0] for better, worse in pairwise(event.bids[:20]))
            assert all(better[0] < worse[0] for better, worse in pairwise(event.asks[:20]))
            assert all(price % spec.tick_size == 0 for price, _ in event.bids[:5] + event.asks[:5])
        else:
            assert event.price % spec.tick_size == 0
            assert event.size % spec.qty_step == 0
            assert event.size >= spec.min_qty


@settings(max_examples=20, deadline=None)
@given(seed=SEEDS, steps=STEPS, interval=st.sampled_from(["1", "3", "5"]))
def test_candles_are_the_aggregation_of_the_trades(seed: int, steps: list[int], interval: str) -> None:
    market = synthetic(seed=seed, start_ms=NOON - 1, history_minutes=1)
    now_ms = NOON - 1
    events: list[MarketEvent] = []
    for step_ms in steps:
        now_ms += step_ms
        events += market.advance(now_ms)

    for symbol in LISTINGS:
        found = market.klines(symbol, interval, NOON, None, 100)
        expected = aggregated(trades_of(events, symbol), int(interval) * MINUTE)
        assert {kline.start_ms: numbers(kline) for kline in found} == expected
        assert [kline.confirm for kline in found] == [kline.end_ms < now_ms for kline in found]
