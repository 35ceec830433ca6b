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


def cells_run(n: int) -> int:
    return 3


def rising(s: list[float], o: int, n: float, x: float) -> float:
    """n rises in a row. Cells: bars seen up to n, x before, rises in a row up to n."""
    seen = s[o]
    s[o + 2] = min(s[o + 2] + 1.0, n) if seen > 0.0 and x > s[o + 1] else 0.0
    s[o + 1] = x
    if seen < n:
        s[o] = seen + 1.0
        return NAN
    return 1.0 if s[o + 2] >= n else 0.0


def falling(s: list[float], o: int, n: float, x: float) -> float:
    return rising(s, o, n, -x)


def cells_since() -> int:
    return 1


def bars_since(s: list[float], o: int, c: float) -> float:
    """An unknown c counts as not true. Cells: 0 before c was first true, then bars since + 1."""
    if c == 1.0:
        s[o] = 1.0
    elif s[o] > 0.0:
        s[o] += 1.0
    return s[o] - 1.0 if s[o] > 0.0 else NAN


def cells_value_when() -> int:
    return 2


def value_when(s: list[float], o: int, c: float, x: float) -> float:
    """x as it was then, known or not. Cells: whether c was true, x at that bar."""
    if c == 1.0:
        s[o] = 1.0
        s[o + 1] = x
    return s[o + 1] if s[o] == 1.0 else NAN


def cells_held(n: int) -> int:
    return 2


def held(s: list[float], o: int, n: float, c: float) -> float:
    """Kleene's `and` of the last n; what was before the first bar is unknown.

    Cells: known ones in a row up to n; n at a false one, then counting down to 0: a false one is in the window.
    """
    s[o] = min(s[o] + 1.0, n) if c == c else 0.0
    s[o + 1] = n if c == 0.0 else max(s[o + 1] - 1.0, 0.0)
    if s[o + 1] > 0.0:
        return 0.0
    return 1.0 if s[o] >= n else NAN
