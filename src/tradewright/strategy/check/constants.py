"""Constants of expressions: lengths, history indices and multipliers, over every value that a ranged param can take.

A constant is looked at with all params in force, and with each ranged param in turn at every value of its range. What
that costs is known beforehand and bounded. Doubles, as in the expressions themselves: not finite is unknown (NaN).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tradewright.strategy.check.params import Param
from tradewright.strategy.expression.tree import Call, Name, Number, Operation, Tree, children

FUNCTIONS_OF_CONSTANTS = frozenset(("abs", "min", "max", "round", "floor", "ceil"))
WORK_MAX = 250_000  # values worked out for one spec
NAN = math.nan

Column = float | list[float]  # the same for all values of the ranged param, or one for each


class TooMuchWork(Exception):
    """The ranges and constants of the spec would take longer than a check may."""


@dataclass(slots=True)
class Work:
    """`doubles`: the ranges that were written out already, by the param's name. `is_told`: that it is
    too much."""

    left: int = WORK_MAX
    doubles: dict[str, list[float]] = field(default_factory=dict)
    is_told: bool = False

    def range_of(self, param: Param) -> list[float]:
        if param.name not in self.doubles:
            self.take(param.count())
            self.doubles[param.name] = param.doubles()
        return self.doubles[param.name]

    def take(self, values: int) -> None:
        self.left -= values
        if self.left < 0:
            raise TooMuchWork


@dataclass(frozen=True, slots=True)
class Case:
    """Constants of one call, worked out together. `param` is the ranged one, None for the values in force."""

    param: str | None
    values: Sequence[float]
    columns: tuple[Column, ...]

    def of(self, place: int) -> Sequence[float]:
        """What the constant at `place` comes out as: once, or for each value of the param."""
        column = self.columns[place]
        return column if isinstance(column, list) else (column,)

    def pairs(self, first: int, second: int) -> Iterator[tuple[float, float]]:
        """Two of the constants beside each other."""
        wide = max(len(self.of(first)), len(self.of(second)))
        one, two = (list(self.of(place)) * (wide if len(self.of(place)) == 1 else 1) for place in (first, second))
        return zip(one, two, strict=True)

    def told(self, row: int) -> str:
        """Behind a complaint: with which value of the param."""
        return "" if self.param is None else f", with {self.param} = {self.values[row]:g}"


def in_force(tree: Tree, node: int, params: Mapping[str, Param]) -> float:
    """The value of a constant with the params in force."""
    column = _column(tree, below(tree, node), {name: float(param.value) for name, param in params.items()}, Work())
    assert not isinstance(column, list)
    return column


def cases(tree: Tree, nodes: Sequence[int], params: Mapping[str, Param], work: Work) -> Iterator[Case]:
    """All that the constants at `nodes` can come out as. Raises `TooMuchWork`."""
    parts = [below(tree, node) for node in nodes]
    named = {node.name for part in parts for node in (tree.nodes[index] for index in part) if isinstance(node, Name)}
    values: dict[str, Column] = {name: float(params[name].value) for name in sorted(named)}
    yield Case(None, (NAN,), tuple(_column(tree, part, values, work) for part in parts))
    for name in sorted(named):
        ranged = work.range_of(params[name])
        if not ranged:
            continue
        work.take(len(ranged))
        columns = tuple(_column(tree, part, {**values, name: ranged}, work) for part in parts)
        yield Case(name, ranged, columns)


def below(tree: Tree, node: int) -> list[int]:
    """A node and all that it is made of, operands first."""
    found, waiting = [], [node]
    while waiting:
        index = waiting.pop()
        found.append(index)
        waiting += children(tree.nodes[index])
    return sorted(found)


def _column(tree: Tree, part: list[int], values: Mapping[str, Column], work: Work) -> Column:
    results: dict[int, Column] = {}
    for index in part:
        node = tree.nodes[index]
        match node:
            case Number():
                results[index] = node.value
            case Name(name=name):
                results[index] = values[name]
            case Operation(symbol=symbol):
                results[index] = _applied(_OPERATIONS[symbol], [results[each] for each in node.operands], work)
            case Call(function=function):
                results[index] = _applied(_CALLS[function], [results[each] for each in node.arguments], work)
            case _:
                raise AssertionError(f"{node} is no part of a constant")
    return results[part[-1]]


def _applied(function: Callable[..., float], operands: list[Column], work: Work) -> Column:
    count = next((len(each) for each in operands if isinstance(each, list)), None)
    work.take(count or 1)
    if count is None:
        return _finite(function(*operands))
    wide = (each if isinstance(each, list) else [each] * count for each in operands)
    return [_finite(function(*row)) for row in zip(*wide, strict=True)]


def _finite(value: float) -> float:
    return float(value) if math.isfinite(value) else NAN


def _divided(a: float, b: float) -> float:
    return a / b if b else NAN


def _modulo(a: float, b: float) -> float:
    quotient = a / b if b else NAN
    return a - b * math.floor(quotient) if math.isfinite(quotient) else NAN


def _rounded(x: float) -> float:
    """Half away from zero."""
    whole = math.trunc(x) if math.isfinite(x) else NAN
    return whole + math.copysign(1, x) if abs(x - whole) >= 0.5 else float(whole)


def _guarded(function: Callable[[float], float]) -> Callable[[float], float]:
    return lambda x: function(x) if math.isfinite(x) else NAN


def _least(*values: float) -> float:
    return NAN if any(map(math.isnan, values)) else min(values)


def _most(*values: float) -> float:
    return NAN if any(map(math.isnan, values)) else max(values)


_OPERATIONS: Mapping[str, Callable[..., float]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": _divided,
    "%": _modulo,
    "neg": lambda a: -a,
}
_CALLS: Mapping[str, Callable[..., float]] = {
    "abs": abs,
    "min": _least,
    "max": _most,
    "round": _rounded,
    "floor": _guarded(math.floor),
    "ceil": _guarded(math.ceil),
}
