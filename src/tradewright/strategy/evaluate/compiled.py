"""A function's step taken over whole columns, compiled: what a sweep of many parameter sets pays for.

The same step as everywhere, handed to numba as it stands, so the same bits; a property test holds it to that. Importing
this module takes the second that numba takes, and a function's first call the second it takes to compile; a process
that runs one backtest is quicker with `stretches`.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Sequence
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from tradewright.strategy.functions.definitions import DEFINITIONS, typed

Column = NDArray[np.float64]
# No reordering, no fused multiply-add: a double has to come out as it does interpreted.
_JIT = numba.njit(fastmath=False, error_model="numpy")


class Compiler:
    """Compiles each function once and keeps it. Make one for a process."""

    def __init__(self) -> None:
        self._compiled: dict[int, Any] = {}  # of plain functions, by identity
        self._loops: dict[str, Callable[..., None]] = {}

    def run(self, name: str, constants: Sequence[float], inputs: Sequence[Column]) -> Column:
        """The function's value at every bar."""
        definition, constants = DEFINITIONS[name], typed(name, constants)
        if name not in self._loops:
            self._loops[name] = _LOOPS[len(inputs)](self._of(definition.step))
        values = np.empty(len(inputs[0]))
        memory = np.zeros(definition.cells(*constants))
        columns = [np.ascontiguousarray(column) for column in inputs]
        self._loops[name](values, memory, definition.afresh, tuple(constants), *columns)
        values[~np.isfinite(values)] = np.nan
        return values

    def _of(self, function: Callable[..., Any]) -> Any:
        """`function`, and every function of ours that it calls, compiled: numba does not look into plain ones."""
        known = self._compiled.get(id(function))
        if known is None:
            named = {name: function.__globals__.get(name) for name in function.__code__.co_names}
            seen = {
                name: self._of(one) if isinstance(one, types.FunctionType) else one
                for name, one in named.items()
                if one is not None
            }
            known = _JIT(types.FunctionType(function.__code__, seen, function.__name__))
            self._compiled[id(function)] = known
        return known


def _of_one(step: Any) -> Callable[..., None]:
    def loop(values: Column, memory: Column, afresh: bool, constants: tuple[float, ...], a: Column) -> None:
        behind = 0
        for bar in range(len(values)):
            x = a[bar]
            if afresh and x != x:
                memory[:] = 0.0
                behind = 0
                values[bar] = np.nan
            else:
                values[bar] = step(*((memory, 0) + constants + (behind, x)))  # noqa: RUF005 (numba joins tuples only)
                behind += 1

    compiled: Callable[..., None] = _JIT(loop)
    return compiled


def _of_two(step: Any) -> Callable[..., None]:
    def loop(values: Column, memory: Column, afresh: bool, constants: tuple[float, ...], a: Column, b: Column) -> None:
        behind = 0
        for bar in range(len(values)):
            x = a[bar]
            y = b[bar]
            if afresh and (x != x or y != y):
                memory[:] = 0.0
                behind = 0
                values[bar] = np.nan
            else:
                values[bar] = step(*((memory, 0) + constants + (behind, x, y)))  # noqa: RUF005 (numba joins tuples only)
                behind += 1

    compiled: Callable[..., None] = _JIT(loop)
    return compiled


def _of_three(step: Any) -> Callable[..., None]:
    def loop(
        values: Column, memory: Column, afresh: bool, constants: tuple[float, ...], a: Column, b: Column, c: Column
    ) -> None:
        behind = 0
        for bar in range(len(values)):
            x = a[bar]
            y = b[bar]
            z = c[bar]
            if afresh and (x != x or y != y or z != z):
                memory[:] = 0.0
                behind = 0
                values[bar] = np.nan
            else:
                values[bar] = step(*((memory, 0) + constants + (behind, x, y, z)))  # noqa: RUF005 (numba joins tuples only)
                behind += 1

    compiled: Callable[..., None] = _JIT(loop)
    return compiled


def _of_four(step: Any) -> Callable[..., None]:
    def loop(
        values: Column,
        memory: Column,
        afresh: bool,
        constants: tuple[float, ...],
        a: Column,
        b: Column,
        c: Column,
        d: Column,
    ) -> None:
        behind = 0
        for bar in range(len(values)):
            x = a[bar]
            y = b[bar]
            z = c[bar]
            w = d[bar]
            if afresh and (x != x or y != y or z != z or w != w):
                memory[:] = 0.0
                behind = 0
                values[bar] = np.nan
            else:
                values[bar] = step(*((memory, 0) + constants + (behind, x, y, z, w)))  # noqa: RUF005 (numba joins tuples only)
                behind += 1

    compiled: Callable[..., None] = _JIT(loop)
    return compiled


_LOOPS = {1: _of_one, 2: _of_two, 3: _of_three, 4: _of_four}  # by the number of inputs
