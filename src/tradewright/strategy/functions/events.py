"""Events: crossings, runs, and when something last was so. Conditions are 1.0, 0.0 or NaN."""

from __future__ import annotations

from tradewright.strategy.functions.steps import NAN


def cells_cross() -> int:
    return 3


def _crossing(before: float, a_before: float, b_before: float, a: float, b: float) -> float:
    """Kleene's `a > b and a[1] <= b[1]`; `before` is 1.0 when there was a bar before."""
    if a <= b or (before == 1.0 and a_before > b_before):
        return 0.0
    if before == 1.0 and a_before <= b_before and a > b:
        return 1.0
    return NAN


def crosses_above(s: list[float], o: int, a: float, b: float) -> float:
    """Cells: whether there was a bar before, its two values."""
    value = _crossing(s[o], s[o + 1], s[o + 2], a, b)
    s[o] = 1.0
    s[o + 1] = a
    s[o + 2] = b
    return value


def crosses_below(s: list[float], o: int, a: float, b: float) -> float:
    return crosses_above(s, o, b, a)


def crosses(s: list[float], o: int, a: float, b: float) -> float:
    """Kleene's `or` of both directions."""
    below = _crossing(s[o], s[o + 2], s[o + 1], b, a)
    above = crosses_above(s, o, a, b)
    if above == 1.0 or below == 1.0:
        return 1.0
    return above + below  # unknown when one is, else 0.0
