"""Why and why not: what each rule that counted at a close came to, with the values of what it is made of.

Lives here: `rules_told`. Not here: the parts themselves (`strategy.check.reasons`), what was decided (the machines).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tradewright.strategy.check import Part
from tradewright.strategy.evaluate.bars import Values
from tradewright.strategy.evaluate.position import FLAT, Position


def rules_told(parts: Mapping[str, Sequence[Part]], values: Values, seen: Position) -> list[dict[str, Any]]:
    """`[{name, value, parts: [{text, value}]}]`: entries while flat, the exit of its side while a position is held.

    A condition is true, false, or null while it is unknown; a number is its shortest text, or null.
    """
    held = {0.0: None, 1.0: "rules.exit_long", -1.0: "rules.exit_short"}[seen.side]
    told = []
    for rule, made_of in parts.items():
        is_asked = not rule.startswith("rules.exit_") if held is None else rule == held
        if not is_asked:
            continue
        position = FLAT if held is None else seen
        told.append(
            {
                "name": rule.removeprefix("rules."),
                "value": _condition(values.at(rule, position)),
                "parts": [
                    {"text": part.text, "value": _told(part, values.at(part.output, position))} for part in made_of
                ],
            }
        )
    return told


def _told(part: Part, value: float) -> bool | str | None:  # lint: allow float-money: an expression's value
    if part.is_condition:
        return _condition(value)
    return None if value != value else repr(value)


def _condition(value: float) -> bool | None:  # lint: allow float-money: an expression's value
    return None if value != value else value == 1.0
