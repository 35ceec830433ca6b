"""An expression where the file gives it, and what complaints about it need to know of the file."""

from __future__ import annotations

from dataclasses import dataclass

from tradewright.strategy.check.rules import ExpressionRule
from tradewright.strategy.document.nodes import ScalarNode
from tradewright.strategy.document.places import place_in
from tradewright.strategy.expression.tree import Tree
from tradewright.strategy.faults import Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Expression:
    """`tree` is None where the text is no expression, which a fault tells. `is_now`: the word `now` as `dca.start`."""

    path: str
    scalar: ScalarNode
    rule: ExpressionRule
    tree: Tree | None
    is_now: bool = False

    def fault(self, code: str, offset: int, message: str, hint: str | None = None) -> Fault:
        """`offset` is a place in the text."""
        return Fault(code=code, path=self.path, place=place_in(self.scalar, offset), message=message, hint=hint)
