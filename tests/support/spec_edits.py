"""Single edits of a spec, and what must hold of each: its words change in every language, and the change is told.

Lives here: other values for each leaf, and `judge`. Not here: which specs are edited (the tests of words).
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from typing import Any

from tradewright.strategy.check import Checked, check_text
from tradewright.strategy.functions.table import FUNCTIONS
from tradewright.strategy.program import FIELDS, TIMES
from tradewright.strategy.timeframe import TIMEFRAMES
from tradewright.strategy.words import LANGUAGES, differences, explain

TOKENS = re.compile(r"[0-9]+[mhdw]\b|[0-9]*\.?[0-9]+|[a-z_][a-z0-9_.]*|[<>=!]=|[-+*/%<>]")
OPERATORS = (("<", "<=", ">", ">=", "==", "!="), ("+", "-", "*", "/", "%"), ("and", "or"))
CHOICES = (
    ("linear", "spot"),
    ("arithmetic", "geometric"),
    ("neutral", "long", "short"),
    ("market", "limit"),
    TIMEFRAMES,
)


def edits(value: Any) -> Iterator[Any]:
    """Other values for a leaf: every number, operator, name and choice in it once."""
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int | float):
        yield value + 1
        yield value - 1
        if value:
            yield value * 0.9
    elif isinstance(value, list):
        yield value[1:]
    elif re.fullmatch(r"\d\d:\d\d-\d\d:\d\d", str(value)):
        yield str(value).replace("0", "1", 1)
    else:
        if str(value).isidentifier():
            yield 7  # in the place of a param or series
        yield from _other_texts(str(value))


def _other_texts(text: str) -> Iterator[str]:
    for choices in CHOICES:
        if text in choices:
            yield from (choice for choice in choices if choice != text)
            return
    for found in TOKENS.finditer(text):
        for other in _other_tokens(found[0]):
            yield f"{text[: found.start()]}{other}{text[found.end() :]}"


def _other_tokens(token: str) -> Iterator[str]:
    for operators in OPERATORS:
        if token in operators:
            yield from (each for each in operators if each != token)
    if token in TIMEFRAMES:
        yield from (each for each in ("1d", "1w") if each != token)
    elif token[0].isdigit():
        yield str(float(token) + 1).removesuffix(".0")
    elif token in FUNCTIONS:
        kinds = [parameter.kind for parameter in FUNCTIONS[token].parameters]
        alike = (name for name, each in FUNCTIONS.items() if [one.kind for one in each.parameters] == kinds)
        yield from [each for each in alike if each != token][:3]
    elif token in FIELDS or token in TIMES:
        yield "low" if token != "low" else "high"
    elif token.startswith("position."):
        yield "position.bars" if token != "position.bars" else "position.pnl_pct"
    elif token.isidentifier():
        yield "7"


def places(spec: Any, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The way to each leaf."""
    for key, value in spec.items():
        if isinstance(value, dict):
            yield from places(value, (*above, key))
        else:
            yield (*above, key)


def leaf_of(spec: Any, place: tuple[str, ...]) -> Any:
    for key in place:
        spec = spec[key]
    return spec


def put(spec: dict[str, Any], place: tuple[str, ...], value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(spec)
    within = changed
    for key in place[:-1]:
        within = within[key]
    within[place[-1]] = value
    return changed


def explained(checked: Checked) -> tuple[str, ...]:
    return tuple(explain(checked, language).text() for language in LANGUAGES.values())


def judge(old: Checked, before: tuple[str, ...], edited: dict[str, Any], seen: dict[tuple[str, ...], Checked]) -> bool:
    """What must hold of an edit; False where it is no right spec."""
    new = check_text(json.dumps(edited))
    if new.form is None or old.form is None:
        return False
    words = explained(new)
    for language, a, b in zip(LANGUAGES.values(), before, words, strict=True):
        assert a != b, edited
        changes = differences(old, new, language)
        assert changes, edited
        for change in changes:
            assert change.text
            assert change.kind != "changed" or change.old != change.new, (change, edited)
    # The same words, the same spec: over all edits there are no two that are told alike.
    twin = seen.setdefault(words, new)
    assert twin is new or differences(twin, new, LANGUAGES["en"]) == [], edited
    return True
