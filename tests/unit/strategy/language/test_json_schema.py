"""The JSON Schema says what the checker says: judged by a small validator written for this test."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml

from support.specs import DCA, EXAMPLE, GRID, signal
from tradewright.strategy.check import check_text
from tradewright.strategy.check.json_schema import json_schema

SCHEMA = json_schema()
TYPES: dict[str, Any] = {"object": dict, "array": list, "string": str, "boolean": bool, "number": (int, float)}


def fits(value: Any, schema: dict[str, Any]) -> bool:
    """JSON Schema 2020-12, as far as ours uses it; an unknown keyword is an error here."""
    return all(_KEYWORDS[keyword](value, argument, schema) for keyword, argument in schema.items())


def _is(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    if kind == "integer":
        return isinstance(value, int | float) and value == int(value)
    return isinstance(value, TYPES[kind])


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _properties(value: Any, known: dict[str, Any], _schema: dict[str, Any]) -> bool:
    return not isinstance(value, dict) or all(fits(value[name], known[name]) for name in known if name in value)


def _additional(value: Any, allowed: Any, schema: dict[str, Any]) -> bool:
    others = (
        []
        if not isinstance(value, dict)
        else [value[name] for name in value if name not in schema.get("properties", {})]
    )
    return not others if allowed is False else all(fits(other, allowed) for other in others)


def _resolved(reference: str) -> dict[str, Any]:
    found: dict[str, Any] = SCHEMA["$defs"][reference.removeprefix("#/$defs/")]
    return found


_KEYWORDS: dict[str, Any] = {
    **dict.fromkeys(("$schema", "title", "description", "default", "$defs"), lambda *_: True),
    "$ref": lambda value, reference, _: fits(value, _resolved(reference)),
    "type": lambda value, kinds, _: any(_is(value, kind) for kind in ([kinds] if isinstance(kinds, str) else kinds)),
    "const": lambda value, wanted, _: value == wanted and isinstance(value, bool) == isinstance(wanted, bool),
    "enum": lambda value, wanted, _: value in wanted,
    "oneOf": lambda value, schemas, _: sum(fits(value, each) for each in schemas) == 1,
    "anyOf": lambda value, schemas, _: any(fits(value, each) for each in schemas),
    "properties": _properties,
    "additionalProperties": _additional,
    "required": lambda value, names, _: not isinstance(value, dict) or all(name in value for name in names),
    "dependentRequired": lambda value, all_names, _: all(
        other in value for name, others in all_names.items() if name in value for other in others
    ),
    "propertyNames": lambda value, schema, _: not isinstance(value, dict) or all(fits(name, schema) for name in value),
    "maxProperties": lambda value, most, _: not isinstance(value, dict) or len(value) <= most,
    "pattern": lambda value, pattern, _: not isinstance(value, str) or re.search(pattern, value) is not None,
    "minLength": lambda value, least, _: not isinstance(value, str) or len(value) >= least,
    "maxLength": lambda value, most, _: not isinstance(value, str) or len(value) <= most,
    "minimum": lambda value, least, _: not _number(value) or value >= least,
    "maximum": lambda value, most, _: not _number(value) or value <= most,
    "exclusiveMinimum": lambda value, least, _: not _number(value) or value > least,
    "exclusiveMaximum": lambda value, most, _: not _number(value) or value < most,
    "items": lambda value, schema, _: not isinstance(value, list) or all(fits(each, schema) for each in value),
    "minItems": lambda value, least, _: not isinstance(value, list) or len(value) >= least,
    "uniqueItems": lambda value, _wanted, _: not isinstance(value, list) or len(set(map(str, value))) == len(value),
}
RIGHT = {
    "the contract's example": EXAMPLE,
    "a grid": GRID,
    "a dca": DCA,
    "little": signal(leave=None),
    "params in places of numbers": signal(
        more="params: {n: 5, m: {default: 1, min: 1, max: 2, step: 1}}\nlimits: {cooldown_bars: n}"
    ),
    "an atr": signal(more="protect: {stop_loss: {atr: 2, length: 20}, take_profit: {price: close + 1}}"),
    "plain values": signal(leave="false", more="series: {a: 5, b: true, c: close}"),
}
WRONG = {
    "a newer version": EXAMPLE.replace("version: 1", "version: 2"),
    "no name": EXAMPLE.replace("name: EMA cross with a trend filter", "description: x").replace(
        "description: opt", "# "
    ),
    "an unknown key": EXAMPLE + "foo: 1\n",
    "an unknown key inside": EXAMPLE.replace("cooldown_bars", "cooldown"),
    "a wrong choice": EXAMPLE.replace("category: linear", "category: inverse"),
    "two sizes": EXAMPLE.replace("quote: 100", "quote: 100\n  base: 1"),
    "no size": signal(size="{}"),
    "no entry rule": signal().replace("enter_long", "exit_short"),
    "a number too large": EXAMPLE.replace("quote: 100", "quote: 1e10"),
    "no whole number": EXAMPLE.replace("expire_bars: 3", "expire_bars: 3.5"),
    "a wrong name": EXAMPLE.replace("fast: {", "Fast: {").replace("fast)", "12)"),
    "half a range": EXAMPLE.replace("max: 30, step: 1", "max: 30"),
    "a day twice": EXAMPLE.replace("[mon, tue", "[mon, mon"),
    "wrong hours": EXAMPLE.replace("07:00-21:00", "7-21"),
    "grid keys in a signal": signal(more="grid: {}"),
    "a grid without levels": GRID.replace("levels: 21, ", ""),
    "rr in a stop": signal(more="protect: {stop_loss: {rr: 1}}"),
}


@pytest.mark.parametrize("name", RIGHT)
def test_what_the_checker_takes_the_schema_takes(name: str) -> None:
    assert check_text(RIGHT[name]).errors == []
    assert fits(yaml.safe_load(RIGHT[name]), SCHEMA)


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_by_itself_the_schema_refuses(name: str) -> None:
    assert check_text(WRONG[name]).errors
    assert not fits(yaml.safe_load(WRONG[name]), SCHEMA)


def test_the_schema_is_json_and_explains_every_key() -> None:
    assert json.loads(json.dumps(SCHEMA)) == SCHEMA
    for form in (*SCHEMA["oneOf"], *SCHEMA["$defs"].values()):
        assert all(each["description"] for each in form["properties"].values())
