"""The columns of many programs that differ in constants only: what two of them share is worked out once.

A grid of 16 × 30 lengths has 46 averages and not 960. Columns are kept by what they are (function, constants, inputs),
those used longest ago go first.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from tradewright.strategy.evaluate.arrays import Functions, worked_out
from tradewright.strategy.evaluate.longer import lanes_of
from tradewright.strategy.evaluate.plan import plan
from tradewright.strategy.program import Program

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tradewright.strategy.candles import Candles

    Doubles = NDArray[np.float64]
    Crossed = Callable[[Doubles, Doubles, Doubles], None]

KEPT_BYTES_MAX = 96 * 2**20  # of a process
_NAMED_MAX = 200_000  # different columns that are told apart; then all is forgotten and begun anew

_Key = tuple[object, ...]


class SharedColumns:
    """`likeness`: a program of the same shape as all that will be asked for. No output may hang on the position."""

    def __init__(
        self, likeness: Program, candles: Candles, functions: Functions, crossed_above: Crossed | None = None
    ) -> None:
        planned = plan(likeness)
        assert not planned.rules, "what hangs on the position has no column"
        self._needed, self._outputs = planned.needed, planned.outputs
        timeframes = {likeness.steps[index].timeframe for index in self._needed}
        self._lanes = lanes_of(candles, timeframes, {})
        self._functions, self._crossed_above = functions, crossed_above
        self._numbers: dict[_Key, int] = {}
        self._kept: OrderedDict[int, Doubles] = OrderedDict()
        self._bytes = 0

    def of(self, program: Program) -> Mapping[str, Doubles]:
        """Its outputs. Not to be written to."""
        if len(self._numbers) > _NAMED_MAX:
            self._numbers.clear()
            self._kept.clear()
            self._bytes = 0
        steps = program.steps
        numbers: dict[int, int] = {}
        columns: dict[int, Doubles] = {}
        for index in self._needed:
            step = steps[index]
            key = (step.name, step.timeframe, step.constants, *(numbers[each] for each in step.arguments))
            is_new = key not in self._numbers
            number = numbers[index] = self._numbers.setdefault(key, len(self._numbers))
            found = self._kept.get(number)
            if found is None:
                inputs = [columns[each] for each in step.arguments]
                found = self._crossed(step.name, inputs)
                if found is None:
                    found = worked_out(step, inputs, self._lanes, steps, self._functions)
                    self._keep(number, found)
                elif not is_new:  # most crossings are of one set: memory that is never freed costs more than they do
                    self._keep(number, found)
            else:
                self._kept.move_to_end(number)
            columns[index] = found
        return {name: columns[index] for name, index in self._outputs.items()}

    def _crossed(self, name: str, inputs: Sequence[Doubles]) -> Doubles | None:
        """A crossing of one direction; None: it is none, or is left to numpy."""
        if self._crossed_above is None or name not in ("crosses_above", "crosses_below"):
            return None
        import numpy as np

        over, under = inputs if name == "crosses_above" else reversed(inputs)
        found = np.empty(len(over))
        self._crossed_above(np.ascontiguousarray(over), np.ascontiguousarray(under), found)
        return found

    def _keep(self, number: int, column: Doubles) -> None:
        self._kept[number] = column
        self._bytes += _size(column)
        while self._bytes > KEPT_BYTES_MAX and len(self._kept) > 1:
            _, gone = self._kept.popitem(last=False)
            self._bytes -= _size(gone)


def _size(column: Doubles) -> int:
    return 0 if 0 in column.strides else column.nbytes  # a constant is one number, seen many times
