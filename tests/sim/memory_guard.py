"""What the guardian asks of storage, in memory: the same answers as of PostgreSQL, held to the same contract suite."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

from tradewright.core.ids import IntentId
from tradewright.core.instrument import InstrumentId
from tradewright.core.order_status import UNSETTLED_INTENT_STATES
from tradewright.core.protection import Asked, AskedStop, BookedFill, PlannedStop
from tradewright.lab.memory_database import IntentRow, MemoryDatabase
from tradewright.trading.guardian.model import Guarded
from tradewright.trading.guardian.steps import Outcome
from tradewright.trading.guardian.store import FILLS_READ, STOPS_READ
from tradewright.trading.journal import signed_quantity


async def _pass(_name: str) -> None:
    return None


class MemoryGuardReads:
    def __init__(self, database: MemoryDatabase, point: Callable[[str], Awaitable[None]] = _pass) -> None:
        self._db = database
        self._point = point

    async def guarded(self) -> Sequence[Guarded]:
        await self._point("guarded.read")
        return [self._db.protections[key] for key in sorted(self._db.protections)]

    async def asked(self, instrument: InstrumentId, position_index: int) -> Asked:
        await self._point("asked.read")
        rows = [
            row
            for row in self._db.executions.values()
            if row.execution.instrument == instrument and row.position_index == position_index
            if row.execution.exec_type != "Funding"
        ]
        rows.sort(key=lambda row: (row.execution.executed_at, row.execution.sequence, row.execution.exec_id))
        held = self._db.positions.get((instrument.category, instrument.symbol, position_index))
        base = 0 if held is None or held.base_size is None else held.base_size
        fills = [
            BookedFill(
                at=row.execution.executed_at,
                signed=signed_quantity(row.execution),
                stop=self._stop_of(row.execution.exchange_order_id),
            )
            for row in reversed(rows)
        ]
        return Asked(
            booked=base + sum(fill.signed for fill in fills),
            fills=fills[:FILLS_READ],
            stops=self._stops(instrument, position_index),
            reaches_back=len(fills) <= FILLS_READ,
        )

    def _stop_of(self, exchange_order_id: str) -> PlannedStop | None:
        order = self._db.orders.get(exchange_order_id)
        intent = None if order is None or order.intent_id is None else self._db.intents[order.intent_id]
        if order is None or intent is None or intent.order is None or intent.order.reduce_only:
            return None
        if not order.tracked.stop_loss:
            return None
        by = "LastPrice" if intent.order.stop_loss is None else intent.order.stop_loss.trigger_by
        return PlannedStop(price=order.tracked.stop_loss, by=by, origin=intent.id)

    def _stops(self, instrument: InstrumentId, position_index: int) -> list[AskedStop]:
        rows = [
            row
            for row in self._db.intents.values()
            if row.kind == "exits" and row.instrument == instrument and row.source != "guardian"
            if row.exits is not None and row.exits.position_index == position_index
            if row.exits.stop_loss is not None and row.seen_side is not None
            if row.state in ("proposed", "approved", "sending", "unknown", "acknowledged")
        ]
        rows.sort(key=lambda row: row.number, reverse=True)
        return [self._asked_stop(row) for row in rows[:STOPS_READ]]

    def _asked_stop(self, row: IntentRow) -> AskedStop:
        assert row.exits is not None
        assert row.exits.stop_loss is not None
        assert row.seen_side is not None
        return AskedStop(
            origin=row.id,
            side=row.seen_side,
            price=row.exits.stop_loss,
            by=row.exits.stop_loss_by,
            at=self._carried_out(row),
            is_open=row.state in UNSETTLED_INTENT_STATES or not row.is_read_back,
        )

    def _carried_out(self, row: IntentRow) -> datetime:
        attempts = sorted(self._db.requests_of(row.id), key=lambda request: request.attempt)
        newest = attempts[-1] if attempts else None
        if newest is not None and newest.signed_at is not None:
            return newest.signed_at
        told = [request for request in self._db.requests.values() if request.signed_at is not None]
        ahead = timedelta(0)
        if told:
            last = max(told, key=lambda request: request.created_at)
            assert last.signed_at is not None
            ahead = last.signed_at - last.created_at
        return (row.created_at if newest is None else newest.created_at) + ahead

    async def outcome(self, intent_id: IntentId) -> Outcome | None:
        await self._point("outcome.read")
        row = self._db.intents.get(intent_id)
        if row is None:
            return None
        unread = row.kind == "exits" and row.state == "acknowledged" and not row.is_read_back
        return Outcome(
            row.state,
            row.state in UNSETTLED_INTENT_STATES or unread,
            None if row.reason is None else row.reason.code,
            None if row.reason is None else row.reason.exchange_code,
        )
