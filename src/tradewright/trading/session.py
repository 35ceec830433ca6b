"""The account session: the one owner of an account, from connecting to closed.

Lives here: `AccountSession`: it listens to the private stream, reconciles at the start and after each reconnect, takes
proposed intents through the checks to the exchange, and resolves what is unknown.
Not here: sending (`submission`), evidence (`resolution`), the whole read (`reconciliation`), storage (`journal`).

States: connecting → reconciling → ready → degraded → closed. Before the first reconciliation nothing is sent; while
degraded only what reduces (cancels, reduce-only orders) is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import structlog

from tradewright.core.clock import Clock, Ids, Rng
from tradewright.core.errors import ExchangeUnavailable
from tradewright.core.fault import Fault
from tradewright.core.ids import IntentId
from tradewright.core.instrument import Instrument, InstrumentId, order_problems
from tradewright.core.order import Execution, RemoteOrder, RemotePosition, Wallet
from tradewright.exchange.ports import OrderGateway, PrivateEvent, PrivateStream, StreamDown, StreamUp
from tradewright.trading.journal import AnsweredRefused, AnsweredUnknown, Fact, Journal
from tradewright.trading.model import AccountRef, CancelIntent, Intent, PlaceIntent, Reason, SessionState
from tradewright.trading.reconciliation import reconcile
from tradewright.trading.resolution import EvidenceRule, resolve_unknowns
from tradewright.trading.submission import TOO_LATE_CODES, Submission, submit

log = structlog.get_logger()

_POLL_SECONDS = 1.0  # behind the notifications
_RESOLVE_SECONDS = 2.0
_RECONCILE_EVERY_SECONDS = 180.0
_RETRY_SECONDS_MAX = 10.0
_BATCH_MAX = 200  # reports booked in one transaction
_SENDS_AT_ONCE = 20
_EVENTS_WAITING_MAX = 20_000


@dataclass(frozen=True, slots=True)
class SessionParts:
    """What a session is built from; `instrument_of` answers None for what the exchange does not list."""

    account: AccountRef
    gateway: OrderGateway
    stream: PrivateStream
    journal: Journal
    instrument_of: Callable[[InstrumentId], Instrument | None]
    clock: Clock
    ids: Ids
    rng: Rng
    evidence: EvidenceRule


class AccountSession:
    """Runs until cancelled. A failure of the database ends it with that error; whoever runs it starts it anew."""

    def __init__(self, parts: SessionParts) -> None:
        self._parts = parts
        self._submission = Submission(parts.gateway, parts.journal, parts.clock, parts.ids)
        self._log = log.bind(account_id=str(parts.account.id), environment=parts.account.environment)
        self._events: asyncio.Queue[PrivateEvent] = asyncio.Queue(_EVENTS_WAITING_MAX)
        self._held_back: PrivateEvent | None = None  # taken from the queue with a batch it does not belong to
        self._stream_is_up = False
        self._stream_generation = 0  # grows with every up and down
        self._state: SessionState = "connecting"
        self._was_ready = False
        self._intents_wanted = asyncio.Event()
        self._unknowns_wanted = asyncio.Event()
        self._opening_sends = asyncio.Semaphore(_SENDS_AT_ONCE)
        self._reducing_sends = asyncio.Semaphore(_SENDS_AT_ONCE)  # of their own: a cancel never waits for an opening
        self._sending: set[IntentId] = set()
        self._unwanted: set[UUID] = set()  # being sent, and a cancel was asked meanwhile
        self._first_seen: dict[IntentId, datetime] = {}

    def wake(self) -> None:
        """There may be new intents. Only a hint: the session looks every second anyway."""
        self._intents_wanted.set()

    async def run(self) -> None:
        try:
            await self._enter("connecting", None)
            await self._parts.journal.take_over()
            self._unknowns_wanted.set()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._listen())
                tasks.create_task(self._follow())
                tasks.create_task(self._take_intents(tasks))
                tasks.create_task(self._resolve())
        finally:
            await self._close()

    async def _close(self) -> None:
        await self._parts.stream.close()
        await self._parts.gateway.close()

    async def _enter(self, state: SessionState, reason: Fault | None) -> None:
        self._state = state
        self._log.info("session.state", state=state, reason=None if reason is None else reason.as_json())
        await self._parts.journal.set_session(state, reason)
        if state == "ready":
            self._was_ready = True
        self._intents_wanted.set()

    # The private stream.

    async def _listen(self) -> None:
        """Moves events from the stream to the queue at once: while a reconciliation reads, the queue is its buffer."""
        async for event in self._parts.stream.events():
            match event:
                case StreamUp():
                    self._stream_is_up = True
                    self._stream_generation += 1
                case StreamDown():
                    self._stream_is_up = False
                    self._stream_generation += 1
                case _:
                    pass
            await self._events.put(event)

    async def _follow(self) -> None:
        """Applies events in their order; every (re)connect begins with a reconciliation, and one comes now and then."""
        next_reconcile = self._parts.clock.monotonic() + _RECONCILE_EVERY_SECONDS
        while True:
            event = await self._next_event(next_reconcile - self._parts.clock.monotonic())
            match event:
                case StreamUp():
                    await self._reconcile_until_done()
                    next_reconcile = self._parts.clock.monotonic() + _RECONCILE_EVERY_SECONDS
                case StreamDown(reason=reason, code=code):
                    fault = Fault("session.stream_down", {"cause": code}, reason)
                    await self._enter("degraded" if self._was_ready else "connecting", fault)
                case None:
                    if self._stream_is_up:
                        await self._reconcile_until_done()
                    next_reconcile = self._parts.clock.monotonic() + _RECONCILE_EVERY_SECONDS
                case RemoteOrder() | Execution() | RemotePosition() | Wallet():
                    await self._parts.journal.book(self._drain([event]), "stream")

    async def _next_event(self, timeout_seconds: float) -> PrivateEvent | None:
        if self._held_back is not None:
            event, self._held_back = self._held_back, None
            return event
        if timeout_seconds <= 0:
            return None  # also when events never pause
        try:
            async with asyncio.timeout(timeout_seconds):  # not wait_for: until Python 3.12 it may swallow a cancel
                return await self._events.get()
        except TimeoutError:
            return None

    def _drain(self, facts: list[Fact]) -> list[Fact]:
        """Adds the facts that wait behind the first one, so that a burst is booked in one transaction."""
        while len(facts) < _BATCH_MAX and not self._events.empty():
            event = self._events.get_nowait()
            if isinstance(event, StreamUp | StreamDown):
                self._held_back = event
                break
            facts.append(event)
        return facts

    async def _reconcile_until_done(self) -> None:
        """Repeats a failed reconciliation with growing pauses, until it is done or the stream changed under it."""
        generation = self._stream_generation
        pause_seconds = 0.5
        if self._state != "ready":
            await self._enter("reconciling", None)
        while self._stream_is_up and self._stream_generation == generation:
            try:
                await reconcile(self._parts.gateway, self._parts.journal, self._parts.clock)
            except ExchangeUnavailable as error:
                self._log.warning("reconcile.failed", error=str(error))
                await self._enter("reconciling", Fault("session.reading_failed", detail=str(error)))
                await self._parts.clock.sleep(pause_seconds * (0.5 + self._parts.rng.random()))
                pause_seconds = min(pause_seconds * 2, _RETRY_SECONDS_MAX)
                continue
            if self._stream_generation != generation:
                return  # the stream went down meanwhile: whatever it said then is missing
            if self._state != "ready":
                await self._enter("ready", None)
            return

    # Intents.

    async def _take_intents(self, tasks: asyncio.TaskGroup) -> None:
        """Looks at what is proposed, one after another, and starts a send for each that may go."""
        while True:
            await self._wait(self._intents_wanted, _POLL_SECONDS)
            await self._parts.journal.expire_overdue()
            if not self._was_ready:
                continue
            proposed = await self._parts.journal.proposed()
            unsent = {intent.id: intent for intent in proposed if isinstance(intent, PlaceIntent)}
            for intent in proposed:
                if intent.id in self._sending:
                    continue
                if isinstance(intent, CancelIntent) and await self._is_before_its_order(intent, unsent):
                    continue
                if not self._may_go(intent):
                    continue  # it waits for the session until it expires
                refusal = self._refusal(intent)
                if refusal is not None:
                    await self._parts.journal.refuse(intent, refusal)
                    continue
                self._sending.add(intent.id)
                tasks.create_task(self._send(intent))

    def _may_go(self, intent: Intent) -> bool:
        return (self._state == "ready" and self._stream_is_up) or _reduces(intent)

    async def _is_before_its_order(self, cancel: CancelIntent, unsent: Mapping[IntentId, PlaceIntent]) -> bool:
        """A cancel of what has not left yet ends both; one of what is on its way waits for its answer.

        Sent at once it could overtake its order, and the exchange could only say that it knows none.
        """
        if cancel.target_id in self._sending:
            self._unwanted.add(cancel.target_id)
            return True
        place = unsent.get(IntentId(cancel.target_id))
        if place is None:
            return False
        await self._parts.journal.withdraw(place, cancel)
        return True

    def _refusal(self, intent: Intent) -> Reason | None:
        if isinstance(intent, CancelIntent):
            return Reason("order.already_final") if intent.target_final else None
        instrument = self._parts.instrument_of(intent.instrument)
        if instrument is None:
            return Reason("order.instrument_unknown", {"value": intent.instrument.symbol})
        problems = order_problems(
            instrument,
            side=intent.side,
            order_type=intent.order_type,
            quantity=intent.quantity,
            price=intent.price,
            reference_price=None,  # the request's own check has valued it; the exchange values it once more
            reduce_only=intent.reduce_only,
        )
        return Reason(problems[0].code, dict(problems[0].params)) if problems else None

    async def _send(self, intent: Intent) -> None:
        try:
            async with self._reducing_sends if _reduces(intent) else self._opening_sends:
                if not self._may_go(intent) or intent.id in self._unwanted:
                    return  # still proposed: it is looked at again
                answer = await submit(
                    self._submission,
                    intent,
                    may_go=self._may_go,
                    is_wanted=lambda sending: sending.id not in self._unwanted,
                )
        finally:
            self._sending.discard(intent.id)
            if intent.id in self._unwanted:
                self._unwanted.discard(intent.id)
                self._intents_wanted.set()  # its cancel waits
        if isinstance(answer, AnsweredUnknown):
            self._unknowns_wanted.set()
        if isinstance(intent, CancelIntent) and isinstance(answer, AnsweredRefused):
            await self._look_at_target(intent, answer)

    async def _look_at_target(self, intent: CancelIntent, answer: AnsweredRefused) -> None:
        """A cancel that came too late: what became of the order is asked at once, not left to the stream."""
        if answer.trace.ret_code not in TOO_LATE_CODES:
            return
        try:
            order = await self._parts.gateway.find_order(
                intent.instrument,
                link_id=intent.target_link_id,
                exchange_order_id=intent.target_exchange_order_id,
            )
        except ExchangeUnavailable as error:
            self._log.warning("cancel.look_failed", intent_id=str(intent.id), error=str(error))
            return
        if order is not None:
            await self._parts.journal.book([order], "reconciliation")

    async def _resolve(self) -> None:
        """Looks for unknown outcomes as soon as there is one, and again every two seconds while there are some."""
        waiting = 0
        while True:
            await self._wait(self._unknowns_wanted, _RESOLVE_SECONDS if waiting else None)
            waiting = await resolve_unknowns(
                self._parts.gateway, self._parts.journal, self._parts.evidence, self._first_seen
            )

    async def _wait(self, wanted: asyncio.Event, timeout_seconds: float | None) -> None:
        try:
            async with asyncio.timeout(timeout_seconds):
                await wanted.wait()
        except TimeoutError:
            return
        wanted.clear()


def _reduces(intent: Intent) -> bool:
    return isinstance(intent, CancelIntent) or (isinstance(intent, PlaceIntent) and intent.reduce_only)
