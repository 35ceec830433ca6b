"""Volatility: true ranges, deviations, and the bands made of them (how a step is written: `steps`)."""

from __future__ import annotations

import math

from tradewright.strategy.functions.averages import cells_sma, ema, sma
from tradewright.strategy.functions.steps import NAN

_RESEED_WINDOWS = 32.0


def true_range(high: float, low: float, last_close: float) -> float:
    """The largest of high - low and what lies between either and the close before."""
    if last_close > high:
        return last_close - low
    if last_close < low:
        return high - last_close
    return high - low


def cells_tr() -> int:
    return 1


def tr(s: list[float], o: int, t: int, high: float, low: float, close: float) -> float:
    """Cells: close before."""
    last = s[o]
    s[o] = close
    return true_range(high, low, last) if t > 0 else NAN


def cells_atr(n: int) -> int:
    return 2


def atr(s: list[float], o: int, n: int, t: int, high: float, low: float, close: float) -> float:
    """Wilder's average of true ranges. Cells: close before; the average, before that the sum."""
    span = true_range(high, low, s[o])
    s[o] = close
    if t > n:
        value = (s[o + 1] * (n - 1.0) + span) / n
        s[o + 1] = value
        return value
    if t == 0:
        return NAN
    value = s[o + 1] + span
    if t == n:
        value /= n
    s[o + 1] = value
    return value if t == n else NAN


def natr(s: list[float], o: int, n: int, t: int, high: float, low: float, close: float) -> float:
    """In per cent of the close; of one bar TA-Lib gives the true range itself."""
    value = atr(s, o, n, t, high, low, close)
    if n == 1 or t < n:
        return value
    return value / close * 100.0 if close != 0.0 else 0.0


def cells_variance(n: int) -> int:
    return 5 + n


def variance(s: list[float], o: int, n: int, t: int, x: float) -> float:
    """Population variance of the last n, as TA-Lib 0.8 makes it: sums of deviations from a shift near the window, made
    anew where the shift has become stale, where an outlier has left, and every 32 windows, so that nothing drifts.
    `s[o + 4]` is then their mean.

    Cells: shift, sum and sum of squares without the oldest, bars until the sums are made anew, mean, ring.
    """
    ring = o + 5
    at = (t + 1) % n  # the oldest, once there are n
    s[ring + t % n] = x
    if t == 0:
        s[o] = x
        s[o + 3] = _RESEED_WINDOWS * n
    shift = s[o]
    deviation = x - shift
    summed = s[o + 1] + deviation
    squares = s[o + 2] + deviation * deviation
    if t < n - 1:
        s[o + 1] = summed
        s[o + 2] = squares
        return NAN
    share = 1.0 / n
    mean = summed * share
    value = squares * share - mean * mean
    deviation = s[ring + at] - shift
    leaving = deviation * deviation
    summed -= deviation
    squares -= leaving
    s[o + 3] -= 1.0
    if value < 1e-6 * (squares * share) or leaving > 1e6 * squares or s[o + 3] <= 0.0:
        s[o + 3] = _RESEED_WINDOWS * n
        shift = 0.0
        for step in range(n):
            shift += s[ring + (at + step) % n]
        shift *= share
        summed = 0.0
        squares = 0.0
        for step in range(n):
            deviation = s[ring + (at + step) % n] - shift
            summed += deviation
            squares += deviation * deviation
        mean = summed * share
        value = squares * share - mean * mean
        deviation = s[ring + at] - shift
        summed -= deviation
        squares -= deviation * deviation
        s[o] = shift
    s[o + 1] = summed
    s[o + 2] = squares
    s[o + 4] = shift + mean
    return value


def _away(s: list[float], o: int, n: int, k: float, t: int, x: float) -> float:
    """k standard deviations."""
    value = variance(s, o, n, t, x)
    if t < n - 1:
        return NAN
    return math.sqrt(value) * k if value > 0.0 else 0.0


def stddev(s: list[float], o: int, n: int, t: int, x: float) -> float:
    return _away(s, o, n, 1.0, t, x)


def cells_bb_middle(n: int, k: float) -> int:
    return cells_sma(n)


def bb_middle(s: list[float], o: int, n: int, k: float, t: int, x: float) -> float:
    return sma(s, o, n, t, x)


def cells_bb(n: int, k: float) -> int:
    return cells_variance(n)


def bb_upper(s: list[float], o: int, n: int, k: float, t: int, x: float) -> float:
    away = _away(s, o, n, k, t, x)
    return s[o + 4] + away


def bb_lower(s: list[float], o: int, n: int, k: float, t: int, x: float) -> float:
    away = _away(s, o, n, k, t, x)
    return s[o + 4] - away


def bb_width(s: list[float], o: int, n: int, k: float, t: int, x: float) -> float:
    """(upper - lower) / middle, a ratio."""
    away = _away(s, o, n, k, t, x)
    middle = s[o + 4]
    return ((middle + away) - (middle - away)) / middle if middle != 0.0 else NAN


def cells_keltner(n: int, k: float) -> int:
    return 3


def keltner_upper(s: list[float], o: int, n: int, k: float, t: int, high: float, low: float, close: float) -> float:
    return ema(s, o, n, t, close) + k * atr(s, o + 1, n, t, high, low, close)


def keltner_lower(s: list[float], o: int, n: int, k: float, t: int, high: float, low: float, close: float) -> float:
    return ema(s, o, n, t, close) - k * atr(s, o + 1, n, t, high, low, close)
