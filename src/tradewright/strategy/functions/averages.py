"""Averages, a step a bar (how a step is written: `steps`)."""

from __future__ import annotations

import math

from tradewright.strategy.functions.rings import (
    aged,
    before,
    cells_aged,
    cells_before,
    cells_ratio,
    cells_total,
    ratio,
)
from tradewright.strategy.functions.steps import DAY_MS, NAN

_FASTEST = 2.0 / (2.0 + 1.0)  # of `kama`: the averages of 2 and of 30
_SLOWEST = 2.0 / (30.0 + 1.0)


def cells_sma(n: int) -> int:
    return cells_total(n)


def sma(s: list[float], o: int, n: int, t: int, x: float) -> float:
    """`rings.total` / n, written out: nothing is asked for as often."""
    s[o + 1 + t % n] = x
    summed = s[o] + x
    if t < n - 1:
        s[o] = summed
        return NAN
    s[o] = summed - s[o + 1 + (t + 1) % n]
    return summed / n


def cells_ema(n: int) -> int:
    return 1


def ema(s: list[float], o: int, n: int, t: int, x: float) -> float:
    """Seeded with the simple mean of the first n. Cells: the average, before that the sum."""
    value = s[o]
    if t >= n:
        value += (x - value) * (2.0 / (n + 1.0))
        s[o] = value
        return value
    value += x
    if t < n - 1:
        s[o] = value
        return NAN
    value /= n
    s[o] = value
    return value


def rma(s: list[float], o: int, n: int, t: int, x: float) -> float:
    """Wilder's, seeded with the simple mean of the first n. Cells as of `ema`."""
    value = s[o]
    if t >= n:
        value = (value * (n - 1.0) + x) / n
        s[o] = value
        return value
    value += x
    if t < n - 1:
        s[o] = value
        return NAN
    value /= n
    s[o] = value
    return value


def cells_wma(n: int) -> int:
    return cells_aged(n)


def wma(s: list[float], o: int, n: int, t: int, x: float) -> float:
    """The newest weighs n, the oldest 1."""
    if not aged(s, o, n, t, x):
        return NAN
    return (n * s[o] - s[o + 1]) / (n * (n + 1.0) / 2.0)


def cells_dema(n: int) -> int:
    return 2


def dema(s: list[float], o: int, n: int, t: int, x: float) -> float:
    once = ema(s, o, n, t, x)
    if t < n - 1:
        return NAN
    return 2.0 * once - ema(s, o + 1, n, t - n + 1, once)


def cells_tema(n: int) -> int:
    return 3


def tema(s: list[float], o: int, n: int, t: int, x: float) -> float:
    once = ema(s, o, n, t, x)
    if t < n - 1:
        return NAN
    twice = ema(s, o + 1, n, t - n + 1, once)
    if t < 2 * n - 2:
        return NAN
    return ema(s, o + 2, n, t - 2 * n + 2, twice) + (3.0 * once - 3.0 * twice)


def cells_kama(n: int) -> int:
    return 5 + cells_before(n)


def kama(s: list[float], o: int, n: int, t: int, x: float) -> float:
    """Kaufman's, seeded with the value before the first.

    Cells: sum of the last n moves, x of n + 1 bars ago, the average, x of one bar ago, bars in a row without a move;
    `before`.
    """
    oldest = before(s, o + 5, n, t, x)
    last = s[o + 3]
    s[o + 3] = x
    if t == 0:
        return NAN
    s[o + 4] = s[o + 4] + 1.0 if x == last else 0.0
    moves = s[o]
    if t > n:
        moves -= abs(s[o + 1] - oldest)
    moves += abs(x - last)
    if s[o + 4] >= n:
        moves = 0.0
    s[o] = moves
    if t < n:
        return NAN
    s[o + 1] = oldest
    way = x - oldest
    efficiency = 1.0
    if moves > way and moves > 0.0:
        efficiency = abs(way / moves)
    share = efficiency * (_FASTEST - _SLOWEST) + _SLOWEST
    average = last if t == n else s[o + 2]
    average = (x - average) * (share * share) + average
    s[o + 2] = average
    return x if n == 1 else average  # of one bar TA-Lib gives the bar itself


def root(n: int) -> int:
    return int(math.sqrt(n) + 0.5)


def cells_hma(n: int) -> int:
    return cells_wma(n) + cells_wma(n // 2) + cells_wma(root(n))


def hma(s: list[float], o: int, n: int, t: int, x: float) -> float:
    """Hull's: `wma(2 wma(x, n / 2) - wma(x, n), root of n)`."""
    slow = wma(s, o, n, t, x)
    fast = wma(s, o + 2 + n, n // 2, t, x)
    if t < n - 1:
        return NAN
    return wma(s, o + 4 + n + n // 2, root(n), t - n + 1, 2.0 * fast - slow)


def cells_vwma(n: int) -> int:
    return cells_ratio(n)


def vwma(s: list[float], o: int, n: int, t: int, x: float, volume: float) -> float:
    return ratio(s, o, n, t, x * volume, volume)


def cells_vwap() -> int:
    return 3


def vwap(s: list[float], o: int, t: int, price: float, volume: float, open_time: float) -> float:
    """Since the first bar that opened on the UTC day. Cells: that day, both sums."""
    day = open_time // DAY_MS
    if t == 0 or s[o] != day:
        s[o] = day
        s[o + 1] = 0.0
        s[o + 2] = 0.0
    s[o + 1] += price * volume
    s[o + 2] += volume
    return s[o + 1] / s[o + 2] if s[o + 2] != 0.0 else NAN
