"""The tables of one account in memory: what survives when the process that owns the account is killed.

Lives here: the rows, the events, and what a person asks (`propose_place`, `propose_cancel`). Every change is made by
one synchronous function, so it is whole or not there. Not here: the owner's transactions (`memory_journal`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from tradewright.core.fault import Fault
from tradewright.core.ids import ExchangeOrderId, ExecutionId, IntentId, LinkId, RequestId, link_id_of
from tradewright.core.instrument import InstrumentId
from tradewright.core.order import FINAL_STATES, CoinBalance, Execution, RemoteOrder, RemotePosition, TrackedOrder
from tradewright.core.order_status import IntentState, OrderStatus, status_of
from tradewright.trading.model import CancelIntent, Intent, PlaceBody, PlaceIntent, Reason

HAND_VALIDITY = timedelta(seconds=10)


@dataclass(slots=True, kw_only=True)
class IntentRow:
    id: IntentId
    number: int  # the order of arrival
    state: IntentState
    created_at: datetime
    place: PlaceBody | None = None
    target_id: UUID | None = None  # of a cancel
    instrument: InstrumentId
    valid_until: datetime | None = None
    reason: Reason | None = None
    version: int = 1
    updated_at: datetime
    exchange_order_id: ExchangeOrderId | None = None  # of a place, once acknowledged


@dataclass(slots=True, kw_only=True)
class RequestRow:
    req_id: RequestId
    intent_id: IntentId
    attempt: int
    kind: str
    created_at: datetime
    signed_at: datetime | None = None
    outcome: str | None = None
    ret_code: int | None = None


@dataclass(slots=True, kw_only=True)
class OrderRow:
    id: UUID
    intent_id: IntentId | None
    report: RemoteOrder  # the first report, for what never changes
    tracked: TrackedOrder


@dataclass(slots=True)
class ExecutionRow:
    execution: Execution
    order_id: UUID | None


@dataclass(slots=True)
class PositionRow:
    position: RemotePosition
    base_size: Decimal | None = None


@dataclass(frozen=True, slots=True)
class EventRow:
    seq: int
    kind: str
    source: str
    ref: UUID | None
    payload: dict[str, Any]


PositionKey = tuple[str, str, int]


@dataclass(slots=True)
class MemoryDatabase:
    """Tables of one account. `notified` lists one entry a transaction that told something: its last sequence."""

    intents: dict[IntentId, IntentRow] = field(default_factory=dict)
    requests: dict[RequestId, RequestRow] = field(default_factory=dict)
    orders: dict[str, OrderRow] = field(default_factory=dict)  # by the exchange's order id
    executions: dict[ExecutionId, ExecutionRow] = field(default_factory=dict)
    positions: dict[PositionKey, PositionRow] = field(default_factory=dict)
    balances: dict[str, CoinBalance] = field(default_factory=dict)
    totals: tuple[Decimal | None, Decimal | None] = (None, None)
    events: list[EventRow] = field(default_factory=list)
    events_forgotten: int = 0
    notified: list[int] = field(default_factory=list)
    wallet_reported_at: datetime | None = None
    executions_read_until: datetime | None = None
    drift_count: int = 0
    session: tuple[str, Fault | None] = ("connecting", None)

    def propose_place(self, body: PlaceBody, now: datetime) -> IntentId:
        """A person asks for an order: committed at once, as by `commands.submit_place`."""
        assert body.id not in self.intents, "ids are unique"
        self.intents[body.id] = IntentRow(
            id=body.id,
            number=len(self.intents),
            state="proposed",
            created_at=now,
            updated_at=now,
            place=body,
            instrument=InstrumentId(body.category, body.symbol),
            valid_until=None if body.reduce_only else now + HAND_VALIDITY,
        )
        return body.id

    def propose_cancel(self, intent_id: IntentId, target_id: UUID, instrument: InstrumentId, now: datetime) -> IntentId:
        assert intent_id not in self.intents, "ids are unique"
        self.intents[intent_id] = IntentRow(
            id=intent_id,
            number=len(self.intents),
            state="proposed",
            created_at=now,
            updated_at=now,
            target_id=target_id,
            instrument=instrument,
        )
        return intent_id

    @property
    def newest_event(self) -> int:
        return len(self.events) + self.events_forgotten

    def order_by_id(self, order_id: UUID | None) -> OrderRow | None:
        return next((row for row in self.orders.values() if row.id == order_id), None)

    def order_of(self, intent_id: IntentId) -> OrderRow | None:
        return next((row for row in self.orders.values() if row.intent_id == intent_id), None)

    def requests_of(self, intent_id: IntentId) -> list[RequestRow]:
        return [row for row in self.requests.values() if row.intent_id == intent_id]

    def status(self, intent_id: IntentId) -> OrderStatus:
        """The status of a place, by the one table."""
        row = self.intents[intent_id]
        order = self.order_of(intent_id)
        return status_of(row.state, None if order is None else order.tracked.state)

    def intent_value(self, row: IntentRow) -> Intent:
        """The row as the owner holds it."""
        if row.place is not None:
            return PlaceIntent(
                id=row.id,
                state=row.state,
                link_id=link_id_of(row.id),
                instrument=row.instrument,
                side=row.place.side,
                order_type=row.place.order_type,
                quantity=row.place.quantity,
                price=row.place.price,
                time_in_force=row.place.time_in_force,
                reduce_only=row.place.reduce_only,
                valid_until=row.valid_until,
            )
        assert row.target_id is not None, "what is not a place is a cancel"
        order = self.order_by_id(row.target_id)
        target = self.intents.get(IntentId(row.target_id))
        link = order.report.link_id if order is not None else (link_id_of(target.id) if target is not None else "")
        return CancelIntent(
            id=row.id,
            state=row.state,
            target_id=row.target_id,
            instrument=row.instrument,
            target_link_id=LinkId(link) if link else None,
            target_exchange_order_id=(
                order.report.exchange_order_id if order is not None else (target and target.exchange_order_id)
            ),
            target_final=(
                order.tracked.state in FINAL_STATES
                if order is not None
                else target is not None and target.state in ("refused", "expired", "rejected", "not_placed")
            ),
        )
