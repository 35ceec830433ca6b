"""Saved and restored: a market goes on from where it stood."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tradewright.simulator.market import Kline, Market, MarketStateError, build_market
from tradewright.simulator.market.instruments import LISTED, PRE_LAUNCH
from tradewright.simulator.market.model import is_option
from unit.simulator_market.samples import FEW, MINUTE, NOON, ROOT, SAMPLE, recording, replay, synthetic


def test_a_fast_synthetic_market_goes_on_as_if_it_had_not_been_stopped() -> None:
    untouched, stopped, again = (synthetic(speed=60) for _ in range(3))
    stopped.advance(NOON + 10 * MINUTE + 1_357)
    untouched.advance(NOON + 10 * MINUTE + 1_357)

    again.restore(_through_json(stopped))

    assert again.clock.start_ms == NOON + 10 * MINUTE + 1_357
    assert _face(again) == _face(untouched)
    assert again.advance(NOON + 20 * MINUTE) == untouched.advance(NOON + 20 * MINUTE)
    assert _face(again) == _face(untouched)


def test_a_market_on_wall_time_stood_still_while_it_was_down_and_shows_a_gap() -> None:
    market = synthetic()
    market.advance(NOON + 5 * MINUTE + 30_000)
    prices = {symbol: market.last_price(symbol) for symbol in ("BTCUSDT", "ETHUSDT")}
    last_update = market.book("BTCUSDT").update_id
    back_ms = NOON + 8 * MINUTE + 250

    again = synthetic(start_ms=back_ms)
    again.restore(_through_json(market))

    assert again.now_ms == again.clock.start_ms == back_ms
    for symbol, price in prices.items():
        assert abs(again.last_price(symbol) - price) < price / 500
    assert again.book("BTCUSDT").update_id > last_update
    again.advance(back_ms + MINUTE)
    starts = [(kline.start_ms - NOON) // MINUTE for kline in again.klines("BTCUSDT", "1", NOON, None, 100)]
    assert starts == [9, 8, 5, 4, 3, 2, 1, 0]
    assert again.klines("BTCUSDT", "1", NOON, NOON + 4 * MINUTE, 9) == market.klines(
        "BTCUSDT", "1", NOON, NOON + 4 * MINUTE, 9
    )


def test_a_short_stop_within_a_minute_leaves_one_candle_of_both_parts() -> None:
    market = synthetic()
    market.advance(NOON + 20_000)
    before = market.live_kline("BTCUSDT", "1")

    again = synthetic(start_ms=NOON + 40_000)
    again.restore(_through_json(market))
    again.advance(NOON + 59_000)
    after = again.live_kline("BTCUSDT", "1")

    assert before is not None
    assert after is not None
    assert after.start_ms == before.start_ms == NOON
    assert after.open == before.open
    assert after.volume > before.volume


def test_time_does_not_go_back_when_the_saved_market_ran_ahead_of_the_wall() -> None:
    ahead = synthetic(speed=60)
    ahead.advance(NOON + 30 * MINUTE)

    again = synthetic(start_ms=NOON + MINUTE)
    again.restore(_through_json(ahead))

    assert again.now_ms == NOON + 30 * MINUTE
    assert again.clock.market_ms(NOON + MINUTE + 500) == NOON + 30 * MINUTE + 500


def test_a_replay_goes_on_at_the_very_point() -> None:
    untouched, stopped, again = (replay(SAMPLE) for _ in range(3))
    for market in (untouched, stopped):
        market.advance(market.clock.start_ms + 3 * MINUTE + 20_000)

    again.restore(_through_json(stopped))

    assert _face(again) == _face(untouched)
    assert again.clock.start_ms == stopped.now_ms
    later_ms = stopped.now_ms + 30 * MINUTE
    assert again.advance(later_ms) == untouched.advance(later_ms)
    assert _face(again) == _face(untouched)


@pytest.mark.parametrize("offset_ms", [0, 14_999, 15_000, 45_000, 59_999, 60_000, 60_001])
def test_a_replay_restored_at_any_place_of_a_bar_is_the_same(offset_ms: int) -> None:
    stopped, again = replay(SAMPLE), replay(SAMPLE)
    stopped.advance(stopped.clock.start_ms + offset_ms)

    again.restore(_through_json(stopped))

    assert _face(again) == _face(stopped)


def test_a_replay_that_was_over_is_still_over() -> None:
    market, again = replay(SAMPLE), replay(SAMPLE)
    market.advance(10**15)

    again.restore(_through_json(market))

    assert again.ended
    assert again.notice == market.notice
    assert again.clock.market_ms(10**9) == market.now_ms


def test_weeks_of_running_stay_small_and_survive_a_restart() -> None:
    market = synthetic(history_minutes=1_000)
    symbol = market._listings.lived["BTCUSDT"]
    bar = market.klines("BTCUSDT", "1", None, None, 1)[0]
    for minute in range(1, 12_000):  # a bar each, without making up the trades of eight days
        symbol._append(_moved(bar, NOON + minute * MINUTE))
    market._skip_to(NOON + 12_000 * MINUTE)
    market.advance(NOON + 12_000 * MINUTE)

    saved = json.dumps(market.state())
    again = synthetic(start_ms=market.now_ms, history_minutes=1_000)
    again.restore(json.loads(saved))

    assert len(saved) < 2_000_000
    assert len(symbol.bars) <= 10_600
    for interval in ("1", "60", "D", "M"):
        found = again.klines("BTCUSDT", interval, None, None, 20_000)
        assert found == market.klines("BTCUSDT", interval, None, None, 20_000)
        assert all(later.start_ms > earlier.start_ms for later, earlier in pairwise(found))
    hours = market.klines("BTCUSDT", "60", None, None, 20_000)
    assert hours[-1].start_ms < market.klines("BTCUSDT", "1", None, None, 20_000)[-1].start_ms


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"kind": "replay"}, "of a market of kind 'replay'"),
        ({"kind": None}, "kind None"),
        ({"version": 99}, "version 99"),
        ({"seed": 8}, "made with seed 8, but the seed asked for is 7"),
        ({"symbols": {}}, "damaged"),
        ({"second": None}, "damaged"),
        ({"symbols": {"BTCUSDT": {"bars": [1]}, "ETHUSDT": {}}}, "damaged"),
    ],
)
def test_another_markets_state_is_refused_and_changes_nothing(change: dict[str, Any], complaint: str) -> None:
    market = synthetic()
    state = json.loads(json.dumps(synthetic().state())) | change
    before = _face(market)

    with pytest.raises(MarketStateError, match=complaint):
        market.restore(state)

    assert _face(market) == before


def test_the_state_of_another_recording_is_refused(tmp_path: Path) -> None:
    other = replay(recording(tmp_path, ["60000,1,1,1,1,1,1", "120000,1,1,1,1,1,1"]))
    market = replay(SAMPLE)

    with pytest.raises(MarketStateError, match="a recording with other rows or symbols"):
        market.restore(_through_json(other))
    with pytest.raises(MarketStateError, match="of kind 'synthetic'"):
        market.restore(_through_json(synthetic()))

    assert market.now_ms == market.clock.start_ms


def test_the_state_of_a_version_that_listed_two_contracts_is_gone_on_from() -> None:
    saved = json.loads((ROOT / "tests" / "data" / "simulator_market_1a.json").read_text())
    market = build_market(["synthetic"], seed=7, speed=1, from_ms=None, wall_now_ms=NOON)

    market.restore(saved["state"])

    assert market.now_ms == NOON + 125_350
    for symbol, ticker in saved["tickers"].items():
        halved = {"singleOpenInterest", "singleOpenInterestValue"}  # that version told both sides as one
        assert {name: value for name, value in market.ticker(symbol).items() if name not in halved} == {
            name: value for name, value in ticker.items() if name not in halved
        }
    happened = {event.symbol for event in market.advance(NOON + 185_350)}
    trading = {spec.listing for spec in market.instruments if spec.status == "Trading"}
    assert {spec.listing for spec in LISTED if spec is not PRE_LAUNCH} < trading
    assert happened - trading == set()
    assert {listing for listing in trading - happened if not is_option(listing)} == set()
    assert set(market.state()["symbols"]) == {"BTCUSDT", "ETHUSDT"}  # the others need no state


def test_a_market_with_its_whole_history_restores_too() -> None:
    def fresh() -> Market:
        return build_market(["synthetic"], seed=3, speed=60, from_ms=None, wall_now_ms=NOON)

    market, again = fresh(), fresh()
    market.advance(NOON + 90 * MINUTE + 1)

    again.restore(_through_json(market))

    assert _face(again) == _face(market)
    assert again.klines("ETHUSDT", "60", None, None, 1000) == market.klines("ETHUSDT", "60", None, None, 1000)


def _through_json(market: Market) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(json.dumps(market.state()))
    return loaded


def _face(market: Market) -> dict[str, Any]:
    """All that can be seen of a market, of each way in which its prices come about."""
    return {
        spec.listing: (
            market.now_ms,
            market.ticker(spec.listing),
            market.book(spec.listing),
            market.trades(spec.listing, 4),
            [market.klines(spec.listing, interval, None, None, 50) for interval in ("1", "5", "60")],
            [market.live_kline(spec.listing, interval) for interval in ("1", "15", "D")],
        )
        for spec in market.instruments
        if spec.listing in {few.listing for few in FEW}
    }


def _moved(bar: Kline, start_ms: int) -> Kline:
    return replace(bar, start_ms=start_ms, end_ms=start_ms + MINUTE - 1, confirm=True)
