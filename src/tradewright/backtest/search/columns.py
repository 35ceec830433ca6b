"""The columns of many programs that differ in constants only: what two of them share is worked out once.

A grid of 16 × 30 lengths has 46 averages and not 960. Columns are kept by what they are (function, constants, inputs),
those used longest ago go first.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import TYPE_CHECKING

from tradewright.strategy.evaluate.arrays import Functions, worked_out
from tradewright.strategy.evaluate.longer import lanes_of
from tradewright.strategy.evaluate.plan import plan
from tradewright.strategy.program import Program

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tradewright.strategy.candles import Candles

KEPT_BYTES_MAX = 192 * 2**20
_NAMED_MAX = 200_000  # different columns that are told apart; then all is forgotten and begun anew

_Key = tuple[object, ...]


class KeptColumns:
    """`likeness`: a program of the same shape as all that will be asked for. No output may hang on the position."""

    def __init__(self, likeness: Program, candles: Candles, functions: Functions) -> None:
        planned = plan(likeness)
        assert not planned.rules, "what hangs on the position has no column"
        self._needed, self._outputs = planned.needed, planned.outputs
        timeframes = {likeness.steps[index].timeframe for index in self._needed}
        self._lanes = lanes_of(candles, timeframes, {})
        self._functions = functions
        self._numbers: dict[_Key, int] = {}
        self._kept: OrderedDict[int, NDArray[np.float64]] = OrderedDict()
        self._bytes = 0

    def of(self, program: Program) -> Mapping[str, NDArray[np.float64]]:
        """Its outputs. Not to be written to."""
        if len(self._numbers) > _NAMED_MAX:
            self._numbers.clear()
            self._kept.clear()
            self._bytes = 0
        steps = program.steps
        numbers: dict[int, int] = {}
        columns: dict[int, NDArray[np.float64]] = {}
        for index in self._needed:
            step = steps[index]
            key = (step.name, step.timeframe, step.constants, *(numbers[each] for each in step.arguments))
            number = numbers[index] = self._numbers.setdefault(key, len(self._numbers))
            found = self._kept.get(number)
            if found is None:
                inputs = [columns[each] for each in step.arguments]
                found = worked_out(step, inputs, self._lanes, steps, self._functions)
                self._keep(number, found)
            else:
                self._kept.move_to_end(number)
            columns[index] = found
        return {name: columns[index] for name, index in self._outputs.items()}

    def _keep(self, number: int, column: NDArray[np.float64]) -> None:
        self._kept[number] = column
        self._bytes += _size(column)
        while self._bytes > KEPT_BYTES_MAX and len(self._kept) > 1:
            _, gone = self._kept.popitem(last=False)
            self._bytes -= _size(gone)


def _size(column: NDArray[np.float64]) -> int:
    return 0 if 0 in column.strides else column.nbytes  # a constant is one number, seen many times
