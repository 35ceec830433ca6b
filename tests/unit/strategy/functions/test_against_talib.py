"""Every function that TA-Lib has equals TA-Lib, in both evaluators, within the contract's tolerance.

On the committed samples always; on the real series where they are present, the gappy one too. STRATEGY_BARS says how
many bars of each (0: all), for the whole take a minute.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np
import pytest
import talib
from numpy.lib.stride_tricks import sliding_window_view

from support.strategy_series import (
    SAMPLES,
    Column,
    bar_by_bar,
    candles,
    constants_of,
    in_columns,
    program_of,
    real_series,
    series,
    wandering,
)
from tradewright.strategy.candles import Candles

BARS = int(os.environ.get("STRATEGY_BARS", "300"))
_SMA = 0

_Oracle = Callable[..., Column]
ORACLE: dict[str, _Oracle] = {
    "sma": lambda c, n: talib.SMA(c.close, n),
    "ema": lambda c, n: talib.EMA(c.close, n),
    "wma": lambda c, n: talib.WMA(c.close, n),
    "dema": lambda c, n: talib.DEMA(c.close, n),
    "tema": lambda c, n: talib.TEMA(c.close, n),
    "kama": lambda c, n: talib.KAMA(c.close, n),
    "rsi": lambda c, n: talib.RSI(c.close, n),
    "roc": lambda c, n: talib.ROC(c.close, n),
    "mom": lambda c, n: talib.MOM(c.close, n),
    "cci": lambda c, n: talib.CCI(c.high, c.low, c.close, n),
    "willr": lambda c, n: talib.WILLR(c.high, c.low, c.close, n),
    "mfi": lambda c, n: talib.MFI(c.high, c.low, c.close, c.volume, n),
    "adx": lambda c, n: talib.ADX(c.high, c.low, c.close, n),
    "plus_di": lambda c, n: talib.PLUS_DI(c.high, c.low, c.close, n),
    "minus_di": lambda c, n: talib.MINUS_DI(c.high, c.low, c.close, n),
    "aroon_up": lambda c, n: talib.AROON(c.high, c.low, n)[1],
    "aroon_down": lambda c, n: talib.AROON(c.high, c.low, n)[0],
    "stoch_k": lambda c, k, s, d: talib.STOCH(c.high, c.low, c.close, k, s, _SMA, d, _SMA)[0],
    "stoch_d": lambda c, k, s, d: talib.STOCH(c.high, c.low, c.close, k, s, _SMA, d, _SMA)[1],
    "stochrsi_k": lambda c, n, k, d: talib.STOCHRSI(c.close, n, k, d, _SMA)[0],
    "stochrsi_d": lambda c, n, k, d: talib.STOCHRSI(c.close, n, k, d, _SMA)[1],
    "macd": lambda c, f, s, g: talib.MACD(c.close, f, s, g)[0],
    "macd_signal": lambda c, f, s, g: talib.MACD(c.close, f, s, g)[1],
    "macd_hist": lambda c, f, s, g: talib.MACD(c.close, f, s, g)[2],
    "atr": lambda c, n: talib.ATR(c.high, c.low, c.close, n),
    "natr": lambda c, n: talib.NATR(c.high, c.low, c.close, n),
    "tr": lambda c: talib.TRANGE(c.high, c.low, c.close),
    "stddev": lambda c, n: talib.STDDEV(c.close, n),
    "bb_upper": lambda c, n, k: talib.BBANDS(c.close, n, k, k)[0],
    "bb_middle": lambda c, n, k: talib.BBANDS(c.close, n, k, k)[1],
    "bb_lower": lambda c, n, k: talib.BBANDS(c.close, n, k, k)[2],
    "psar": lambda c, step, most: talib.SAR(c.high, c.low, step, most),
    "linreg_slope": lambda c, n: talib.LINEARREG_SLOPE(c.close, n),
    "linreg": lambda c, n: talib.LINEARREG(c.close, n),
    "obv": lambda c: talib.OBV(c.close, c.volume),
    "ad": lambda c: talib.AD(c.high, c.low, c.close, c.volume),
    "highest": lambda c, n: talib.MAX(c.close, n),
    "lowest": lambda c, n: talib.MIN(c.close, n),
    "sum": lambda c, n: talib.SUM(c.close, n),
}
_MULTIPLIERS = {"bb_upper", "bb_middle", "bb_lower", "psar"}
_OSCILLATORS = frozenset(("rsi", "roc", "cci", "willr", "mfi", "adx", "natr", "plus_di", "minus_di", "aroon_up"))
_OSCILLATORS |= {"aroon_down", "stoch_k", "stoch_d", "stochrsi_k", "stochrsi_d"}
_VOLUMES = {"obv", "ad"}
# Of one bar TA-Lib is particular: `natr` is the true range, `plus_di` a ratio, `kama` the bar itself.
OF_ONE_BAR = ("sma", "ema", "wma", "dema", "tema", "roc", "mom", "plus_di", "minus_di", "atr", "natr")


def _oracle(name: str, bars: Candles, constants: tuple[float, ...]) -> Column:
    # TA-Lib tells lengths (ints) from multipliers (floats).
    lengths = [int(value) if place == 0 and name != "psar" else value for place, value in enumerate(constants)]
    return ORACLE[name](bars, *(lengths if name in _MULTIPLIERS else map(int, constants)))


def _scale(name: str, bars: Candles, constants: tuple[float, ...]) -> Column:
    """The contract's: 100 for oscillators, else the largest absolute input in the window (volumes: so far)."""
    if name in _OSCILLATORS:
        return np.full(len(bars), 100.0)
    if name in _VOLUMES:
        return np.maximum.accumulate(bars.volume)
    window = int(max(constants, default=1)) if name not in _MULTIPLIERS else 1
    padded = np.concatenate((np.full(window - 1, bars.close[0]), bars.close))
    return sliding_window_view(padded, window).max(axis=1)


