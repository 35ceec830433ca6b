"""Volatility: true ranges, deviations, and the bands made of them (how a step is written: `steps`)."""

from __future__ import annotations

import math

from tradewright.strategy.functions.averages import cells_ema, cells_sma, ema, sma
from tradewright.strategy.functions.rings import cells_extreme, extreme
from tradewright.strategy.functions.steps import NAN

_RESEED_WINDOWS = 32.0


def true_range(high: float, low: float, last_close: float) -> float:
    return max(high - low, abs(high - last_close), abs(low - last_close))


def cells_tr() -> int:
    return 2


def tr(s: list[float], o: int, high: float, low: float, close: float) -> float:
    """Cells: whether there was a bar before, its close."""
    begun = s[o]
    last = s[o + 1]
    s[o] = 1.0
    s[o + 1] = close
    return true_range(high, low, last) if begun == 1.0 else NAN


def cells_atr(n: int) -> int:
    return 3


def atr(s: list[float], o: int, n: float, high: float, low: float, close: float) -> float:
    """Wilder's average of true ranges. Cells: bars seen up to n + 1, close before, sum, then the average."""
    seen = s[o]
    span = true_range(high, low, s[o + 1])
    s[o + 1] = close
    if seen > n:
        value = (s[o + 2] * (n - 1.0) + span) / n
        s[o + 2] = value
        return value
    s[o] = seen + 1.0
    if seen == 0.0:
        return NAN
    s[o + 2] += span
    if seen < n:
        return NAN
    s[o + 2] /= n
    return s[o + 2]


def natr(s: list[float], o: int, n: float, high: float, low: float, close: float) -> float:
    """In per cent of the close; of one bar TA-Lib gives the true range itself."""
    value = atr(s, o, n, high, low, close)
    if n == 1.0 or value != value:
        return value
    return value / close * 100.0 if close != 0.0 else 0.0


def cells_variance(n: int) -> int:
    return 7 + n


def variance(s: list[float], o: int, n: float, x: float) -> float:
    """Population variance of the last n, as TA-Lib 0.8 makes it: sums of deviations from a shift near the window, made
    anew where the shift has become stale, where an outlier has left, and every 32 windows, so that nothing drifts.
    `s[o + 6]` is then their mean.

    Cells: bars seen up to n, slot of the oldest, shift, sum and sum of squares without the oldest, bars until the sums
    are made anew, mean, ring.
    """
    size = int(n)
    at = int(s[o + 1])
    ring = o + 7
    s[ring + at] = x
    at += 1
    if at >= size:
        at = 0
    s[o + 1] = at
    if s[o] == 0.0:
        s[o + 2] = x
        s[o + 5] = _RESEED_WINDOWS * n
    deviation = x - s[o + 2]
    summed = s[o + 3] + deviation
    squares = s[o + 4] + deviation * deviation
    if s[o] < n:
        s[o] += 1.0
        if s[o] < n:
            s[o + 3] = summed
            s[o + 4] = squares
            return NAN
    share = 1.0 / n
    mean = summed * share
    value = squares * share - mean * mean
    deviation = s[ring + at] - s[o + 2]
    leaving = deviation * deviation
    summed -= deviation
    squares -= leaving
    s[o + 5] -= 1.0
    if value < 1e-6 * (squares * share) or leaving > 1e6 * squares or s[o + 5] <= 0.0:
        s[o + 5] = _RESEED_WINDOWS * n
        shift = 0.0
        for step in range(size):
            shift += s[ring + (at + step) % size]
        shift *= share
        summed = 0.0
        squares = 0.0
        for step in range(size):
            deviation = s[ring + (at + step) % size] - shift
            summed += deviation
            squares += deviation * deviation
        mean = summed * share
        value = squares * share - mean * mean
        deviation = s[ring + at] - shift
        summed -= deviation
        squares -= deviation * deviation
        s[o + 2] = shift
    s[o + 3] = summed
    s[o + 4] = squares
    s[o + 6] = s[o + 2] + mean
    return value


def stddev(s: list[float], o: int, n: float, x: float) -> float:
    value = variance(s, o, n, x)
    if value != value:
        return NAN
    return math.sqrt(value) if value > 0.0 else 0.0


def cells_bb(n: int, k: int) -> int:
    return cells_sma(n) + cells_variance(n)


def bb_middle(s: list[float], o: int, n: float, k: float, x: float) -> float:
    return sma(s, o, n, x)


def bb_upper(s: list[float], o: int, n: float, k: float, x: float) -> float:
    return sma(s, o, n, x) + stddev(s, o + 3 + int(n), n, x) * k


def bb_lower(s: list[float], o: int, n: float, k: float, x: float) -> float:
    return sma(s, o, n, x) - stddev(s, o + 3 + int(n), n, x) * k


def bb_width(s: list[float], o: int, n: float, k: float, x: float) -> float:
    """(upper - lower) / middle, a ratio."""
    middle = sma(s, o, n, x)
    away = stddev(s, o + 3 + int(n), n, x) * k
    return ((middle + away) - (middle - away)) / middle if middle != 0.0 else NAN


def cells_keltner(n: int, k: int) -> int:
    return cells_ema(n) + cells_atr(n)


def keltner_upper(s: list[float], o: int, n: float, k: float, high: float, low: float, close: float) -> float:
    return ema(s, o, n, close) + k * atr(s, o + 2, n, high, low, close)


def keltner_lower(s: list[float], o: int, n: float, k: float, high: float, low: float, close: float) -> float:
    return ema(s, o, n, close) - k * atr(s, o + 2, n, high, low, close)


def cells_highest(n: int) -> int:
    return cells_extreme(n)


def highest(s: list[float], o: int, n: float, x: float) -> float:
    value = s[extreme(s, o, n, x)]
    return value if s[o] >= n else NAN


def lowest(s: list[float], o: int, n: float, x: float) -> float:
    return -highest(s, o, n, -x)
