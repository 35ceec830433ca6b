"""What is allowed and yet probably not meant."""

from __future__ import annotations

from collections.abc import Mapping

from tradewright.strategy.check.forms import SpecForm
from tradewright.strategy.check.proving import Prover
from tradewright.strategy.check.reading import Reader
from tradewright.strategy.check.texts import Expression
from tradewright.strategy.expression.tree import Call
from tradewright.strategy.faults import Fault, below
from tradewright.strategy.functions.table import EVERYTHING_BARS, FUNCTIONS
from tradewright.strategy.program import Program


def warnings_of(spec: SpecForm, reader: Reader, used: set[str]) -> list[Fault]:
    """All but `never_true`, which needs the program."""
    return [*_unused(reader, used), *_exits(spec, reader), *_unprotected(spec, reader), *_history(reader)]


def never_true(program: Program, rules: Mapping[str, Expression]) -> list[Fault]:
    """`rules` are the conditions by the names of their outputs."""
    prover = Prover(program)
    found = []
    for name, expression in rules.items():
        index = program.outputs.get(name)
        if index is not None and prover.is_never(index):
            message = "this can never be true"
            found.append(expression.fault("never_true", 0, message, _window_hint(expression)))
    return found


def _window_hint(expression: Expression) -> str | None:
    windows = ("donchian_upper", "donchian_lower", "highest", "lowest")
    if expression.tree is None:
        return None
    for node in expression.tree.nodes:
        if isinstance(node, Call) and node.function in windows:
            return f"windows include the current bar; `{node.function}(…)[1]` is that of the bars before it"
    return None


def _unused(reader: Reader, used: set[str]) -> list[Fault]:
    return [
        Fault(
            code="unused_param",
            path=below("/params", name),
            place=param.place,
            message=f"nothing uses the param `{name}`",
        )
        for name, param in reader.params.known.items()
        if name not in used and name not in reader.params.broken
    ]


def _exits(spec: SpecForm, reader: Reader) -> list[Fault]:
    if spec.rules is None:
        return []
    found = []
    can_always_exit = any(
        f"/protect/{name}" in reader.keys for name in ("stop_loss", "take_profit", "trailing", "max_bars")
    )
    for side in ("long", "short"):
        enter, leave = f"/rules/enter_{side}", f"/rules/exit_{side}"
        if leave in reader.keys and enter not in reader.keys:
            message = f"there is an exit rule and no `enter_{side}`: there is nothing to exit"
            found.append(_at_rule("exit_without_enter", f"exit_{side}", spec, message))
        if enter in reader.keys and leave not in reader.keys and not can_always_exit:
            message = f"nothing ever closes what this opens: no `exit_{side}`, stop, target, trailing or `max_bars`"
            found.append(_at_rule("no_exit", f"enter_{side}", spec, message))
    return [fault for fault in found if fault is not None]


def _at_rule(code: str, name: str, spec: SpecForm, message: str) -> Fault | None:
    given = getattr(spec.rules.value, name) if spec.rules else None
    return given and Fault(code=code, path=given.path, place=given.place, message=message)


def _unprotected(spec: SpecForm, reader: Reader) -> list[Fault]:
    trailing = spec.protect.value.trailing if spec.protect else None
    if trailing is None or "/protect/stop_loss" in reader.keys:
        return []
    activate = trailing.value.activate_pct
    if activate is None or not activate.value:
        return []
    message = "there is no stop until the trailing stop is active; add `stop_loss`"
    return [Fault(code="unprotected", path=trailing.path, place=trailing.place, message=message)]


def _history(reader: Reader) -> list[Fault]:
    """One for each expression: the first such function in it."""
    found = []
    for expression in reader.expressions:
        for node in expression.tree.nodes if expression.tree else ():
            function = FUNCTIONS.get(node.function) if isinstance(node, Call) else None
            if function and function.memory == "everything":
                message = (
                    f"`{function.name}` depends on where history begins; {EVERYTHING_BARS} bars before the first "
                    "decision are read, and other ones may give other values"
                )
                found.append(expression.fault("history_dependent", node.start, message))
                break
    return found
