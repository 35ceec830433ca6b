"""`Fault`: why something that should run does not, as a code for the page and the raw words behind it.

Not here: why an order was refused (`trading.model.Reason`), faults of an input (`core.errors.Problem`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Fault:
    """`code` is stable and the page has words for it; `detail` is quoted under them, untranslated."""

    code: str
    params: Mapping[str, str] = field(default_factory=dict)
    detail: str | None = None

    def as_json(self) -> dict[str, Any]:
        return {"code": self.code, "params": dict(self.params), "detail": self.detail}
