"""Expressions into the steps of a program: series stand where they are named, equal parts become one step.

Lives here: what hangs on the bars on which a part is evaluated: whether a timeframe can be built from the one around
it, and how far back a part looks. Each series is compiled once per timeframe, however often it is named, so series that
double each other cost nothing. Not here: names and types (`meaning`); only sound expressions come here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

from tradewright.strategy.check.constants import below, in_force
from tradewright.strategy.check.params import Param
from tradewright.strategy.check.reasons import Part, parts_of
from tradewright.strategy.check.texts import Expression
from tradewright.strategy.expression.tree import (
    Boolean,
    Call,
    History,
    Longer,
    Name,
    Node,
    Number,
    Operation,
    Tree,
    children,
)
from tradewright.strategy.faults import Fault
from tradewright.strategy.functions.table import EVERYTHING_BARS, FADES_TIMES, FUNCTIONS, LOOKBACK_MAX, Function
from tradewright.strategy.program import CONSTANT, FIELDS, HISTORY, RESAMPLE, TIMES, Program, Step
from tradewright.strategy.timeframe import DAY_MS, TIMEFRAMES, Timeframe, is_multiple, length_ms


@dataclass(frozen=True, slots=True)
class _Misfit:
    """A part needs bars of `inner`, which cannot be built from those of `outer` around it."""

    inner: Timeframe
    outer: Timeframe


@dataclass(frozen=True, slots=True)
class _TooLong:
    """A part looks further back than allowed."""

    bars: int


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a step's constant comes from: a node of an expression, of which it is the value; or the number of the key
    that `output` is about (`tree` None)."""

    tree: Tree | None = field(compare=False)
    place: tuple[int, int] = (0, 0)  # which tree, which node of it
    output: str = ""

    @property
    def node(self) -> int:
        return self.place[1]


_Unsound = None  # a fault was told already
_Compiled = int | _Misfit | None


