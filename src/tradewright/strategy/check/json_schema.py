"""The shape of a spec for other programs: JSON Schema (2020-12), generated from the forms by which the checker reads.

It says what a single key may hold. What holds between keys, what names and types in expressions mean, and the bounds of
a number that a param stands for are the checker's alone.
"""

from __future__ import annotations

from typing import Any, assert_never

from tradewright.strategy.check.forms import OF_KIND, SpecForm
from tradewright.strategy.check.params import NAME, NAMES_MAX, VALUE_MAX
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
    Rule,
    SeriesRule,
    TextRule,
    VersionRule,
)
from tradewright.strategy.expression.tokens import TEXT_MAX

Schema = dict[str, Any]
_NAME = f"^{NAME.pattern}$"
_HOURS = "^([01][0-9]|2[0-3]):[0-5][0-9]-(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"


def json_schema() -> Schema:
    """The schema of all three kinds of spec."""
    definitions: dict[str, Schema] = {}
    kinds = [_kind(kind, definitions) for kind in OF_KIND]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Tradewright Strategy Spec, version 1",
        "type": "object",
        "oneOf": kinds,
        "$defs": dict(sorted(definitions.items())),
    }


def _kind(kind: str, definitions: dict[str, Schema]) -> Schema:
    known = keys_of(SpecForm)
    made = _object({name: known[name] for name in OF_KIND[kind]}, definitions)
    made["properties"]["kind"] = {"const": kind, "description": known["kind"].about}
    if kind != known["kind"].default:
        made["required"] = [*made["required"], "kind"]
    return {"title": f"kind: {kind}", **made}


def _object(keys: dict[str, Key], definitions: dict[str, Schema]) -> Schema:
    return {
        "type": "object",
        "properties": {name: _key(key, definitions) for name, key in keys.items()},
        "required": [name for name, key in keys.items() if key.required],
        "additionalProperties": False,
    }


def _key(key: Key, definitions: dict[str, Schema]) -> Schema:
    made = {**_rule(key.rule, definitions), "description": key.about}
    if key.default is not None:
        made["default"] = key.default
    return made


def _rule(rule: Rule, definitions: dict[str, Schema]) -> Schema:
    match rule:
        case NumberRule():
            number = _number(rule)
            param = {"type": "string", "pattern": _NAME, "description": "the name of a param"}
            return {"anyOf": [number, param]} if rule.by_param else number
        case ChoiceRule(choices=choices):
            return {"enum": list(choices)}
        case BooleanRule():
            return {"type": "boolean"}
        case TextRule():
            return _text(rule)
        case VersionRule(version=version):
            return {"const": version}
        case ExpressionRule(result=result):
            types = {"condition": ["string", "boolean"], "number": ["string", "number"]}
            return {"type": types.get(result, ["string", "number", "boolean"]), "maxLength": TEXT_MAX}
        case ObjectRule():
            return _reference(rule, definitions)
        case ParamsRule():
            return _named({"anyOf": [_value(), _ranged()]})
        case SeriesRule():
            return _named(_rule(ExpressionRule(result="any"), definitions))
        case HoursRule():
            return {"type": "string", "pattern": _HOURS}
        case DaysRule():
            return {"type": "array", "items": {"enum": list(DAYS)}, "minItems": 1, "uniqueItems": True}
        case _:
            assert_never(rule)


def _number(rule: NumberRule) -> Schema:
    made: Schema = {"type": "integer" if rule.whole else "number"}
    bounds = {
        "minimum": rule.at_least,
        "exclusiveMinimum": rule.above,
        "maximum": rule.at_most,
        "exclusiveMaximum": rule.below,
    }
    return made | {name: _plain(bound) for name, bound in bounds.items() if bound is not None}


def _plain(bound: str) -> int | float:
    value = float(bound)
    return int(value) if value.is_integer() else value


def _text(rule: TextRule) -> Schema:
    if rule.pattern is not None:
        return {"type": "string", "pattern": f"^{rule.pattern.pattern}$"}
    return {"type": "string", "minLength": rule.least, "maxLength": rule.most}


def _reference(rule: ObjectRule, definitions: dict[str, Schema]) -> Schema:
    name = rule.form.__name__.removesuffix("Form")
    if name not in definitions:
        definitions[name] = {}  # a form does not hold itself, but one that did would end here
        made = _object(keys_of(rule.form), definitions)
        if rule.exactly_one:
            made["oneOf"] = [{"required": [each]} for each in rule.exactly_one]
        if rule.at_least_one:
            made["anyOf"] = [{"required": [each]} for each in rule.at_least_one]
        definitions[name] = made
    return {"$ref": f"#/$defs/{name}"}


def _named(value: Schema) -> Schema:
    return {
        "type": "object",
        "propertyNames": {"pattern": _NAME},
        "maxProperties": NAMES_MAX,
        "additionalProperties": value,
    }


def _value() -> Schema:
    return {"type": "number", "minimum": int(-VALUE_MAX), "maximum": int(VALUE_MAX)}


def _ranged() -> Schema:
    together = ["min", "max", "step"]
    return {
        "type": "object",
        "properties": {
            "default": _value(),
            "min": _value(),
            "max": _value(),
            "step": {**_value(), "exclusiveMinimum": 0},
        },
        "required": ["default"],
        "dependentRequired": {name: [other for other in together if other != name] for name in together},
        "additionalProperties": False,
    }
