"""Candles and small programs for the tests of functions and evaluators.

Samples of our own synthetic market are committed; the real series lie beside the checkout where they are present.
They are read here by other means than the product's own.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Sequence
from dataclasses import fields, replace
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tradewright.strategy.candles import Candles
from tradewright.strategy.evaluate.arrays import evaluate
from tradewright.strategy.evaluate.bars import Evaluator
from tradewright.strategy.evaluate.fields import Bar
from tradewright.strategy.functions.table import FUNCTIONS
from tradewright.strategy.program import CONSTANT, RESAMPLE, Program, Step
from tradewright.strategy.timeframe import Timeframe, length_ms

Column = NDArray[np.float64]

ROOT = Path(__file__).parents[2]
SAMPLES: dict[str, Timeframe] = {
    "btcusdt-linear-1m-sample.csv.gz": "1m",
    "ethusdt-linear-15m-sample.csv.gz": "15m",
}
_REAL = ROOT.parent / "shared" / "data"
_REAL_SERIES: dict[str, Timeframe] = {
    "btcusd-perp-1m-2022-01.csv.gz": "1m",
    "xrpeth-spot-1m-2019-10.csv.gz": "1m",  # with 676 gaps
    "xrpusdt-perp-5m-2021-11.csv.gz": "5m",
    "ethbtc-spot-5m-2018-01.csv.gz": "5m",
    "ltcbtc-spot-5m-2018-01.csv.gz": "5m",
    "btcusdt-spot-4h-2024-q1.csv.gz": "4h",
    "solusdt-spot-4h-2024-q1.csv.gz": "4h",
}
COLUMNS = ("open", "high", "low", "close", "volume", "turnover")
# Lengths and multipliers to try a function with, where they are not one length: 5 and 14.
CONSTANTS: dict[str, Sequence[tuple[float, ...]]] = {
    **dict.fromkeys(("stoch_k", "stoch_d"), ((14.0, 3.0, 3.0), (5.0, 1.0, 1.0))),
    **dict.fromkeys(("stochrsi_k", "stochrsi_d"), ((14.0, 14.0, 3.0), (5.0, 3.0, 1.0))),
    **dict.fromkeys(("macd", "macd_signal", "macd_hist"), ((12.0, 26.0, 9.0), (2.0, 5.0, 1.0))),
    **dict.fromkeys(("bb_upper", "bb_middle", "bb_lower", "bb_width"), ((20.0, 2.0), (5.0, 1.5))),
    **dict.fromkeys(("keltner_upper", "keltner_lower", "supertrend", "supertrend_dir"), ((10.0, 3.0), (3.0, 0.7))),
    "psar": ((0.02, 0.2), (0.3, 0.3)),
}
REMEMBERING = [name for name, function in FUNCTIONS.items() if function.group != "arithmetic"]


def constants_of(name: str) -> Sequence[tuple[float, ...]]:
    """Two sets of constants for a function, one if it takes none."""
    if not FUNCTIONS[name].constants:
        return ((),)
    return CONSTANTS.get(name, ((14.0,), (5.0,)))


def real_series() -> list[str]:
    return [name for name in _REAL_SERIES if (_REAL / name).is_file()]


@cache
def series(name: str, bars: int | None = None) -> Candles:
    """A sample or a real series, its first `bars`."""
    path = ROOT / "tests" / "data" / name if name in SAMPLES else _REAL / name
    timeframe = SAMPLES[name] if name in SAMPLES else _REAL_SERIES[name]
    with gzip.open(path, "rt") as file:
        rows = [row for row, _ in zip(csv.DictReader(file), range(bars or 10**7), strict=False)]
    columns = {column: np.array([float(row[column] or "nan") for row in rows]) for column in COLUMNS}
    times = np.array([int(row["open_time_ms"]) for row in rows], dtype=np.int64)
    return Candles(timeframe=timeframe, open_time_ms=times, **columns)


def candles(
    close: Sequence[float] | Column,
    *,
    timeframe: Timeframe = "15m",
    start_ms: int = 1_700_006_400_000,
    times: Sequence[int] | None = None,
    **columns: Sequence[float] | Column,
) -> Candles:
    """Bars with this close; without other columns all prices are the close, volume 1 and turnover unknown."""
    length = len(close)
    opened = start_ms + np.arange(length, dtype=np.int64) * length_ms(timeframe) if times is None else times
    given = {name: np.asarray(column, dtype=np.float64) for name, column in {**columns, "close": close}.items()}
    for name in ("open", "high", "low"):
        given.setdefault(name, given["close"].copy())
    given.setdefault("volume", np.ones(length))
    given.setdefault("turnover", np.full(length, np.nan))
    return Candles(timeframe=timeframe, open_time_ms=np.asarray(opened, dtype=np.int64), **given)


def wandering(
    length: int,
    seed: int,
    *,
    timeframe: Timeframe = "15m",
    start_ms: int = 1_700_006_400_000,
    gaps: bool = False,
    ticks: bool = True,
) -> Candles:
    """A random market: jumps, bars without volume, unknown turnovers in stretches, flat parts, gaps when wanted."""
    random = np.random.default_rng(seed)
    moves = random.normal(0, 0.4, length) * (random.random(length) < 0.8)
    moves[random.random(length) < 0.01] *= 30
    flat = np.repeat(random.random(length // 20 + 1) < 0.1, 20)[:length]
    moves[flat] = 0.0
    close = 100.0 * np.exp(np.cumsum(moves) / 100)
    opened = np.concatenate(([100.0], close[:-1]))
    reach = np.where(flat, 0.0, 0.3) * random.random((2, length))
    high, low = np.maximum(opened, close) + reach[0], np.minimum(opened, close) - reach[1]
    if ticks:
        opened, high, low, close = (np.round(column, 2) for column in (opened, high, low, close))
    volume = np.round(random.exponential(50, length), 3) * (random.random(length) < 0.9)
    turnover = np.where(np.repeat(random.random(length // 30 + 1) < 0.3, 30)[:length], np.nan, volume * close)
    steps = np.ones(length, dtype=np.int64)
    if gaps:
        steps += (random.random(length) < 0.03) * random.integers(1, 60, length)
    times = start_ms + (np.cumsum(steps) - 1) * length_ms(timeframe)
    columns = {"open": opened, "high": high, "low": low, "close": close, "volume": volume, "turnover": turnover}
    return Candles(timeframe=timeframe, open_time_ms=times, **columns)


def part(whole: Candles, where: slice) -> Candles:
    return replace(
        whole, **{one.name: getattr(whole, one.name)[where] for one in fields(whole) if one.name != "timeframe"}
    )


def program_of(
    name: str,
    constants: Sequence[float],
    *,
    base: Timeframe,
    of: str = "close",
    tf: Timeframe | None = None,
) -> Program:
    """A function of `of` (conditions: close above open), on bars of `tf`, as the checker would lay it out."""
    function, on = FUNCTIONS[name], tf or base
    steps: list[Step] = [Step("close", on), Step("open", on), Step(">", on, (0, 1)), Step(of, on)]
    arguments: list[int] = []
    for parameter in function.series:
        if parameter.kind == "condition":
            arguments.append(2)
        elif parameter.name == "b":
            steps.append(Step("hlc3", on))
            arguments.append(len(steps) - 1)
        else:
            arguments.append(3)
    for field in function.reads:
        steps.append(Step(field, on))
        arguments.append(len(steps) - 1)
    steps.append(Step(name, on, tuple(arguments), tuple(constants)))
    if on != base:
        steps.append(Step(RESAMPLE, base, (len(steps) - 1,)))
    return Program(base, tuple(steps), {"value": len(steps) - 1})


def constant_step(value: float, base: Timeframe) -> Step:
    return Step(CONSTANT, base, (), (value,))


def in_columns(program: Program, bars: Candles, name: str = "value") -> Column:
    return evaluate(program, bars)[name]


def bar_by_bar(program: Program, bars: Candles, name: str = "value") -> Column:
    evaluator = Evaluator(program)
    return np.array([evaluator.close(bar)[name] for bar in rows(bars)])


def rows(bars: Candles) -> list[Bar]:
    columns = (getattr(bars, name).tolist() for name in COLUMNS)
    return list(map(Bar, bars.open_time_ms.tolist(), *columns))


def same(left: Column, right: Column) -> bool:
    """Equal to the last bit, unknown where the other is; but 0 and -0 are one number."""
    return bool(np.array_equal(left, right, equal_nan=True))
