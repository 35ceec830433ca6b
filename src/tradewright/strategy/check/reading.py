"""Nodes of a file into forms, by the rules of each key; every fault is told and reading goes on.

Lives here: what a single value may be. Not here: what holds between keys (`between_keys`), what an expression's names
and types mean (`meaning`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import fields
from decimal import Decimal
from typing import Any, TypeVar

from tradewright.strategy.check.forms import OF_KIND, SpecForm
from tradewright.strategy.check.params import NAMES_MAX, Param, Params, name_fault, read_params
from tradewright.strategy.check.rules import (
    BooleanRule,
    ChoiceRule,
    DaysRule,
    ExpressionRule,
    Given,
    HoursRule,
    Key,
    NumberRule,
    ObjectRule,
    ParamsRule,
    Rule,
    SeriesRule,
    TextRule,
    VersionRule,
)
from tradewright.strategy.check.texts import Expression
from tradewright.strategy.document.nodes import ArrayNode, BrokenNode, Node, ObjectNode, ScalarNode
from tradewright.strategy.document.scalars import decimal_of
from tradewright.strategy.expression.parsing import NODES_MAX, NUMBER_MAX, parse
from tradewright.strategy.expression.tokens import ExpressionError
from tradewright.strategy.expression.tree import Boolean, Number, Tree
from tradewright.strategy.faults import FAULTS_MAX, Fault, Near, Place, below, number, shown

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_HOURS = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-(?:([01][0-9]|2[0-3]):([0-5][0-9])|24:00)", re.ASCII)
_WORD = re.compile("[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
Form = TypeVar("Form")


def keys_of(form: type) -> dict[str, Key]:
    """The keys of a form, in the order in which it declares them."""
    return {each.name: each.metadata["key"] for each in fields(form)}


class Reader:
    """Reads one spec. Afterwards `expressions` are all of it in file order, `keys` the places of all known keys
    it gives by path, `used` the params named in numbers."""

    def __init__(self, faults: list[Fault], settings: Mapping[str, str]) -> None:
        self.faults = faults
        self.params = Params({})
        self.expressions: list[Expression] = []
        self.keys: dict[str, Place] = {}
        self.used: set[str] = set()
        self._settings = settings
        self._nodes_left = NODES_MAX

    def spec(self, root: ObjectNode) -> SpecForm:
        """The whole file."""
        params = root.entries.get("params")
        self.params = read_params(params.value if params else None, self._settings, self.faults)
        kind = root.entries.get("kind")
        named = kind.value.text if kind and isinstance(kind.value, ScalarNode) else "signal"
        return self._form(SpecForm, root, "", only=OF_KIND.get(named))

    def _form(self, form: type[Form], node: ObjectNode, path: str, *, only: Iterable[str] | None = None) -> Form:
        """`only`: of the form's keys these; None where a faulty `kind` leaves open which are meant."""
        known = keys_of(form)
        allowed = known if only is None else {name: known[name] for name in only}
        values: dict[str, object] = {}
        strangers = 0
        for name, entry in node.entries.items():
            place = below(path, name)
            if name in allowed:
                self.keys[place] = entry.key_place
                given = self._value(allowed[name].rule, entry.value, place)
                if given is not None:
                    values[name] = given
            elif strangers < FAULTS_MAX:  # those behind them nobody is told of
                strangers += 1
                self._unknown(name, place, entry.key_place, known, allowed)
        for name, key in allowed.items():
            if key.required and name not in node.entries and not (form is SpecForm and only is None):
                message = f"`{name}` is missing: {key.about}"
                self._tell("missing_key", below(path, name), node.place, message)
        return form(**values)

    def _unknown(
        self, name: str, path: str, place: Place, known: Mapping[str, Key], allowed: Mapping[str, Key]
    ) -> None:
        if name in known:
            kinds = " and ".join(f"`kind: {kind}`" for kind, names in OF_KIND.items() if name in names)
            self._tell("unknown_key", path, place, f"`{name}` belongs to {kinds}, not to a spec of this kind")
            return
        message = f"`{shown(name)}` is no key here; the keys are {', '.join(allowed)}"
        self._tell("unknown_key", path, place, message, near=Near(name, allowed))

    def _value(self, rule: Rule, node: Node, path: str) -> Given[Any] | None:
        if isinstance(node, BrokenNode):
            return None
        if isinstance(node, ScalarNode) and node.kind == "null":
            self._tell("null_value", path, node.place, "an empty value; give one or leave the key out")
            return None
        value = self._read(rule, node, path)
        if value is None or isinstance(value, Given):
            return value
        return Given(value=value, path=path, place=node.place)

    def _read(self, rule: Rule, node: Node, path: str) -> object | None:
        match rule:
            case NumberRule():
                return self._number(rule, node, path)
            case ChoiceRule(choices=choices):
                return self._choice(choices, node, path)
            case BooleanRule():
                return self._boolean(node, path)
            case TextRule():
                return self._text(rule, node, path)
            case VersionRule():
                return self._version(rule, node, path)
            case ExpressionRule():
                return self._expression(rule, node, path)
            case ObjectRule():
                return self._object(rule, node, path)
            case ParamsRule():
                return self._params(node, path)
            case SeriesRule():
                return self._series(node, path)
            case HoursRule():
                return self._hours(node, path)
            case DaysRule():
                return self._days(node, path)

    def _number(self, rule: NumberRule, node: Node, path: str) -> Given[Decimal] | None:
        if isinstance(node, ScalarNode) and node.kind == "text" and rule.by_param and _WORD.fullmatch(node.text):
            return self._by_param(rule, node, path)
        if not isinstance(node, ScalarNode) or node.kind != "number":
            hint = None
            if isinstance(node, ScalarNode) and node.kind == "text":
                is_quoted = node.style != "plain"
                hint = "write it without quotes" if is_quoted else "write a decimal number such as 1500 or 0.05"
            self._tell("wrong_type", path, node.place, f"{_seen(node)} stands where {rule.words()} has to stand", hint)
            return None
        value = decimal_of(node.text)
        if self._has_bounds(rule, [value], shown(node.text), path, node.place):
            return Given(value=value, path=path, place=node.place)
        return None

    def _by_param(self, rule: NumberRule, node: ScalarNode, path: str) -> Given[Decimal] | None:
        self.used.add(node.text)
        if node.text in self.params.broken:
            return None
        param = self.params.known.get(node.text)
        if param is None:
            message = f"`{shown(node.text)}` is not a param; a number or the name of a param has to stand here"
            self._tell("unknown_param", path, node.place, message, near=Near(node.text, self.params.known))
            return None
        if not self._has_bounds(rule, [param.value, *param.ends], f"the param `{param.name}`", path, node.place):
            return None
        if rule.whole and not param.is_whole():
            message = f"not every value of the param `{param.name}` is whole; allowed: {rule.words()}"
            self._tell("not_whole", path, node.place, message)
            return None
        return Given(value=param.value, path=path, place=node.place, param=param.name, ends=param.ends)

    def _has_bounds(self, rule: NumberRule, values: list[Decimal], seen: str, path: str, place: Place) -> bool:
        wrong = next((value for value in values if not rule.fits(value)), None)
        if wrong is not None:
            can_be = "" if seen[0] in "+-.0123456789" else f" can be {number(wrong)}"
            self._tell("out_of_range", path, place, f"{seen}{can_be}; allowed: {rule.words()}")
            return False
        if rule.whole and len(values) == 1 and values[0] != values[0].to_integral_value():
            self._tell("not_whole", path, place, f"{seen}; allowed: {rule.words()}")
            return False
        return True

    def _choice(self, choices: tuple[str, ...], node: Node, path: str) -> str | None:
        text = self._plain_text(node, path, f"one of {', '.join(choices)}")
        if text is None or text in choices:
            return text
        message = f"`{shown(text)}`; allowed: {', '.join(choices)}"
        self._tell("bad_choice", path, node.place, message, near=Near(text, choices))
        return None

    def _boolean(self, node: Node, path: str) -> bool | None:
        if isinstance(node, ScalarNode) and node.kind == "boolean":
            return node.text == "true"
        hint = "write true or false" if isinstance(node, ScalarNode) else None
        self._tell("wrong_type", path, node.place, f"{_seen(node)} stands where true or false has to stand", hint)
        return None

    def _text(self, rule: TextRule, node: Node, path: str) -> str | None:
        text = self._plain_text(node, path, "a text")
        if text is None:
            return None
        if not rule.least <= len(text) <= rule.most and rule.pattern is None:
            message = f"a text of {len(text)} characters; allowed: {rule.least} to {rule.most}"
        elif rule.pattern and not rule.pattern.fullmatch(text):
            message = f"`{shown(text)}`; allowed: {rule.what}"
        elif _CONTROL.search(text):
            message = "the text has control characters; remove them"
        else:
            return text
        self._tell("bad_text", path, node.place, message)
        return None

    def _plain_text(self, node: Node, path: str, wanted: str) -> str | None:
        if isinstance(node, ScalarNode) and node.kind == "text":
            return node.text
        hint = f'put it in quotes: "{shown(node.source)}"' if isinstance(node, ScalarNode) else None
        self._tell("wrong_type", path, node.place, f"{_seen(node)} stands where {wanted} has to stand", hint)
        return None

    def _version(self, rule: VersionRule, node: Node, path: str) -> int | None:
        if not isinstance(node, ScalarNode) or node.kind != "number":
            self._tell("wrong_type", path, node.place, f"{_seen(node)}; the version is the number {rule.version}")
            return None
        if decimal_of(node.text) != rule.version:
            hint = "update Tradewright to read newer specs" if decimal_of(node.text) > rule.version else None
            message = f"version {shown(node.text)}; this program reads version {rule.version}"
            self._tell("bad_choice", path, node.place, message, hint)
            return None
        return rule.version

    def _object(self, rule: ObjectRule, node: Node, path: str) -> object | None:
        if not isinstance(node, ObjectNode):
            self._is_object(node, path, f"the keys {', '.join(keys_of(rule.form))}")
            return None
        form: object = self._form(rule.form, node, path)
        names = rule.exactly_one or rule.at_least_one
        given = [name for name in names if name in node.entries]
        if rule.exactly_one and len(given) != 1:
            seen = f"{' and '.join(given)} are given" if given else "none is given"
            self._tell("exactly_one", path, node.place, f"exactly one of {', '.join(names)}; {seen}")
        if rule.at_least_one and not given:
            self._tell("at_least_one", path, node.place, f"at least one of {' and '.join(names)}; none is given")
        return form

    def _is_object(self, node: Node, path: str, wanted: str) -> bool:
        if isinstance(node, ObjectNode):
            return True
        self._tell("wrong_type", path, node.place, f"{_seen(node)} stands where a mapping has to stand: {wanted}")
        return False

    def _params(self, node: Node, path: str) -> dict[str, Param] | None:
        if not isinstance(node, ObjectNode):
            self._is_object(node, path, "names to numbers")
            return None
        self.keys.update({below(path, name): entry.key_place for name, entry in node.entries.items()})
        return dict(self.params.known)

    def _series(self, node: Node, path: str) -> dict[str, Given[Expression]] | None:
        if not isinstance(node, ObjectNode):
            self._is_object(node, path, "names to expressions")
            return None
        if len(node.entries) > NAMES_MAX:
            self._tell("too_many", path, node.place, f"{len(node.entries)} series; at most {NAMES_MAX}")
        found: dict[str, Given[Expression]] = {}
        for name, entry in node.entries.items():
            place = below(path, name)
            self.keys[place] = entry.key_place
            wrong = name_fault(name, entry.key_place, place)
            if wrong:
                self.faults.append(wrong)
            given = self._value(ExpressionRule(result="any"), entry.value, place)
            if given is not None:
                found[name] = given
        return found

    def _expression(self, rule: ExpressionRule, node: Node, path: str) -> Expression | None:
        if not isinstance(node, ScalarNode):
            self._tell("wrong_type", path, node.place, f"{_seen(node)} stands where an expression has to stand")
            return None
        if self._nodes_left < 0:
            tree = None
        elif rule.now and node.kind == "text" and node.text.strip() == "now":
            return Expression(path=path, scalar=node, rule=rule, tree=Tree((Boolean(0, True),)), is_now=True)
        else:
            tree = self._tree(node, path)
        expression = Expression(path=path, scalar=node, rule=rule, tree=tree)
        self.expressions.append(expression)
        return expression

    def _tree(self, node: ScalarNode, path: str) -> Tree | None:
        try:
            if node.kind == "text":
                tree = parse(node.text, self._nodes_left)
            elif not self._nodes_left:
                raise ExpressionError("too_many_nodes", 0, f"the spec has more than {NODES_MAX} numbers and names")
            elif node.kind == "boolean":
                tree = Tree((Boolean(0, node.text == "true"),))
            elif abs(decimal_of(node.text)) > Decimal(NUMBER_MAX):
                raise ExpressionError("expr_syntax", 0, f"{shown(node.text)} is too large a number; at most 1e15")
            else:
                tree = Tree((Number(0, node.text),))
        except ExpressionError as error:
            whole = Expression(path=path, scalar=node, rule=ExpressionRule(result="any"), tree=None)
            self.faults.append(whole.fault(error.code, error.offset, error.message, error.hint))
            if error.code == "too_many_nodes":
                self._nodes_left = -1
            return None
        self._nodes_left -= len(tree.nodes)
        return tree

    def _hours(self, node: Node, path: str) -> tuple[int, int] | None:
        text = self._plain_text(node, path, 'hours such as "07:00-21:00"')
        if text is None:
            return None
        found = _HOURS.fullmatch(text)
        if found is None:
            self._tell("bad_text", path, node.place, f'`{shown(text)}`; allowed: "HH:MM-HH:MM", the end up to 24:00')
            return None
        start = int(found[1]) * 60 + int(found[2])
        end = int(found[3]) * 60 + int(found[4]) if found[3] else 24 * 60
        if start == end:
            self._tell("bad_text", path, node.place, f"`{text}` begins and ends at once; leave it out for all hours")
            return None
        return start, end

    def _days(self, node: Node, path: str) -> tuple[str, ...] | None:
        if not isinstance(node, ArrayNode):
            self._tell("wrong_type", path, node.place, f"{_seen(node)} stands where a list has to stand: [mon, tue]")
            return None
        if not node.items:
            self._tell("at_least_one", path, node.place, f"no day is given; at least one of {', '.join(DAYS)}")
            return None
        days: list[str] = []
        for index, item in enumerate(node.items):
            place = below(path, index)
            given = self._value(ChoiceRule(choices=DAYS), item, place)
            if given is not None and given.value in days:
                self._tell("bad_choice", place, item.place, f"`{given.value}` is given twice; remove one")
            elif given is not None:
                days.append(given.value)
        return tuple(days)

    def _tell(
        self, code: str, path: str, place: Place, message: str, hint: str | None = None, *, near: Near | None = None
    ) -> None:
        self.faults.append(Fault(code=code, path=path, place=place, message=message, hint=hint, near=near))


def _seen(node: Node) -> str:
    """What stands there, for an error's text."""
    match node:
        case ObjectNode():
            return "a mapping"
        case ArrayNode():
            return "a list"
        case ScalarNode(kind="text"):
            return f"the text `{shown(node.text)}`"
        case ScalarNode():
            return f"the {node.kind} {shown(node.text)}"
        case BrokenNode():
            return "something else"