def _assert_equal(name: str, bars: Candles, constants: tuple[float, ...]) -> None:
    program = program_of(name, constants, base=bars.timeframe)
    expected = _oracle(name, bars, constants)
    found = in_columns(program, bars)
    assert np.array_equal(np.isnan(found), np.isnan(expected)), f"{name}{constants} is known at other bars"
    allowed = 1e-9 * np.maximum(np.abs(expected), _scale(name, bars, constants)) + 1e-300  # not 0 beside 0
    away = np.abs(found - expected) / allowed
    assert not np.nanmax(away, initial=0.0) > 1.0, f"{name}{constants}: {np.nanargmax(away)}"
    assert np.array_equal(found, bar_by_bar(program, bars), equal_nan=True), f"{name}{constants} bar by bar"


@pytest.mark.parametrize("name", [*SAMPLES, *real_series()])
@pytest.mark.parametrize("function", ORACLE)
def test_equals_talib_in_both_evaluators(function: str, name: str) -> None:
    bars = series(name, BARS or None)
    for constants in constants_of(function):
        _assert_equal(function, bars, constants)


@pytest.mark.parametrize("function", OF_ONE_BAR)
def test_of_one_bar_equals_talib(function: str) -> None:
    _assert_equal(function, series("ethusdt-linear-15m-sample.csv.gz", 200), (1.0,))


def test_kama_of_one_bar_is_the_bar_from_the_index_of_the_contract_on() -> None:
    bars = series("ethusdt-linear-15m-sample.csv.gz", 50)
    found = in_columns(program_of("kama", (1.0,), base="15m"), bars)
    assert np.isnan(found[0])  # TA-Lib gives the first bar too; the contract's first known index is n
    assert np.array_equal(found[1:], talib.KAMA(bars.close, 1)[1:])


def _flat_after_moves(scale: float, ticks: int | None) -> Candles:
    random = np.random.default_rng(7)
    levels = (100 + np.cumsum(random.normal(size=20))) * scale
    close = np.repeat(levels if ticks is None else np.round(levels, ticks), 30)
    return candles(close)


def _coarse() -> Candles:
    """Few prices: highs and lows repeat, and ranges often grow by as much on both sides."""
    random = np.random.default_rng(3)
    close = 50.0 + np.cumsum(random.integers(-2, 3, 200))
    high, low = close + random.integers(0, 3, 200), close - random.integers(0, 3, 200)
    return candles(close, high=high, low=low, volume=random.integers(0, 4, 200))


@pytest.mark.parametrize(
    "bars",
    [
        pytest.param(_coarse(), id="few prices"),
        pytest.param(wandering(300, seed=13, ticks=False), id="moves and rests"),
        pytest.param(candles(np.full(120, 0.1)), id="never moved"),
        pytest.param(candles(np.full(120, 64467.4)), id="never moved, large"),
        pytest.param(_flat_after_moves(1.0, None), id="flat between moves"),
        pytest.param(_flat_after_moves(1.0, 1), id="flat between moves, on ticks"),
        pytest.param(_flat_after_moves(1e-12, None), id="tiny prices"),
        pytest.param(_flat_after_moves(1e9, None), id="huge prices"),
    ],
)
@pytest.mark.parametrize("function", ORACLE)
def test_odd_markets_are_taken_as_talib_takes_them(function: str, bars: Candles) -> None:
    for constants in constants_of(function):
        _assert_equal(function, bars, constants)


FLAT_ARE_0 = ("rsi", "cci", "roc", "stoch_k", "stoch_d", "stochrsi_k", "stochrsi_d", "willr", "mfi", "adx")


@pytest.mark.parametrize("price", [0.1, 1.1, 100.3, 64467.4])
def test_a_flat_market_is_0_and_aroon_100(price: float) -> None:
    bars = candles(np.full(80, price))
    for name in FLAT_ARE_0:
        for constants in constants_of(name):
            assert in_columns(program_of(name, constants, base="15m"), bars)[-1] == 0.0, name
    for name in ("aroon_up", "aroon_down"):
        assert in_columns(program_of(name, (14.0,), base="15m"), bars)[-1] == 100.0, name
