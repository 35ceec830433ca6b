"""Which bars a trial runs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Window:
    """Bars with `from_ms` <= open time < `to_ms` are run; None: from the first, to the last."""

    from_ms: int | None = None
    to_ms: int | None = None
