"""One position as the guardian has it in mind, and when its plan is to be read again.

Lives here: `Watch`. Not here: what is done about it (`guardian`, `steps`), what is kept of it (`model`).
"""

from __future__ import annotations

from dataclasses import dataclass

from tradewright.core.order import RemotePosition
from tradewright.core.protection import Plan
from tradewright.trading.guardian.model import Guarded
from tradewright.trading.guardian.steps import Outcome

TICK_S = 0.5  # while something is under way
ASK_SECONDS_MIN = 0.25  # between two readings of what was asked for a position
_LATER_S = 10.0  # between looks at what does not settle


@dataclass(frozen=True, slots=True)
class Tried:
    """`seen_s`: when the outcome was first seen as it is."""

    outcome: Outcome
    seen_s: float


@dataclass(slots=True)
class Watch:
    """One position as the guardian has it in mind. Times are seconds by the monotonic clock."""

    guarded: Guarded | None = None
    plan: Plan | None = None
    planned_for: RemotePosition | None = None  # the report that the plan was read for
    asked_s: float | None = None
    unsettled_s: float | None = None  # since when the plan is in doubt
    missing_s: float | None = None  # since when fills are missing
    readings_asked: int = 0  # for their sake
    bare_s: float | None = None  # since when it shows no stop while nobody can say yet what its plan is
    naked_s: float | None = None
    read_s: float | None = None
    repair: Tried | None = None
    close: Tried | None = None
    unseen_s: float | None = None  # since when the position tells a stop that no order shows
    other_s: float | None = None  # since when another stop than the planned one is shown
    verified: RemotePosition | None = None  # the report of it that was read again

    def wants_plan(self, position: RemotePosition, now_s: float) -> bool:
        if self.asked_s is None:
            return True
        age_s = now_s - self.asked_s
        if position is not self.planned_for or self.naked_s is not None:
            return age_s >= ASK_SECONDS_MIN
        return self.unsettled_s is not None and age_s >= self._unsettled_pause_s(now_s)

    def due_of_plan(self, now_s: float) -> float | None:
        """In how many seconds to read it again though nothing changes."""
        if self.unsettled_s is not None:
            return self._unsettled_pause_s(now_s)
        return ASK_SECONDS_MIN if self.plan is None else None

    def _unsettled_pause_s(self, now_s: float) -> float:
        return TICK_S if self.unsettled_s is None or now_s - self.unsettled_s < _LATER_S else _LATER_S
