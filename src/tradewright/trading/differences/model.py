"""A difference between us and the exchange: what it is about, which of them block a symbol, and what may be decided.

Lives here: `Difference`, `Known`, the rules of them (`follows`, `choices`, `foreign_part`). No I/O.
Not here: finding them (`reconciliation`, `booking`), their rows (`store`), deciding (`command`), carrying it out
(`keeper`).

What is ours is corrected at once and only told; what is foreign or unexplained waits for a person and blocks its symbol
for new exposure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal
from uuid import UUID

from tradewright.core.errors import Conflict
from tradewright.core.ids import IntentId, OrderId, made_id
from tradewright.core.instrument import CATEGORIES, Category, InstrumentId
from tradewright.core.order_status import IntentState
from tradewright.trading.journal import Drift

State = Literal["open", "ignored", "adopted", "closing", "closed", "gone"]
Decision = Literal["adopt", "ignore", "close"]

CHANNEL = "differences"  # hints with the account's id

# Of an order that nobody here asked for, and of a size that no fill explains.
BLOCKING = frozenset({"order.foreign", "order.duplicate", "position.size"})
FOREIGN_ORDERS = frozenset({"order.foreign", "order.duplicate"})
LIVE_STATES = frozenset({"open", "ignored", "closing"})
SIZE = "position.size"


class DifferenceChanged(Conflict):
    """The difference is not the one that the caller saw any more, or is over."""

    code = "difference.changed"


@dataclass(frozen=True, slots=True)
class Known:
    """What was told last of the same thing."""

    state: State
    ours: str
    theirs: str
    part: Decimal | None


def follows(known: Known | None, drift: Drift) -> Literal["new", "changed", "same"]:
    """Whether a difference is to be told, put right in the row that waits, or known as it is.

    A size that was ignored stays so while the same part is foreign: with our own fills both sides move alike.
    """
    if known is None or known.state == "gone":
        return "new"
    if drift.kind != SIZE:
        # Ended in another way it is over; one that was missed, and came back, is told when it is missed again.
        return "same"
    part = foreign_part(drift)
    match known.state:
        case "open":
            return "same" if (known.ours, known.theirs) == (drift.ours, drift.theirs) else "changed"
        case "ignored":
            return "same" if known.part == part else "new"
        case _:
            return "new"  # what was decided moved the base; this came later


def foreign_part(drift: Drift) -> Decimal | None:
    """Of a position: theirs less ours, signed, base coin."""
    return Decimal(drift.theirs) - Decimal(drift.ours) if drift.kind == SIZE else None


def place_of(drift: Drift) -> tuple[InstrumentId | None, int | None]:
    """What its subject names, where it names a symbol (an order's is found by its row), and the leg of a position."""
    categories: dict[str, Category] = {name: name for name in CATEGORIES}
    words = drift.subject.split(":")
    if drift.kind == SIZE:
        index = {"long": 1, "short": 2}[words[2]] if len(words) == 3 else 0
        return InstrumentId(categories[words[0]], words[1]), index
    if drift.kind == "change.unreadable" and len(words) == 4 and words[1] in categories:
        return InstrumentId(categories[words[1]], words[2]), None
    return None, None


def choices(kind: str, state: State, part: Decimal | None, theirs: Decimal | None) -> Sequence[Decision]:
    """What a person may decide. A size may be closed where the foreign part can be taken off what is there."""
    if state not in ("open", "ignored"):
        return ()
    if kind in FOREIGN_ORDERS:
        return ("adopt", "ignore", "close")
    if kind != SIZE:
        return ("ignore",)
    can_close = part is not None and theirs is not None and part * theirs > 0 and abs(part) <= abs(theirs)
    return ("adopt", "ignore", "close") if can_close else ("adopt", "ignore")


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One that is not over, as the owner of the account needs it.

    `has_ended`: its order has. `close_state`: of the intent that closes it, and how much of it was left when that
    ended (`close_is_full`).
    """

    id: UUID
    kind: str
    state: State
    instrument: InstrumentId | None
    position_index: int
    order_id: OrderId | None
    part: Decimal | None
    close_id: IntentId | None
    tries: int = 1  # of closing it, since that was decided
    has_ended: bool = False
    close_state: IntentState | None = None
    close_has_ended: bool = False
    close_is_full: bool = False

    @property
    def blocks(self) -> bool:
        return self.kind in BLOCKING and self.state in ("open", "closing") and self.instrument is not None


def next_close_id(difference: Difference) -> IntentId:
    """The intent that closes it after the last one came to nothing; the same after a restart."""
    return IntentId(made_id("difference", str(difference.id), "after", str(difference.close_id)))
