"""What the guardian wants sent, and what became of it: a stop that is asked for again, a position that is closed.

Lives here: `Wishes` and `keep`. Not here: when something is wanted (`guardian`, `steps`). Whatever is wanted goes by an
id made of the position, the time without a stop and the number of the try: a restart asks for nothing twice, and finds
what the owner before asked for and did not live to note down.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import structlog

from tradewright.core.clock import Clock, milliseconds
from tradewright.core.ids import IntentId, made_id
from tradewright.core.order import PositionExits
from tradewright.trading.beside import SessionView
from tradewright.trading.bodies import CloseBody, ExitsBody
from tradewright.trading.guardian.model import Guarded, PositionKey, ProtectionNews
from tradewright.trading.guardian.steps import Outcome
from tradewright.trading.guardian.store import GuardReads
from tradewright.trading.guardian.watch import Tried, Watch
from tradewright.trading.model import Reason

log = structlog.get_logger()

_ALL = Decimal(100)  # percent
_REPAIR_VALID = timedelta(seconds=30)


class Wishes:
    """Of one guardian."""

    def __init__(self, reads: GuardReads, clock: Clock) -> None:
        self._reads = reads
        self._clock = clock
        self._closes: dict[IntentId, PositionKey] = {}

    def closes(self, intent_id: IntentId) -> PositionKey | None:
        """The position that this close is of; None when it is none of ours."""
        return self._closes.get(intent_id)

    def inherit(self, session: SessionView, guarded: Guarded) -> None:
        """The owner before left it naked. Its last close may be asked for and not noted down."""
        for number in (guarded.closes, guarded.closes + 1):
            self._closes[_id(session, guarded, "close", episode(guarded), number)] = guarded.key

    def forget(self, key: PositionKey) -> None:
        self._closes = {name: closed for name, closed in self._closes.items() if closed != key}

    async def learn(self, session: SessionView, watch: Watch, guarded: Guarded) -> Guarded:
        """What became of what was asked; what the owner before asked and did not live to note down is found by its
        id."""
        since = episode(guarded)
        for number in (guarded.repairs + 1, guarded.repairs):
            outcome = await self._reads.outcome(_id(session, guarded, "repair", since, number)) if number else None
            if outcome is not None:
                watch.repair = self._noted(watch.repair, outcome)
                guarded = replace(guarded, repairs=number)
                break
        for number in (guarded.closes + 1, guarded.closes):
            name = _id(session, guarded, "close", since, number)
            outcome = await self._reads.outcome(name) if number else None
            if outcome is not None:
                watch.close = self._noted(watch.close, outcome)
                self._closes[name] = guarded.key
                guarded = replace(guarded, closes=number)
                break
        watch.guarded = guarded
        return guarded

    def _noted(self, before: Tried | None, now: Outcome) -> Tried:
        if before is not None and before.outcome == now and not now.is_open:
            return before
        return Tried(now, self._clock.monotonic())

    def rested(self, tried: Tried | None) -> Outcome | None:
        """An outcome, with how long it has been as it is."""
        if tried is None:
            return None
        return replace(tried.outcome, ended_for_s=self._clock.monotonic() - tried.seen_s)

    async def repair(self, session: SessionView, watch: Watch, guarded: Guarded, *, since: str) -> None:
        """Asks for its stop once more; `since` names the time for which tries are counted."""
        number = guarded.repairs + 1
        body = ExitsBody(
            id=_id(session, guarded, "repair", since, number),
            category=guarded.instrument.category,
            symbol=guarded.instrument.symbol,
            exits=PositionExits(
                stop_loss=guarded.price, stop_loss_by=guarded.stop.by, position_index=guarded.position_index
            ),
        )
        reason = Reason(guarded.why or "protection.missing", {"stop": str(guarded.price), "try": str(number)})
        answer = await session.journal.propose(body, source="guardian", reason=reason, validity=_REPAIR_VALID)
        log.warning("guardian.repair", symbol=guarded.instrument.symbol, answer=answer, number=number)
        if answer == "moot":
            return
        state = "protected" if guarded.state == "protected" else "repairing"
        await keep(session, watch, replace(guarded, state=state, repairs=number), "repairing")  # type: ignore[arg-type]
        watch.repair = Tried(Outcome("proposed", is_open=True), self._clock.monotonic())
        session.wake()

    async def close(self, session: SessionView, watch: Watch, guarded: Guarded) -> None:
        """Asks for it to be closed whole, at market."""
        plan = watch.plan
        if session.state != "ready" and (plan is None or not plan.adds_up):
            # Fills may be missing: the position could be another one than the one whose plan this is.
            session.want_reconcile()
            return
        number = guarded.closes + 1
        body = CloseBody(
            id=_id(session, guarded, "close", episode(guarded), number),
            category=guarded.instrument.category,
            symbol=guarded.instrument.symbol,
            side=guarded.side,
            percent=_ALL,
            price=None,
            slippage_percent=None,
        )
        self._closes[body.id] = guarded.key
        reason = Reason(guarded.why or "protection.missing", {"stop": str(guarded.price), "try": str(number)})
        answer = await session.journal.propose(body, source="guardian", reason=reason)
        log.warning("guardian.close", symbol=guarded.instrument.symbol, answer=answer, number=number)
        if answer == "moot":
            return
        await keep(session, watch, replace(guarded, state="flattening", closes=number), "flattening")
        watch.close = Tried(Outcome("proposed", is_open=True), self._clock.monotonic())
        session.wake()


async def keep(session: SessionView, watch: Watch, guarded: Guarded, news: ProtectionNews | None) -> None:
    """Kept first, then known."""
    await session.journal.keep_protection(guarded, news)
    watch.guarded = guarded


def episode(guarded: Guarded) -> str:
    """What names one time without a stop, also after a restart."""
    assert guarded.naked_since is not None, "it is naked"
    return str(milliseconds(guarded.naked_since))


def _id(session: SessionView, guarded: Guarded, what: str, since: str, number: int) -> IntentId:
    instrument = guarded.instrument
    subject = (instrument.category, instrument.symbol, str(guarded.position_index))
    return IntentId(made_id(str(session.account.id), "guardian", what, *subject, since, str(number)))
