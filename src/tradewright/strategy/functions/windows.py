"""Windows: what stands in the last n bars (how a step is written: `steps`)."""

from __future__ import annotations

import math

from tradewright.strategy.functions.steps import NAN
from tradewright.strategy.functions.volatility import cells_variance, variance


def cells_percent_rank(n: int) -> int:
    return n


def percent_rank(s: list[float], o: int, n: int, t: int, x: float) -> float:
    """Takes time with n: each of the n before is compared. Cells: ring."""
    value = NAN
    if t >= n:
        not_above = 0
        for cell in range(o, o + n):
            if s[cell] <= x:
                not_above += 1
        value = 100.0 * (not_above / n)
    s[o + t % n] = x
    return value


def cells_zscore(n: int) -> int:
    return 2 + cells_variance(n)


def zscore(s: list[float], o: int, n: int, t: int, x: float) -> float:
    """Cells: x before, how many in a row are equal to it. A flat window is known by counting, for its variance is
    rounding. The mean is not `sma`'s, which keeps the rounding of an outlier that has left."""
    s[o + 1] = s[o + 1] + 1.0 if x == s[o] else 1.0
    s[o] = x
    spread = variance(s, o + 2, n, t, x)
    if s[o + 1] >= n or not spread > 0.0:
        return NAN
    return (x - s[o + 6]) / math.sqrt(spread)
