"""Why a rule is true or not: the conditions that it is made of and the numbers that they compare, as outputs beside it.

Lives here: `Part` and which parts of an expression are worth telling. Not here: compiling them (`compiling`), their
values at a close (`strategy.evaluate`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tradewright.strategy.check.params import Param
from tradewright.strategy.expression.source import texts_of
from tradewright.strategy.expression.tree import Boolean, Name, Number, Operation, Tree, children

PARTS_MAX = 16  # of one rule
_TEXT_MAX = 160


@dataclass(frozen=True, slots=True)
class Part:
    """A condition of a rule, or a number in it. `output` names its value in the program."""

    text: str
    output: str
    is_condition: bool


def parts_of(tree: Tree, params: Mapping[str, Param]) -> list[tuple[int, str, bool]]:
    """(node, text, whether it is a condition), each text once, in the order of the text, at most `PARTS_MAX`.

    Conditions are what `and`, `or` and `not` join; of each its operands follow, but for plain numbers and params.
    """
    texts = texts_of(tree)
    found: dict[str, tuple[int, bool]] = {}
    open_ends = [tree.root]
    while open_ends:
        index = open_ends.pop()
        node = tree.nodes[index]
        if isinstance(node, Operation) and node.symbol in ("and", "or", "not"):
            open_ends += reversed(node.operands)
            continue
        if not isinstance(node, Boolean):
            found.setdefault(texts[index], (index, True))
        for child in children(node):
            operand = tree.nodes[child]
            if isinstance(operand, Number | Boolean) or (isinstance(operand, Name) and operand.name in params):
                continue
            found.setdefault(texts[child], (child, False))
    return [(index, text[:_TEXT_MAX], is_condition) for text, (index, is_condition) in found.items()][:PARTS_MAX]
