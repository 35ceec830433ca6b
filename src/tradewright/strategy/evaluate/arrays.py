"""A program over whole columns of candles: what a backtest reads.

Each step is worked out once, in order, over all bars of its timeframe, and let go when nothing needs it any more. What
hangs on the position is left to `Columns.at`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from tradewright.strategy.candles import Candles
from tradewright.strategy.evaluate import crossings, elementwise, fields, stretches
from tradewright.strategy.evaluate.longer import Lane, lanes_of
from tradewright.strategy.evaluate.plan import plan
from tradewright.strategy.evaluate.position import Position, PositionRule
from tradewright.strategy.functions.scalars import SCALARS
from tradewright.strategy.program import (
    CONSTANT,
    FIELDS,
    HISTORY,
    OPEN_TIME,
    RESAMPLE,
    TIMES,
    Program,
    Step,
)
from tradewright.strategy.timeframe import Timeframe

Column = NDArray[np.float64]
Functions = Callable[[str, Sequence[float], Sequence[Column]], Column]


class Columns(Mapping[str, Column]):
    """A program's outputs at every base close, by name: those that do not hang on the position. `at` gives any.

    Conditions are 1.0, 0.0, unknown is NaN. Columns are not to be written to: they may be the candles' own.
    """

    def __init__(
        self,
        columns: Mapping[str, Column],
        rules: Mapping[str, PositionRule],
        leaves: Mapping[int, Column],
    ) -> None:
        self._columns = columns
        self._rules = rules
        self._views = {name: column.data for name, column in columns.items()}
        self._leaves = {name: [leaves[leaf].data for leaf in rule.leaves] for name, rule in rules.items()}

    def __getitem__(self, name: str) -> Column:
        return self._columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    @property
    def of_position(self) -> frozenset[str]:
        """The outputs that only `at` can give."""
        return frozenset(self._rules)

    def at(self, name: str, index: int, position: Position) -> float:
        """Output `name` at the close of bar `index`, with this position. Raises `KeyError` when there is no such."""
        rule = self._rules.get(name)
        if rule is None:
            return self._views[name][index]
        return rule.value([leaf[index] for leaf in self._leaves[name]], position)


def evaluate(
    program: Program,
    candles: Candles,
    *,
    longer: Mapping[Timeframe, Candles] | None = None,
    functions: Functions = stretches.run,
) -> Columns:
    """All outputs of `program` over `candles`.

    `longer`: candles of longer timeframes of their own, for history before `candles` begins (`longer.longer_lane`).
    `functions`: how a function is taken over columns; `compiled.Compiler().run` gives the same bits sooner, once it
    has compiled, which takes a second or two for each function.
    Raises `ValueError` when `candles` are not of the program's base timeframe.
    """
    if candles.timeframe != program.base:
        raise ValueError(f"the program is for bars of {program.base}, the candles are of {candles.timeframe}")
    planned = plan(program)
    steps = program.steps
    lanes = lanes_of(candles, {steps[index].timeframe for index in planned.needed}, longer or {})
    last_use = {argument: index for index in planned.needed for argument in steps[index].arguments}
    worked: dict[int, Column] = {}
    for index in planned.needed:
        step = steps[index]
        worked[index] = worked_out(step, [worked[argument] for argument in step.arguments], lanes, steps, functions)
        for argument in set(step.arguments):
            if last_use[argument] == index and argument not in planned.kept:
                del worked[argument]
    return Columns({name: worked[step] for name, step in planned.outputs.items()}, planned.rules, worked)


def worked_out(
    step: Step,
    inputs: list[Column],
    lanes: Mapping[Timeframe, Lane],
    steps: Sequence[Step],
    functions: Functions,
) -> Column:
    """One step over all bars of its timeframe; `inputs` are the columns of its arguments."""
    lane = lanes[step.timeframe]
    name = step.name
    if name in FIELDS or name in TIMES or name == OPEN_TIME:
        return fields.column(lane.candles, name)
    if name == CONSTANT:
        return np.broadcast_to(np.float64(step.constants[0]), len(lane.candles))
    if name == HISTORY:
        return _before(inputs[0], int(step.constants[0]))
    if name == RESAMPLE:
        return _seen(inputs[0], lanes[steps[step.arguments[0]].timeframe].seen_from(lane))
    if name in SCALARS:
        return elementwise.apply(name, inputs)
    if name in crossings.CROSSINGS:
        return crossings.apply(name, *inputs)
    return functions(name, step.constants, inputs)


def _before(column: Column, bars: int) -> Column:
    moved = np.full(len(column), np.nan)
    if bars < len(column):
        moved[bars:] = column[: len(column) - bars]
    return moved


def _seen(column: Column, latest: NDArray[np.int64]) -> Column:
    seen = np.full(len(latest), np.nan)
    there = latest >= 0
    seen[there] = column[latest[there]]
    return seen
