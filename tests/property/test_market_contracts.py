"""Whatever the steps: inverse, USDC, dated, made-up and unlaunched contracts are one market, through jumps and ends."""

from __future__ import annotations

import json
from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st

from tradewright.simulator.market.clock import MarketClock
from tradewright.simulator.market.instruments import INVERSE, PAIRS, PRE_LAUNCH, USDC_PERPETUALS, USDT_PERPETUALS
from tradewright.simulator.market.intervals import HOUR_MS
from tradewright.simulator.market.model import MarketEvent
from tradewright.simulator.market.synthetic.many import made_up
from tradewright.simulator.market.synthetic.market import SyntheticMarket
from tradewright.simulator.market.synthetic.walk import PROFILES
from tradewright.simulator.market.synthetic.weather import Changing, Climate
from unit.simulator_market.samples import NOON

DELIVERY: Final = 1_711_699_200_000  # 2024-03-29T08:00:00Z
SEEDS = st.integers(min_value=0, max_value=3)
STEPS = st.lists(st.integers(min_value=1, max_value=12_000), min_size=1, max_size=4)
MOMENTS = st.sampled_from(["noon", "jump", "delivery", "hour"])


def jump_of(seed: int) -> int:
    """The second of BTCUSDT's first jump after noon."""
    sky = Changing(Climate(seed), name="BTCUSDT", daily_volatility=PROFILES["BTCUSDT"].daily_volatility)
    found = (sky.jump(hour) for hour in range(NOON // HOUR_MS, NOON // HOUR_MS + 500))
    return next(jump.second for jump in found if jump is not None)


def market(seed: int, moment: str) -> SyntheticMarket:
    """A small one of everything that begins a little before that moment."""
    start_ms = {
        "noon": NOON,
        "jump": jump_of(seed) * 1000 - 4_321,
        "delivery": DELIVERY - 7_654,
        "hour": NOON + HOUR_MS - 9_999,
    }[moment]
    more = made_up(4)
    return SyntheticMarket(
        seed=seed,
        clock=MarketClock(wall_ms=start_ms, market_ms=start_ms, speed=2),
        start_ms=start_ms,
        follows_wall=False,
        history_minutes=3,
        listed=(
            *USDT_PERPETUALS[:3],
            *USDC_PERPETUALS[1:],
            *PAIRS[1:3],
            *INVERSE[:3],
            PRE_LAUNCH,
            *(spec for spec, _ in more),
        ),
        habits={spec.listing: habits for spec, habits in more},
        dated=True,
    )


def face(made: SyntheticMarket) -> list[object]:
    """What can be seen of everything."""
    names = [spec.listing for spec in made.instruments]
    return [
        (
            name,
            made.ticker(name),
            made.book(name),
            made.trades(name, 3),
            made.settlement_price(name),
            made.klines(name, "1", None, None, 3),
            made.live_kline(name, "240"),
            made.price_bars("mark", name, "1", None, None, 3),
            made.price_bars("index", name, "5", None, None, 1),
        )
        for name in names
    ]


@settings(max_examples=10, deadline=None)
@given(seed=SEEDS, moment=MOMENTS, steps=STEPS)
def test_the_size_of_the_steps_changes_no_byte(seed: int, moment: str, steps: list[int]) -> None:
    stepped, whole = market(seed, moment), market(seed, moment)
    events: list[MarketEvent] = []
    now_ms = stepped.now_ms
    for step_ms in steps:
        now_ms += step_ms
        events += stepped.advance(now_ms)

    assert repr(events).encode() == repr(whole.advance(now_ms)).encode()
    assert stepped.instruments == whole.instruments
    assert face(stepped) == face(whole)
    assert json.dumps(stepped.state()) == json.dumps(whole.state())


@settings(max_examples=8, deadline=None)
@given(seed=SEEDS, moment=MOMENTS, cut_ms=st.integers(0, 12_000), more_ms=st.integers(1, 8_000))
def test_stopping_and_restoring_changes_nothing(seed: int, moment: str, cut_ms: int, more_ms: int) -> None:
    made, again = market(seed, moment), market(seed, moment)
    begun_ms = made.now_ms
    made.advance(begun_ms + cut_ms)

    again.restore(json.loads(json.dumps(made.state())))

    later_ms = begun_ms + cut_ms + more_ms
    assert again.advance(later_ms) == made.advance(later_ms)
    assert face(again) == face(made)
    assert again.state() == made.state()
