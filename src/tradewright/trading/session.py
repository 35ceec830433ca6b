"""The account session: the one owner of an account, from connecting to closed.

Lives here: `AccountSession`: it listens to the private stream, reconciles at the start and after each reconnect, takes
proposed intents through the checks to the exchange, and resolves what is unknown.
Not here: sending (`submission`), reading one thing after another was done (`look_backs`), evidence (`resolution`), the
whole read (`reconciliation`), storage (`journal`).

States: connecting → reconciling → ready → degraded → closed. Before the first reconciliation nothing is sent, but for
cancels and reduce-only orders once it has failed three times; while
degraded only what reduces or protects is: cancels, reduce-only orders, amends that only take quantity off, exits that
remove none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

import structlog

from tradewright.core.clock import Clock, Ids, Rng
from tradewright.core.errors import ExchangeUnavailable, ReadRefused
from tradewright.core.fault import Fault
from tradewright.core.ids import ExchangeOrderId, IntentId
from tradewright.core.instrument import Instrument, InstrumentId
from tradewright.core.order import FINAL_STATES, Execution, RemoteOrder, RemotePosition, Wallet
from tradewright.exchange.ports import OrderGateway, PrivateEvent, PrivateStream, StreamDown, StreamUp
from tradewright.trading.account_book import AccountBook
from tradewright.trading.beside import Companion, Held, Rule
from tradewright.trading.checks import as_sent, refusal
from tradewright.trading.crash_points import Reach, nowhere
from tradewright.trading.journal import Answer, AnsweredAcknowledged, AnsweredRefused, AnsweredUnknown, Fact, Journal
from tradewright.trading.kept_journal import KeptJournal
from tradewright.trading.look_backs import LookBacks
from tradewright.trading.model import (
    AccountRef,
    AmendIntent,
    CancelIntent,
    ExitsIntent,
    Intent,
    LeverageIntent,
    MarginModeIntent,
    PlaceIntent,
    PositionModeIntent,
    Reason,
    SessionState,
    instrument_of,
)
from tradewright.trading.ownership import Ownership, SoleOwner
from tradewright.trading.reconciliation import reconcile
from tradewright.trading.resolution import EvidenceRule, resolve_unknowns
from tradewright.trading.risk.exposure import Exposure, Holdings
from tradewright.trading.submission import TOO_LATE_CODES, Submission, is_filter_refusal, is_too_late, submit

log = structlog.get_logger()

_POLL_SECONDS = 1.0  # behind the notifications
_RESOLVE_SECONDS = 2.0
_RECONCILE_EVERY_SECONDS = 180.0
_RECONCILE_ASKED_SECONDS = 1.0  # a whole reading is many requests: asked for, it comes at most so often
_RETRY_SECONDS_MAX = 10.0
_REFUSED_SECONDS_MAX = 60.0
_BATCH_MAX = 200  # reports booked in one transaction
_SENDS_AT_ONCE = 20
_EVENTS_WAITING_MAX = 20_000
_BLIND_AFTER = 3  # failed readings in a row before the first that succeeds: then cancels and closes go all the same
_LOOKS_BACK_SECONDS = 6 * 86_400.0
# Between cancels of an order that the exchange does not find and nobody saw end: together longer than an outcome
# stays unknown.
_CANCEL_PAUSES_SECONDS = (0.25, 0.5, 1.0, 2.0, *(4.0,) * 8)


async def _nobody_to_tell() -> None:
    return None


def _nothing_blocks() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class SessionParts:
    """What a session is built from; `instrument_of` answers None for what the exchange does not list.

    `instruments_stale` is awaited when the exchange refused an order by rules that are not those we hold. `book` is the
    account's memory, filled by the session, `exposure` what of it counts as risk, rebuilt from `holdings` at the start;
    `rules` may hold an intent back or refuse it, `companions` run beside.
    `ownership` is asked before anything leaves. `reach` is told of each crash point. `is_blocked`: a kill holds, so
    what opens must not leave, judged or not.
    """

    account: AccountRef
    gateway: OrderGateway
    stream: PrivateStream
    journal: Journal
    instrument_of: Callable[[InstrumentId], Instrument | None]
    clock: Clock
    ids: Ids
    rng: Rng
    evidence: EvidenceRule
    instruments_stale: Callable[[], Awaitable[None]] = _nobody_to_tell
    book: AccountBook = field(default_factory=AccountBook)
    exposure: Exposure = field(default_factory=Exposure)
    holdings: Callable[[], Awaitable[Holdings]] | None = None
    rules: Sequence[Rule] = ()
    companions: Sequence[Companion] = ()
    ownership: Ownership = field(default_factory=SoleOwner)
    reach: Reach = nowhere
    is_blocked: Callable[[], bool] = _nothing_blocks


class _ReconcileWanted:
    """Somebody asked for a reconciliation; it takes its place among the events."""


class _StoodStill:
    """The process has stood still: everything is to be read again."""


_Happened = PrivateEvent | _ReconcileWanted | _StoodStill


class AccountSession:
    """Runs until cancelled. A failure of the database ends it with that error; whoever runs it starts it anew."""

    def __init__(self, parts: SessionParts) -> None:
        parts = replace(
            parts, journal=KeptJournal(parts.journal, parts.book, parts.exposure, parts.clock, parts.holdings)
        )
        self._parts = parts
        self._submission = Submission(parts.gateway, parts.journal, parts.clock, parts.ids, parts.reach)
        self._log = log.bind(account_id=str(parts.account.id), environment=parts.account.environment)
        # Held while positions are read one by one, and while everything is: the one must not cross the other.
        self._positions = asyncio.Lock()
        self._look_backs = LookBacks(parts.gateway, parts.journal, parts.clock, self._positions)
        self._events: asyncio.Queue[_Happened] = asyncio.Queue(_EVENTS_WAITING_MAX)
        self._held_back: _Happened | None = None  # taken from the queue with a batch it does not belong to
        self._stream_is_up = False
        self._stream_generation = 0  # grows with every up and down
        self._state: SessionState = "connecting"
        self._was_ready = False
        self._intents_wanted = asyncio.Event()
        self._unknowns_wanted = asyncio.Event()
        self._opening_sends = asyncio.Semaphore(_SENDS_AT_ONCE)
        # Each of their own: a close never waits for a hundred cancels, and neither for an opening.
        self._reducing_sends = asyncio.Semaphore(_SENDS_AT_ONCE)
        self._cancel_sends = asyncio.Semaphore(_SENDS_AT_ONCE)
        self._sending: set[IntentId] = set()
        self._subjects: set[Hashable] = set()  # of what is being sent
        self._reconcile_is_wanted = False
        self._unwanted: set[UUID] = set()  # being sent, and a cancel was asked meanwhile
        self._first_seen: dict[IntentId, datetime] = {}
        self._missing: dict[ExchangeOrderId, datetime] = {}
        self._read_whole_s: float | None = None  # when everything was last read, by the monotonic clock
        self._failed_readings = 0  # since then
        self._stood_still = False  # and not everything was read since

    @property
    def account(self) -> AccountRef:
        return self._parts.account

    @property
    def state(self) -> SessionState:
        return self._state

    @property
    def book(self) -> AccountBook:
        return self._parts.book

    @property
    def exposure(self) -> Exposure:
        return self._parts.exposure

    @property
    def journal(self) -> Journal:
        return self._parts.journal

    @property
    def gateway(self) -> OrderGateway:
        return self._parts.gateway

    def wake(self) -> None:
        """There may be new intents. Only a hint: the session looks every second anyway."""
        self._intents_wanted.set()

    def want_reconcile(self) -> None:
        """Somebody wants everything read again. While the stream is down there is nothing to do: what follows its
        return is a reconciliation anyway."""
        if not self._reconcile_is_wanted and self._stream_is_up and not self._events.full():
            self._reconcile_is_wanted = True
            self._events.put_nowait(_ReconcileWanted())

    async def read_position(self, instrument: InstrumentId) -> None:
        """Reads the position and books it. Raises `ExchangeUnavailable`."""
        await self._look_backs.read_position(instrument)

    def note_standstill(self) -> None:
        """This process or its machine has stood still: what it knows may be old. Nothing that opens leaves before
        everything was read again, which begins now; a reading that is under way does not count."""
        self._stood_still = True
        self._stream_generation += 1
        if not self._events.full():  # else the next reading comes as it does after any burst
            self._events.put_nowait(_StoodStill())

    def want_symbol(self, instrument: InstrumentId) -> None:
        """Somebody wants to know what the exchange says of a symbol."""
        self._look_backs.want_symbol(instrument)

    async def run(self) -> None:
        try:
            await self._enter("connecting", None)
            self._parts.reach("takeover.begun")
            await self._parts.journal.take_over()
            self._parts.reach("takeover.done")
            self._unknowns_wanted.set()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._listen())
                tasks.create_task(self._follow())
                tasks.create_task(self._take_intents(tasks))
                tasks.create_task(self._resolve())
                tasks.create_task(self._look_backs.read_symbols())
                tasks.create_task(self._read_what_came_late())
                for companion in self._parts.companions:
                    tasks.create_task(companion.run(self))
        finally:
            await self._close()

    async def _read_what_came_late(self) -> None:
        """What the owner before had signed may be accepted for one more window: everything is read once more then.
        While the stream is down nobody need ask: what follows its return is a reading."""
        rule = self._parts.evidence
        await self._parts.clock.sleep((rule.recv_window + rule.clock_skew).total_seconds())
        self.want_reconcile()

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
        clock = self._parts.clock
        done_at = clock.monotonic()
        next_reconcile = done_at + _RECONCILE_EVERY_SECONDS
        while True:
            event = await self._next_event(next_reconcile - clock.monotonic())
            match event:
                case StreamDown(reason=reason, code=code):
                    fault = Fault("session.stream_down", {"cause": code}, reason)
                    await self._enter("degraded" if self._was_ready else "connecting", fault)
                case StreamUp() | None:
                    if self._stream_is_up:
                        self._reconcile_is_wanted = False  # whoever asks from here on is not served by this one
                        await self._reconcile_until_done()
                    done_at = clock.monotonic()
                    next_reconcile = done_at + _RECONCILE_EVERY_SECONDS
                    if self._reconcile_is_wanted:
                        next_reconcile = done_at + _RECONCILE_ASKED_SECONDS
                case _StoodStill():
                    if self._stood_still:
                        await self._enter("degraded" if self._was_ready else "connecting", Fault("session.stood_still"))
                        next_reconcile = clock.monotonic()  # if the stream is up; else its return brings it
                case _ReconcileWanted():
                    if self._reconcile_is_wanted:
                        next_reconcile = min(next_reconcile, done_at + _RECONCILE_ASKED_SECONDS)
                case RemoteOrder() | Execution() | RemotePosition() | Wallet():
                    facts = self._drain([event])
                    self._parts.reach("facts.taken")
                    await self._parts.journal.book(facts, "stream")
                    self._parts.reach("facts.booked")

    async def _next_event(self, timeout_seconds: float) -> _Happened | None:
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
            if isinstance(event, StreamUp | StreamDown | _ReconcileWanted | _StoodStill):
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
                async with self._positions:
                    await reconcile(
                        self._parts.gateway,
                        self._parts.journal,
                        self._parts.clock,
                        self._missing,
                        reach=self._parts.reach,
                        is_sending=lambda: bool(self._sending),
                    )
            except ExchangeUnavailable as error:
                self._log.warning("reconcile.failed", error=str(error))
                self._failed_readings += 1
                await self._enter("reconciling", Fault("session.reading_failed", detail=str(error)))
                await self._parts.clock.sleep(pause_seconds * (0.5 + self._parts.rng.random()))
                # What was judged and turned down is turned down again: a key that is refused is not tried in a loop.
                is_judged = isinstance(error, ReadRefused)
                pause_seconds = min(pause_seconds * 2, _REFUSED_SECONDS_MAX if is_judged else _RETRY_SECONDS_MAX)
                continue
            self._read_whole_s, self._failed_readings = self._parts.clock.monotonic(), 0
            if self._stream_generation != generation:
                return  # the stream went down meanwhile: whatever it said then is missing
            self._stood_still = False
            if self._state != "ready":
                await self._enter("ready", None)
            return

    # Intents.

    async def _take_intents(self, tasks: asyncio.TaskGroup) -> None:
        """Looks at what is proposed, one after another, and starts a send for each that may go."""
        while True:
            await self._wait(self._intents_wanted, _POLL_SECONDS)
            await self._parts.journal.expire_overdue()
            if not (self._was_ready or self.is_blind):
                continue
            # What is read may be older than the end of a send that was under way meanwhile. That one counts as still
            # under way, or the next change of the same thing would leave on word of a state that has passed.
            under_way, busy = set(self._sending), set(self._subjects)
            proposed = await self._parts.journal.proposed()
            unsent = {intent.id: intent for intent in proposed if isinstance(intent, PlaceIntent)}
            cancelled = {intent.target_id for intent in proposed if isinstance(intent, CancelIntent)}
            for intent in proposed:
                if intent.id in under_way | self._sending or intent.id in cancelled:
                    continue  # of what is cancelled before it left, the cancel below ends both
                if isinstance(intent, CancelIntent) and await self._is_before_its_order(intent, unsent):
                    continue
                if not self._may_go(intent) or intent.subject in busy or self._is_behind(intent):
                    continue  # it waits until it expires
                self._parts.reach("intent.taken")
                rules = self._rules_of(intent)
                reason = refusal(intent, rules) or self._ruled(intent)
                if isinstance(reason, Held):
                    continue
                if reason is not None:
                    await self._parts.journal.refuse(intent, reason)
                    continue
                self._parts.reach("intent.judged")
                self._sending.add(intent.id)
                self._subjects.add(intent.subject)
                busy.add(intent.subject)
                tasks.create_task(self._send(as_sent(intent, rules)))

    def _rules_of(self, intent: Intent) -> Instrument | None:
        about = instrument_of(intent)
        return None if about is None else self._parts.instrument_of(about)

    def _ruled(self, intent: Intent) -> Reason | Held | None:
        """The first rule's objection, if any has one."""
        return next((found for rule in self._parts.rules if (found := rule.judge(intent)) is not None), None)

    def _may_go(self, intent: Intent) -> bool:
        if not self._was_ready:
            is_safe = isinstance(intent, CancelIntent) or (isinstance(intent, PlaceIntent) and intent.reduces)
            return is_safe and self.is_blind and self._parts.ownership.lets_reduce
        if intent.reduces:
            return self._parts.ownership.lets_reduce
        is_sure = self._state == "ready" and self._stream_is_up and not self._stood_still
        return is_sure and self._parts.ownership.is_open

    @property
    def is_blind(self) -> bool:
        """Everything could not be read, again and again, and never was: only what takes something away may go."""
        return not self._was_ready and self._failed_readings >= _BLIND_AFTER

    def _has_read_lately(self) -> bool:
        """Whether what happened since an order was sent is booked, so that nothing shown of it means something: asked
        for by its client id alone, the exchange may look no further back than seven days."""
        read_s = self._read_whole_s
        return read_s is not None and self._parts.clock.monotonic() - read_s < _LOOKS_BACK_SECONDS

    def _is_behind(self, intent: Intent) -> bool:
        """Whether an earlier change of the same thing has not got through yet: it must not be overtaken."""
        is_behind = not isinstance(intent, CancelIntent) and intent.is_behind
        return is_behind or intent.subject in self._subjects

    async def _is_before_its_order(self, cancel: CancelIntent, unsent: Mapping[IntentId, PlaceIntent]) -> bool:
        """A cancel of what has not left yet ends both; one of what is on its way waits for its answer, and one of what
        nobody knows the outcome of waits until somebody does.

        Sent at once it could overtake its order, and the exchange could only say that it knows none.
        """
        if cancel.target_id in self._sending:
            self._unwanted.add(cancel.target_id)
            return True
        place = unsent.get(IntentId(cancel.target_id))
        if place is None:
            return cancel.is_early
        await self._parts.journal.withdraw(place, cancel)
        return True

    async def _send(self, intent: Intent) -> None:
        answer: Answer | None = None
        try:
            answer = await self._submit(intent)
            if isinstance(intent, CancelIntent) and is_too_late(answer, intent):
                answer = await self._cancel_until_gone(intent, answer)
        finally:
            self._sending.discard(intent.id)
            self._subjects.discard(intent.subject)
            self._parts.exposure.dropped(intent.id)  # it was judged, and came back without a request
            if intent.id in self._unwanted:
                self._unwanted.discard(intent.id)
                self._intents_wanted.set()  # its cancel waits
        await self._follow_up(intent, answer)

    async def _submit(self, intent: Intent) -> Answer | None:
        async with self._turns(intent):
            if not self._may_leave(intent) or intent.id in self._unwanted:
                return None  # still proposed: it is looked at again
            return await submit(
                self._submission,
                intent,
                may_go=self._may_leave,
                is_wanted=lambda sending: sending.id not in self._unwanted,
                objection=self._objection,
            )

    def _may_leave(self, intent: Intent) -> bool:
        """Asked again up to the last moment: a kill that came after the intent was judged stops it all the same, and so
        do prices that have grown old meanwhile."""
        if intent.reduces:
            return self._may_go(intent)
        return self._may_go(intent) and not self._parts.is_blocked() and self._ruled(intent) is None

    def _objection(self, intent: Intent) -> Reason | None:
        """Why there is no other attempt; what is only held waits."""
        found = None if intent.reduces else self._ruled(intent)
        return found if isinstance(found, Reason) else None

    def _turns(self, intent: Intent) -> asyncio.Semaphore:
        if isinstance(intent, CancelIntent):
            return self._cancel_sends
        return self._reducing_sends if intent.reduces else self._opening_sends

    async def _cancel_until_gone(self, cancel: CancelIntent, answer: AnsweredRefused) -> Answer | None:
        """The exchange knows no live order: only one that is seen to have ended needs no cancel any more. An order
        may have been acknowledged before a cancel finds it."""
        for pause_seconds in _CANCEL_PAUSES_SECONDS:
            order = await self._look_backs.order_of(cancel)
            if order is not None and order.state in FINAL_STATES:
                break
            await self._parts.clock.sleep(pause_seconds)
            again = await self._submit(cancel)
            if not is_too_late(again, cancel):
                return again
            answer = again
        await self._parts.journal.reject(cancel, answer.reason)
        return answer

    async def _follow_up(self, intent: Intent, answer: Answer | None) -> None:
        """What an answer leaves to be found out."""
        match answer, intent:
            case AnsweredUnknown(), _:
                self._unknowns_wanted.set()
            case AnsweredRefused(trace=trace), AmendIntent() if trace.ret_code in TOO_LATE_CODES:
                await self._look_backs.order_of(intent)
            case AnsweredRefused(trace=trace), PlaceIntent() | AmendIntent() if is_filter_refusal(trace):
                await self._parts.instruments_stale()
            case AnsweredAcknowledged(), (
                AmendIntent() | LeverageIntent() | ExitsIntent() | PositionModeIntent() | MarginModeIntent()
            ):
                await self._look_backs.read_back(intent)
                self._intents_wanted.set()  # another change of it may wait
            case _:
                pass

    async def _resolve(self) -> None:
        """Looks for unknown outcomes as soon as there is one, and again every two seconds while there are some."""
        waiting = 0
        while True:
            await self._wait(self._unknowns_wanted, _RESOLVE_SECONDS if waiting else None)
            before = waiting
            waiting = await resolve_unknowns(
                self._parts.gateway,
                self._parts.journal,
                self._parts.evidence,
                self._first_seen,
                self._positions,
                may_conclude=self._has_read_lately,
                reach=self._parts.reach,
            )
            if waiting < max(before, 1):
                self._intents_wanted.set()  # a cancel or a change may have waited for it

    async def _wait(self, wanted: asyncio.Event, timeout_seconds: float | None) -> None:
        try:
            async with asyncio.timeout(timeout_seconds):
                await wanted.wait()
        except TimeoutError:
            return
        wanted.clear()
