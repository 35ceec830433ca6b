"""What of a program has to be worked out, and when: before a position is known, or with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tradewright.strategy.evaluate.position import PositionRule, rule_of
from tradewright.strategy.program import Program


@dataclass(frozen=True, slots=True)
class Plan:
    """`outputs`: steps of the outputs that hang on no position; `rules`: the others. `kept`: steps whose values are
    asked for in the end. `needed`: those and all they are made of, in the order to work them out."""

    outputs: Mapping[str, int]
    rules: Mapping[str, PositionRule]
    kept: frozenset[int]
    needed: tuple[int, ...]


def plan(program: Program) -> Plan:
    of_position = program.of_position()
    outputs = {name: step for name, step in program.outputs.items() if step not in of_position}
    rules = {name: rule_of(program, step, of_position) for name, step in program.outputs.items() if step in of_position}
    kept = frozenset(outputs.values()).union(*(rule.leaves for rule in rules.values()))
    needed = set(kept)
    for index in range(len(program.steps) - 1, -1, -1):  # a step refers only to steps before it
        if index in needed:
            needed.update(program.steps[index].arguments)
    return Plan(outputs, rules, kept, tuple(sorted(needed)))
