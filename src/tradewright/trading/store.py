"""The journal on PostgreSQL: each method one transaction, one after another for an account.

Lives here: `PostgresJournal`, the writer of an account's intents, requests and events. What a report changes is in
`booking` and `holdings`, the rows of requests in `attempts`, of differences in `drifts`;
reads for the API are in `queries`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import assert_never
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tradewright.audit.model import AuditEntry
from tradewright.audit.store import record
from tradewright.core.clock import Clock, Ids
from tradewright.core.fault import Fault
from tradewright.core.ids import ExchangeOrderId, RequestId
from tradewright.core.instrument import InstrumentId
from tradewright.core.order import Execution, RemoteOrder, RemotePosition, Wallet
from tradewright.core.order_status import IntentState, states_before
from tradewright.storage.engine import encode_json
from tradewright.trading import views
from tradewright.trading.attempts import close_attempt, open_attempt
from tradewright.trading.booking import book_execution, book_order
from tradewright.trading.drifts import tell_drifts
from tradewright.trading.events import EventWriter
from tradewright.trading.holdings import book_position, book_wallet, flatten_absent, position_breaks
from tradewright.trading.intent_rows import INTENT_ROWS, intent_of_row, order_id_of
from tradewright.trading.journal import (
    REPORT_DUE,
    Answer,
    AnsweredAcknowledged,
    AnsweredAgainLater,
    AnsweredNotSent,
    AnsweredRefused,
    AnsweredUnknown,
    Drift,
    Fact,
    LiveOrder,
    OpenedRequest,
    UnknownIntent,
)
from tradewright.trading.model import (
    AccountRef,
    CancelIntent,
    EventSource,
    Intent,
    PlaceIntent,
    Reason,
    SessionState,
)
from tradewright.trading.ownership import OWNER
from tradewright.trading.queries import order_view_of

_PROPOSED_MAX = 100  # taken at once; the next look takes the rest
_UNKNOWN_MAX = 500


class PostgresJournal:
    """The one writer of one account. Transactions are serialised, so events have one order and no gaps."""

    def __init__(self, engine: AsyncEngine, account: AccountRef, *, clock: Clock, ids: Ids) -> None:
        self._engine = engine
        self._account = account
        self._clock = clock
        self._ids = ids
        self._serial = asyncio.Lock()

    @asynccontextmanager
    async def _transaction(self, source: EventSource) -> AsyncIterator[tuple[AsyncConnection, EventWriter]]:
        async with self._serial, self._engine.begin() as connection:
            events = EventWriter(connection, self._account, source)
            yield connection, events
            await events.flush()

    async def take_over(self) -> None:
        async with self._transaction("owner") as (connection, events):
            expired = await connection.execute(
                text(
                    "UPDATE intents SET state = 'expired', version = version + 1, updated_at = clock_timestamp()"
                    " WHERE account_id = :account AND kind = 'place' AND NOT reduce_only"
                    " AND state IN ('proposed', 'approved') RETURNING id, kind, state, id AS order_id"
                ),
                {"account": self._account.id},
            )
            unknown = await connection.execute(
                text(
                    "UPDATE intents SET state = 'unknown', version = version + 1, updated_at = clock_timestamp()"
                    " WHERE account_id = :account AND state = 'sending'"
                    " RETURNING id, kind, state, coalesce(target_id, id) AS order_id"
                ),
                {"account": self._account.id},
            )
            await connection.execute(
                text(
                    # When the owner before signed it is not known here: our clock must not stand for the exchange's.
                    "UPDATE requests SET outcome = 'unknown' WHERE account_id = :account AND outcome IS NULL"
                ),
                {"account": self._account.id},
            )
            for row in [*expired, *unknown]:
                await self._audit(connection, row.kind, row.order_id, row.state, None)
                await self._tell_order(connection, row.order_id, events)

    async def proposed(self) -> Sequence[Intent]:
        async with self._engine.connect() as connection:
            found = await connection.execute(
                text(
                    f"{INTENT_ROWS} AND i.state IN ('proposed', 'approved')"
                    " ORDER BY (i.kind = 'cancel' OR i.reduce_only) DESC, i.created_at, i.id LIMIT :limit"
                ),
                {"account": self._account.id, "limit": _PROPOSED_MAX},
            )
            return [intent_of_row(row) for row in found.mappings()]

    async def refuse(self, intent: Intent, reason: Reason) -> None:
        async with self._transaction("owner") as (connection, events):
            await self._end(connection, intent, "refused", reason, events)

    async def withdraw(self, place: PlaceIntent, cancel: CancelIntent) -> None:
        async with self._transaction("owner") as (connection, events):
            unsent: tuple[IntentState, ...] = ("proposed", "approved")
            if await self._end(connection, place, "expired", Reason("order.withdrawn"), events, only_from=unsent):
                await self._end(connection, cancel, "refused", Reason("order.already_final"), events, only_from=unsent)

    async def expire_overdue(self) -> None:
        async with self._transaction("owner") as (connection, events):
            expired = await connection.execute(
                text(
                    "UPDATE intents SET state = 'expired', version = version + 1, updated_at = clock_timestamp()"
                    " WHERE account_id = :account AND state IN ('proposed', 'approved')"
                    " AND valid_until <= clock_timestamp() RETURNING id, kind, state"
                ),
                {"account": self._account.id},
            )
            for row in expired:
                await self._audit(connection, row.kind, row.id, row.state, None)
                await self._tell_order(connection, row.id, events)

    async def open_request(self, intent: Intent, req_id: RequestId) -> OpenedRequest | None:
        async with self._transaction("owner") as (connection, events):
            opened = await connection.execute(
                text(
                    "UPDATE intents SET state = 'sending', version = version + 1, updated_at = clock_timestamp()"
                    " WHERE id = :id AND account_id = :account AND state IN ('proposed', 'approved', 'sending')"
                    " AND (valid_until IS NULL OR valid_until > clock_timestamp()) RETURNING id"
                ),
                {"id": intent.id, "account": self._account.id},
            )
            if opened.first() is None:
                await self._end(connection, intent, "expired", None, events)
                return None
            attempt = await open_attempt(connection, self._account, intent, req_id)
            await self._tell(connection, intent, events)
            return OpenedRequest(req_id, attempt)

    async def answer(self, intent: Intent, request: OpenedRequest, answer: Answer) -> None:
        async with self._transaction("rest") as (connection, events):
            match answer:
                case AnsweredAcknowledged(exchange_order_id=order, trace=trace):
                    await close_attempt(connection, self._account, request, "acknowledged", trace)
                    await self._keep_exchange_order_id(connection, intent, order)
                    await self._end(connection, intent, "acknowledged", None, events)
                case AnsweredRefused(reason=reason, trace=trace):
                    await close_attempt(connection, self._account, request, "refused", trace)
                    await self._end(connection, intent, "rejected", reason, events)
                case AnsweredNotSent(reason=reason, trace=trace, retry=retry):
                    await close_attempt(connection, self._account, request, "not_sent", trace)
                    if not retry:
                        await self._end(connection, intent, "expired", reason, events)
                case AnsweredAgainLater(trace=trace):
                    await close_attempt(connection, self._account, request, "refused", trace)
                case AnsweredUnknown(reason=reason, trace=trace):
                    await close_attempt(connection, self._account, request, "unknown", trace)
                    await self._end(connection, intent, "unknown", reason, events)
                case _:
                    assert_never(answer)

    async def unknowns(self) -> Sequence[UnknownIntent]:
        async with self._engine.connect() as connection:
            found = await connection.execute(
                text(
                    f"SELECT u.*, (SELECT CASE WHEN bool_and(r.signed_at IS NOT NULL) THEN max(r.signed_at) END"  # noqa: S608
                    f" FROM requests r WHERE r.account_id = :account AND r.intent_id = u.id"
                    f" AND r.outcome = 'unknown') AS signed_by"
                    f" FROM ({INTENT_ROWS}) u WHERE u.state = 'unknown' ORDER BY u.created_at, u.id LIMIT :limit"
                ),
                {"account": self._account.id, "limit": _UNKNOWN_MAX},
            )
            return [UnknownIntent(intent_of_row(row), row["signed_by"]) for row in found.mappings()]

    async def resolve(self, intent: Intent, *, happened: bool, source: EventSource = "reconciliation") -> None:
        async with self._transaction(source) as (connection, events):
            state: IntentState = "acknowledged" if happened else "not_placed"
            await self._end(connection, intent, state, None, events, only_from=("unknown",))

    async def book(self, facts: Sequence[Fact], source: EventSource) -> None:
        async with self._transaction(source) as (connection, events):
            drifts: list[Drift] = []
            for fact in facts:
                match fact:
                    case RemoteOrder():
                        drifts += await book_order(connection, self._account, self._ids, fact, events)
                    case Execution():
                        await book_execution(connection, self._account, fact, events)
                    case RemotePosition():
                        await book_position(connection, self._account, fact, events)
                    case Wallet():
                        await book_wallet(connection, self._account, fact, events)
                    case _:
                        assert_never(fact)
            await tell_drifts(connection, self._account, drifts, events)

    async def live_orders(self) -> Sequence[LiveOrder]:
        async with self._engine.connect() as connection:
            found = await connection.execute(
                text(
                    "SELECT exchange_order_id, link_id, category, symbol, state FROM orders WHERE account_id = :account"
                    " AND state NOT IN ('filled', 'cancelled', 'rejected', 'expired')"
                    " UNION ALL SELECT coalesce(exchange_order_id, ''), link_id, category, symbol, state FROM intents i"
                    " WHERE account_id = :account AND kind = 'place' AND state = 'acknowledged'"
                    " AND updated_at <= clock_timestamp() - CAST(:due AS interval)"
                    " AND NOT EXISTS (SELECT 1 FROM orders o WHERE o.account_id = :account AND o.intent_id = i.id)"
                ),
                {"account": self._account.id, "due": REPORT_DUE},
            )
            return [
                LiveOrder(
                    ExchangeOrderId(row["exchange_order_id"]),
                    row["link_id"],
                    InstrumentId(row["category"], row["symbol"]),
                    row["state"],
                )
                for row in found.mappings()
            ]

    async def executions_read_until(self) -> datetime | None:
        async with self._engine.connect() as connection:
            until: datetime | None = await connection.scalar(
                text("SELECT executions_read_until FROM accounts WHERE id = :account"), {"account": self._account.id}
            )
            return until

    async def note_executions_read(self, until: datetime) -> None:
        async with self._transaction("reconciliation") as (connection, _):
            await connection.execute(
                text(
                    "UPDATE accounts SET executions_read_until = greatest(executions_read_until, :until)"
                    " WHERE id = :account"
                ),
                {"until": until, "account": self._account.id},
            )

    async def position_breaks(self, positions: Sequence[RemotePosition]) -> Sequence[Drift]:
        async with self._transaction("reconciliation") as (connection, _):
            return await position_breaks(connection, self._account, positions)

    async def flatten_absent(self, positions: Sequence[RemotePosition]) -> None:
        async with self._transaction("reconciliation") as (connection, events):
            await flatten_absent(connection, self._account, positions, events)

    async def forget_events(self, *, keep: int) -> None:
        async with self._transaction("owner") as (connection, _):
            await connection.execute(
                text(
                    "DELETE FROM account_events WHERE account_id = :account"
                    " AND kind IN ('fill', 'position', 'balances', 'session')"
                    " AND seq <= (SELECT event_seq - :keep FROM accounts WHERE id = :account)"
                ),
                {"account": self._account.id, "keep": keep},
            )

    async def record_drift(self, drifts: Sequence[Drift]) -> None:
        async with self._transaction("reconciliation") as (connection, events):
            await tell_drifts(connection, self._account, list(drifts), events)

    async def set_session(self, state: SessionState, reason: Fault | None) -> None:
        async with self._transaction("owner") as (connection, events):
            updated = await connection.execute(
                text(
                    "UPDATE accounts SET session_state = :state, session_reason = CAST(:reason AS jsonb),"  # noqa: S608
                    f" session_since = clock_timestamp(), session_owner = {OWNER} WHERE id = :account"
                    f" AND (session_state, coalesce(session_reason, 'null'), coalesce(session_owner, 0))"
                    f" <> (:state, coalesce(CAST(:reason AS jsonb), 'null'), coalesce({OWNER}, 0)) RETURNING *"
                ),
                {
                    "state": state,
                    "reason": None if reason is None else encode_json(reason.as_json()),
                    "account": self._account.id,
                },
            )
            row = updated.mappings().one_or_none()
            if row is not None:
                events.add("session", {"kind": "session", "account": views.account_view(row)})

    # What the methods above share.

    async def _end(
        self,
        connection: AsyncConnection,
        intent: Intent,
        state: IntentState,
        reason: Reason | None,
        events: EventWriter,
        only_from: Sequence[IntentState] | None = None,
    ) -> bool:
        """Moves an unsettled intent on; one that evidence has settled meanwhile stays as it is. Whether it moved."""
        changed = await connection.execute(
            text(
                "UPDATE intents SET state = :state, reason = CAST(:reason AS jsonb), version = version + 1,"
                " updated_at = clock_timestamp() WHERE id = :id AND account_id = :account AND state = ANY(:from)"
                " RETURNING id"
            ),
            {
                "state": state,
                "reason": None if reason is None else encode_json(reason.as_json()),
                "id": intent.id,
                "account": self._account.id,
                "from": list(only_from or states_before(state)),
            },
        )
        if changed.first() is None:
            return False
        kind = "cancel" if isinstance(intent, CancelIntent) else "place"
        await self._audit(connection, kind, order_id_of(intent), state, reason)
        await self._tell(connection, intent, events)
        return True

    async def _keep_exchange_order_id(
        self, connection: AsyncConnection, intent: Intent, exchange_order_id: ExchangeOrderId
    ) -> None:
        """A cancel or a look-up that comes before the first report can name the order as the exchange does."""
        if isinstance(intent, PlaceIntent):
            await connection.execute(
                text("UPDATE intents SET exchange_order_id = :order WHERE account_id = :account AND id = :id"),
                {"order": exchange_order_id, "account": self._account.id, "id": intent.id},
            )

    async def _tell(self, connection: AsyncConnection, intent: Intent, events: EventWriter) -> None:
        await self._tell_order(connection, order_id_of(intent), events)

    async def _tell_order(self, connection: AsyncConnection, order_id: UUID, events: EventWriter) -> None:
        view = await order_view_of(connection, self._account.id, order_id)
        if view is not None:
            events.add("order", {"kind": "order", "order": view}, ref=order_id)

    async def _audit(
        self, connection: AsyncConnection, kind: str, order_id: UUID, state: str, reason: Reason | None
    ) -> None:
        entry = AuditEntry(
            id=self._ids.new(),
            workspace_id=self._account.workspace_id,
            account_id=self._account.id,
            at=self._clock.now(),
            actor_kind="system",
            actor_id=None,
            action=f"order.{kind}",
            object_kind="order",
            object_id=str(order_id),
            before=None,
            after=None if reason is None else reason.as_json(),
            ip=None,
            outcome=state,
        )
        await record(connection, entry)
