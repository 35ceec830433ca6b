"""A function's step taken over whole columns, interpreted: stretch by stretch, in blocks.

Blocks keep the memory small: a list of doubles takes four times what a column does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tradewright.strategy.functions.steps import Definition

BLOCK_BARS = 16_384

Column = NDArray[np.float64]


def run(definition: Definition, constants: Sequence[float], inputs: Sequence[Column]) -> Column:
    """The function's value at every bar."""
    cells = definition.cells(*(int(constant) for constant in constants))
    memory = [0.0] * cells
    step = partial(definition.step, memory, 0, *constants)
    length = len(inputs[0])
    values = np.empty(length)
    for first in range(0, length, BLOCK_BARS):
        block = [column[first : first + BLOCK_BARS] for column in inputs]
        target = values[first : first + BLOCK_BARS]
        for part, known in _runs(block) if definition.afresh else ((slice(None), True),):
            if known:
                target[part] = list(map(step, *(column[part].tolist() for column in block)))
            else:
                target[part] = np.nan
                memory[:] = [0.0] * cells
    values[~np.isfinite(values)] = np.nan
    return values


def _runs(block: Sequence[Column]) -> Iterator[tuple[slice, bool]]:
    """Longest runs of bars, in order, in which all inputs are known, or in which one is not."""
    known = ~np.isnan(block[0])
    for column in block[1:]:
        known &= ~np.isnan(column)
    if known.all():
        yield slice(None), True
        return
    edges = [0, *(np.flatnonzero(np.diff(known)) + 1).tolist(), len(known)]
    for start, end in pairwise(edges):
        yield slice(start, end), bool(known[start])
