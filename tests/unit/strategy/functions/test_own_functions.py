"""The functions that TA-Lib lacks equal the contract's words, written out here anew: slow, over whole windows."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import talib

from support.strategy_series import (
    Column,
    bar_by_bar,
    candles,
    constants_of,
    in_columns,
    program_of,
    series,
    wandering,
)
from tradewright.strategy.candles import Candles

DAY_MS = 86_400_000


def _windows(x: Column, n: int, value: Callable[[Column], float]) -> Column:
    """`value` of each n bars, unknown before there are so many."""
    return np.array([value(x[i - n + 1 : i + 1]) if i >= n - 1 else math.nan for i in range(len(x))])


def _quotient(a: float, b: float) -> float:
    return a / b if b != 0 else math.nan


def _pairs(a: Column, b: Column, n: int, value: Callable[[Column, Column], float]) -> Column:
    return np.array(
        [value(a[i - n + 1 : i + 1], b[i - n + 1 : i + 1]) if i >= n - 1 else math.nan for i in range(len(a))]
    )


def _rma(bars: Candles, n: int) -> Column:
    found = np.full(len(bars), math.nan)
    found[n - 1] = bars.close[:n].mean()
    for i in range(n, len(bars)):
        found[i] = found[i - 1] + (bars.close[i] - found[i - 1]) / n
    return found


def _wma(x: Column, n: int) -> Column:
    weights = np.arange(1, n + 1)
    return _windows(x, n, lambda window: float(window @ weights) / weights.sum())


def _hma(bars: Candles, n: int) -> Column:
    return _wma(2 * _wma(bars.close, n // 2) - _wma(bars.close, n), math.floor(math.sqrt(n) + 0.5))


def _vwma(bars: Candles, n: int) -> Column:
    return _pairs(bars.close, bars.volume, n, lambda x, v: _quotient(math.fsum(x * v), math.fsum(v)))


def _vwap(bars: Candles) -> Column:
    price = (bars.high + bars.low + bars.close) / 3
    found = []
    for i, opened in enumerate(bars.open_time_ms):
        of_day = [j for j in range(i + 1) if bars.open_time_ms[j] // DAY_MS == opened // DAY_MS]
        volume = bars.volume[of_day]
        found.append(_quotient(math.fsum(price[of_day] * volume), math.fsum(volume)))
    return np.array(found)


def _bb_width(bars: Candles, n: int, k: float) -> Column:
    return _windows(bars.close, n, lambda x: 2 * k * float(x.std()) / float(x.mean()))


def _keltner(sign: int) -> Callable[[Candles, int, float], Column]:
    def band(bars: Candles, n: int, k: float) -> Column:
        return talib.EMA(bars.close, n) + sign * k * talib.ATR(bars.high, bars.low, bars.close, n)

    return band


def _supertrend(bars: Candles, n: int, k: float) -> tuple[Column, Column]:
    span = talib.ATR(bars.high, bars.low, bars.close, n)
    upper = (bars.high + bars.low) / 2 + k * span
    lower = (bars.high + bars.low) / 2 - k * span
    direction, line = np.full(len(bars), math.nan), np.full(len(bars), math.nan)
    final_upper, final_lower = upper[n], lower[n]
    for i in range(n, len(bars)):
        if i == n:
            direction[i] = -1
        else:
            if upper[i] < final_upper or bars.close[i - 1] > final_upper:
                final_upper = upper[i]
            if lower[i] > final_lower or bars.close[i - 1] < final_lower:
                final_lower = lower[i]
            direction[i] = direction[i - 1]
            if direction[i - 1] == -1 and bars.close[i] > final_upper:
                direction[i] = 1
            elif direction[i - 1] == 1 and bars.close[i] < final_lower:
                direction[i] = -1
        line[i] = final_lower if direction[i] == 1 else final_upper
    return line, direction


def _cmf(bars: Candles, n: int) -> Column:
    span = bars.high - bars.low
    place = ((bars.close - bars.low) - (bars.high - bars.close)) / np.where(span == 0, 1, span)
    flow = np.where(span == 0, 0, place) * bars.volume
    return _pairs(flow, bars.volume, n, lambda f, v: _quotient(math.fsum(f), math.fsum(v)))


def _change(bars: Candles, n: int) -> Column:
    return np.concatenate((np.full(n, math.nan), bars.close[n:] - bars.close[:-n]))


def _percent_rank(bars: Candles, n: int) -> Column:
    return _windows(bars.close, n + 1, lambda x: 100 * sum(1 for before in x[:-1] if before <= x[-1]) / n)


def _zscore(bars: Candles, n: int) -> Column:
    # A window of equal values deviates by nothing, though numpy's mean of them may be rounded.
    spread = [0.0 if np.ptp(bars.close[i - n + 1 : i + 1]) == 0 else 1.0 for i in range(n - 1, len(bars))]
    known = np.concatenate((np.full(n - 1, math.nan), spread))
    scores = _windows(bars.close, n, lambda x: _quotient(float(x[-1] - x.mean()), float(x.std())))
    return np.where(known == 0.0, math.nan, scores)


def _condition(bars: Candles) -> Column:
    return (bars.close > bars.open).astype(float)


def _count(bars: Candles, n: int) -> Column:
    return _windows(_condition(bars), n, lambda c: float(c.sum()))


def _held(bars: Candles, n: int) -> Column:
    c = _condition(bars)
    found = []
    for i in range(len(c)):
        window = c[max(0, i - n + 1) : i + 1]
        found.append(0.0 if 0.0 in window else 1.0 if len(window) == n else math.nan)
    return np.array(found)


def _run(sign: int) -> Callable[[Candles, int], Column]:
    return lambda bars, n: _windows(bars.close, n + 1, lambda x: float(all(sign * move > 0 for move in np.diff(x))))


def _crossing(bars: Candles, sign: int) -> list[float]:
    a, b = sign * bars.close, sign * (bars.high + bars.low + bars.close) / 3
    found = [0.0 if a[0] <= b[0] else math.nan]
    return found + [float(a[i] > b[i] and a[i - 1] <= b[i - 1]) for i in range(1, len(a))]


def _crosses(bars: Candles) -> Column:
    above, below = _crossing(bars, 1), _crossing(bars, -1)
    return np.array([1.0 if 1.0 in both else sum(both) for both in zip(above, below, strict=True)])


def _last_true(bars: Candles) -> list[int | None]:
    c, last, found = _condition(bars), None, []
    for i, holds in enumerate(c):
        last = i if holds else last
        found.append(last)
    return found


def _bars_since(bars: Candles) -> Column:
    return np.array([math.nan if last is None else i - last for i, last in enumerate(_last_true(bars))])


def _value_when(bars: Candles) -> Column:
    return np.array([math.nan if last is None else bars.close[last] for last in _last_true(bars)])


DEFINED: dict[str, Callable[..., Column]] = {
    "rma": _rma,
    "hma": _hma,
    "vwma": _vwma,
    "vwap": _vwap,
    "bb_width": _bb_width,
    "keltner_upper": _keltner(1),
    "keltner_lower": _keltner(-1),
    "donchian_upper": lambda bars, n: _windows(bars.high, n, lambda x: float(x.max())),
    "donchian_lower": lambda bars, n: _windows(bars.low, n, lambda x: float(x.min())),
    "supertrend": lambda bars, n, k: _supertrend(bars, n, k)[0],
    "supertrend_dir": lambda bars, n, k: _supertrend(bars, n, k)[1],
    "cmf": _cmf,
    "volume_sma": lambda bars, n: _windows(bars.volume, n, lambda v: math.fsum(v) / n),
    "change": _change,
    "percent_rank": _percent_rank,
    "zscore": _zscore,
    "count": _count,
    "held": _held,
    "rising": _run(1),
    "falling": _run(-1),
    "crosses_above": lambda bars: np.array(_crossing(bars, 1)),
    "crosses_below": lambda bars: np.array(_crossing(bars, -1)),
    "crosses": _crosses,
    "bars_since": _bars_since,
    "value_when": _value_when,
}


def _assert_equal(name: str, bars: Candles, constants: tuple[float, ...], scale: Column) -> None:
    program = program_of(name, constants, base=bars.timeframe)
    lengths = [int(value) if place == 0 else value for place, value in enumerate(constants)]
    found, expected = in_columns(program, bars), DEFINED[name](bars, *lengths)
    assert np.array_equal(np.isnan(found), np.isnan(expected)), f"{name}{constants} is known at other bars"
    away = np.abs(found - expected) / (1e-9 * np.maximum(np.abs(expected), scale))
    assert not np.nanmax(away, initial=0.0) > 1.0, f"{name}{constants}: {np.nanargmax(away)}"
    assert np.array_equal(found, bar_by_bar(program, bars), equal_nan=True), f"{name}{constants} bar by bar"


@pytest.mark.parametrize("function", DEFINED)
def test_equals_its_words_in_both_evaluators(function: str) -> None:
    for bars in (series("ethusdt-linear-15m-sample.csv.gz", 300), wandering(300, seed=5), wandering(200, seed=6)):
        of_one_length = constants_of(function) == ((14.0,), (5.0,))
        for constants in (*constants_of(function), *(((2.0,), (4.0,)) if of_one_length else ())):
            _assert_equal(function, bars, constants, np.ones(len(bars)))


@pytest.mark.parametrize("function", ["vwma", "cmf", "zscore", "linreg", "wma", "sma", "stddev"])
def test_what_was_large_and_left_the_window_leaves_nothing_behind(function: str) -> None:
    """Windows behind an outlier of 10^9 are as if it had never been."""
    calm = wandering(160, seed=8)
    wild = wandering(160, seed=8)
    wild.close[40] *= 1e9
    wild.volume[40] += 1e9
    program = program_of(function, (5.0,), base="15m")
    found, expected = in_columns(program, wild)[46:], in_columns(program, calm)[46:]
    # TA-Lib's own `sma` adds and takes off, so an outlier leaves its rounding behind; that is its value then.
    allowed = 1e-4 if function == "sma" else 1e-9
    assert np.nanmax(np.abs(found - expected)) <= allowed * 100
    assert np.array_equal(np.isnan(found), np.isnan(expected))


@pytest.mark.parametrize("function", ["wma", "linreg", "linreg_slope", "vwma", "stddev", "hma"])
def test_running_sums_do_not_drift(function: str) -> None:
    """After 60,000 bars a window is worth what it is worth alone."""
    long = wandering(60_000, seed=9, ticks=False)
    program = program_of(function, (14.0,), base="15m")
    found = in_columns(program, long)
    for end in (30_000, 45_678, 60_000):
        alone = candles(long.close[end - 40 : end], volume=long.volume[end - 40 : end])
        expected = in_columns(program, alone)[-1]
        assert found[end - 1] == pytest.approx(expected, rel=0, abs=1e-11 * abs(long.close[end - 1]), nan_ok=True)


def test_vwap_begins_anew_with_each_utc_day() -> None:
    # 22:00, 23:00 | 00:00, 01:00 of the next day; prices 10, 20 | 40, 30; volumes 1, 3 | 0, 2
    bars = candles([10, 20, 40, 30], timeframe="1h", start_ms=19_700 * DAY_MS + 22 * 3_600_000, volume=[1, 3, 0, 2])
    found = in_columns(program_of("vwap", (), base="1h"), bars)
    assert found[:2].tolist() == [10.0, 17.5]  # 10; (10 + 60) / 4
    assert math.isnan(found[2])  # no volume yet on this day
    assert found[3] == 30.0


def test_values_by_hand() -> None:
    bars = candles([1.0, 2.0, 4.0, 4.0, 3.0, 3.0])

    def last(name: str, *constants: float) -> float:
        return float(in_columns(program_of(name, constants, base="15m"), bars)[-1])

    assert last("percent_rank", 4) == 50.0  # 3 and 2 of 3, 4, 4, 2 are not above 3
    assert last("change", 3) == -1.0
    assert last("rma", 2) == 3.09375  # 1.5, 2.75, 3.375, 3.1875, 3.09375
    assert last("zscore", 3) == pytest.approx(-math.sqrt(0.5), rel=1e-14)  # 4, 3, 3: mean 10/3, variance 2/9
    assert last("rising", 1) == 0.0
    assert math.isnan(last("zscore", 2))  # 3, 3: division by zero


def test_a_flat_window_has_no_score_though_its_variance_is_rounded() -> None:
    # The computed mean of 49 of these differs from each in the last place, and their variance comes out as 5.6e-45.
    bars = candles([57.0, 58.0, *[57.44707532179869] * 60])
    scores = in_columns(program_of("zscore", (49.0,), base="15m"), bars)
    assert not np.isnan(scores[48:50]).any()
    assert np.isnan(scores[50:]).all()


@pytest.mark.parametrize("seed", range(13, 20))
def test_kama_of_a_rest_longer_than_its_window_goes_at_its_fastest(seed: int) -> None:
    """Whatever rounding an outlier left in the sum of its moves: nothing moved, so there is nothing to be rounded."""
    close = wandering(150, seed, ticks=False).close
    close[100] = 1e13 * (1 + seed / 7)
    close[118:] = close[117]
    away = in_columns(program_of("kama", (14.0,), base="15m"), candles(close))[131:139] - close[117]
    assert np.allclose(away[1:] / away[:-1], 1 - (2 / 3) ** 2, rtol=1e-6)
