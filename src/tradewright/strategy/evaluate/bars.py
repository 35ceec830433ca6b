"""A program bar by bar: what a live bot runs. The same numbers as over whole columns (`arrays`), bit for bit.

A close costs the same however much history lies behind it, but for the few functions whose window must be gone through
(`cci`, `percent_rank`). Not here: what a position is (`position`), when bars come and whether they are complete.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from operator import itemgetter

from tradewright.strategy.candles import Candles
from tradewright.strategy.evaluate.fields import Bar, field
from tradewright.strategy.evaluate.forming import Forming
from tradewright.strategy.evaluate.plan import Plan, plan
from tradewright.strategy.evaluate.position import Position
from tradewright.strategy.functions.definitions import DEFINITIONS
from tradewright.strategy.functions.scalars import SCALARS, UNKNOWN
from tradewright.strategy.functions.steps import Definition
from tradewright.strategy.program import CONSTANT, FIELDS, HISTORY, OPEN_TIME, RESAMPLE, TIMES, Program, Step
from tradewright.strategy.timeframe import Timeframe, length_ms

Action = Callable[[], None]


class Values:
    """A program's outputs at one close. They stay as they are when later bars close."""

    __slots__ = ("_plan", "_values")

    def __init__(self, planned: Plan, values: list[float]) -> None:
        self._plan = planned
        self._values = values

    def __getitem__(self, name: str) -> float:
        """An output that does not hang on the position. Raises `KeyError` for any other."""
        return self._values[self._plan.outputs[name]]

    def at(self, name: str, position: Position) -> float:
        """Output `name` with this position. Raises `KeyError` when there is no such."""
        rule = self._plan.rules.get(name)
        if rule is None:
            return self[name]
        return rule.value([self._values[leaf] for leaf in rule.leaves], position)


class _Lane:
    """The steps of one timeframe, run once for each of its bars."""

    def __init__(self, timeframe: Timeframe) -> None:
        self._length_ms = length_ms(timeframe)
        self._fields: list[tuple[int, str]] = []
        self._actions: list[Action] = []

    def add(self, index: int, step: Step, values: list[float]) -> None:
        if step.name == CONSTANT:
            values[index] = step.constants[0]
        elif step.name in FIELDS or step.name in TIMES or step.name == OPEN_TIME:
            self._fields.append((index, step.name))
        else:
            self._actions.append(_action(index, step, values))

    def run(self, bar: Bar, values: list[float]) -> None:
        for index, name in self._fields:
            values[index] = field(bar, self._length_ms, name)
        for action in self._actions:
            action()


class Evaluator:
    """Takes closed base bars, oldest first; builds longer bars from them.

    `longer`: candles of longer timeframes of their own, for history before the first base bar (`longer.longer_lane`).
    """

    def __init__(self, program: Program, *, longer: Mapping[Timeframe, Candles] | None = None) -> None:
        self._plan = plan(program)
        self._values = [UNKNOWN] * len(program.steps)
        lanes: dict[Timeframe, _Lane] = {}
        for index in self._plan.needed:
            step = program.steps[index]
            lanes.setdefault(step.timeframe, _Lane(step.timeframe)).add(index, step, self._values)
        self._base = lanes.pop(program.base, _Lane(program.base))
        # The longest first: what is seen of a day inside an hour has to be there when the hour closes with it.
        ordered = sorted(lanes, key=length_ms, reverse=True)
        given = longer or {}
        self._longer = [(Forming(program.base, one, given.get(one)), lanes[one]) for one in ordered]
        self._last_open_ms: int | None = None

    def close(self, bar: Bar) -> Values:
        """All outputs at this bar's close. Raises `ValueError` when it does not open after the last one."""
        if self._last_open_ms is not None and bar.open_time_ms <= self._last_open_ms:
            raise ValueError(f"a bar that opens at {bar.open_time_ms} came after the one of {self._last_open_ms}")
        self._last_open_ms = bar.open_time_ms
        values = self._values
        for forming, lane in self._longer:
            for longer_bar in forming.closed_by(bar):
                lane.run(longer_bar, values)
        self._base.run(bar, values)
        return Values(self._plan, values.copy())


def _action(index: int, step: Step, values: list[float]) -> Action:
    """What sets `values[index]` from the values of the step's arguments."""
    if step.name == HISTORY:
        return _history(index, step.arguments[0], int(step.constants[0]), values)
    if step.name == RESAMPLE:
        return _copy(index, step.arguments[0], values)
    scalar = SCALARS.get(step.name)
    if scalar is not None:
        return _plain(index, scalar, step.arguments, values)
    definition = DEFINITIONS[step.name]
    if len(step.arguments) == 1 and definition.afresh:
        return _remembering_one(index, definition, step, values)
    return _remembering(index, definition, step, values)


def _copy(index: int, argument: int, values: list[float]) -> Action:
    def act() -> None:
        values[index] = values[argument]

    return act


def _history(index: int, argument: int, bars: int, values: list[float]) -> Action:
    last = deque([UNKNOWN] * (bars + 1), maxlen=bars + 1)

    def act() -> None:
        last.append(values[argument])
        values[index] = last[0]

    return act


def _plain(index: int, function: Callable[..., float], arguments: Sequence[int], values: list[float]) -> Action:
    if len(arguments) == 2:
        a, b = arguments

        def act() -> None:
            values[index] = function(values[a], values[b])

    else:

        def act() -> None:
            values[index] = function(*[values[argument] for argument in arguments])

    return act


def _remembering_one(index: int, definition: Definition, step: Step, values: list[float]) -> Action:
    """A function of one input, the commonest kind, without the loop over inputs."""
    memory, take = _memory(definition, step)
    argument = step.arguments[0]
    fresh = True

    def act() -> None:
        nonlocal fresh
        x = values[argument]
        if x == x:
            fresh = False
            value = take(x)
            values[index] = value if value - value == 0.0 else UNKNOWN
        else:
            if not fresh:
                memory[:] = [0.0] * len(memory)
                fresh = True
            values[index] = UNKNOWN

    return act


def _remembering(index: int, definition: Definition, step: Step, values: list[float]) -> Action:
    memory, take = _memory(definition, step)
    arguments, afresh = step.arguments, definition.afresh
    inputs_of: Callable[[list[float]], tuple[float, ...]] = (
        itemgetter(*arguments) if len(arguments) > 1 else lambda known: (known[arguments[0]],)
    )
    fresh = True

    def act() -> None:
        nonlocal fresh
        inputs = inputs_of(values)
        if afresh:
            for x in inputs:
                if x != x:
                    if not fresh:
                        memory[:] = [0.0] * len(memory)
                        fresh = True
                    values[index] = UNKNOWN
                    return
            fresh = False
        value = take(*inputs)
        values[index] = value if value - value == 0.0 else UNKNOWN

    return act


def _memory(definition: Definition, step: Step) -> tuple[list[float], Callable[..., float]]:
    memory = [0.0] * definition.cells(*(int(constant) for constant in step.constants))
    return memory, partial(definition.step, memory, 0, *step.constants)
