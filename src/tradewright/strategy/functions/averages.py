"""Averages, a step a bar (how a step is written: `steps`)."""

from __future__ import annotations

from tradewright.strategy.functions.steps import NAN


def cells_total(n: int) -> int:
    return 3 + n


def total(s: list[float], o: int, n: float, x: float) -> float:
    """Sum of the last n. Cells: bars seen, sum of the n - 1 before, slot of the newest, ring."""
    at = int(s[o + 2]) + 1
    if at >= n:
        at = 0
    s[o + 2] = at
    summed = s[o + 1] + x
    ring = o + 3
    seen = s[o] + 1.0
    if n == 1.0:
        return x
    if seen < n:
        s[o] = seen
        s[ring + at] = x
        s[o + 1] = summed
        return NAN
    oldest = at + 1
    if oldest >= n:
        oldest = 0
    s[ring + at] = x
    s[o + 1] = summed - s[ring + oldest]
    return summed


def sma(s: list[float], o: int, n: float, x: float) -> float:
    return total(s, o, n, x) / n


def cells_ema(n: int) -> int:
    return 2


def ema(s: list[float], o: int, n: float, x: float) -> float:
    """Seeded with the simple mean of the first n. Cells: bars seen, sum, later the average."""
    seen = s[o]
    before = s[o + 1]
    if seen >= n:
        value = (x - before) * (2.0 / (n + 1.0)) + before
        s[o + 1] = value
        return value
    seen += 1.0
    s[o] = seen
    if seen < n:
        s[o + 1] = before + x
        return NAN
    value = (before + x) / n
    s[o + 1] = value
    return value