class Compiler:
    """Gathers the steps of one spec. `series` are its sound ones by name.

    `keeps_origins`: parts become one step only where they stay equal whatever the params are, so that constants can be
    put in anew (`binding`).
    """

    def __init__(
        self,
        base: Timeframe,
        params: Mapping[str, Param],
        series: Mapping[str, Expression],
        faults: list[Fault],
        *,
        keeps_origins: bool = False,
    ) -> None:
        self._base = base
        self._params = params
        self._series = series
        self._faults = faults
        self._steps: list[Step] = []
        self._keeps_origins = keeps_origins
        self._origins: list[tuple[Origin, ...]] = []
        self._indices: dict[tuple[Step, tuple[Origin, ...]], int] = {}
        self._lookbacks: list[int] = []
        self._warm_ups: list[int] = []
        self._done: dict[tuple[str, Timeframe], _Compiled] = {}
        self._outputs: dict[str, int] = {}
        self._on_base: dict[int, list[_Compiled]] = {}  # by tree: what its nodes became

    def output(self, name: str, expression: Expression) -> int | None:
        """Compiles an expression on the base bars. None where it has a fault, which is told."""
        compiled = self._compiled(expression, self._base)
        if isinstance(compiled, _Misfit) or compiled is None:
            return None
        self._outputs[name] = compiled
        return compiled

    def reasons(self, name: str, expression: Expression) -> list[Part]:
        """The parts of a compiled output as outputs of their own, those that stand on the base bars."""
        assert expression.tree is not None
        results = self._on_base[id(expression.tree)]
        timeframes, is_constant = _surroundings(expression.tree, self._base)
        found: list[Part] = []
        for index, words, is_condition in parts_of(expression.tree, self._params):
            step = results[index]
            if isinstance(step, int) and not is_constant[index] and timeframes[index] == self._base:
                part = Part(words, f"why.{name}.{len(found)}", is_condition)
                self._outputs[part.output] = step
                found.append(part)
        return found

    def atr(self, name: str, length: int) -> None:
        """The ATR of a level that is given in times of it, on the base bars."""
        origins = (Origin(None, output=name),) if self._keeps_origins else ()
        self._outputs[name] = self._call(FUNCTIONS["atr"], [], (length,), self._base, origins)

    def series_output(self, name: str) -> None:
        """A series is an output too: the chart shows it."""
        compiled = self._one_series(name, self._base)
        if isinstance(compiled, int):
            self._outputs[f"series.{name}"] = compiled

    def program(self) -> Program:
        return Program(self._base, (*self._steps,), dict(self._outputs))

    def origins(self) -> tuple[tuple[Origin, ...], ...]:
        """For each step where its constants come from, in their order; nothing where no param can change them."""
        return (*self._origins,)

    def warm_up_bars(self) -> int:
        """The contract's 2.7, in bars of each timeframe."""
        return max(map(int.__add__, self._lookbacks, self._warm_ups), default=0)

    def timeframes(self) -> tuple[Timeframe, ...]:
        """Those needed, base first, then by length."""
        longer = {step.timeframe for step in self._steps} - {self._base}
        return (self._base, *(timeframe for timeframe in TIMEFRAMES if timeframe in longer))

    def _one_series(self, name: str, timeframe: Timeframe) -> _Compiled:
        if name not in self._series:
            return _Unsound
        if (name, timeframe) not in self._done:
            self._done[name, timeframe] = self._compiled(self._series[name], timeframe)
        return self._done[name, timeframe]

    def _compiled(self, expression: Expression, surrounding: Timeframe) -> _Compiled:
        assert expression.tree is not None
        tree = expression.tree
        timeframes, is_constant = _surroundings(tree, surrounding)
        results: list[_Compiled] = [_Unsound] * len(tree.nodes)
        misfit: _Misfit | None = None
        is_told = False
        for index, node in enumerate(tree.nodes):
            if is_constant[index]:
                continue
            result = self._node(tree, index, timeframes[index], results)
            if isinstance(result, _Misfit):
                if result.outer == surrounding != self._base:
                    misfit = result  # the series is at home on other bars: who names it here is told
                elif not is_told:
                    is_told = True
                    self._tell_misfit(expression, node, result)
                result = _Unsound
            elif isinstance(result, _TooLong):
                message = f"this looks back {result.bars} bars, series and nesting included; at most {LOOKBACK_MAX}"
                self._faults.append(expression.fault("lookback_too_long", node.start, message))
                is_told = True
                result = _Unsound
            results[index] = result
        if is_told:
            return _Unsound
        if surrounding == self._base:
            self._on_base[id(tree)] = results
        return misfit or results[tree.root]

    def _tell_misfit(self, expression: Expression, node: Node, misfit: _Misfit) -> None:
        offset = node.timeframe_start if isinstance(node, Call | Longer) else node.start
        who = f"`{node.name}` has a part on {misfit.inner}" if isinstance(node, Name) else f"{misfit.inner}"
        message = f"{who}: its bars cannot be built from those of {misfit.outer} around it"
        hint = f"take {misfit.outer}, or a whole multiple of it"
        self._faults.append(expression.fault("tf_not_multiple", offset, message, hint))

    def _node(self, tree: Tree, index: int, timeframe: Timeframe, results: list[_Compiled]) -> _Compiled | _TooLong:
        node = tree.nodes[index]
        match node:
            case Number():
                return self._step(Step(CONSTANT, timeframe, (), (node.value + 0.0,)))
            case Boolean():
                return self._step(Step(CONSTANT, timeframe, (), (1.0 if node.value else 0.0,)))
            case Name(name=name):
                return self._name(name, timeframe, self._origins_of(tree, (index,)))
            case _:
                pass
        operands: list[int] = []
        for child in self._inputs(node):
            result = results[child]
            if not isinstance(result, int):
                return _Unsound
            operands.append(result)
        match node:
            case Operation(symbol=symbol):
                return self._step(Step(symbol, timeframe, tuple(operands)))
            case History():
                back = int(in_force(tree, node.back, self._params))
                return self._history(operands[0], back, timeframe, self._origins_of(tree, (node.back,)))
            case Longer(timeframe=word):
                return self._resampled(operands[0], cast("Timeframe", word), timeframe)
            case Call():
                return self._function(tree, node, operands, timeframe)

    def _inputs(self, node: Node) -> tuple[int, ...]:
        """The operands that are values of bars, not constants."""
        match node:
            case History(of=of):
                return (of,)
            case Call():
                function = FUNCTIONS[node.function]
                if function.variadic:
                    return node.arguments
                pairs = zip(function.parameters, node.arguments, strict=True)
                return tuple(argument for parameter, argument in pairs if not parameter.is_constant)
            case _:
                return children(node)

    def _name(self, name: str, timeframe: Timeframe, origins: tuple[Origin, ...]) -> _Compiled:
        if name in self._params:
            step = Step(CONSTANT, timeframe, (), (float(self._params[name].value) + 0.0,))
            return self._step(step, origins=origins)
        if name in FIELDS or name in TIMES or name.startswith("position."):
            return self._step(Step(name, timeframe))
        return self._one_series(name, timeframe)

    def _function(self, tree: Tree, node: Call, operands: list[int], timeframe: Timeframe) -> _Compiled | _TooLong:
        function = FUNCTIONS[node.function]
        inner = cast("Timeframe", node.timeframe or timeframe)
        if not is_multiple(inner, timeframe):
            return _Misfit(inner, timeframe)
        pairs = zip(function.parameters, node.arguments, strict=False)
        given = tuple(argument for parameter, argument in pairs if parameter.is_constant)
        constants = tuple(in_force(tree, argument, self._params) for argument in given)
        call = self._call(function, operands, constants, inner, self._origins_of(tree, given))
        if self._lookbacks[call] > LOOKBACK_MAX:
            return _TooLong(self._lookbacks[call])
        return self._resampled(call, inner, timeframe)

    def _call(
        self,
        function: Function,
        operands: list[int],
        constants: tuple[float, ...],
        timeframe: Timeframe,
        origins: tuple[Origin, ...],
    ) -> int:
        fields = [self._step(Step(name, timeframe)) for name in function.reads]
        step = Step(function.name, timeframe, (*operands, *fields), tuple(map(float, constants)))
        lengths = function.lengths(constants)
        return self._step(step, function.lookback(*lengths), _warm_up(function, lengths, timeframe), origins)

    def _origins_of(self, tree: Tree, nodes: tuple[int, ...]) -> tuple[Origin, ...]:
        """None where no param is named in them."""
        if not self._keeps_origins:
            return ()
        named = any(isinstance(tree.nodes[index], Name) for node in nodes for index in below(tree, node))
        return tuple(Origin(tree, (id(tree), node)) for node in nodes) if named else ()

    def _history(self, of: int, back: int, timeframe: Timeframe, origins: tuple[Origin, ...]) -> int | _TooLong:
        inner = self._steps[of]
        if inner.name == HISTORY and not self._keeps_origins:
            of, back = inner.arguments[0], back + int(inner.constants[0])
        if back + self._lookbacks[of] > LOOKBACK_MAX:
            return _TooLong(back + self._lookbacks[of])
        is_kept = back or origins
        return self._step(Step(HISTORY, timeframe, (of,), (float(back),)), back, 0, origins) if is_kept else of

    def _resampled(self, inside: int, inner: Timeframe, outer: Timeframe) -> _Compiled:
        if inner == outer:
            return inside
        if not is_multiple(inner, outer):
            return _Misfit(inner, outer)
        return self._step(Step(RESAMPLE, outer, (inside,)))

    def _step(self, step: Step, lookback: int = 0, warm_up: int = 0, origins: tuple[Origin, ...] = ()) -> int:
        key = (step, origins)
        found = self._indices.get(key)
        if found is not None:
            return found
        on_these_bars = (0,) if step.name == RESAMPLE else tuple(self._lookbacks[each] for each in step.arguments)
        self._steps.append(step)
        self._lookbacks.append(lookback + max(on_these_bars, default=0))
        self._warm_ups.append(warm_up)
        self._origins.append(key[1])
        self._indices[key] = len(self._steps) - 1
        return len(self._steps) - 1


