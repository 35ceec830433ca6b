"""Operators and arithmetic functions over whole columns: the same numbers as `functions.scalars`, bit for bit.

Only operations that IEEE fixes to the last bit are numpy's (`+ - * / sqrt floor`, comparisons); `exp` and `log` of
numpy differ from the C library's in the last place on some machines, so theirs are the scalars' over a list.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from tradewright.strategy.functions.scalars import SCALARS

Column = NDArray[np.float64]


def apply(name: str, columns: list[Column]) -> Column:
    """`name` of the operators or the arithmetic group. What is not finite comes out unknown."""
    with np.errstate(all="ignore"):
        operation = _OPERATIONS.get(name)
        if operation is None:
            return np.fromiter(map(SCALARS[name], *(column.tolist() for column in columns)), np.float64)
        return operation(*columns)


def _finite(column: Column) -> Column:
    column[~np.isfinite(column)] = np.nan
    return column


def _modulo(a: Column, b: Column) -> Column:
    quotient = _finite(a / b)
    return _finite(a - b * np.floor(quotient))


def _comparison(compare: Callable[[Column, Column], NDArray[np.bool_]]) -> Callable[[Column, Column], Column]:
    def compared(a: Column, b: Column) -> Column:
        held = compare(a, b).astype(np.float64)
        held[np.isnan(a) | np.isnan(b)] = np.nan
        return held

    return compared


def _both(a: Column, b: Column) -> Column:
    held = np.where(np.isnan(a) | np.isnan(b), np.nan, 1.0)
    held[(a == 0.0) | (b == 0.0)] = 0.0
    return held


def _either(a: Column, b: Column) -> Column:
    held = np.where(np.isnan(a) | np.isnan(b), np.nan, 0.0)
    held[(a == 1.0) | (b == 1.0)] = 1.0
    return held


def _smallest(*columns: Column) -> Column:
    least = columns[0]
    for column in columns[1:]:
        least = np.where(np.isnan(column) | (column < least), column, least)
    return least


def _largest(*columns: Column) -> Column:
    most = columns[0]
    for column in columns[1:]:
        most = np.where(np.isnan(column) | (column > most), column, most)
    return most


def _choose(condition: Column, a: Column, b: Column) -> Column:
    return np.where(np.isnan(condition), np.nan, np.where(condition == 1.0, a, b))


_OPERATIONS: Mapping[str, Callable[..., Column]] = MappingProxyType(
    {
        "+": lambda a, b: _finite(a + b),
        "-": lambda a, b: _finite(a - b),
        "*": lambda a, b: _finite(a * b),
        "/": lambda a, b: _finite(a / b),
        "%": _modulo,
        "neg": lambda a: -a,
        "<": _comparison(np.less),
        "<=": _comparison(np.less_equal),
        ">": _comparison(np.greater),
        ">=": _comparison(np.greater_equal),
        "==": _comparison(np.equal),
        "!=": _comparison(np.not_equal),
        "and": _both,
        "or": _either,
        "not": lambda a: 1.0 - a,
        "abs": np.abs,
        "min": _smallest,
        "max": _largest,
        "floor": lambda x: np.floor(x) + 0.0,  # + 0.0: no negative zero, as of an int
        "ceil": lambda x: np.ceil(x) + 0.0,
        "sqrt": np.sqrt,
        "if": _choose,
    }
)
