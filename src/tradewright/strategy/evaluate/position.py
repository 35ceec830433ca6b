"""What hangs on the position held: worked out at one bar, when the position is known.

`position.*` stands only in operators and arithmetic functions on the base timeframe (the checker sees to it), so such
an output is a short list of scalar operations over values that are known already.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tradewright.strategy.functions.scalars import SCALARS, UNKNOWN
from tradewright.strategy.program import POSITION_FIELDS, Program


class Position(NamedTuple):
    """The five values of a position at a close. Flat: side 0, the others unknown."""

    side: float
    entry_price: float
    bars: float
    pnl_pct: float
    best_pnl_pct: float


FLAT = Position(0.0, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN)


@dataclass(frozen=True, slots=True)
class PositionRule:
    """One output. Slots are cells of a scratch list: `leaves` those of steps known before (in the order in which
    `value` is given them), `fields` those of the position's values, `operations` what is worked out, in order."""

    leaves: tuple[int, ...]
    fields: tuple[tuple[int, int], ...]
    operations: tuple[tuple[int, Callable[..., float], tuple[int, ...]], ...]
    slots: int

    def value(self, known: Sequence[float], position: Position) -> float:
        """`known`: the values of `leaves`, at this bar's close."""
        cells = [UNKNOWN] * self.slots
        cells[: len(known)] = known
        for slot, field in self.fields:
            cells[slot] = position[field]
        for slot, function, arguments in self.operations:
            cells[slot] = function(*[cells[argument] for argument in arguments])
        return cells[-1]


def rule_of(program: Program, step: int, of_position: frozenset[int]) -> PositionRule:
    """How step number `step`, one of `of_position`, is worked out."""
    needed, open_ends = {step}, [step]
    while open_ends:
        index = open_ends.pop()
        if index in of_position:
            fresh = set(program.steps[index].arguments) - needed
            needed |= fresh
            open_ends += fresh
    leaves = sorted(needed - of_position)
    inner = sorted(needed & of_position)  # steps refer to earlier ones only: this is the order to work them out in
    slot_of = {index: slot for slot, index in enumerate([*leaves, *inner])}
    fields, operations = [], []
    for index in inner:
        one = program.steps[index]
        if one.name in POSITION_FIELDS:
            fields.append((slot_of[index], POSITION_FIELDS.index(one.name)))
        else:
            arguments = tuple(slot_of[argument] for argument in one.arguments)
            operations.append((slot_of[index], SCALARS[one.name], arguments))
    return PositionRule(tuple(leaves), tuple(fields), tuple(operations), len(slot_of))