def _surroundings(tree: Tree, outermost: Timeframe) -> tuple[list[Timeframe], list[bool]]:
    """For each node the bars on which it stands, and whether it is a part of a constant."""
    timeframes = [outermost] * len(tree.nodes)
    is_constant = [False] * len(tree.nodes)
    for index in range(tree.root, -1, -1):
        node = tree.nodes[index]
        inner = timeframes[index]
        constants: tuple[bool, ...] = ()
        match node:
            case Call(function=name, timeframe=word):
                inner = cast("Timeframe", word or inner)
                function = FUNCTIONS[name]
                if not function.variadic:
                    constants = tuple(parameter.is_constant for parameter in function.parameters)
            case Longer(timeframe=word):
                inner = cast("Timeframe", word)
            case History():
                constants = (False, True)
            case _:
                pass
        for place, child in enumerate(children(node)):
            timeframes[child] = inner
            is_constant[child] = is_constant[index] or (place < len(constants) and constants[place])
    return timeframes, is_constant


def _warm_up(function: Function, lengths: tuple[int, ...], timeframe: Timeframe) -> int:
    match function.memory:
        case "fades":
            return FADES_TIMES * max(lengths)
        case "everything":
            return EVERYTHING_BARS
        case "day":
            return max(1, DAY_MS // length_ms(timeframe))
        case "nothing":
            return 0
