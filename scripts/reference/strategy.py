"""`strategy.md`: keys, functions and faults of a strategy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from reference.text import page, table, words
from tradewright.strategy.check.codes import EXPRESSION_CODES, FILE_CODES, KEY_CODES, WARNING_CODES
from tradewright.strategy.check.forms import OF_KIND, SpecForm
from tradewright.strategy.check.reading import DAYS, keys_of
from tradewright.strategy.check.rules import (
    BooleanRule,
    ChoiceRule,
    DaysRule,
    ExpressionRule,
    HoursRule,
    Key,
    NumberRule,
    ObjectRule,
    ParamsRule,
    SeriesRule,
    TextRule,
    VersionRule,
)
from tradewright.strategy.functions.table import FUNCTIONS, GROUPS

_MEMORY = {
    "nothing": "",
    "fades": "never quite forgets",
    "everything": "depends on where history begins",
    "day": "begins anew each day",
}


def strategy() -> str:
    return page(
        "Strategies: keys, functions, faults",
        "What may stand in a strategy's file. `tradewright spec schema` prints the same as JSON Schema, and"
        " `tradewright spec check FILE` says what is wrong with one.",
        "## Keys",
        "A number under `entry`, `size`, `protect`, `limits`, `grid` and `dca` may be the name of a param.",
        table(("Key", "of", "holds", "without it", "what it is"), _keys("", keys_of(SpecForm))),
        "## Functions",
        "`x a b` are numbers, `c` is a condition, the rest lengths and multipliers. All but the arithmetic ones take a"
        " timeframe last: `tf=4h`.",
        table(
            ("Function", "group", "reads by itself", "gives", "keeps"),
            (
                (f"`{each.signature()}`", group, words(each.reads), _given(each.result), _MEMORY[each.memory])
                for group in GROUPS
                for each in FUNCTIONS.values()
                if each.group == group
            ),
        ),
        "## Faults",
        "Each has its place: a JSON pointer, line and column.",
        *(
            f"{title}\n\n" + table(("Code", "when"), ((f"`{code}`", when) for code, when in codes.items()))
            for title, codes in (
                ("Of the file:", FILE_CODES),
                ("Of keys and values:", KEY_CODES),
                ("Of expressions:", EXPRESSION_CODES),
                ("Warnings, with which it may run:", WARNING_CODES),
            )
        ),
    )


def _given(result: str) -> str:
    return "as its branches" if result == "branch" else result


def _keys(path: str, keys: Mapping[str, Key]) -> Iterable[Sequence[object]]:
    for name, key in keys.items():
        kinds = [kind for kind, names in OF_KIND.items() if path or name in names]
        of = words(kinds) if not path and len(kinds) < len(OF_KIND) else ""
        default = "required" if key.required else "–" if key.default is None else f"`{str(key.default).lower()}`"
        yield f"`{path}{name}`", of, _held(key), default, key.about
        if isinstance(key.rule, ObjectRule):
            yield from _keys(f"{path}{name}.", keys_of(key.rule.form))


def _held(key: Key) -> str:
    match key.rule:
        case NumberRule() as rule:
            return rule.words()
        case ChoiceRule(choices=choices):
            return words(choices)
        case BooleanRule():
            return "`true`, `false`"
        case TextRule(what=what, least=least, most=most):
            return what or f"a text of {least} to {most} characters"
        case VersionRule(version=version):
            return f"`{version}`"
        case ExpressionRule(result=result, now=now):
            return f"an expression: a {result}" + (", or `now`" if now else "")
        case ObjectRule(exactly_one=one, at_least_one=some):
            return f"exactly one of {words(one)}" if one else f"at least one of {words(some)}" if some else "a mapping"
        case ParamsRule():
            return "names to numbers, or to `default min max step`"
        case SeriesRule():
            return "names to expressions"
        case HoursRule():
            return '`"HH:MM-HH:MM"`, the end up to 24:00'
        case DaysRule():
            return f"a list of {words(DAYS)}"
