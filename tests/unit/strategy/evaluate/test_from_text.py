"""From a spec's text to numbers: each function as it is written there, and the contract's example."""

from __future__ import annotations

import numpy as np
import pytest
import talib

from support.strategy_series import REMEMBERING, constants_of, in_columns, program_of, rows, same, series, wandering
from tradewright.strategy.check import check_text
from tradewright.strategy.evaluate.arrays import evaluate
from tradewright.strategy.evaluate.bars import Evaluator
from tradewright.strategy.evaluate.longer import build
from tradewright.strategy.functions.table import FUNCTIONS
from tradewright.strategy.program import Program

_SPEC = """
version: 1
name: one expression
market: {{ category: linear, symbol: ETHUSDT, timeframe: 15m }}
series: {{ value: "{expression}" }}
rules: {{ enter_long: close > open, exit_long: close < open }}
size: {{ quote: 10 }}
"""
EXAMPLE = """
version: 1
name: EMA cross with a trend filter
market: { category: linear, symbol: ETHUSDT, timeframe: 15m }
params: { fast: { default: 12, min: 5, max: 30, step: 1 }, slow: 26 }
series:
  ema_fast: ema(close, fast)
  ema_slow: ema(close, slow)
  trend: ema(close, 20, tf=4h)
rules:
  enter_long: crosses_above(ema_fast, ema_slow) and close > trend
  exit_long: crosses_below(ema_fast, ema_slow)
size: { quote: 100 }
protect:
  stop_loss: { price: "close - 3 * atr(14) * position.side" }
"""
_WORDS = {"x": "close", "a": "close", "b": "hlc3", "c": "close > open"}


def _program(text: str) -> Program:
    checked = check_text(text)
    assert checked.strategy is not None, checked.errors
    return checked.strategy.program


@pytest.mark.parametrize("name", REMEMBERING)
def test_a_function_means_in_a_spec_what_it_means_here(name: str) -> None:
    market = wandering(120, seed=21)
    for constants in constants_of(name):
        left = list(constants)
        words = [repr(left.pop(0)) if one.is_constant else _WORDS[one.name] for one in FUNCTIONS[name].parameters]
        written = evaluate(_program(_SPEC.format(expression=f"{name}({', '.join(words)})")), market)
        assert same(written["series.value"], in_columns(program_of(name, constants, base="15m"), market))


def test_the_example_of_the_contract() -> None:
    market = series("ethusdt-linear-15m-sample.csv.gz", 2_000)
    program = _program(EXAMPLE)
    columns, evaluator = evaluate(program, market), Evaluator(program)
    closed = [evaluator.close(bar) for bar in rows(market)]
    for name in columns:
        assert same(np.array([values[name] for values in closed]), columns[name])

    fast, slow = talib.EMA(market.close, 12), talib.EMA(market.close, 26)
    hours = build(market, "4h")
    ends = hours.open_time_ms + 4 * 3_600_000
    of_hours = talib.EMA(hours.close, 20)
    latest = [np.flatnonzero(ends <= opened + 900_000) for opened in market.open_time_ms]
    trend = np.array([of_hours[bars[-1]] if len(bars) else np.nan for bars in latest])
    assert np.allclose(columns["series.trend"], trend, rtol=1e-12, equal_nan=True)
    crossed = np.append(False, (fast > slow)[1:] & (fast <= slow)[:-1])
    entered = crossed & (market.close > trend)
    assert entered.sum() > 5
    assert same(columns["rules.enter_long"] == 1.0, entered)
