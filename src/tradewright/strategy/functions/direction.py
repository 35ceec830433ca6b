"""Directional movement: `plus_di`, `minus_di`, `adx`, after Wilder and in TA-Lib's order."""

from __future__ import annotations

from tradewright.strategy.functions.steps import NAN
from tradewright.strategy.functions.volatility import true_range


def plus_move(high: float, low: float, last_high: float, last_low: float) -> float:
    """How far the range went up beyond yesterday's, when that is further than it went down."""
    up = high - last_high
    return up if up > 0.0 and up > last_low - low else 0.0


def cells_di(n: int) -> int:
    return 6


def _di(s: list[float], o: int, n: float, high: float, low: float, close: float) -> float:
    """Cells: bars seen up to n, high, low and close before, sum of moves, sum of true ranges (then Wilder's sums)."""
    seen = s[o]
    move = plus_move(high, low, s[o + 1], s[o + 2])
    span = true_range(high, low, s[o + 3])
    s[o + 1] = high
    s[o + 2] = low
    s[o + 3] = close
    if seen < n:
        s[o] = seen + 1.0
    if seen == 0.0:
        return NAN
    if n == 1.0:  # not smoothed, and TA-Lib then gives the ratio, not per cent
        return move / span if span > 0.0 else 0.0
    if seen < n:
        s[o + 4] += move
        s[o + 5] += span
        return NAN
    moves = s[o + 4] - s[o + 4] / n + move
    spans = s[o + 5] - s[o + 5] / n + span
    s[o + 4] = moves
    s[o + 5] = spans
    return 100.0 * (moves / spans) if spans > 0.0 else 0.0


def plus_di(s: list[float], o: int, n: float, high: float, low: float, close: float) -> float:
    return _di(s, o, n, high, low, close)


def minus_di(s: list[float], o: int, n: float, high: float, low: float, close: float) -> float:
    """`plus_di` upside down: negation rounds nothing."""
    return _di(s, o, n, -low, -high, -close)


def cells_adx(n: int) -> int:
    return 8


def adx(s: list[float], o: int, n: float, high: float, low: float, close: float) -> float:
    """Cells: bars seen up to 2n, high, low and close before, sums of moves up, down, of true ranges; sum of the first
    n indices, then their average."""
    seen = s[o]
    up = plus_move(high, low, s[o + 1], s[o + 2])
    down = plus_move(-low, -high, -s[o + 2], -s[o + 1])
    span = true_range(high, low, s[o + 3])
    s[o + 1] = high
    s[o + 2] = low
    s[o + 3] = close
    if seen < 2.0 * n:
        s[o] = seen + 1.0
    if seen == 0.0:
        return NAN
    if seen < n:
        s[o + 4] += up
        s[o + 5] += down
        s[o + 6] += span
        return NAN
    ups = s[o + 4] - s[o + 4] / n + up
    downs = s[o + 5] - s[o + 5] / n + down
    spans = s[o + 6] - s[o + 6] / n + span
    s[o + 4] = ups
    s[o + 5] = downs
    s[o + 6] = spans
    average = s[o + 7]
    if spans > 0.0:
        plus = 100.0 * (ups / spans)
        minus = 100.0 * (downs / spans)
        both = minus + plus
        if both > 0.0:
            index = 100.0 * (abs(minus - plus) / both)
            average = average + index if seen < 2.0 * n else (average * (n - 1.0) + index) / n
    if seen == 2.0 * n - 1.0:
        average /= n
    s[o + 7] = average
    return average if seen >= 2.0 * n - 1.0 else NAN
