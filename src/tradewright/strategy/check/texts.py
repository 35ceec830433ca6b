"""An expression where the file gives it, and what complaints about it need to know of the file."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from tradewright.strategy.check.rules import ExpressionRule
from tradewright.strategy.document.nodes import ScalarNode
from tradewright.strategy.document.places import Places
from tradewright.strategy.expression.tree import Tree
from tradewright.strategy.faults import Fault, Near


@dataclass(frozen=True, kw_only=True)
class Expression:
    """`tree` is None where the text is no expression, which a fault tells. `is_now`: the word `now` as `dca.start`."""

    path: str
    scalar: ScalarNode
    rule: ExpressionRule
    tree: Tree | None
    is_now: bool = False

    @functools.cached_property
    def _places(self) -> Places:
        return Places(self.scalar)

    def fault(
        self, code: str, offset: int, message: str, hint: str | None = None, *, near: Near | None = None
    ) -> Fault:
        """`offset` is a place in the text."""
        return Fault(code=code, path=self.path, place=self._places.of(offset), message=message, hint=hint, near=near)
