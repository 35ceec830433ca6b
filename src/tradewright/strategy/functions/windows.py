"""Windows: what stands in the last n bars (how a step is written: `steps`)."""

from __future__ import annotations

import math

from tradewright.strategy.functions.steps import NAN
from tradewright.strategy.functions.volatility import cells_variance, variance


def percent_rank(s: list[float], o: int, n: float, x: float) -> float:
    """Takes time with n: each of the n before is compared. Cells: bars seen up to n, slot of the oldest, ring."""
    ring = o + 2
    size = int(n)
    value = NAN
    if s[o] >= n:
        not_above = 0
        for cell in range(ring, ring + size):
            if s[cell] <= x:
                not_above += 1
        value = 100.0 * (not_above / n)
    else:
        s[o] += 1.0
    at = int(s[o + 1])
    s[ring + at] = x
    at += 1
    s[o + 1] = at if at < size else 0
    return value


def cells_zscore(n: int) -> int:
    return 2 + cells_variance(n)


def zscore(s: list[float], o: int, n: float, x: float) -> float:
    """Cells: x before, how many in a row are equal to it. A flat window is known by counting, for its variance is
    rounding. The mean is not `sma`'s, which keeps the rounding of an outlier that has left."""
    s[o + 1] = s[o + 1] + 1.0 if x == s[o] else 1.0
    s[o] = x
    spread = variance(s, o + 2, n, x)
    if s[o + 1] >= n or not spread > 0.0:
        return NAN
    return (x - s[o + 8]) / math.sqrt(spread)
