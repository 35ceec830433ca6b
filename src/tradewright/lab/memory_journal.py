"""The port `Journal` in memory: the same promises as the one on PostgreSQL, held to the same contract suite.

Lives here: `MemoryJournal`. Each method waits before and after its commit at a named point, where a test may slow it,
fail it or kill the process; the change between is one synchronous step. What was not committed at a kill is lost, and
an error after the commit is an outcome that the caller cannot know.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, assert_never
from uuid import UUID

from tradewright.core.clock import Clock, Ids
from tradewright.core.errors import Trace
from tradewright.core.fault import Fault
from tradewright.core.ids import ExchangeOrderId, IntentId, RequestId, intent_of, link_id_of
from tradewright.core.money import ZERO, plain
from tradewright.core.order import (
    FINAL_STATES,
    UNSEEN,
    AccountModes,
    CoinBalance,
    Execution,
    RemoteOrder,
    RemotePosition,
    SymbolMode,
    TrackedOrder,
    Wallet,
    apply,
)
from tradewright.core.order_status import IntentState, states_before
from tradewright.lab.memory_database import (
    DifferenceRow,
    EventRow,
    ExecutionRow,
    IntentRow,
    MemoryDatabase,
    OrderRow,
    PositionRow,
    RequestRow,
)
from tradewright.trading.bodies import OwnBody
from tradewright.trading.checks import outdated
from tradewright.trading.differences.model import Known, State, follows, foreign_part
from tradewright.trading.guardian.model import Guarded, ProtectionNews
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
    Listed,
    LiveOrder,
    OpenedRequest,
    Reading,
    UnknownIntent,
    signed_quantity,
)
from tradewright.trading.model import (
    AmendIntent,
    CancelIntent,
    EventSource,
    Intent,
    OwnSource,
    PlaceIntent,
    Proposed,
    ReadBackIntent,
    Reason,
    SessionState,
    SymbolFacts,
)
from tradewright.trading.own_orders import OwnOrder
from tradewright.trading.ownership import Dispossessed
from tradewright.trading.sizes import subject_of

Point = Callable[[str], Awaitable[None]]
_SETTINGS = ("leverage", "exits", "position_mode", "margin_mode")
_UNSENT: tuple[IntentState, ...] = ("proposed", "approved")


async def _pass(_name: str) -> None:
    return None


class MemoryJournal:
    """The one writer of a `MemoryDatabase`. `point` is awaited around each commit: `<method>.before` and `.after`."""

    def __init__(
        self, database: MemoryDatabase, *, clock: Clock, ids: Ids, point: Point = _pass, epoch: int = 0
    ) -> None:
        self._db = database
        self._clock = clock
        self._ids = ids
        self._point = point
        self._epoch = epoch
        self._serial = asyncio.Lock()

    @asynccontextmanager
    async def _transaction(self, name: str, source: EventSource) -> AsyncIterator[_Told]:
        async with self._serial:
            await self._point(f"{name}.before")
            if self._db.epoch != self._epoch:
                raise Dispossessed(f"a newer owner than epoch {self._epoch}")
            told = _Told(self._db, source)
            yield told
            told.flush()
            await self._point(f"{name}.after")

    async def take_over(self) -> None:
        async with self._transaction("take_over", "owner") as told:
            for row in self._db.intents.values():
                if not row.reduces and row.state in _UNSENT:
                    self._move(row, "expired", None, told)
                elif row.state == "sending":
                    self._move(row, "unknown", None, told)
            for request in self._db.requests.values():
                if request.outcome is None:
                    request.outcome = "unknown"

    async def proposed(self) -> Sequence[Intent]:
        await self._point("proposed.read")
        unsent = [row for row in self._db.intents.values() if row.state in _UNSENT]
        rows = sorted(unsent, key=lambda row: (not row.reduces, row.kind == "cancel", row.number))
        return [self._value(row) for row in rows[:100]]

    async def propose(
        self,
        body: OwnBody,
        *,
        source: OwnSource,
        reason: Reason,
        validity: timedelta | None = None,
        run_id: UUID | None = None,
    ) -> Proposed:
        async with self._transaction("propose", "owner") as told:
            outcome = self._db.propose_own(body, self._clock.now(), source=source, validity=validity, run_id=run_id)
            if outcome == "proposed":
                self._tell(self._db.intents[body.id], told)
            return outcome

    async def refuse(self, intent: Intent, reason: Reason) -> None:
        async with self._transaction("refuse", "owner") as told:
            self._end(intent.id, "refused", reason, told)

    async def withdraw(self, place: PlaceIntent, cancel: CancelIntent) -> None:
        async with self._transaction("withdraw", "owner") as told:
            if self._db.intents[place.id].state in _UNSENT:
                self._end(place.id, "expired", Reason("order.withdrawn"), told)
                self._end(cancel.id, "refused", Reason("order.already_final"), told)

    async def expire_overdue(self) -> None:
        async with self._transaction("expire_overdue", "owner") as told:
            for row in self._db.intents.values():
                if row.state in _UNSENT and self._overdue(row):
                    self._move(row, "expired", None, told)

    async def open_request(self, intent: Intent, req_id: RequestId) -> OpenedRequest | None:
        async with self._transaction("open_request", "owner") as told:
            row = self._db.intents[intent.id]
            why = outdated(self._value(row))
            if why is not None:
                self._end(intent.id, "refused" if row.state in _UNSENT else "expired", why, told)
                return None
            if row.state not in (*_UNSENT, "sending") or self._overdue(row):
                self._end(intent.id, "expired", None, told)
                return None
            if isinstance(intent, PlaceIntent | AmendIntent) and intent.verdict is not None:
                row.verdict = intent.verdict
            attempt = 1 + max((r.attempt for r in self._db.requests_of(intent.id)), default=0)
            self._db.requests[req_id] = RequestRow(
                req_id=req_id,
                intent_id=intent.id,
                attempt=attempt,
                kind=intent.kind,
                created_at=self._clock.now(),
            )
            self._move(row, "sending", None, told)
            left_s = None if row.valid_until is None else (row.valid_until - self._clock.now()).total_seconds()
            return OpenedRequest(req_id, attempt, left_s)

    async def open_own(self, own: OwnOrder, intent: PlaceIntent, req_id: RequestId) -> OpenedRequest | None:
        async with self._transaction("open_own", "owner") as told:
            now = self._clock.now()
            if not self._db.write_own(own, intent, now):
                return None
            self._db.requests[req_id] = RequestRow(
                req_id=req_id, intent_id=intent.id, attempt=1, kind=intent.kind, created_at=now
            )
            self._tell(self._db.intents[intent.id], told)
            return OpenedRequest(req_id, 1, own.validity.total_seconds())

    async def reject(self, intent: Intent, reason: Reason) -> None:
        async with self._transaction("reject", "rest") as told:
            self._end(intent.id, "rejected", reason, told)

    async def answer(self, intent: Intent, request: OpenedRequest, answer: Answer) -> None:
        async with self._transaction("answer", "rest") as told:
            match answer:
                case AnsweredAcknowledged(exchange_order_id=order, trace=trace):
                    self._close(request, "acknowledged", trace)
                    if isinstance(intent, PlaceIntent):
                        self._db.intents[intent.id].exchange_order_id = order
                    self._end(intent.id, "acknowledged", None, told)
                case AnsweredRefused(reason=reason, trace=trace):
                    self._close(request, "refused", trace)
                    self._end(intent.id, "rejected", reason, told)
                case AnsweredNotSent(reason=reason, trace=trace, retry=retry):
                    self._close(request, "not_sent", trace)
                    if not retry:
                        self._end(intent.id, "expired", reason, told)
                case AnsweredAgainLater(trace=trace):
                    self._close(request, "refused", trace)
                case AnsweredUnknown(reason=reason, trace=trace):
                    self._close(request, "unknown", trace)
                    self._end(intent.id, "unknown", reason, told)
                case _:
                    assert_never(answer)

    async def unknowns(self) -> Sequence[UnknownIntent]:
        await self._point("unknowns.read")
        rows = sorted((r for r in self._db.intents.values() if r.state == "unknown"), key=lambda r: r.number)
        return [
            UnknownIntent(
                self._value(row),
                self._signed_by(row.id),
                is_duplicate=row.reason is not None and row.reason.code == "exchange.duplicate",
                last_signed=max(
                    (
                        request.signed_at
                        for request in self._db.requests.values()
                        if request.intent_id == row.id and request.signed_at is not None
                    ),
                    default=None,
                ),
                attempts=len(self._db.requests_of(row.id)),
                is_being_sent=any(request.outcome is None for request in self._db.requests_of(row.id)),
            )
            for row in rows
        ]

    async def resolve(
        self,
        intent: Intent,
        *,
        happened: bool,
        source: EventSource = "reconciliation",
        reason: Reason | None = None,
        attempts: int | None = None,
    ) -> bool:
        async with self._transaction("resolve", source) as told:
            if attempts is not None and attempts != len(self._db.requests_of(intent.id)):
                return False
            if self._db.intents[intent.id].state != "unknown":
                return False
            self._end(intent.id, "acknowledged" if happened else "not_placed", reason, told)
            return True

    async def end_unseen(self, order: LiveOrder) -> None:
        async with self._transaction("end_unseen", "reconciliation") as told:
            row = self._db.orders[order.exchange_order_id]
            if row.tracked.state not in FINAL_STATES:
                row.tracked = replace(row.tracked, state="cancelled", reject_reason=UNSEEN)
                told.order(row.id)

    async def book(self, facts: Sequence[Fact], source: EventSource) -> None:
        async with self._transaction("book", source) as told:
            self._book(facts, told)

    async def confirm(self, intent: ReadBackIntent, facts: Sequence[Fact], source: EventSource) -> None:
        async with self._transaction("confirm", source) as told:
            self._book(facts, told)
            row = self._db.intents[intent.id]
            if row.state == "acknowledged" and not row.is_read_back:
                row.is_read_back = True
                row.version += 1
                row.updated_at = self._clock.now()
                self._tell(row, told)

    async def begin_reading(self) -> Reading:
        await self._point("begin_reading.read")
        rows = [
            row
            for row in self._db.intents.values()
            if row.state == "acknowledged" and not row.is_read_back
            if row.kind in ("amend", *_SETTINGS) or (row.kind == "cancel" and self._lives(row.target_id))
        ]
        values = [self._value(row) for row in rows]
        unread = [value for value in values if isinstance(value, ReadBackIntent)]
        return Reading(self._clock.now(), unread, self._db.wallet_reported_at)

    def _lives(self, order_id: UUID | None) -> bool:
        order = self._db.order_by_id(order_id)
        return order is not None and order.tracked.state not in FINAL_STATES

    async def note_reconciled(self, began_at: datetime, modes: AccountModes) -> None:
        async with self._transaction("note_reconciled", "reconciliation") as told:
            self._db.reconciled_at = max(self._db.reconciled_at or began_at, began_at)
            told.hint()
            self._book_modes(modes, told)

    async def note_symbol(self, facts: SymbolFacts) -> None:
        async with self._transaction("note_symbol", "reconciliation") as told:
            self._db.symbols[facts.instrument] = facts
            told.hint()

    async def live_orders(self) -> Sequence[LiveOrder]:
        await self._point("live_orders.read")
        due = self._clock.now() - REPORT_DUE
        live = [
            LiveOrder(
                ExchangeOrderId(key),
                row.report.link_id,
                row.report.instrument,
                row.tracked.state,
                is_fresh=row.updated_at > due,
            )
            for key, row in self._db.orders.items()
            if row.tracked.state not in FINAL_STATES
        ]
        unreported = [
            LiveOrder(row.exchange_order_id or ExchangeOrderId(""), link_id_of(row.id), row.instrument, "acknowledged")
            for row in self._db.intents.values()
            if row.order is not None and row.state == "acknowledged" and row.updated_at <= due
            if self._db.order_of(row.id) is None
        ]
        return live + unreported

    async def executions_read_until(self) -> datetime | None:
        await self._point("executions_read_until.read")
        return self._db.executions_read_until

    async def note_executions_read(self, until: datetime) -> None:
        async with self._transaction("note_executions_read", "reconciliation"):
            self._db.executions_read_until = max(self._db.executions_read_until or until, until)

    async def position_breaks(
        self, positions: Sequence[RemotePosition], listed: Listed | None = None
    ) -> Sequence[Drift] | None:
        async with self._transaction("position_breaks", "reconciliation"):
            if listed is not None and any(self._is_moving(row) for row in self._db.intents.values()):
                return None
            if listed is not None and any(
                row.execution.executed_at >= listed.since
                and row.execution.instrument.category != "spot"
                and row.execution.exec_type != "Funding"
                and (row.execution.exec_id not in listed.exec_ids or self._lacks_its_leg(row))
                for row in self._db.executions.values()
            ):
                return None
            found = []
            named = {
                _key(position): -position.size if position.side == "Sell" else position.size for position in positions
            }
            for key, held in sorted(self._db.positions.items()):
                theirs = named.get(key, ZERO)
                booked = sum(
                    (
                        signed_quantity(row.execution)
                        for row in self._db.executions.values()
                        if (row.execution.instrument.category, row.execution.instrument.symbol) == key[:2]
                        and row.position_index == key[2]
                    ),
                    ZERO,
                )
                if held.base_size is None:
                    held.base_size = theirs - booked
                ours = held.base_size + booked
                if ours != theirs:
                    found.append(Drift("position.size", subject_of(*key), plain(ours), plain(theirs)))
            return found

    def _lacks_its_leg(self, row: ExecutionRow) -> bool:
        about = (row.execution.instrument.category, row.execution.instrument.symbol)
        has_legs = any(key[:2] == about and key[2] for key in self._db.positions)
        return has_legs and row.order_id is None and row.position_index == 0

    def _is_moving(self, row: IntentRow) -> bool:
        if row.order is None or row.instrument.category == "spot":
            return False
        is_taken = row.state == "acknowledged" and row.updated_at > self._clock.now() - REPORT_DUE
        return row.state in ("sending", "unknown") or (is_taken and self._db.order_of(row.id) is None)

    async def flatten_absent(self, positions: Sequence[RemotePosition]) -> None:
        async with self._transaction("flatten_absent", "reconciliation") as told:
            named = {_key(position) for position in positions}
            for key, row in self._db.positions.items():
                if key in named or row.position.size == 0:
                    continue
                row.position = replace(
                    row.position,
                    side=None,
                    size=ZERO,
                    entry_price=None,
                    liquidation_price=None,
                    unrealised_pnl=ZERO,
                    initial_margin=ZERO,
                    value=ZERO,
                    maintenance_margin=ZERO,
                    take_profit=None,
                    stop_loss=None,
                    trailing_stop=None,
                    break_even_price=None,
                )
                told.add("position", symbol=key[1], size="0")

    async def forget_events(self, *, keep: int) -> None:
        async with self._transaction("forget_events", "owner"):
            newest = self._db.newest_event
            gone = [
                event
                for event in self._db.events
                if event.seq <= newest - keep and event.kind in ("fill", "position", "balances", "session")
            ]
            self._db.events = [event for event in self._db.events if event not in gone]
            self._db.events_forgotten += len(gone)

    async def keep_protection(self, guarded: Guarded, news: ProtectionNews | None) -> None:
        async with self._transaction("keep_protection", "owner") as told:
            key = (guarded.instrument.category, guarded.instrument.symbol, guarded.position_index)
            self._db.protections[key] = guarded
            if news in ("removed", "flat"):
                del self._db.protections[key]
            if key in self._db.positions:
                told.add("position", symbol=key[1], protection=guarded.state)
            if news is not None:
                self._db.protection_news.append((self._clock.now(), news, guarded))
                told.add("protection", news=news, symbol=key[1])

    async def record_drift(self, drifts: Sequence[Drift], *, compared: Collection[str] = ()) -> None:
        async with self._transaction("record_drift", "reconciliation") as told:
            found = {(drift.kind, drift.subject) for drift in drifts}
            for row in self._db.differences:
                is_looked_for = row.kind in compared and (row.kind, row.subject) not in found
                if is_looked_for and row.state in ("open", "ignored"):
                    told.difference(row, "gone")
            for drift in drifts:
                told.drift(drift)

    async def set_session(self, state: SessionState, reason: Fault | None) -> None:
        async with self._transaction("set_session", "owner") as told:
            if self._db.session != (state, reason):
                self._db.session = (state, reason)
                told.add("session", state=state, reason=reason)

    # What the methods above share.

    def _value(self, row: IntentRow) -> Intent:
        return self._db.intent_value(row, self._clock.now())

    def _overdue(self, row: IntentRow) -> bool:
        return row.valid_until is not None and row.valid_until <= self._clock.now()

    def _signed_by(self, intent_id: IntentId) -> datetime | None:
        open_ended = [r for r in self._db.requests_of(intent_id) if r.outcome == "unknown"]
        times = [request.signed_at for request in open_ended]
        known = [moment for moment in times if moment is not None]
        return max(known) if known and len(known) == len(times) else None

    def _move(self, row: IntentRow, state: IntentState, reason: Reason | None, told: _Told) -> None:
        row.state = state
        row.reason = reason
        row.version += 1
        row.updated_at = self._clock.now()
        self._tell(row, told)

    @staticmethod
    def _tell(row: IntentRow, told: _Told) -> None:
        if row.kind in _SETTINGS:
            told.hint()
        else:
            told.order(row.target_id or row.id)

    def _end(self, intent_id: IntentId, state: IntentState, reason: Reason | None, told: _Told) -> None:
        """Moves an unsettled intent on; one that evidence has settled meanwhile stays as it is."""
        row = self._db.intents[intent_id]
        if row.state in states_before(state):
            self._move(row, state, reason, told)

    def _close(self, request: OpenedRequest, outcome: str, trace: Trace) -> None:
        row = self._db.requests[request.req_id]
        if row.outcome is None:
            row.outcome, row.signed_at, row.ret_code = outcome, trace.signed_at, trace.ret_code

    def _book(self, facts: Sequence[Fact], told: _Told) -> None:
        for fact in facts:
            match fact:
                case RemoteOrder():
                    self._book_order(fact, told)
                case Execution():
                    self._book_execution(fact, told)
                case RemotePosition():
                    self._book_position(fact, told)
                case Wallet():
                    self._book_wallet(fact, told)
                case SymbolMode():
                    before = sum(self._db.hedged.values())
                    self._db.hedged[fact.instrument] = fact.hedge
                    if sum(self._db.hedged.values()) != before:
                        told.add("session", hedged=sum(self._db.hedged.values()))
                case AccountModes():
                    self._book_modes(fact, told)
                case _:
                    assert_never(fact)

    def _book_modes(self, modes: AccountModes, told: _Told) -> None:
        if self._db.margin_mode != modes.margin_mode:
            self._db.margin_mode = modes.margin_mode
            told.add("session", margin_mode=modes.margin_mode)

    def _book_order(self, report: RemoteOrder, told: _Told) -> None:
        row = self._db.orders.get(report.exchange_order_id) or self._renamed(report)
        moved = apply(None if row is None else row.tracked, report)
        if moved is None:
            return
        if row is not None:
            row.tracked = moved
            row.updated_at = self._clock.now()
            told.order(row.id)
            return
        self._insert_order(report, moved, told)

    def _renamed(self, report: RemoteOrder) -> OrderRow | None:
        if report.instrument.category != "spot" or report.state == "waiting_trigger" or not report.link_id:
            return None
        for key, row in self._db.orders.items():
            is_same = row.report.link_id == report.link_id and row.report.instrument == report.instrument
            if is_same and row.intent_id is not None and row.tracked.state == "waiting_trigger":
                self._db.orders[report.exchange_order_id] = self._db.orders.pop(key)
                return row
        return None

    def _insert_order(self, report: RemoteOrder, tracked: TrackedOrder, told: _Told) -> None:
        intent_id = intent_of(report.link_id)
        intent = None if intent_id is None else self._db.intents.get(intent_id)
        if intent is not None and intent.order is None:
            intent = None
        duplicate = intent is not None and self._db.order_of(intent.id) is not None
        owner = None if intent is None or duplicate else intent
        order_id: UUID = self._ids.new() if owner is None else owner.id
        self._db.orders[report.exchange_order_id] = OrderRow(
            id=order_id,
            intent_id=None if owner is None else owner.id,
            report=report,
            tracked=tracked,
            updated_at=self._clock.now(),
        )
        told.order(order_id)
        for exec_id, execution in sorted(self._db.executions.items()):
            if execution.execution.exchange_order_id == report.exchange_order_id and execution.order_id != order_id:
                execution.order_id, execution.position_index = order_id, report.position_index
                told.add("fill", id=exec_id, again=True)
        if owner is None:
            kind = "order.duplicate" if duplicate else "order.foreign"
            if duplicate or not (report.is_attached or report.state in FINAL_STATES):
                told.drift(Drift(kind, report.exchange_order_id, "", report.raw_status))
            return
        sent_again = owner.source == "kill"  # by its own id, and perhaps that is not written down yet
        if not sent_again and owner.state in (*_UNSENT, "not_placed", "rejected", "expired", "refused"):
            told.drift(Drift("order.unexpected", report.exchange_order_id, owner.state, report.raw_status))
        if owner.state != "acknowledged":
            owner.state, owner.reason, owner.version = "acknowledged", None, owner.version + 1
            owner.updated_at = self._clock.now()

    def _book_execution(self, execution: Execution, told: _Told) -> None:
        if execution.exec_id in self._db.executions:
            return
        order = self._db.orders.get(execution.exchange_order_id)
        intent_id = intent_of(execution.link_id)
        expected = intent_id if intent_id in self._db.intents else None
        asked = None if expected is None else self._db.intents[expected].order
        index = order.report.position_index if order is not None else (asked.position_index if asked else 0)
        row = ExecutionRow(execution, expected if order is None else order.id, index)
        self._db.executions[execution.exec_id] = row
        told.add("fill", id=execution.exec_id)

    def _book_position(self, position: RemotePosition, told: _Told) -> None:
        held = self._db.positions.get(_key(position))
        if held is None:
            self._db.positions[_key(position)] = PositionRow(position)
            if position.size != 0:
                told.add("position", symbol=position.instrument.symbol, size=plain(position.size))
            return
        older = held.position
        if (position.sequence, position.updated_at) < (older.sequence, older.updated_at):
            return
        held.position = position
        if _shown(older) != _shown(position):
            told.add("position", symbol=position.instrument.symbol, size=plain(position.size))

    def _book_wallet(self, wallet: Wallet, told: _Told) -> None:
        if not wallet.replaces(self._db.wallet_reported_at):
            return
        self._db.wallet_reported_at = wallet.reported_at
        before = (dict(self._db.balances), self._db.totals)
        self._db.balances.update(wallet.coins)
        if wallet.is_whole:
            self._db.balances.update({coin: _none_of(coin) for coin in self._db.balances.keys() - wallet.coins.keys()})
        self._db.totals = (wallet.total_equity, wallet.total_available)
        if before != (self._db.balances, self._db.totals):
            told.add("balances")


class _Told:
    """The events of one transaction, and whatever is told with them."""

    def __init__(self, database: MemoryDatabase, source: EventSource) -> None:
        self._db = database
        self._source = source
        self._events: list[tuple[str, UUID | None, dict[str, Any]]] = []
        self._hinted = False

    def hint(self) -> None:
        """Whoever waits for something that is no event is told to look."""
        self._hinted = True

    def add(self, event: str, ref: UUID | None = None, **payload: Any) -> None:
        self._events.append((event, ref, payload))

    def order(self, order_id: UUID) -> None:
        self.add("order", order_id)

    def drift(self, drift: Drift) -> None:
        """Each difference is told once."""
        same = [row for row in self._db.differences if (row.kind, row.subject) == (drift.kind, drift.subject)]
        row = same[-1] if same else None
        known = None if row is None else Known(row.state, row.ours, row.theirs, row.part)
        match follows(known, drift):
            case "same":
                return
            case "changed":
                assert row is not None
                part, row.part = row.part, foreign_part(drift)
                row.ours, row.theirs, row.version = drift.ours, drift.theirs, row.version + 1
                if part == row.part:
                    return
            case "new":
                if row is not None and row.state == "ignored":
                    row.state = "gone"
                row = self._db.found(drift)
                if row.state != "open":
                    return
        self.add("drift", kind=drift.kind, subject=drift.subject, theirs=drift.theirs)

    def difference(self, row: DifferenceRow, state: State, why: str | None = None) -> None:
        """What became of one."""
        row.state, row.why, row.version, row.told = state, why, row.version + 1, True
        self.add("difference", row.id, state=state)

    def flush(self) -> None:
        for kind, ref, payload in self._events:
            self._db.events.append(EventRow(self._db.newest_event + 1, kind, self._source, ref, payload))
        if self._events or self._hinted:
            self._db.notified.append(self._db.newest_event)


def _none_of(coin: str) -> CoinBalance:
    return CoinBalance(
        coin=coin,
        wallet_balance=ZERO,
        equity=ZERO,
        order_margin=ZERO,
        position_margin=ZERO,
        unrealised_pnl=ZERO,
        usd_value=ZERO,
    )


def _key(position: RemotePosition) -> tuple[str, str, int]:
    return position.instrument.category, position.instrument.symbol, position.position_index


def _shown(position: RemotePosition) -> RemotePosition:
    return replace(position, mark_price=None, sequence=0, updated_at=datetime.max.replace(tzinfo=UTC))
