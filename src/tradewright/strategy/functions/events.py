"""Events: crossings, runs, and when something last was so. Conditions are 1.0, 0.0 or NaN (steps: `steps`)."""

from __future__ import annotations

from tradewright.strategy.functions.steps import NAN


def cells_cross() -> int:
    return 2


def _crossing(t: int, a_before: float, b_before: float, a: float, b: float) -> float:
    """Kleene's `a > b and a[1] <= b[1]`; before the first bar there is nothing to be known."""
    if a <= b or (t > 0 and a_before > b_before):
        return 0.0
    if t > 0 and a_before <= b_before and a > b:
        return 1.0
    return NAN


def crosses_above(s: list[float], o: int, t: int, a: float, b: float) -> float:
    """Cells: both values before."""
    value = _crossing(t, s[o], s[o + 1], a, b)
    s[o] = a
    s[o + 1] = b
    return value


def crosses_below(s: list[float], o: int, t: int, a: float, b: float) -> float:
    return crosses_above(s, o, t, b, a)


def crosses(s: list[float], o: int, t: int, a: float, b: float) -> float:
    """Kleene's `or` of both directions."""
    below = _crossing(t, s[o + 1], s[o], b, a)
    above = crosses_above(s, o, t, a, b)
    if above == 1.0 or below == 1.0:
        return 1.0
    return above + below  # unknown when one is, else 0.0


def cells_run(n: int) -> int:
    return 2


def rising(s: list[float], o: int, n: int, t: int, x: float) -> float:
    """n rises in a row. Cells: x before, rises in a row."""
    s[o + 1] = s[o + 1] + 1.0 if x > s[o] else 0.0  # of the first bar it says nothing, and is not asked
    s[o] = x
    if t < n:
        return NAN
    return 1.0 if s[o + 1] >= n else 0.0


def falling(s: list[float], o: int, n: int, t: int, x: float) -> float:
    return rising(s, o, n, t, -x)


def cells_since() -> int:
    return 1


def bars_since(s: list[float], o: int, t: int, c: float) -> float:
    """An unknown c counts as not true. Cells: the bar at which c was last true, counted from 1; 0: it never was."""
    if c == 1.0:
        s[o] = t + 1
    return t + 1 - s[o] if s[o] > 0.0 else NAN


def cells_value_when() -> int:
    return 2


def value_when(s: list[float], o: int, t: int, c: float, x: float) -> float:
    """x as it was then, known or not. Cells: whether c was true, x at that bar."""
    if c == 1.0:
        s[o] = 1.0
        s[o + 1] = x
    return s[o + 1] if s[o] == 1.0 else NAN


def cells_held(n: int) -> int:
    return 2


def held(s: list[float], o: int, n: int, t: int, c: float) -> float:
    """Kleene's `and` of the last n; what was before the first bar is unknown.

    Cells: bars behind the last unknown one, bars until the last false one leaves the window.
    """
    s[o] = s[o] + 1.0 if c == c else 0.0
    s[o + 1] = n if c == 0.0 else max(s[o + 1] - 1.0, 0.0)
    if s[o + 1] > 0.0:
        return 0.0
    return 1.0 if s[o] >= n else NAN
