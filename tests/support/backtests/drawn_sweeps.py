"""Searches drawn by chance, of specs that a compiled run takes: a spec with ranged params, and some sets of values.

Prices of most scenes lie on a fine grid around a price as they are in markets, so that doubles rarely cannot tell; of
the others on the coarse grid of `drawn`, so that they often cannot. One seed gives one scene.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from decimal import Decimal
from random import Random
from typing import Any

import numpy as np

from support.backtests import drawn
from tradewright.backtest.settings import Settings
from tradewright.market.history.rows import Rows
from tradewright.strategy.candles import Candles
from tradewright.strategy.prices import Filters
from tradewright.strategy.timeframe import Timeframe, length_ms

_COARSE_SHARE = 0.2
_SETS = 3
_BARS = 240


@dataclass(frozen=True)
class DrawnSearch:
    """`sets`: values of the ranged params; one of them may be none that the spec allows."""

    text: str
    candles: Candles
    settings: Settings
    sets: list[dict[str, Decimal]]


def draw_search(seed: int) -> DrawnSearch:
    rng = Random(f"search {seed}")
    category = rng.choice(["linear", "linear", "spot"])
    timeframes: list[Timeframe] = ["1h", "1h", "4h", "1d"]
    timeframe = rng.choice(timeframes)
    params = {
        "few": {"default": 2, "min": 1, "max": 4, "step": 1},
        "many": {"default": 7, "min": 5, "max": 9, "step": 1},
        "away": {"default": 2, "min": 0.5, "max": 6, "step": 0.5},
    }
    spec: dict[str, Any] = {
        "version": 1,
        "name": f"search {seed}",
        "market": {"category": category, "symbol": "BTCUSDT", "timeframe": timeframe},
        "params": params,
    }
    if category == "linear":
        spec["leverage"] = rng.choice([1, 1, 2, 3, 10, 25])
    spec |= _signal(rng, category)
    is_coarse = rng.random() < _COARSE_SHARE
    begin_ms = drawn.MONDAY_MS + rng.randrange(24) * drawn.HOUR_MS
    step_ms = length_ms(timeframe)
    rows = drawn.walk(rng, _BARS, False, step_ms, begin_ms)[1] if is_coarse else _fine_walk(rng, step_ms, begin_ms)
    candles = rows.candles(timeframe)
    settings = replace(drawn.drawn_settings(rng, spec | {"kind": "signal"}, candles, rows), fine=None)
    if not is_coarse:
        tick = rng.choice([None, Decimal("0.1"), Decimal("0.5"), Decimal("0.01")])
        settings = replace(
            settings,
            equity=Decimal(rng.choice(["100000", "31234.56"])),
            filters=Filters(tick_size=tick, quantity_step=Decimal(rng.choice(["0.000001", "0.001"]))),
        )
    sets = [
        {
            "few": Decimal(rng.randint(1, 4)),
            "many": Decimal(rng.randint(5, 9)),
            "away": Decimal(rng.randint(1, 12)) / 2,
        }
        for _ in range(_SETS)
    ]
    return DrawnSearch(json.dumps(spec), candles, settings, sets)


def _signal(rng: Random, category: str) -> dict[str, Any]:
    enters = ["volume >= many", "crosses_above(ema(close, few), ema(close, many))", "volume >= 8 or close < close[few]"]
    rules: dict[str, Any] = {"enter_long": rng.choice(enters)}
    if category == "linear" and rng.random() < 0.8:
        rules["enter_short"] = rng.choice(
            ["volume == few", "volume <= few and close < sma(close, many)", "crosses_below(close, wma(close, many))"]
        )
    exits = ["volume == 5", "volume <= few", "close < ema(close, many)", "crosses(close, sma(close, few))"]
    for side in ("long", "short") if category == "linear" else ("long",):
        if rng.random() < 0.6:
            rules[f"exit_{side}"] = rng.choice(exits)
    protect = _protect(rng)
    size: dict[str, Any] = rng.choice([{"quote": 1000}, {"base": 3}, {"equity_pct": 60}, {"equity_pct": 100}])
    if "stop_loss" in protect and rng.random() < 0.4:
        size = {"risk_pct": rng.choice([1, 5, 40])}
    made = {"rules": rules, "size": size} | ({"protect": protect} if protect else {})
    if rng.random() < 0.4:
        offset = rng.choice([0, 0.03, 0.5, 1])
        made["entry"] = {"type": "limit", "offset_pct": offset, "expire_bars": rng.choice([1, 2, 5])}
    if rng.random() < 0.4:
        made["limits"] = drawn.drawn_limits(rng)
    return made


def _protect(rng: Random) -> dict[str, Any]:
    stops = [{"pct": "away"}, {"pct": 5}, {"atr": "away", "length": "few"}, {"price": "close - (few - 2) * atr(3)"}]
    stops += [{"price": "lowest(low, many) * (1 - away / 100)"}]
    targets = [{"pct": "away"}, {"pct": 120}, {"atr": 3, "length": 4}, {"price": "close + away"}]
    protect: dict[str, Any] = {}
    if rng.random() < 0.6:
        protect["stop_loss"] = rng.choice(stops)
    if "stop_loss" in protect and rng.random() < 0.3:
        protect["take_profit"] = {"rr": rng.choice([0.5, "away"])}
    elif rng.random() < 0.6:
        protect["take_profit"] = rng.choice(targets)
    if rng.random() < 0.4:
        protect["trailing"] = {"pct": rng.choice([1, "away"])}
        if rng.random() < 0.5:
            protect["trailing"]["activate_pct"] = rng.choice([1, 2])
    if rng.random() < 0.3:
        protect["max_bars"] = rng.choice([1, 3, 10])
    return protect


def _fine_walk(rng: Random, step_ms: int, begin_ms: int) -> Rows:
    """Prices of 0.1 around a few hundred; now and then a gap between two bars, or a still one."""
    chance = np.random.default_rng(rng.randrange(2**32))
    close = np.round(437.3 * np.exp(np.cumsum(chance.normal(0, rng.choice([0.002, 0.01, 0.03]), _BARS))), 1)
    opened = np.concatenate(([437.3], close[:-1]))
    jumps = chance.random(_BARS) < 0.1
    opened[jumps] = np.round(opened[jumps] * chance.normal(1.0, 0.01, int(jumps.sum())), 1)
    reach = np.abs(chance.normal(0, 0.004, (2, _BARS))) * (chance.random((2, _BARS)) < 0.8)
    high = np.round(np.maximum(opened, close) * (1 + reach[0]), 1)
    low = np.round(np.minimum(opened, close) * (1 - reach[1]), 1)
    return Rows(
        open_time_ms=begin_ms + np.arange(_BARS) * step_ms,
        open=opened,
        high=np.maximum(high, np.maximum(opened, close)),
        low=np.minimum(low, np.minimum(opened, close)),
        close=close,
        volume=chance.integers(0, 10, _BARS).astype(float),
        turnover=np.full(_BARS, np.nan),
    )
