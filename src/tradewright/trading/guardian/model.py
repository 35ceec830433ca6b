"""What is kept of a position's protection, and for how long the guardian bears with one that has none.

Lives here: `Guarded`, its shape outside (`protection_view`), `GuardSettings`. Not here: what protects
(`core.protection`), what the guardian does about it (`guardian`), the SQL (`store`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from tradewright.core.clock import milliseconds
from tradewright.core.instrument import InstrumentId, Side
from tradewright.core.money import plain
from tradewright.core.protection import PlannedStop

# naked: within the grace, or nothing can be done about it now · repairing: its stop was asked for again · flattening: a
# close was asked for.
ProtectionState = Literal["protected", "naked", "repairing", "flattening"]
ProtectionNews = Literal["planned", "naked", "repairing", "flattening", "restored", "followed", "removed", "flat"]

PositionKey = tuple[InstrumentId, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardSettings:
    """Times are in seconds from the first moment at which a position was seen without its stop.

    `grace_s`: an attached stop shows a moment after the fill that makes it; until then it is measured and nothing else.
    `flatten_after_s`: not protected by then, the position is closed. `repairs_max`: how often its stop is asked for
    again until then. `may_act`: False for an account that is only watched; what is naked is told and nothing else.
    """

    grace_s: float = 2.0
    flatten_after_s: float = 30.0
    repairs_max: int = 3
    may_act: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarded:
    """The protection of one position with a stop in its plan.

    `followed`: where the stop was moved to elsewhere, which became the plan. `confirmed`: the planned stop was read
    back once. `naked_since` is by our clock; `naked_ms_total` is of this position's life, without what goes on now.
    `repairs` and `closes` count what was asked for since `naked_since`.
    """

    instrument: InstrumentId
    position_index: int
    side: Side
    stop: PlannedStop
    followed: Decimal | None = None
    confirmed: bool = False
    state: ProtectionState = "protected"
    why: str | None = None  # a stable code
    naked_since: datetime | None = None
    naked_ms_total: int = 0
    naked_ms_longest: int = 0  # of this life
    repairs: int = 0
    closes: int = 0

    @property
    def key(self) -> PositionKey:
        return self.instrument, self.position_index

    @property
    def price(self) -> Decimal:
        return self.stop.price if self.followed is None else self.followed


def protection_view(guarded: Guarded) -> dict[str, Any]:
    """JSON-ready; `side` says of which position it is, which may have turned since."""
    return {
        "state": guarded.state,
        "side": guarded.side,
        "stop": plain(guarded.price),
        "naked_since_ms": None if guarded.naked_since is None else milliseconds(guarded.naked_since),
        "naked_ms_total": guarded.naked_ms_total,
        "why": guarded.why,
    }
