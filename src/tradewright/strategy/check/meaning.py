"""What the names in an expression are, whether its types fit, and whether its constants are any.

Lives here: `check_meaning`, for one expression. Not here: the value of a constant (`constants`), what hangs on the
timeframe on which an expression is evaluated (`compiling`).
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from tradewright.strategy.check.constants import FUNCTIONS_OF_CONSTANTS, TooMuchWork, Work, cases
from tradewright.strategy.check.params import WORDS, Params
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
from tradewright.strategy.faults import Fault, Near, shown
from tradewright.strategy.functions.table import FUNCTIONS, LENGTH_MAX, LOOKBACK_MAX, VARIADIC_MAX, Function, Parameter
from tradewright.strategy.program import FIELDS, POSITION_FIELDS, TIMES
from tradewright.strategy.timeframe import TIMEFRAMES

Type = Literal["number", "condition"]
_COMPARISONS = frozenset(("<", "<=", ">", ">=", "==", "!="))
_LOGIC = frozenset(("and", "or", "not"))
_HISTORY = Parameter("history", "length", 0)
_NOWHERE = "only exit rules and the prices of stop_loss and take_profit may name the position"


@dataclass(frozen=True, slots=True)
class Meaning:
    """`type` is None where a fault leaves it open. `is_sound`: neither it nor a series in it has a fault."""

    type: Type | None
    is_sound: bool


@dataclass
class Names:
    """What expressions may name. `meanings` of series grow as they are checked, those named before those that name
    them; a series of a cycle has none."""

    params: Params
    series: Mapping[str, Expression]
    meanings: dict[str, Meaning] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    work: Work = field(default_factory=Work)

    @functools.cached_property
    def known(self) -> tuple[str, ...]:
        """All that a plain name can be, for "did you mean"."""
        return (*FIELDS, *TIMES, *self.params.known, *self.series, "true", "false", *FUNCTIONS)


def check_meaning(expression: Expression, names: Names, faults: list[Fault]) -> Meaning:
    """Every fault of the expression is told; `names.used` gathers the params it names."""
    if expression.tree is None:
        return Meaning(None, is_sound=False)
    return _Checker(expression, expression.tree, names, faults).whole()


class _Checker:
    def __init__(self, expression: Expression, tree: Tree, names: Names, faults: list[Fault]) -> None:
        self._expression = expression
        self._tree = tree
        self._names = names
        self._faults = faults
        count = len(tree.nodes)
        self._types: list[Type | None] = [None] * count
        self._is_sound = [True] * count
        self._constant: list[str | None] = [None] * count  # what the node is a part of that has to be constant
        self._barred: list[str | None] = [None] * count  # why the position cannot be named here

    def whole(self) -> Meaning:
        self._surroundings()
        for index, node in enumerate(self._tree.nodes):
            self._is_sound[index] = all(self._is_sound[child] for child in children(node))
            self._types[index] = self._node(index, node)
        root = self._tree.root
        wanted, found = self._expression.rule.result, self._types[root]
        if wanted != "any" and found is not None and found != wanted:
            message = f"{_what(wanted)} has to stand here, and this is {_what(found)}"
            self._tell(root, "type_mismatch", self._start(root), message, _HINTS_OF_TYPE.get((wanted, found)))
        return Meaning(self._types[root], self._is_sound[root])

    def _surroundings(self) -> None:
        """What each node is inside of, from the whole down to its parts."""
        if not self._expression.rule.position:
            self._barred[self._tree.root] = _NOWHERE
        for index in range(self._tree.root, -1, -1):
            node = self._tree.nodes[index]
            barred, constant = self._barred[index], self._constant[index]
            parameters: tuple[Parameter, ...] = ()
            match node:
                case Call(function=name):
                    function = FUNCTIONS.get(name)
                    if function and not function.variadic:
                        parameters = function.parameters
                    if function and function.group != "arithmetic":
                        barred = barred or f"the position has no history that `{name}` could look at"
                case Longer():
                    barred = barred or "the position is known on the strategy's own bars only, not inside `tf`"
                case _:
                    pass
            if constant and not _may_be_constant(node):
                constant = None  # it is told of itself, and what it is made of is judged on its own
            for place, child in enumerate(children(node)):
                self._barred[child], self._constant[child] = barred, constant
                if place < len(parameters) and parameters[place].is_constant:
                    self._constant[child] = constant or f"the {parameters[place].kind} `{parameters[place].name}`"
            if isinstance(node, History):
                self._barred[node.of] = barred or "the position has no history"
                self._constant[node.back] = constant or "the number of bars in `[ ]`"

    def _node(self, index: int, node: Node) -> Type | None:
        match node:
            case Number():
                return "number"
            case Boolean():
                if self._constant[index]:
                    message = f"{self._constant[index]} is a number, and this is a condition"
                    self._tell(index, "type_mismatch", node.start, message)
                return "condition"
            case Name():
                return self._name(index, node)
            case Operation():
                return self._operation(index, node)
            case Call():
                return self._call(index, node)
            case Longer():
                self._timeframe(index, node.timeframe, node.timeframe_start)
                if self._constant[index]:
                    self._not_constant(index, "`tf`")
                return self._types[node.inside]
            case History():
                if self._constant[index]:
                    self._not_constant(index, "history")
                else:
                    self._wants(node.back, "number", "the number of bars in `[ ]`")
                    self._constants(index, "history", [(_HISTORY, node.back)])
                return self._types[node.of]

    def _name(self, index: int, node: Name) -> Type | None:
        name = node.name
        if name in self._names.params.known or name in self._names.params.broken:
            self._names.used.add(name)
            if name in self._names.params.broken:
                self._is_sound[index] = False
            return "number"
        if name.startswith("position."):
            return self._position(index, node)
        if name in FIELDS or name in TIMES or name in self._names.series:
            if self._constant[index]:
                self._not_constant(index, f"`{name}`")
            if name in FIELDS or name in TIMES:
                return "number"
            meaning = self._names.meanings.get(name, Meaning(None, is_sound=False))
            self._is_sound[index] = self._is_sound[index] and meaning.is_sound
            return meaning.type
        hint = f"write `{FUNCTIONS[name].signature()}`" if name in FUNCTIONS else None
        kind = "is a function" if hint else "is a word of the language" if name in WORDS else "is not known"
        self._tell(
            index,
            "unknown_name",
            node.start,
            f"`{shown(name)}` {kind}; a field, param or series has to stand here",
            hint,
            near=Near(name, self._names.known),
        )
        return None

    def _position(self, index: int, node: Name) -> Type | None:
        if node.name not in POSITION_FIELDS:
            message = f"`{shown(node.name)}` is not known; the fields are {', '.join(POSITION_FIELDS)}"
            self._tell(index, "unknown_name", node.start, message, near=Near(node.name, POSITION_FIELDS))
            return None
        barred = self._barred[index]
        if barred:
            self._tell(index, "position_not_allowed", node.start, f"`{node.name}`: {barred}")
        elif self._constant[index]:
            self._not_constant(index, f"`{node.name}`")
        return "number"

    def _operation(self, index: int, node: Operation) -> Type | None:
        symbol = node.symbol
        is_logic, is_comparison = symbol in _LOGIC, symbol in _COMPARISONS
        if self._constant[index] and (is_logic or is_comparison):
            self._not_constant(index, f"`{symbol}`")
            return None
        wanted: Type = "condition" if is_logic else "number"
        for operand in node.operands:
            self._wants(operand, wanted, f"`{'-' if symbol == 'neg' else symbol}`", at=index)
        return "condition" if is_logic or is_comparison else "number"

    def _call(self, index: int, node: Call) -> Type | None:
        function = FUNCTIONS.get(node.function)
        if function is None:
            self._no_function(index, node)
            return None
        if self._constant[index] and node.function not in FUNCTIONS_OF_CONSTANTS:
            self._not_constant(index, f"`{node.function}`")
            return None
        if node.timeframe is not None:
            if function.group == "arithmetic":
                message = (
                    f"`{node.function}` works on values and has no bars of its own; write `tf({node.timeframe}, …)`"
                )
                self._tell(index, "tf_not_allowed", node.timeframe_start, message)
            else:
                self._timeframe(index, node.timeframe, node.timeframe_start)
        if not self._has_arguments(index, node, function):
            return _result(function)
        return self._arguments(index, node, function)

    def _arguments(self, index: int, node: Call, function: Function) -> Type | None:
        parameters = function.parameters * (len(node.arguments) if function.variadic else 1)
        constants: list[tuple[Parameter, int]] = []
        branches: list[int] = []
        for parameter, argument in zip(parameters, node.arguments, strict=True):
            if parameter.kind == "branch":
                branches.append(argument)
                continue
            wanted: Type = "condition" if parameter.kind == "condition" else "number"
            self._wants(argument, wanted, f"`{parameter.name}` of `{function.name}`", at=index)
            if parameter.is_constant:
                constants.append((parameter, argument))
        if constants:
            self._constants(index, function.name, constants)
        if not branches:
            return _result(function)
        first = next((self._types[branch] for branch in branches if self._types[branch]), None)
        for branch in branches:
            if first is not None:
                self._wants(branch, first, "the other branch of `if`", at=index)
        return first

    def _no_function(self, index: int, node: Call) -> None:
        name = node.function
        hint = None
        if name in FIELDS or name in TIMES or name in self._names.series or name in self._names.params.known:
            hint = f"`{name}` is not called; its history is `{name}[1]`"
        self._tell(
            index,
            "unknown_function",
            node.start,
            f"there is no function `{shown(name)}`",
            hint,
            near=Near(name, FUNCTIONS),
        )

    def _has_arguments(self, index: int, node: Call, function: Function) -> bool:
        least = len(function.parameters) if not function.variadic else 2
        most = len(function.parameters) if not function.variadic else VARIADIC_MAX
        if least <= len(node.arguments) <= most:
            return True
        wanted = str(most) if least == most else f"{least} to {most}"
        message = f"`{function.name}` takes {wanted} arguments, and {len(node.arguments)} are given"
        self._tell(index, "wrong_arguments", node.start, message, f"write `{function.signature()}`")
        return False

    def _timeframe(self, index: int, word: str, start: int) -> None:
        if word not in TIMEFRAMES:
            message = f"`{shown(word)}` is not a timeframe; they are {', '.join(TIMEFRAMES)}"
            meant = _ALSO_CALLED.get(word, word.lower())
            hint = f"did you mean `{meant}`?" if meant in TIMEFRAMES else None
            self._tell(index, "tf_not_multiple", start, message, hint)

    def _wants(self, operand: int, wanted: Type, who: str, *, at: int | None = None) -> None:
        found = self._types[operand]
        if found is not None and found != wanted:
            message = f"{who} takes {_what(wanted)}, and this is {_what(found)}"
            index = operand if at is None else at
            hint = _HINTS_OF_TYPE.get((wanted, found))
            self._tell(index, "type_mismatch", self._start(operand), message, hint)

    def _not_constant(self, index: int, what: str) -> None:
        message = f"{self._constant[index]} is made of numbers and params only, and {what} changes from bar to bar"
        self._tell(index, "not_constant", self._start(index), message)

    def _constants(self, index: int, function: str, given: list[tuple[Parameter, int]]) -> None:
        """Whether the constants of a call come out as allowed, whatever value the params take."""
        if not all(self._is_sound[node] and self._types[node] == "number" for _, node in given):
            self._is_sound[index] = False
            return
        wrong: dict[int, str] = {}
        try:
            for case in cases(self._tree, [node for _, node in given], self._names.params.known, self._names.work):
                for place, (parameter, node) in enumerate(given):
                    row = _first_misfit(parameter, case.of(place))
                    if row is not None and node not in wrong:
                        wrong[node] = _misfit(parameter, case.of(place)[row]) + case.told(row)
                if not wrong and function in _ORDERED:
                    order, name_a, name_b, words = _ORDERED[function]
                    for row, (a, b) in enumerate(case.pairs(*order)):
                        if not (a < b or (a == b and function == "psar")):
                            message = f"`{name_a}` is {words} `{name_b}`, and here they are {a:g} and {b:g}"
                            wrong[given[0][1]] = message + case.told(row if len(case.values) > 1 else 0)
                            break
        except TooMuchWork:
            self._too_much_work(index)
        for node, message in wrong.items():
            self._tell(index, "bad_length", self._start(node), message)

    def _too_much_work(self, index: int) -> None:
        """Told once: further constants of the spec are not looked at any more."""
        self._is_sound[index] = False
        if not self._names.work.is_told:
            self._names.work.is_told = True
            message = "the ranges of the params have too many values to look at each; take larger steps"
            self._tell(index, "too_many", self._start(index), message)

    def _start(self, index: int) -> int:
        return self._tree.nodes[index].start

    def _tell(
        self, index: int, code: str, offset: int, message: str, hint: str | None = None, *, near: Near | None = None
    ) -> None:
        self._is_sound[index] = False
        self._faults.append(self._expression.fault(code, offset, message, hint, near=near))


_ALSO_CALLED = {"60m": "1h", "120m": "2h", "240m": "4h", "360m": "6h", "720m": "12h", "24h": "1d", "7d": "1w"}


def _may_be_constant(node: Node) -> bool:
    match node:
        case Operation(symbol=symbol):
            return symbol not in _LOGIC and symbol not in _COMPARISONS
        case Call(function=name):
            return name in FUNCTIONS_OF_CONSTANTS or name not in FUNCTIONS
        case Number() | Boolean() | Name():
            return True
        case Longer() | History():
            return False


def _result(function: Function) -> Type | None:
    return None if function.result == "branch" else function.result


def _what(kind: str) -> str:
    return "a condition (true or false)" if kind == "condition" else "a number"


_HINTS_OF_TYPE = {("condition", "number"): "compare it with something: `close > open`"}


_FAST_SLOW = ((0, 1), "fast", "slow", "below")
_ORDERED = {
    "macd": _FAST_SLOW,
    "macd_signal": _FAST_SLOW,
    "macd_hist": _FAST_SLOW,
    "psar": ((0, 1), "step", "max", "at most"),
}


def _first_misfit(parameter: Parameter, values: Sequence[float]) -> int | None:
    """The first of the values, by its place, as which a constant may not come out."""
    if parameter.kind == "multiplier":
        return next((row for row, value in enumerate(values) if not value > 0), None)
    least, most = parameter.least, LOOKBACK_MAX if parameter is _HISTORY else LENGTH_MAX
    return next((row for row, value in enumerate(values) if not (least <= value <= most and value.is_integer())), None)


def _misfit(parameter: Parameter, value: float) -> str:
    if parameter.kind == "multiplier":
        return f"`{parameter.name}` is above 0, and this is {value:g}"
    most = LOOKBACK_MAX if parameter is _HISTORY else LENGTH_MAX
    name = "the number of bars" if parameter is _HISTORY else f"`{parameter.name}`"
    return f"{name} is a whole number from {parameter.least} to {most}, and this is {value:.12g}"
