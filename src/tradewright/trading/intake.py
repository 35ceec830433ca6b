"""Intents from proposed to sent: which may go now, in which order, and what their answers leave to be done.

Lives here: `Intake`, the part of an account's session that takes proposed intents through the checks and rules to the
exchange. Not here: whether the account may send at all (`session`), one intent's attempts (`submission`), reading one
thing after another was done (`look_backs`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Mapping
from uuid import UUID

from tradewright.core.ids import IntentId
from tradewright.core.instrument import Instrument
from tradewright.core.order import FINAL_STATES
from tradewright.trading.beside import Held
from tradewright.trading.checks import as_sent, refusal
from tradewright.trading.journal import Answer, AnsweredAcknowledged, AnsweredRefused, AnsweredUnknown
from tradewright.trading.look_backs import LookBacks
from tradewright.trading.model import (
    AmendIntent,
    CancelIntent,
    ExitsIntent,
    Intent,
    LeverageIntent,
    MarginModeIntent,
    PlaceIntent,
    PositionModeIntent,
    Reason,
    instrument_of,
)
from tradewright.trading.own_orders import OwnOrder
from tradewright.trading.session_parts import SessionParts
from tradewright.trading.submission import TOO_LATE_CODES, Submission, is_filter_refusal, is_too_late, submit

_POLL_SECONDS = 1.0  # behind the notifications
_SENDS_AT_ONCE = 20
# Between cancels of an order that the exchange does not find and nobody saw end: together longer than an outcome
# stays unknown.
_CANCEL_PAUSES_SECONDS = (0.25, 0.5, 1.0, 2.0, *(4.0,) * 8)


class Intake:
    """Of one session. `may_look`: whether intents are looked at at all by now; `may_go`: whether this one may leave as
    the account stands; `note_unknown` is told when an outcome is open."""

    def __init__(
        self,
        parts: SessionParts,
        look_backs: LookBacks,
        *,
        may_look: Callable[[], bool],
        may_go: Callable[[Intent], bool],
        note_unknown: Callable[[], None],
    ) -> None:
        self._parts = parts
        self._look_backs = look_backs
        self._may_look = may_look
        self._may_go = may_go
        self._note_unknown = note_unknown
        self._submission = Submission(parts.gateway, parts.journal, parts.clock, parts.ids, parts.reach)
        self._wanted = asyncio.Event()
        self._opening_sends = asyncio.Semaphore(_SENDS_AT_ONCE)
        # Each of their own: a close never waits for a hundred cancels, and neither for an opening.
        self._reducing_sends = asyncio.Semaphore(_SENDS_AT_ONCE)
        self._cancel_sends = asyncio.Semaphore(_SENDS_AT_ONCE)
        self._sending: set[IntentId] = set()
        self._own_sends = 0  # of them those that are the owner's own orders
        self._subjects: set[Hashable] = set()  # of what is being sent
        self._unwanted: set[UUID] = set()  # being sent, and a cancel was asked meanwhile

    def wake(self) -> None:
        """There may be intents that can go now. Only a hint: they are looked at every second anyway."""
        self._wanted.set()

    async def run(self, tasks: asyncio.TaskGroup) -> None:
        """Looks at what is proposed, one after another, and starts a send for each that may go."""
        while True:
            await self._wait()
            await self._parts.journal.expire_overdue()
            if not self._may_look():
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

    def place(self, own: OwnOrder, tasks: asyncio.TaskGroup) -> Reason | Held | None:
        """An order of the owner's own, judged now and not looked up again. None: it counts from here on and is on its
        way, written down in the commit before its first byte; an id that was used before sends nothing. Else nothing
        is written and nothing leaves: what is only held may be asked again."""
        intent = own.intent(self._parts.clock.now())
        if intent.id in self._sending:
            return None
        if not (self._may_look() and self._may_go(intent)) or self._own_sends >= _SENDS_AT_ONCE:
            return Held(Reason("order.held"))
        rules = self._rules_of(intent)
        reason = refusal(intent, rules) or self._ruled(intent)
        if reason is not None:
            return reason
        self._parts.reach("intent.judged")
        self._sending.add(intent.id)
        self._subjects.add(intent.subject)
        self._own_sends += 1
        tasks.create_task(self._send(intent, own))
        return None

    def _rules_of(self, intent: Intent) -> Instrument | None:
        about = instrument_of(intent)
        return None if about is None else self._parts.instrument_of(about)

    def _ruled(self, intent: Intent) -> Reason | Held | None:
        """The first rule's objection, if any has one."""
        return next((found for rule in self._parts.rules if (found := rule.judge(intent)) is not None), None)

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

    async def _send(self, intent: Intent, own: OwnOrder | None = None) -> None:
        answer: Answer | None = None
        try:
            answer = await self._submit(intent, own)
            if isinstance(intent, CancelIntent) and is_too_late(answer, intent):
                answer = await self._cancel_until_gone(intent, answer)
        finally:
            self._sending.discard(intent.id)
            self._subjects.discard(intent.subject)
            self._own_sends -= own is not None
            self._parts.exposure.dropped(intent.id)  # it was judged, and came back without a request
            if intent.id in self._unwanted:
                self._unwanted.discard(intent.id)
                self.wake()  # its cancel waits
        await self._follow_up(intent, answer)

    async def _submit(self, intent: Intent, own: OwnOrder | None = None) -> Answer | None:
        turns = self._turns(intent)
        may_leave = self._may_leave if turns.locked() else self._may_go  # the rules were asked this very moment
        async with turns:
            if not may_leave(intent) or intent.id in self._unwanted:
                return None  # still proposed: it is looked at again; or its owner's own, and nobody wrote it down
            return await submit(
                self._submission,
                intent,
                may_go=self._may_leave,
                is_wanted=lambda sending: sending.id not in self._unwanted,
                objection=self._objection,
                own=own,
            )

    def _may_leave(self, intent: Intent) -> bool:
        """Asked again up to the last moment: a kill that came after the intent was judged stops it all the same, and so
        do prices that have grown old meanwhile."""
        if intent.reduces:
            return self._may_go(intent)
        return self._may_go(intent) and self._ruled(intent) is None

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
                self._note_unknown()
            case AnsweredRefused(trace=trace), AmendIntent() if trace.ret_code in TOO_LATE_CODES:
                await self._look_backs.order_of(intent)
            case AnsweredRefused(trace=trace), PlaceIntent() | AmendIntent() if is_filter_refusal(trace):
                await self._parts.instruments_stale()
            case AnsweredAcknowledged(), (
                AmendIntent() | LeverageIntent() | ExitsIntent() | PositionModeIntent() | MarginModeIntent()
            ):
                await self._look_backs.read_back(intent)
                self.wake()  # another change of it may wait
            case _:
                pass

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(_POLL_SECONDS):
                await self._wanted.wait()
        except TimeoutError:
            return
        self._wanted.clear()
