"""A function's step taken over whole columns, interpreted: stretch by stretch, in blocks.

Blocks keep the memory small: a list of doubles takes four times what a column does.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from tradewright.strategy.functions.definitions import DEFINITIONS, typed

BLOCK_BARS = 16_384

Column = NDArray[np.float64]


def run(name: str, constants: Sequence[float], inputs: Sequence[Column]) -> Column:
    """The function's value at every bar."""
    definition, constants = DEFINITIONS[name], typed(name, constants)
    cells = definition.cells(*constants)
    memory = [0.0] * cells
    step = partial(definition.step, memory, 0, *constants)
    length = len(inputs[0])
    begun = 0  # the bar at which the stretch began
    values = np.empty(length)
    for first in range(0, length, BLOCK_BARS):
        block = [column[first : first + BLOCK_BARS] for column in inputs]
        target = values[first : first + BLOCK_BARS]
        for start, end, known in _runs(block) if definition.afresh else ((0, len(block[0]), True),):
            if known:
                before = itertools.count(first + start - begun)
                known_inputs = (column[start:end].tolist() for column in block)
                target[start:end] = list(map(step, before, *known_inputs))
            else:
                target[start:end] = np.nan
                memory[:] = [0.0] * cells
                begun = first + end
    values[~np.isfinite(values)] = np.nan
    return values


def _runs(block: Sequence[Column]) -> Iterator[tuple[int, int, bool]]:
    """Longest runs of bars, in order, in which all inputs are known, or in which one is not: from, to, known."""
    known = ~np.isnan(block[0])
    for column in block[1:]:
        known &= ~np.isnan(column)
    if known.all():
        yield 0, len(known), True
        return
    edges = [0, *(np.flatnonzero(np.diff(known)) + 1).tolist(), len(known)]
    for start, end in itertools.pairwise(edges):
        yield start, end, bool(known[start])
