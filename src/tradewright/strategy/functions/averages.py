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
    total,
)
from tradewright.strategy.functions.steps import DAY_MS, NAN

_FASTEST = 2.0 / (2.0 + 1.0)  # of `kama`: the averages of 2 and of 30
_SLOWEST = 2.0 / (30.0 + 1.0)


def cells_sma(n: int) -> int:
    return cells_total(n)


def sma(s: list[float], o: int, n: float, x: float) -> float:
    return total(s, o, n, x) / n


def cells_ema(n: int) -> int:
    return 2


def ema(s: list[float], o: int, n: float, x: float) -> float:
    """Seeded with the simple mean of the first n. Cells: bars seen up to n, sum, then the average."""
    seen = s[o]
    held = s[o + 1]
    if seen >= n:
        value = (x - held) * (2.0 / (n + 1.0)) + held
        s[o + 1] = value
        return value
    seen += 1.0
    s[o] = seen
    if seen < n:
        s[o + 1] = held + x
        return NAN
    value = (held + x) / n
    s[o + 1] = value
    return value


def rma(s: list[float], o: int, n: float, x: float) -> float:
    """Wilder's, seeded with the simple mean of the first n. Cells as of `ema`."""
    seen = s[o]
    held = s[o + 1]
    if seen >= n:
        value = (held * (n - 1.0) + x) / n
        s[o + 1] = value
        return value
    seen += 1.0
    s[o] = seen
    if seen < n:
        s[o + 1] = held + x
        return NAN
    value = (held + x) / n
    s[o + 1] = value
    return value


def cells_wma(n: int) -> int:
    return cells_aged(n)


def wma(s: list[float], o: int, n: float, x: float) -> float:
    """The newest weighs n, the oldest 1."""
    if not aged(s, o, n, x):
        return NAN
    return (n * s[o + 2] - s[o + 3]) / (n * (n + 1.0) / 2.0)


def cells_dema(n: int) -> int:
    return 2 * cells_ema(n)


def dema(s: list[float], o: int, n: float, x: float) -> float:
    once = ema(s, o, n, x)
    if once != once:
        return NAN
    return 2.0 * once - ema(s, o + 2, n, once)


def cells_tema(n: int) -> int:
    return 3 * cells_ema(n)


def tema(s: list[float], o: int, n: float, x: float) -> float:
    once = ema(s, o, n, x)
    if once != once:
        return NAN
    twice = ema(s, o + 2, n, once)
    if twice != twice:
        return NAN
    return ema(s, o + 4, n, twice) + (3.0 * once - 3.0 * twice)


def cells_kama(n: int) -> int:
    return 6 + cells_before(n)


def kama(s: list[float], o: int, n: float, x: float) -> float:
    """Kaufman's, seeded with the value before the first.

    Cells: sum of the last n moves, x of n + 1 bars ago, the average, x of one bar ago, whether it has begun, bars in a
    row without a move; `before`.
    """
    oldest = before(s, o + 6, n, x)
    last = s[o + 3]
    s[o + 3] = x
    s[o + 5] = s[o + 5] + 1.0 if x == last else 0.0
    if oldest != oldest:
        if s[o + 6] > 1.0:
            s[o] += abs(last - x)
        return NAN
    if s[o + 4] == 0.0:
        s[o + 4] = 1.0
        moves = s[o] + abs(last - x)
        average = last
    else:
        moves = s[o] - abs(s[o + 1] - oldest) + abs(x - last)
        average = s[o + 2]
    if s[o + 5] >= n:
        moves = 0.0
    s[o] = moves
    s[o + 1] = oldest
    way = x - oldest
    efficiency = 1.0
    if moves > way and moves > 0.0:
        efficiency = abs(way / moves)
    share = efficiency * (_FASTEST - _SLOWEST) + _SLOWEST
    average = (x - average) * (share * share) + average
    s[o + 2] = average
    return x if n == 1.0 else average  # of one bar TA-Lib gives the bar itself


def half(n: float) -> float:
    return math.floor(n / 2.0) + 0.0


def root(n: float) -> float:
    return math.floor(math.sqrt(n) + 0.5) + 0.0


def cells_hma(n: int) -> int:
    return cells_wma(n) + cells_wma(n // 2) + cells_wma(math.floor(math.sqrt(n) + 0.5))


def hma(s: list[float], o: int, n: float, x: float) -> float:
    """Hull's: `wma(2 wma(x, n / 2) - wma(x, n), root of n)`."""
    slow = wma(s, o, n, x)
    at = o + 5 + int(n)
    fast = wma(s, at, half(n), x)
    if slow != slow:
        return NAN
    return wma(s, at + 5 + int(half(n)), root(n), 2.0 * fast - slow)


def cells_vwma(n: int) -> int:
    return cells_ratio(n)


def vwma(s: list[float], o: int, n: float, x: float, volume: float) -> float:
    return ratio(s, o, n, x * volume, volume)


def cells_vwap() -> int:
    return 4


def vwap(s: list[float], o: int, price: float, volume: float, open_time: float) -> float:
    """Since the first bar that opened on the UTC day. Cells: whether there was a bar, its day, both sums."""
    day = math.floor(open_time / DAY_MS) + 0.0
    if s[o] == 0.0 or s[o + 1] != day:
        s[o] = 1.0
        s[o + 1] = day
        s[o + 2] = 0.0
        s[o + 3] = 0.0
    s[o + 2] += price * volume
    s[o + 3] += volume
    return s[o + 2] / s[o + 3] if s[o + 3] != 0.0 else NAN
