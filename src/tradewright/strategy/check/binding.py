"""A spec whose params are given other values many times: what a search needs, without a check of the whole each time.

Lives here: the ranges that may be varied, and a set of values put into the program's constants. A set is sound exactly
when `check_text` with these values as settings says so: what a param can break by itself was looked at when the spec
was checked, over its whole range; where several params meet (in one call's constants, or in the numbers of the keys)
the spec is checked again with them, once for each combination.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, localcontext
from typing import cast

from tradewright.core.money import plain
from tradewright.strategy.check.checking import Checked, check_text, compiled_with_origins
from tradewright.strategy.check.compiling import Origin
from tradewright.strategy.check.constants import below, in_force
from tradewright.strategy.check.params import EXACT, Param
from tradewright.strategy.expression.tree import Name
from tradewright.strategy.faults import Fault
from tradewright.strategy.functions.table import FUNCTIONS, LOOKBACK_MAX
from tradewright.strategy.model import Dca, Grid, Level, Signal, Strategy
from tradewright.strategy.program import CONSTANT, HISTORY, RESAMPLE, Program, Step

Values = Mapping[str, Decimal]
_REMEMBERED_MAX = 100_000  # of what was worked out for earlier sets; then it is forgotten and begun anew


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """The values of a param: low + k · step, k from 0 to count - 1."""

    name: str
    low: Decimal
    step: Decimal
    count: int

    def value(self, place: int) -> Decimal:
        with localcontext(EXACT):
            return self.low + place * self.step


@dataclass(frozen=True, slots=True)
class Bound:
    """One set's rules and numbers."""

    program: Program
    plan: Signal | Grid | Dca


@dataclass(frozen=True, slots=True)
class Impossible:
    """What the check says of a set that is none."""

    faults: tuple[Fault, ...]


class Bindings:
    """`text`: a spec without errors. `settings`: params that are set for the whole search, and so not varied.

    Raises `ValueError` for a spec with errors: whoever searches checks first.
    """

    def __init__(self, text: bytes | str, settings: Mapping[str, str]) -> None:
        checked = check_text(text, settings=settings)
        if checked.strategy is None:
            raise ValueError("only a spec without errors can be searched")
        self.strategy: Strategy = checked.strategy
        self._text, self._settings = text, dict(settings)
        opened = compiled_with_origins(text, settings)
        self._params = opened.params
        self.program, self._origins = opened.program, opened.origins
        self.ranges = [
            _range(param) for param in opened.params.values() if param.count() and param.name not in settings
        ]
        varied = {each.name for each in self.ranges}
        self._in_keys = tuple(name for name in opened.params if name in varied & opened.in_keys)
        named = {origin: tuple(sorted(_named(origin) & varied)) for origins in self._origins for origin in origins}
        self._named = named
        self._open = [index for index, origins in enumerate(self._origins) if any(named[origin] for origin in origins)]
        together = {
            tuple(sorted({name for one in self._origins[index] for name in named[one]})) for index in self._open
        }
        self._met = sorted(names for names in together if len(names) > 1)
        self._checked: dict[tuple[tuple[str, Decimal], ...], Checked] = {}
        self._constants: dict[tuple[Origin, tuple[Decimal, ...]], float] = {}

    def bind(self, values: Values) -> Bound | Impossible:
        """`values`: one of each range."""
        for names in self._met:
            checked = self._check(names, values)
            if checked.errors:
                return Impossible(tuple(checked.errors))
        plan = self.strategy.plan
        if self._in_keys:
            checked = self._check(self._in_keys, values)
            if checked.strategy is None:
                return Impossible(tuple(checked.errors))
            plan = checked.strategy.plan
        steps = list(self.program.steps)
        for index in self._open:
            constants = tuple(self._constant(origin, values) for origin in self._origins[index])
            steps[index] = replace(steps[index], constants=constants)
        if isinstance(plan, Signal):
            for name, level in (("stop_loss", plan.protect.stop_loss), ("take_profit", plan.protect.take_profit)):
                self._put_atr(steps, f"protect.{name}.atr", level)
        program = Program(self.program.base, tuple(steps), self.program.outputs)
        if self._open and _looks_back(program) > LOOKBACK_MAX:
            checked = check_text(self._text, settings=self.texts(values))
            if checked.errors:
                return Impossible(tuple(checked.errors))
        return Bound(program, plan)

    def strategy_of(self, values: Values) -> Strategy | Impossible:
        """The same set, checked as a whole."""
        checked = check_text(self._text, settings=self.texts(values))
        return Impossible(tuple(checked.errors)) if checked.strategy is None else checked.strategy

    def texts(self, values: Values) -> dict[str, str]:
        """As `--set` takes them."""
        return {**self._settings, **{name: plain(value) for name, value in values.items()}}

    def _check(self, names: tuple[str, ...], values: Values) -> Checked:
        """The whole spec with these params set, the others as they are."""
        key = tuple((name, values[name]) for name in names)
        found = self._checked.get(key)
        if found is None:
            if len(self._checked) >= _REMEMBERED_MAX:
                self._checked.clear()
            checked = check_text(self._text, settings=self.texts({name: values[name] for name in names}))
            found = self._checked[key] = Checked(errors=checked.errors, warnings=[], strategy=checked.strategy)
        return found

    def _constant(self, origin: Origin, values: Values) -> float:
        key = (origin, tuple(values[name] for name in self._named[origin]))
        found = self._constants.get(key)
        if found is None:
            if len(self._constants) >= _REMEMBERED_MAX:
                self._constants.clear()
            params = {
                name: replace(param, value=values[name]) if name in values else param
                for name, param in self._params.items()
            }
            assert origin.tree is not None, "an origin that a param can change is of an expression"
            found = self._constants[key] = in_force(origin.tree, origin.node, params) + 0.0
        return found

    def _put_atr(self, steps: list[Step], output: str, level: Level | None) -> None:
        index = self.program.outputs.get(output)
        if index is not None and level is not None:
            steps[index] = replace(steps[index], constants=(float(level.length),))


def _range(param: Param) -> Range:
    return Range(name=param.name, low=cast("Decimal", param.low), step=cast("Decimal", param.step), count=param.count())


def _named(origin: Origin) -> set[str]:
    tree = origin.tree
    if tree is None:
        return set()
    nodes = (tree.nodes[index] for index in below(tree, origin.node))
    return {node.name for node in nodes if isinstance(node, Name)}


def _looks_back(program: Program) -> int:
    """The largest lookback of the contract's 2.7."""
    lookbacks: list[int] = []
    for step in program.steps:
        before = 0 if step.name == RESAMPLE else max((lookbacks[each] for each in step.arguments), default=0)
        lookbacks.append(before + _own_lookback(step))
    return max(lookbacks, default=0)


def _own_lookback(step: Step) -> int:
    if step.name == HISTORY:
        return int(step.constants[0])
    function = None if step.name == CONSTANT else FUNCTIONS.get(step.name)
    return 0 if function is None else function.lookback(*function.lengths(step.constants))
