"""Trend: supertrend, parabolic stop and reverse, linear regression (how a step is written: `steps`)."""

from __future__ import annotations

from tradewright.strategy.functions.rings import aged, cells_aged
from tradewright.strategy.functions.steps import NAN
from tradewright.strategy.functions.volatility import atr, cells_atr


def cells_supertrend(n: int, k: int) -> int:
    return cells_atr(n) + 5


def supertrend_dir(s: list[float], o: int, n: float, k: float, high: float, low: float, close: float) -> float:
    """1 up, -1 down. Cells: of `atr`; direction (0 before the first), final upper and lower band, close before."""
    span = atr(s, o, n, high, low, close)
    last = s[o + 6]
    s[o + 6] = close
    if span != span:
        return NAN
    middle = (high + low) / 2.0
    upper = middle + k * span
    lower = middle - k * span
    direction = s[o + 3]
    if direction == 0.0:
        direction = -1.0
    else:
        if not (upper < s[o + 4] or last > s[o + 4]):
            upper = s[o + 4]
        if not (lower > s[o + 5] or last < s[o + 5]):
            lower = s[o + 5]
        if direction < 0.0 and close > upper:
            direction = 1.0
        elif direction > 0.0 and close < lower:
            direction = -1.0
    s[o + 3] = direction
    s[o + 4] = upper
    s[o + 5] = lower
    return direction


def supertrend(s: list[float], o: int, n: float, k: float, high: float, low: float, close: float) -> float:
    """The lower band while up, else the upper."""
    direction = supertrend_dir(s, o, n, k, high, low, close)
    if direction != direction:
        return NAN
    return s[o + 5] if direction > 0.0 else s[o + 4]


def cells_psar() -> int:
    return 7


def psar(s: list[float], o: int, step: float, most: float, high: float, low: float) -> float:
    """Cells: bars seen up to 2, high and low before, 1 while long, acceleration, extreme, the next value.

    A short is worked out as a long upside down: negation rounds nothing.
    """
    last_high = s[o + 1]
    last_low = s[o + 2]
    s[o + 1] = high
    s[o + 2] = low
    if s[o] < 2.0:
        s[o] += 1.0
        if s[o] == 1.0:
            return NAN
        down = last_low - low
        is_long = not (down > 0.0 and high - last_high < down)
        s[o + 3] = 1.0 if is_long else 0.0
        s[o + 4] = min(step, most)
        s[o + 5] = high if is_long else low
        s[o + 6] = last_low if is_long else last_high
        last_high = high
        last_low = low
    sign = 1.0 if s[o + 3] == 1.0 else -1.0
    best, worst = (high, low) if sign > 0.0 else (-low, -high)
    last_best, last_worst = (last_high, last_low) if sign > 0.0 else (-last_low, -last_high)
    farthest = s[o + 5] * sign
    value = s[o + 6] * sign
    if worst <= value:  # turns: the stop is the farthest point, not inside today's or yesterday's range
        value = max(farthest, last_best, best)
        s[o + 3] = 1.0 - s[o + 3]
        s[o + 4] = min(step, most)
        s[o + 5] = worst * sign
        following = max(value + s[o + 4] * (worst - value), last_best, best)
    else:
        if best > farthest:
            farthest = best
            s[o + 5] = best * sign
            s[o + 4] = min(s[o + 4] + min(step, most), most)
        following = min(value + s[o + 4] * (farthest - value), last_worst, worst)
    s[o + 6] = following * sign
    return value * sign


def cells_linreg(n: int) -> int:
    return cells_aged(n)


def _slope(n: float, summed: float, summed_by_age: float) -> float:
    """Of the line through the last n, least squares."""
    ages = n * (n - 1.0) / 2.0
    squares = n * (n - 1.0) * (2.0 * n - 1.0) / 6.0
    return (n * summed_by_age - ages * summed) / (ages * ages - n * squares)


def linreg_slope(s: list[float], o: int, n: float, x: float) -> float:
    return _slope(n, s[o + 2], s[o + 3]) if aged(s, o, n, x) else NAN


def linreg(s: list[float], o: int, n: float, x: float) -> float:
    """The line's value at the newest bar."""
    if not aged(s, o, n, x):
        return NAN
    slope = _slope(n, s[o + 2], s[o + 3])
    first = (s[o + 2] - slope * (n * (n - 1.0) / 2.0)) / n
    return first + slope * (n - 1.0)
