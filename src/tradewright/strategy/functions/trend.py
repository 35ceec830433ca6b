"""Trend: supertrend, parabolic stop and reverse, linear regression (how a step is written: `steps`)."""

from __future__ import annotations

from tradewright.strategy.functions.rings import aged, cells_aged
from tradewright.strategy.functions.steps import NAN
from tradewright.strategy.functions.volatility import atr


def cells_supertrend(n: int, k: float) -> int:
    return 6


def supertrend_dir(s: list[float], o: int, n: int, k: float, t: int, high: float, low: float, close: float) -> float:
    """1 up, -1 down. Cells: of `atr`; direction, final upper and lower band, close before."""
    span = atr(s, o, n, t, high, low, close)
    last = s[o + 5]
    s[o + 5] = close
    if t < n:
        return NAN
    middle = (high + low) / 2.0
    upper = middle + k * span
    lower = middle - k * span
    direction = -1.0
    if t > n:
        direction = s[o + 2]
        if not (upper < s[o + 3] or last > s[o + 3]):
            upper = s[o + 3]
        if not (lower > s[o + 4] or last < s[o + 4]):
            lower = s[o + 4]
        if direction < 0.0 and close > upper:
            direction = 1.0
        elif direction > 0.0 and close < lower:
            direction = -1.0
    s[o + 2] = direction
    s[o + 3] = upper
    s[o + 4] = lower
    return direction


def supertrend(s: list[float], o: int, n: int, k: float, t: int, high: float, low: float, close: float) -> float:
    """The lower band while up, else the upper."""
    direction = supertrend_dir(s, o, n, k, t, high, low, close)
    if t < n:
        return NAN
    return s[o + 4] if direction > 0.0 else s[o + 3]


def cells_psar(step: float, most: float) -> int:
    return 6


def psar(s: list[float], o: int, step: float, most: float, t: int, high: float, low: float) -> float:
    """Cells: high and low before, 1 long or -1 short, acceleration, farthest price, the next value.

    A short is worked out as a long upside down: negation rounds nothing.
    """
    last_high = s[o]
    last_low = s[o + 1]
    s[o] = high
    s[o + 1] = low
    if t == 0:
        return NAN
    if t == 1:
        down = last_low - low
        is_short = down > 0.0 and high - last_high < down
        s[o + 2] = -1.0 if is_short else 1.0
        s[o + 3] = min(step, most)
        s[o + 4] = low if is_short else high
        s[o + 5] = last_high if is_short else last_low
        last_high = high
        last_low = low
    sign = s[o + 2]
    if sign > 0.0:
        best = high
        worst = low
        last_best = last_high
        last_worst = last_low
    else:
        best = -low
        worst = -high
        last_best = -last_low
        last_worst = -last_high
    farthest = s[o + 4] * sign
    value = s[o + 5] * sign
    if worst <= value:  # turns: the stop is the farthest point, not inside today's or yesterday's range
        value = max(farthest, last_best, best)
        s[o + 2] = -sign
        s[o + 3] = min(step, most)
        s[o + 4] = worst * sign
        following = max(value + s[o + 3] * (worst - value), last_best, best)
    else:
        if best > farthest:
            farthest = best
            s[o + 4] = best * sign
            s[o + 3] = min(s[o + 3] + min(step, most), most)
        following = min(value + s[o + 3] * (farthest - value), last_worst, worst)
    s[o + 5] = following * sign
    return value * sign


def cells_linreg(n: int) -> int:
    return cells_aged(n)


def _slope(n: int, summed: float, summed_by_age: float) -> float:
    """Of the line through the last n, least squares."""
    ages = n * (n - 1.0) / 2.0
    squares = n * (n - 1.0) * (2.0 * n - 1.0) / 6.0
    return (n * summed_by_age - ages * summed) / (ages * ages - n * squares)


def linreg_slope(s: list[float], o: int, n: int, t: int, x: float) -> float:
    return _slope(n, s[o], s[o + 1]) if aged(s, o, n, t, x) else NAN


def linreg(s: list[float], o: int, n: int, t: int, x: float) -> float:
    """The line's value at the newest bar."""
    if not aged(s, o, n, t, x):
        return NAN
    slope = _slope(n, s[o], s[o + 1])
    first = (s[o] - slope * (n * (n - 1.0) / 2.0)) / n
    return first + slope * (n - 1.0)
