"""What the keeper of differences asks of storage, in memory, and what a person decides: as of PostgreSQL."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from uuid import UUID

from tradewright.core.ids import IntentId, OrderId, made_id
from tradewright.core.order import FINAL_STATES
from tradewright.lab.memory_database import DifferenceRow, EventRow, MemoryDatabase
from tradewright.trading.differences.model import SIZE, Decision, Difference, DifferenceChanged, choices, next_close_id
from tradewright.trading.differences.store import End


async def _pass(_name: str) -> None:
    return None


class MemoryDifferences:
    def __init__(self, database: MemoryDatabase, point: Callable[[str], Awaitable[None]] = _pass) -> None:
        self._db = database
        self._point = point

    async def live(self) -> Sequence[Difference]:
        await self._point("differences.read")
        return [self._value(row) for row in self._db.differences if row.state in ("open", "ignored", "closing")]

    async def tell_decided(self) -> None:
        await self._point("differences.tell")
        for row in self._db.differences:
            if not row.told:
                row.told = True
                self._tell(row)

    async def move(self, difference: Difference, state: End, why: str | None = None) -> None:
        await self._point("differences.move")
        row = next(row for row in self._db.differences if row.id == difference.id)
        if (row.state, row.close_id) == (difference.state, difference.close_id):
            row.state, row.why, row.version = state, why, row.version + 1
            self._tell(row)

    async def close_again(self, difference: Difference) -> None:
        await self._point("differences.close_again")
        row = next(row for row in self._db.differences if row.id == difference.id)
        if (row.state, row.close_id) == ("closing", difference.close_id):
            row.close_id, row.version = next_close_id(difference), row.version + 1

    def _tell(self, row: DifferenceRow) -> None:
        told = EventRow(self._db.newest_event + 1, "difference", "owner", row.id, {"state": row.state})
        self._db.events.append(told)

    def _value(self, row: DifferenceRow) -> Difference:
        order = self._db.orders.get(row.subject)
        intent = None if row.close_id is None else self._db.intents.get(row.close_id)
        closing = None if row.close_id is None else self._db.order_by_id(row.close_id)
        has_closed = closing is not None and closing.tracked.state in FINAL_STATES
        failed = intent is not None and (
            intent.state in ("refused", "rejected", "expired", "not_placed")
            or (intent.kind == "cancel" and intent.state == "acknowledged" and intent.is_read_back)
        )
        return Difference(
            id=row.id,
            kind=row.kind,
            state=row.state,
            instrument=row.instrument,
            position_index=row.position_index,
            order_id=None if row.order_id is None else OrderId(row.order_id),
            part=row.part,
            close_id=row.close_id,
            tries=row.version - (row.version if row.decided_version is None else row.decided_version),
            has_ended=order is not None and order.tracked.state in FINAL_STATES,
            close_state=None if intent is None else intent.state,
            close_has_ended=failed or has_closed,
            close_is_full=closing is not None and closing.tracked.state == "filled",
        )


def decide(
    database: MemoryDatabase, difference_id: UUID, decision: Decision, *, version: int, always: bool = False
) -> DifferenceRow:
    """What a person decides, committed at once as by the command."""
    row = next(row for row in database.differences if row.id == difference_id)
    theirs = Decimal(row.theirs) if row.kind == SIZE else None
    if row.version != version or decision not in choices(row.kind, row.state, row.part, theirs):
        raise DifferenceChanged(f"{difference_id} is {row.state} in version {row.version}")
    if decision != "ignore" and row.kind == SIZE:
        assert row.instrument is not None
        assert row.part is not None
        held = database.positions[(row.instrument.category, row.instrument.symbol, row.position_index)]
        held.base_size = (held.base_size or Decimal(0)) + row.part
    row.state = {"adopt": "adopted", "ignore": "ignored", "close": "closing"}[decision]  # type: ignore[assignment]
    row.decision, row.always, row.told, row.why = decision, always, False, None
    row.close_id = IntentId(made_id("difference", str(row.id), str(row.version))) if decision == "close" else None
    row.decided_version, row.version = version, version + 1
    return row
