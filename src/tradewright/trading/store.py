"""The journal on PostgreSQL: each method one transaction, one after another for an account.

Lives here: `PostgresJournal`, the writer of an account's intents, requests and events. What moves an intent is in
`intent_moves`, what a report changes in `booking`, `holdings`, `sizes` and `standing`, what a reading asks in
`reading_rows`, what is written in one statement in `at_once`, the rows of requests in `attempts`, of differences in
`drifts`; reads for the API are in `queries`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, assert_never, cast
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tradewright.core.clock import Clock, Ids
from tradewright.core.fault import Fault
from tradewright.core.ids import RequestId
from tradewright.core.order import AccountModes, Execution, RemoteOrder, RemotePosition, SymbolMode, Wallet
from tradewright.core.order_status import IntentState
from tradewright.storage.engine import encode_json, lines_of
from tradewright.storage.lines import Statement
from tradewright.trading.answering import ANSWERING
from tradewright.trading.answering import asked as answering_asked
from tradewright.trading.at_once import (
    FORGET_EVENTS,
    HAS_ABSENT,
    HAS_UNFOUND,
    LOOK_OURS,
    NOTE_READ,
    NOTE_RECONCILED,
    AtOnce,
)
from tradewright.trading.attempts import close_attempt, count_attempts, open_attempt
from tradewright.trading.birth import BIRTH
from tradewright.trading.birth import asked as birth_asked
from tradewright.trading.bodies import OwnBody
from tradewright.trading.booking import book_execution, book_order, end_unseen
from tradewright.trading.checks import outdated
from tradewright.trading.drifts import end_unfound, tell_drifts
from tradewright.trading.events import EventWriter
from tradewright.trading.guardian.model import Guarded, ProtectionNews
from tradewright.trading.guardian.store import keep_guarded
from tradewright.trading.holdings import book_position, book_wallet, flatten_absent
from tradewright.trading.intent_moves import MOVED, IntentMoves
from tradewright.trading.intent_rows import INTENT_ROWS, intent_of_row
from tradewright.trading.journal import (
    Answer,
    AnsweredAcknowledged,
    AnsweredAgainLater,
    AnsweredNotSent,
    AnsweredRefused,
    AnsweredUnknown,
    Drift,
    Fact,
    Listed,
    LiveOrder,
    OpenedRequest,
    Reading,
    UnknownIntent,
)
from tradewright.trading.model import (
    AccountRef,
    AmendIntent,
    CancelIntent,
    EventSource,
    Intent,
    LeverageIntent,
    MarginModeIntent,
    OwnSource,
    PlaceIntent,
    PositionModeIntent,
    Proposed,
    ReadBackIntent,
    Reason,
    SessionState,
    SymbolFacts,
)
from tradewright.trading.old_news import OldNews
from tradewright.trading.opening import OPENING
from tradewright.trading.opening import asked as opening_asked
from tradewright.trading.own_orders import OwnOrder
from tradewright.trading.proposals import propose
from tradewright.trading.reading_rows import ReadingRows
from tradewright.trading.sizes import SIZES, are_based, breaks_of, position_breaks
from tradewright.trading.sizes import asked as sizes_asked
from tradewright.trading.standing import book_modes, book_symbol_mode, note_reconciled, note_symbol, set_session
from tradewright.trading.views import Row

_PROPOSED_MAX = 100  # taken at once; the next look takes the rest

_LOOK = Statement.of(
    f"""
SELECT {LOOK_OURS} AS is_ours,
       EXISTS (SELECT 1 FROM intents WHERE account_id = :account AND state IN ('proposed', 'approved')
                  AND valid_until <= clock_timestamp()) AS is_overdue
