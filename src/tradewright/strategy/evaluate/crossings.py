"""Crossings over whole columns: they look one bar back only, so numpy gives them at once, as `functions.events`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Column = NDArray[np.float64]
CROSSINGS = frozenset({"crosses_above", "crosses_below", "crosses"})


def apply(name: str, a: Column, b: Column) -> Column:
    """1.0, 0.0, or NaN by Kleene's logic."""
    if name == "crosses_above":
        return _above(a, b)
    if name == "crosses_below":
        return _above(b, a)
    above, below = _above(a, b), _above(b, a)
    either = above + below  # unknown when one is, else 0.0, but where one is true
    either[(above == 1.0) | (below == 1.0)] = 1.0
    return either


def _above(a: Column, b: Column) -> Column:
    """`a > b and a[1] <= b[1]`; before the first bar there is nothing to be known."""
    found = np.full(len(a), np.nan)
    is_above, is_not_above = a > b, a <= b  # both false where one is unknown
    found[1:][is_above[1:] & is_not_above[:-1]] = 1.0
    found[is_not_above] = 0.0
    found[1:][is_above[:-1]] = 0.0
    return found
