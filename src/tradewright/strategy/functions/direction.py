"""Directional movement: `plus_di`, `minus_di`, `adx`, after Wilder and in TA-Lib's order (steps: `steps`)."""

from __future__ import annotations

from tradewright.strategy.functions.steps import NAN
from tradewright.strategy.functions.volatility import true_range


def plus_move(high: float, low: float, last_high: float, last_low: float) -> float:
    """How far the range went up beyond yesterday's, when that is further than it went down."""
    up = high - last_high
    return up if up > 0.0 and up > last_low - low else 0.0


def cells_di(n: int) -> int:
    return 5


def plus_di(s: list[float], o: int, n: int, t: int, high: float, low: float, close: float) -> float:
    """Cells: high, low and close before, sum of moves, sum of true ranges (then Wilder's sums)."""
    move = plus_move(high, low, s[o], s[o + 1])
    span = true_range(high, low, s[o + 2])
    s[o] = high
    s[o + 1] = low
    s[o + 2] = close
    if t == 0:
        return NAN
    if n == 1:  # not smoothed, and TA-Lib then gives the ratio, not per cent
        return move / span if span > 0.0 else 0.0
    moves = s[o + 3]
    spans = s[o + 4]
    if t >= n:
        moves -= moves / n
        spans -= spans / n
    moves += move
    spans += span
    s[o + 3] = moves
    s[o + 4] = spans
    if t < n:
        return NAN
    return 100.0 * (moves / spans) if spans > 0.0 else 0.0


def minus_di(s: list[float], o: int, n: int, t: int, high: float, low: float, close: float) -> float:
    """`plus_di` upside down: negation rounds nothing."""
    return plus_di(s, o, n, t, -low, -high, -close)


def cells_adx(n: int) -> int:
    return 7


def adx(s: list[float], o: int, n: int, t: int, high: float, low: float, close: float) -> float:
    """Cells: high, low and close before, sums of moves up, down, of true ranges; sum of the first n indices, then their
    average."""
    up = plus_move(high, low, s[o], s[o + 1])
    down = plus_move(-low, -high, -s[o + 1], -s[o])
    span = true_range(high, low, s[o + 2])
    s[o] = high
    s[o + 1] = low
    s[o + 2] = close
    if t == 0:
        return NAN
    ups = s[o + 3]
    downs = s[o + 4]
    spans = s[o + 5]
    if t >= n:
        ups -= ups / n
        downs -= downs / n
        spans -= spans / n
    ups += up
    downs += down
    spans += span
    s[o + 3] = ups
    s[o + 4] = downs
    s[o + 5] = spans
    if t < n:
        return NAN
    average = s[o + 6]
    if spans > 0.0:
        plus = 100.0 * (ups / spans)
        minus = 100.0 * (downs / spans)
        both = minus + plus
        if both > 0.0:
            index = 100.0 * (abs(minus - plus) / both)
            average = average + index if t < 2 * n else (average * (n - 1.0) + index) / n
    if t == 2 * n - 1:
        average /= n
    s[o + 6] = average
    return average if t >= 2 * n - 1 else NAN
