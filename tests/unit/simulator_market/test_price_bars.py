"""Candles of mark, index and premium, and histories of open interest: what was told at the time, second by second."""

from __future__ import annotations

import json
from decimal import Decimal
from itertools import pairwise

import pytest

from tradewright.simulator.market.instruments import INVERSE, USDT_PERPETUALS
from tradewright.simulator.market.intervals import HOUR_MS
from tradewright.simulator.market.model import Bar, PriceKind
from tradewright.simulator.market.synthetic.market import SyntheticMarket
from unit.simulator_market.samples import MINUTE, NOON, synthetic

NAMES = ("BTCUSDT", "SOLUSDT", "inverse:BTCUSD", "inverse:SOLUSD", "BTCUSDT-29MAR24")
KINDS: tuple[PriceKind, ...] = ("mark", "index")


def market(start_ms: int, **wishes: int) -> SyntheticMarket:
    return synthetic(start_ms=start_ms, listed=(*USDT_PERPETUALS[:4], *INVERSE), dated=True, **wishes)


def numbers(bar: Bar) -> tuple[Decimal, ...]:
    return (bar.open, bar.high, bar.low, bar.close)


def test_every_minute_is_what_mark_and_index_were_in_its_seconds() -> None:
    start_ms = NOON - 2 * MINUTE
    made = market(start_ms)
    seen: dict[tuple[PriceKind, str, int], list[Decimal]] = {}
    for second in range(150):
        now_ms = start_ms + second * 1000
        made.advance(now_ms)
        for name in NAMES:
            for kind, price in zip(KINDS, (made.mark_price(name), made.index_price(name)), strict=True):
                seen.setdefault((kind, name, now_ms - now_ms % MINUTE), []).append(price)

    for (kind, name, start), prices in seen.items():
        (bar,) = made.price_bars(kind, name, "1", start, start, 1)
        assert numbers(bar) == (prices[0], max(prices), min(prices), prices[-1]), (kind, name)


@pytest.mark.parametrize("name", ["BTCUSDT", "SOLUSDT"])
def test_the_premium_is_that_of_mark_over_index(name: str) -> None:
    made = market(NOON)
    made.advance(NOON + 90_000)
    mark, index = (made.price_bars(kind, name, "1", None, None, 20) for kind in KINDS)
    premium = made.price_bars("premium", name, "1", None, None, 20)

    assert [bar.start_ms for bar in premium] == [bar.start_ms for bar in mark] == [bar.start_ms for bar in index]
    for one, above, below in zip(premium, mark, index, strict=True):
        assert one.open == ((above.open - below.open) / below.open).quantize(Decimal("0.000001"))
        assert one.close == ((above.close - below.close) / below.close).quantize(Decimal("0.000001"))
        assert one.low <= min(one.open, one.close) <= max(one.open, one.close) <= one.high
        assert abs(one.high) + abs(one.low) < Decimal("0.02")
    assert any(bar.close for bar in premium)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", KINDS)
def test_longer_candles_add_up_and_are_cut_as_traded_ones(kind: PriceKind, name: str) -> None:
    made = market(NOON, history_minutes=1000)
    hours = {bar.start_ms: bar for bar in made.price_bars(kind, name, "60", None, None, 200)}
    for interval, length in (("5", 5), ("60", 60), ("240", 240)):
        rows = made.price_bars(kind, name, interval, None, None, 3)
        assert all(later.start_ms - row.start_ms == length * MINUTE for row, later in pairwise(rows[::-1]))
        assert made.price_bars(kind, name, interval, rows[-1].start_ms - 1, None, 2) == rows[1:]
        assert made.price_bars(kind, name, interval, rows[1].start_ms, rows[1].start_ms, 9) == [rows[1]]
        assert made.price_bars(kind, name, interval, None, None, 0) == []
        if length == 240:
            parts = [hours[ms] for ms in range(rows[1].start_ms, rows[0].start_ms, HOUR_MS)]
            assert numbers(rows[1]) == (
                parts[0].open, max(part.high for part in parts), min(part.low for part in parts), parts[-1].close,
            )  # fmt: skip


def test_a_restart_keeps_them() -> None:
    made, again = market(NOON), market(NOON)
    made.advance(NOON + 3 * MINUTE + 30_500)

    again.restore(json.loads(json.dumps(made.state())))

    for market_of in (made, again):
        market_of.advance(NOON + 5 * MINUTE)
    for name in NAMES:
        for kind in ("mark", "index", "premium"):
            bars = made.price_bars(kind, name, "1", None, None, 8)
            assert again.price_bars(kind, name, "1", None, None, 8) == bars


def test_minutes_of_before_they_were_noted_are_the_traded_ones() -> None:
    made, again = market(NOON), market(NOON)
    made.advance(NOON + 3 * MINUTE + 30_500)
    state = json.loads(json.dumps(made.state()))
    for saved in state["symbols"].values():
        del saved["prices"], saved["price_minute"]  # as the version before wrote it

    again.restore(state)

    traded = again.klines("BTCUSDT", "1", NOON, NOON + 2 * MINUTE, 3)
    bars = again.price_bars("mark", "BTCUSDT", "1", NOON, NOON + 2 * MINUTE, 3)
    assert [numbers(bar) for bar in bars] == [(row.open, row.high, row.low, row.close) for row in traded]


@pytest.mark.parametrize("name", ["BTCUSDT", "SOLUSDT", "inverse:BTCUSD"])
def test_open_interest_of_the_past_is_what_the_ticker_told(name: str) -> None:
    made = market(NOON)
    told = {}
    for minutes in (0, 5, 10):
        made.advance(NOON + minutes * MINUTE)
        told[made.now_ms] = Decimal(made.ticker(name)["openInterest"])

    found = made.open_interest(name, 5 * MINUTE, NOON, None, 50)

    assert found == sorted(told.items(), reverse=True)
    assert made.open_interest(name, 5 * MINUTE, None, NOON + 6 * MINUTE, 1) == [
        (NOON + 5 * MINUTE, told[NOON + 5 * MINUTE])
    ]
    assert len(set(told.values())) == 3