""",  # noqa: S608
    {"account": "uuid", "epoch": "int8"},
)
_PROPOSED = Statement.of(
    f"{INTENT_ROWS} AND i.state IN ('proposed', 'approved')"
    " ORDER BY i.reduces DESC, i.kind = 'cancel', i.created_at, i.id LIMIT :limit",
    {"account": "uuid", "limit": "int8"},
)


class PostgresJournal:
    """The one writer of one account. Transactions are serialised, so events have one order and no gaps."""

    def __init__(self, engine: AsyncEngine, account: AccountRef, *, clock: Clock, ids: Ids) -> None:
        self._engine = engine
        self._account = account
        self._clock = clock
        self._ids = ids
        self._serial = asyncio.Lock()
        self._lines = lines_of(engine)
        self._at_once = AtOnce(engine, account)
        self._rows = ReadingRows(engine, account)
        self._read: dict[UUID, Row] = {}  # the places that waited when they were last looked at
        self._opened: dict[RequestId, dict[str, Any]] = {}  # opened at once and not answered: their orders as told

    @asynccontextmanager
    async def _transaction(self, source: EventSource) -> AsyncIterator[tuple[AsyncConnection, EventWriter]]:
        async with self._serial, self._engine.begin() as connection:
            events = EventWriter(connection, self._account, source)
            yield connection, events
            await events.flush()

    def _moves(self, connection: AsyncConnection, events: EventWriter) -> IntentMoves:
        return IntentMoves(connection, self._account, events, self._clock, self._ids)

    async def take_over(self) -> None:
        async with self._transaction("owner") as (connection, events):
            expired = await connection.execute(
                text(
                    "UPDATE intents SET state = 'expired', version = version + 1, updated_at = clock_timestamp()"  # noqa: S608
                    " WHERE account_id = :account AND NOT reduces AND state IN ('proposed', 'approved')"
                    f" RETURNING {MOVED}"
                ),
                {"account": self._account.id},
            )
            unknown = await connection.execute(
                text(
                    "UPDATE intents SET state = 'unknown', version = version + 1, updated_at = clock_timestamp()"  # noqa: S608
                    f" WHERE account_id = :account AND state = 'sending' RETURNING {MOVED}"
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
            moves = self._moves(connection, events)
            for row in [*expired.mappings(), *unknown.mappings()]:
                await moves.moved(row)

    async def proposed(self) -> Sequence[Intent]:
        found = await self._lines.fetch(_PROPOSED, {"account": self._account.id, "limit": _PROPOSED_MAX})
        rows = [cast(Row, row) for row in found]  # read by name alone, as a row is
        self._read = {row["id"]: row for row in rows if row["kind"] == "place"}
        return [intent_of_row(row) for row in rows]

    async def propose(
        self,
        body: OwnBody,
        *,
        source: OwnSource,
        reason: Reason,
        validity: timedelta | None = None,
        run_id: UUID | None = None,
    ) -> Proposed:
        async with self._transaction("owner") as (connection, events):
            moves = self._moves(connection, events)
            return await propose(moves, body, source=source, reason=reason, validity=validity, run_id=run_id)

    async def refuse(self, intent: Intent, reason: Reason) -> None:
        async with self._transaction("owner") as (connection, events):
            await self._moves(connection, events).end(intent, "refused", reason)

    async def withdraw(self, place: PlaceIntent, cancel: CancelIntent) -> None:
        async with self._transaction("owner") as (connection, events):
            unsent: tuple[IntentState, ...] = ("proposed", "approved")
            moves = self._moves(connection, events)
            if await moves.end(place, "expired", Reason("order.withdrawn"), only_from=unsent):
                await moves.end(cancel, "refused", Reason("order.already_final"), only_from=unsent)

    async def expire_overdue(self) -> None:
        """Looks first: nearly always nothing is."""
        (found,) = await self._lines.fetch(_LOOK, {"account": self._account.id, "epoch": self._account.epoch})
        if found["is_ours"] and not found["is_overdue"]:
            return
        async with self._transaction("owner") as (connection, events):
            expired = await connection.execute(
                text(
                    "UPDATE intents SET state = 'expired', version = version + 1, updated_at = clock_timestamp()"  # noqa: S608
                    " WHERE account_id = :account AND state IN ('proposed', 'approved')"
                    f" AND valid_until <= clock_timestamp() RETURNING {MOVED}"
                ),
                {"account": self._account.id},
            )
            moves = self._moves(connection, events)
            for row in expired.mappings():
                await moves.moved(row)

    async def open_request(self, intent: Intent, req_id: RequestId) -> OpenedRequest | None:
        return await self._open_at_once(intent, req_id) or await self._open_step_by_step(intent, req_id)

    async def _open_at_once(self, intent: Intent, req_id: RequestId) -> OpenedRequest | None:
        """None, and nothing is written, for whatever is not as it was when it was read, or was not read."""
        row = self._read.pop(intent.id, None)
        if row is None or not isinstance(intent, PlaceIntent) or intent.turns or intent.reduces:
            return None
        asked, shown = opening_asked(self._account, intent, row, req_id, _verdict(intent))
        async with self._serial:
            opened = await self._lines.fetch(OPENING, asked)
        if not opened:
            return None
        self._opened[req_id] = shown
        return OpenedRequest(req_id, opened[0]["attempt"], opened[0]["left_s"])

    async def open_own(self, own: OwnOrder, intent: PlaceIntent, req_id: RequestId) -> OpenedRequest | None:
        asked, shown = birth_asked(
            self._account, own, req_id, _verdict(intent), entry=self._ids.new(), at=self._clock.now()
        )
        async with self._serial:
            found = await self._lines.fetch(BIRTH, asked)
        if not found:
            async with self._transaction("owner"):
                return None  # its id is known; with the account lost this raises
        (born,) = found
        times = {name: born[name] for name in ("created_ms", "valid_until_ms")}
        self._opened[req_id] = shown | times
        return OpenedRequest(req_id, 1, born["left_s"])

    async def _open_step_by_step(self, intent: Intent, req_id: RequestId) -> OpenedRequest | None:
        async with self._transaction("owner") as (connection, events):
            moves = self._moves(connection, events)
            why = await self._outdated(connection, intent)
            if why is not None:
                if not await moves.end(intent, "refused", why):
                    await moves.end(intent, "expired", why)  # an attempt of it left already, and did not happen
                return None
            opened = await connection.execute(
                text(
                    "UPDATE intents SET state = 'sending', version = version + 1, updated_at = clock_timestamp(),"  # noqa: S608
                    " verdict = coalesce(CAST(:verdict AS jsonb), verdict)"
                    " WHERE id = :id AND account_id = :account AND state IN ('proposed', 'approved', 'sending')"
                    f" AND (valid_until IS NULL OR valid_until > clock_timestamp()) RETURNING {MOVED},"
                    " CAST(EXTRACT(EPOCH FROM valid_until - clock_timestamp()) AS double precision) AS left_s"
                ),
                {"id": intent.id, "account": self._account.id, "verdict": _verdict(intent)},
            )
            row = opened.mappings().one_or_none()
            if row is None:
                await moves.end(intent, "expired", None)
                return None
            attempt = await open_attempt(connection, self._account, intent, req_id)
            await moves.tell(row)
            return OpenedRequest(req_id, attempt, row["left_s"])

    async def _outdated(self, connection: AsyncConnection, intent: Intent) -> Reason | None:
        """By what is booked in this transaction. A plain order that opens is about nothing but itself."""
        if isinstance(intent, LeverageIntent | PositionModeIntent | MarginModeIntent) or (
            isinstance(intent, PlaceIntent) and not (intent.turns or intent.reduces)
        ):
            return None
        found = await connection.execute(
            text(f"{INTENT_ROWS} AND i.id = :id"), {"account": self._account.id, "id": intent.id}
        )
        row = found.mappings().one_or_none()
        return None if row is None else outdated(intent_of_row(row))

    async def reject(self, intent: Intent, reason: Reason) -> None:
        async with self._transaction("rest") as (connection, events):
            await self._moves(connection, events).end(intent, "rejected", reason)

    async def answer(self, intent: Intent, request: OpenedRequest, answer: Answer) -> None:
        if not await self._answer_at_once(intent, request, answer):
            await self._answer_step_by_step(intent, request, answer)

    async def _answer_at_once(self, intent: Intent, request: OpenedRequest, answer: Answer) -> bool:
        """False, and nothing is written, for whatever is not as it was when its request was opened at once."""
        shown = self._opened.pop(request.req_id, None)
        if shown is None or not (isinstance(intent, PlaceIntent) and isinstance(answer, AnsweredAcknowledged)):
            return False
        if answer.exchange_order_id is None:
            return False
        asked = answering_asked(
            self._account,
            intent,
            shown,
            request.req_id,
            answer.exchange_order_id,
            answer.trace,
            entry=self._ids.new(),
            at=self._clock.now(),
        )
        async with self._serial:
            return bool(await self._lines.fetch(ANSWERING, asked))

    async def _answer_step_by_step(self, intent: Intent, request: OpenedRequest, answer: Answer) -> None:
        async with self._transaction("rest") as (connection, events):
            moves = self._moves(connection, events)
            match answer:
                case AnsweredAcknowledged(exchange_order_id=order, trace=trace):
                    await close_attempt(connection, self._account, request, "acknowledged", trace)
                    if isinstance(intent, PlaceIntent) and order is not None:
                        await moves.keep_exchange_order_id(intent, order)
                    await moves.end(intent, "acknowledged", None)
                case AnsweredRefused(reason=reason, trace=trace):
                    await close_attempt(connection, self._account, request, "refused", trace)
                    await moves.end(intent, "rejected", reason)
                case AnsweredNotSent(reason=reason, trace=trace, retry=retry):
                    await close_attempt(connection, self._account, request, "not_sent", trace)
                    if not retry:
                        await moves.end(intent, "expired", reason)
                case AnsweredAgainLater(trace=trace):
                    await close_attempt(connection, self._account, request, "refused", trace)
                case AnsweredUnknown(reason=reason, trace=trace):
                    await close_attempt(connection, self._account, request, "unknown", trace)
                    await moves.end(intent, "unknown", reason)
                case _:
                    assert_never(answer)

    async def unknowns(self) -> Sequence[UnknownIntent]:
        return await self._rows.unknowns()

    async def resolve(
        self,
        intent: Intent,
        *,
        happened: bool,
        source: EventSource = "reconciliation",
        reason: Reason | None = None,
        attempts: int | None = None,
    ) -> bool:
        async with self._transaction(source) as (connection, events):
            if attempts is not None and attempts != await count_attempts(connection, self._account, intent):
                return False
            state: IntentState = "acknowledged" if happened else "not_placed"
            return await self._moves(connection, events).end(intent, state, reason, only_from=("unknown",))

    async def book(self, facts: Sequence[Fact], source: EventSource) -> None:
        async with self._transaction(source) as (connection, events):
            await self._book(connection, facts, events)

    async def confirm(self, intent: ReadBackIntent, facts: Sequence[Fact], source: EventSource) -> None:
        async with self._transaction(source) as (connection, events):
            await self._book(connection, facts, events)
            await self._moves(connection, events).read_back(intent)

    async def _book(self, connection: AsyncConnection, facts: Sequence[Fact], events: EventWriter) -> None:
        drifts: list[Drift] = []
        old_news = await OldNews.of(connection, self._account, facts)
        for fact in facts:
            if old_news.covers(fact):
                continue
            match fact:
                case RemoteOrder():
                    drifts += await book_order(connection, self._account, self._ids, fact, events)
                case Execution():
                    await book_execution(connection, self._account, fact, events)
                case RemotePosition():
                    await book_position(connection, self._account, fact, events)
                case Wallet():
                    await book_wallet(connection, self._account, fact, events)
                case SymbolMode():
                    await book_symbol_mode(connection, self._account, fact, events)
                case AccountModes():
                    await book_modes(connection, self._account, fact, events)
                case _:
                    assert_never(fact)
        await tell_drifts(connection, self._account, self._ids, drifts, events)

    async def live_orders(self) -> Sequence[LiveOrder]:
        return await self._rows.live_orders()

    async def end_unseen(self, order: LiveOrder) -> None:
        async with self._transaction("reconciliation") as (connection, events):
            await end_unseen(connection, self._account, order.exchange_order_id, events)

    async def begin_reading(self) -> Reading:
        return await self._rows.begin()

    async def note_reconciled(self, began_at: datetime, modes: AccountModes) -> None:
        async with self._serial:
            noted = await self._at_once.ask(NOTE_RECONCILED, began=began_at, mode=modes.margin_mode)
        if noted["is_done"]:
            return
        async with self._transaction("reconciliation") as (connection, events):
            await note_reconciled(connection, self._account, began_at, modes, events)

    async def note_symbol(self, facts: SymbolFacts) -> None:
        async with self._transaction("reconciliation") as (connection, events):
            await note_symbol(connection, self._account, facts)
            events.hint()

    async def executions_read_until(self) -> datetime | None:
        return await self._rows.read_until()

    async def note_executions_read(self, until: datetime) -> None:
        async with self._serial:
            await self._at_once.ask(NOTE_READ, until=until)

    async def position_breaks(
        self, positions: Sequence[RemotePosition], listed: Listed | None = None
    ) -> Sequence[Drift] | None:
        async with self._serial:
            found = await self._at_once.rows(SIZES, **sizes_asked(listed))
        if are_based(found):
            return breaks_of(found, positions)
        async with self._transaction("reconciliation") as (connection, _):
            return await position_breaks(connection, self._account, positions, listed)

    async def flatten_absent(self, positions: Sequence[RemotePosition]) -> None:
        named = [f"{p.instrument.category} {p.instrument.symbol} {p.position_index}" for p in positions]
        async with self._serial:
            if not (await self._at_once.ask(HAS_ABSENT, named=encode_json(named)))["has_work"]:
                return
        async with self._transaction("reconciliation") as (connection, events):
            await flatten_absent(connection, self._account, positions, events)

    async def forget_events(self, *, keep: int) -> None:
        async with self._serial:
            await self._at_once.ask(FORGET_EVENTS, keep=keep)

    async def keep_protection(self, guarded: Guarded, news: ProtectionNews | None) -> None:
        async with self._transaction("owner") as (connection, events):
            await keep_guarded(connection, self._account, guarded, news, events)

    async def record_drift(self, drifts: Sequence[Drift], *, compared: Collection[str] = ()) -> None:
        async with self._serial:
            look = None if drifts else await self._at_once.ask(HAS_UNFOUND, kinds=encode_json(sorted(compared)))
        if look is not None and not look["has_work"]:
            return
        async with self._transaction("reconciliation") as (connection, events):
            await end_unfound(connection, self._account, drifts, compared, events)
            await tell_drifts(connection, self._account, self._ids, drifts, events)

    async def set_session(self, state: SessionState, reason: Fault | None) -> None:
        async with self._transaction("owner") as (connection, events):
            await set_session(connection, self._account, state, reason, events)


def _verdict(intent: Intent) -> str | None:
    verdict = intent.verdict if isinstance(intent, PlaceIntent | AmendIntent) else None
    return None if verdict is None else encode_json(verdict)
