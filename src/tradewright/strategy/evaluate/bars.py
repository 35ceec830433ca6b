"""A program bar by bar: what a live bot runs. The same numbers as over whole columns (`arrays`), bit for bit.

A close costs the same however much history lies behind it, but for the few functions whose window must be gone through
(`cci`, `percent_rank`). Not here: what a position is (`position`), when bars come and whether they are complete.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from tradewright.strategy.candles import Candles
from tradewright.strategy.evaluate.fields import Bar, field
from tradewright.strategy.evaluate.forming import Forming
from tradewright.strategy.evaluate.plan import Plan, plan
from tradewright.strategy.evaluate.position import Position
from tradewright.strategy.functions.definitions import DEFINITIONS, typed
from tradewright.strategy.functions.scalars import SCALARS, UNKNOWN
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
        self._constants: list[tuple[int, float]] = []  # known from the first bar on, as everything is
        self._plain: list[tuple[int, int]] = []  # steps that are one of a bar's own values: which
        self._derived: list[tuple[int, str]] = []
        self._actions: list[Action] = []

    def add(self, index: int, step: Step, values: list[float]) -> None:
        if step.name == CONSTANT:
            self._constants.append((index, step.constants[0]))
        elif step.name in Bar._fields:
            self._plain.append((index, Bar._fields.index(step.name)))
        elif step.name in FIELDS or step.name in TIMES or step.name == OPEN_TIME:
            self._derived.append((index, step.name))
        else:
            self._actions.append(_action(index, step, values))

    def run(self, bar: Bar, values: list[float]) -> None:
        if self._constants:
            for index, constant in self._constants:
                values[index] = constant
            self._constants.clear()
        for index, place in self._plain:
            values[index] = bar[place]
        if self._derived:
            for index, name in self._derived:
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
        self._last_open_ms = -1

    def close(self, bar: Bar) -> Values:
        """All outputs at this bar's close. Raises `ValueError` when it does not open after the last one."""
        open_time_ms = bar.open_time_ms
        if open_time_ms <= self._last_open_ms:
            raise ValueError(f"a bar that opens at {open_time_ms} came after the one of {self._last_open_ms}")
        self._last_open_ms = open_time_ms
        values = self._values
        if self._longer:
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
    definition, constants = DEFINITIONS[step.name], typed(step.name, step.constants)
    memory = [0.0] * definition.cells(*constants)
    take = partial(definition.step, memory, 0, *constants)
    match definition.afresh, step.arguments:
        case True, (argument,):
            return _of_one(index, argument, take, memory, values)
        case True, (a, b, c):
            return _of_three(index, (a, b, c), take, memory, values)
    return _of_any(index, step.arguments, take, memory if definition.afresh else None, values)


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


# A function begins afresh behind an unknown input: its memory is wiped, and no bar lies behind the next. The two
# commonest shapes are written out, for to go through inputs takes longer than most functions do.


def _of_one(index: int, argument: int, take: Callable[..., float], memory: list[float], values: list[float]) -> Action:
    behind = 0

    def act() -> None:
        nonlocal behind
        x = values[argument]
        if x == x:
            value = take(behind, x)
            behind += 1
            values[index] = value if value - value == 0.0 else UNKNOWN
            return
        if behind:
            behind = 0
            memory[:] = [0.0] * len(memory)
        values[index] = UNKNOWN

    return act


def _of_three(
    index: int,
    arguments: tuple[int, int, int],
    take: Callable[..., float],
    memory: list[float],
    values: list[float],
) -> Action:
    behind = 0
    first, second, third = arguments

    def act() -> None:
        nonlocal behind
        x, y, z = values[first], values[second], values[third]
        if x == x and y == y and z == z:
            value = take(behind, x, y, z)
            behind += 1
            values[index] = value if value - value == 0.0 else UNKNOWN
            return
        if behind:
            behind = 0
            memory[:] = [0.0] * len(memory)
        values[index] = UNKNOWN

    return act


def _of_any(
    index: int,
    arguments: Sequence[int],
    take: Callable[..., float],
    memory: list[float] | None,
    values: list[float],
) -> Action:
    """`memory` is None of a function that has its own word on unknown inputs."""
    behind = 0

    def act() -> None:
        nonlocal behind
        inputs = [values[argument] for argument in arguments]
        if memory is not None:
            for x in inputs:
                if x != x:
                    if behind:
                        behind = 0
                        memory[:] = [0.0] * len(memory)
                    values[index] = UNKNOWN
                    return
        value = take(behind, *inputs)
        behind += 1
        values[index] = value if value - value == 0.0 else UNKNOWN

    return act
