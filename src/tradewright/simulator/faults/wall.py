"""The exchange's wall clock, which a fault may skew.

Lives here: `SkewedWall`, the clock that all of the exchange reads. Not here: when it is skewed (`desk`).
"""

from __future__ import annotations

from collections.abc import Callable


class SkewedWall:
    """Unix milliseconds; `true_ms` is the machine's own clock."""

    def __init__(self, true_ms: Callable[[], int]) -> None:
        self.true_ms = true_ms
        self.skew_ms = 0

    def __call__(self) -> int:
        return self.true_ms() + self.skew_ms
