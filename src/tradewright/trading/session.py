"""The account session: the one owner of an account, from connecting to closed.

Lives here: `AccountSession`: it listens to the private stream, reconciles at the start and after each reconnect, says
what may be sent as things stand, and resolves what is unknown.
Not here: proposed intents on their way to the exchange (`intake`, `submission`), reading one thing after another was
done (`look_backs`), evidence (`resolution`), the whole read (`reconciliation`), storage (`journal`).

States: connecting → reconciling → ready → degraded → closed. Before the first reconciliation nothing is sent, but for
cancels and reduce-only orders once it has failed three times; while
degraded only what reduces or protects is: cancels, reduce-only orders, amends that only take quantity off, exits that
remove none.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

import structlog

from tradewright.core.errors import ExchangeUnavailable, ReadRefused
from tradewright.core.fault import Fault
from tradewright.core.ids import ExchangeOrderId
from tradewright.core.instrument import InstrumentId
from tradewright.core.order import Execution, RemoteOrder, RemotePosition, Wallet
from tradewright.exchange.ports import OrderGateway, PrivateEvent, StreamDown, StreamUp
from tradewright.trading.account_book import AccountBook
from tradewright.trading.arming.gate import ArmingRule
from tradewright.trading.beside import Held
from tradewright.trading.intake import Intake
from tradewright.trading.journal import Fact, Journal
from tradewright.trading.kept_journal import KeptJournal
from tradewright.trading.look_backs import LookBacks
from tradewright.trading.looks import Looks
from tradewright.trading.model import (
    AccountRef,
    CancelIntent,
    Intent,
    PlaceIntent,
    Reason,
    SessionState,
)
from tradewright.trading.own_orders import OwnOrder
from tradewright.trading.reconciliation import reconcile
from tradewright.trading.resolution import note_unknowns, resolve_unknowns
from tradewright.trading.risk.exposure import Exposure
from tradewright.trading.session_parts import SessionParts

log = structlog.get_logger()

_RESOLVE_SECONDS = 2.0
_UNTOLD_SECONDS = 5.0  # between looks for outcomes that nobody here was told to be unknown
_RECONCILE_EVERY_SECONDS = 180.0
_RECONCILE_ASKED_SECONDS = 1.0  # a whole reading is many requests: asked for, it comes at most so often
_RETRY_SECONDS_MAX = 10.0
_REFUSED_SECONDS_MAX = 60.0
_BATCH_MAX = 200  # reports booked in one transaction
_EVENTS_WAITING_MAX = 20_000
_BLIND_AFTER = 3  # failed readings in a row before the first that succeeds: then cancels and closes go all the same
_LOOKS_BACK_SECONDS = 6 * 86_400.0


class _ReconcileWanted:
    """Somebody asked for a reconciliation; it takes its place among the events."""


class _StoodStill:
    """The process has stood still: everything is to be read again."""


_Happened = PrivateEvent | _ReconcileWanted | _StoodStill


class AccountSession:
    """Runs until cancelled. A failure of the database ends it with that error; whoever runs it starts it anew."""

    def __init__(self, parts: SessionParts) -> None:
        if parts.account.environment == "live" and not any(isinstance(rule, ArmingRule) for rule in parts.rules):
            raise AssertionError(
                f"the session of the live account {parts.account.id} has nobody who asks whether it is armed"
            )
        parts = replace(
            parts, journal=KeptJournal(parts.journal, parts.book, parts.exposure, parts.clock, parts.holdings)
        )
        self._parts = parts
        self._log = log.bind(account_id=str(parts.account.id), environment=parts.account.environment)
        # Held while positions are read one by one, and while everything is: the one must not cross the other.
        self._positions = asyncio.Lock()
        self._look_backs = LookBacks(parts.gateway, parts.journal, parts.clock, self._positions, parts.book.owed)
        self._events: asyncio.Queue[_Happened] = asyncio.Queue(_EVENTS_WAITING_MAX)
        self._held_back: _Happened | None = None  # taken from the queue with a batch it does not belong to
        self._stream_is_up = False
        self._stream_generation = 0  # grows with every up and down
        self._state: SessionState = "connecting"
        self._was_ready = False
        self._unknowns_wanted = asyncio.Event()
        self._tasks: asyncio.TaskGroup | None = None  # while it runs
        self._reconcile_is_wanted = False
        self._looks = Looks()
        self._missing: dict[ExchangeOrderId, datetime] = {}
        self._read_whole_s: float | None = None  # when everything was last read, by the monotonic clock
        self._failed_readings = 0  # since then
        self._stood_still = False  # and not everything was read since
        self._intake = Intake(
            parts,
            self._look_backs,
            may_look=lambda: self._was_ready or self.is_blind,
            may_go=self._may_go,
            note_unknown=self._unknowns_wanted.set,
        )

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
        self._intake.wake()

    def want_reconcile(self) -> None:
        """Somebody wants everything read again. While the stream is down there is nothing to do: what follows its
        return is a reconciliation anyway."""
        if not self._reconcile_is_wanted and self._stream_is_up and not self._events.full():
            self._reconcile_is_wanted = True
            self._events.put_nowait(_ReconcileWanted())

    def place(self, own: OwnOrder) -> Reason | Held | None:
        """As `SessionView` says."""
        if self._tasks is None:
            return Held(Reason("order.held"))
        return self._intake.place(own, self._tasks)

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
                self._tasks = tasks
                tasks.create_task(self._listen())
                tasks.create_task(self._follow())
                tasks.create_task(self._intake.run(tasks))
                tasks.create_task(self._resolve())
                tasks.create_task(self._look_backs.read_symbols())
                tasks.create_task(self._look_backs.read_owed())
                tasks.create_task(self._read_what_came_late())
                for companion in self._parts.companions:
                    tasks.create_task(companion.run(self))
        finally:
            self._tasks = None
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
        self._intake.wake()

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
                        waits_beside=self._parts.waits_beside,
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

    # What may go, and what is unknown.

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

    def _may_conclude(self) -> bool:
        """Whether what happened since an order was sent is booked, so that nothing shown of it means something: asked
        for by its client id alone, the exchange may look no further back than seven days. Another attempt of it must
        not wait beside the database either."""
        if self._parts.waits_beside():
            return False
        read_s = self._read_whole_s
        return read_s is not None and self._parts.clock.monotonic() - read_s < _LOOKS_BACK_SECONDS

    async def _resolve(self) -> None:
        """Looks for unknown outcomes as soon as there is one, and again every two seconds while there are some; now and
        then all the same: the kill switch writes its own down beside the session."""
        waiting = 0
        with suppress(ExchangeUnavailable):
            await note_unknowns(self._parts.gateway, self._parts.journal, self._looks)
        while True:
            await self._wait(self._unknowns_wanted, _RESOLVE_SECONDS if waiting else _UNTOLD_SECONDS)
            before = waiting
            waiting = await resolve_unknowns(
                self._parts.gateway,
                self._parts.journal,
                self._parts.evidence,
                self._looks,
                self._positions,
                may_conclude=self._may_conclude,
                reach=self._parts.reach,
            )
            if waiting < max(before, 1):
                self._intake.wake()  # a cancel or a change may have waited for it

    async def _wait(self, wanted: asyncio.Event, timeout_seconds: float | None) -> None:
        try:
            async with asyncio.timeout(timeout_seconds):
                await wanted.wait()
        except TimeoutError:
            return
        wanted.clear()
