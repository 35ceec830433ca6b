"""The guardian of one account: watches its positions and sees to it that each has the stop that it was asked to have.

Lives here: `Guardian`, a companion of the session and a rule on its own closes. Not here: whether a position is
protected and what its plan is (`core.protection`), what to do about one that is not (`steps`), the asking (`wishes`).

A position is protected only when the exchange shows its stop. Seen without, it is measured from that moment on; after
the grace its stop is asked for again, and not protected after `flatten_after_s` it is closed. Both go while the session
is degraded. Nothing is done on word of an old report: the position is read from the exchange right before.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import structlog

from tradewright.core.clock import Clock
from tradewright.core.errors import ExchangeUnavailable
from tradewright.core.order import RemotePosition
from tradewright.core.protection import Judgement, Naked, Protected, is_passed, judge, planned
from tradewright.trading.account_book import AccountBook
from tradewright.trading.beside import SessionView
from tradewright.trading.guardian.model import Guarded, GuardSettings, PositionKey, ProtectionNews
from tradewright.trading.guardian.steps import Standing, Step, step
from tradewright.trading.guardian.store import GuardReads
from tradewright.trading.guardian.watch import ASK_SECONDS_MIN, TICK_S, Watch
from tradewright.trading.guardian.wishes import Wishes, episode, keep
from tradewright.trading.model import Intent, Reason

log = structlog.get_logger()

_WAIT_SECONDS_MIN = 0.01
_MISSING_PAUSES_S = (5.0, 20.0, 60.0)  # fills are missing for so long: everything is read again, so often and no more
_READ_SECONDS_MIN = 1.0  # between two readings of a position at the exchange
_VERIFY_SECONDS_MIN = 10.0


class Guardian:
    """Of one session: a companion, and a rule that takes a close back whose position is protected by now."""

    def __init__(self, reads: GuardReads, clock: Clock, settings: GuardSettings) -> None:
        self._reads = reads
        self._clock = clock
        self._settings = settings
        self._watches: dict[PositionKey, Watch] = {}
        self._wishes = Wishes(reads, clock)
        self._book: AccountBook | None = None

    def judge(self, intent: Intent) -> Reason | None:
        """As a rule: right before a close of ours is committed, the position may have got its stop."""
        key = self._wishes.closes(intent.id)
        if key is None or self._book is None:
            return None
        position = self._book.position(*key)
        if position is None or not position.size:
            return None
        is_protected = isinstance(judge(position, self._book.orders()), Protected)
        return Reason("protection.restored") if is_protected else None

    async def run(self, session: SessionView) -> None:
        self._book = session.book
        for guarded in await self._reads.guarded():
            watch = Watch(guarded=guarded)
            if guarded.naked_since is not None:
                gone_by = (self._clock.now() - guarded.naked_since).total_seconds()
                watch.naked_s = self._clock.monotonic() - max(gone_by, 0.0)
                self._wishes.inherit(session, guarded)
            self._watches[guarded.key] = watch
        while True:
            since = session.book.version
            due_s = await self._look(session) if session.book.is_whole else TICK_S
            try:
                async with asyncio.timeout(None if due_s is None else max(due_s, _WAIT_SECONDS_MIN)):
                    await session.book.changed(since)
            except TimeoutError:
                pass

    async def _look(self, session: SessionView) -> float | None:
        """At every position; returns in how many seconds to look again though nothing changes."""
        held = {(position.instrument, position.position_index) for position in session.book.positions()}
        dues = [await self._look_at(session, key) for key in sorted(held | self._watches.keys(), key=_order)]
        return min((due_s for due_s in dues if due_s is not None), default=None)

    async def _look_at(self, session: SessionView, key: PositionKey) -> float | None:
        position, watch = session.book.position(*key), self._watches.setdefault(key, Watch())
        guarded = watch.guarded
        if position is None or position.side is None or not position.size:
            if guarded is not None:
                await self._end(session, watch, "flat")
            del self._watches[key]
            return None
        if guarded is not None and guarded.side != position.side:
            await self._end(session, watch, "flat")
            watch = self._watches[key] = Watch()
        await self._replan(session, watch, position)
        judgement = judge(position, session.book.orders())
        if watch.guarded is None:
            is_bare = watch.plan is None and isinstance(judgement, Naked)
            if not is_bare:
                watch.bare_s = None
            elif watch.bare_s is None:
                watch.bare_s = self._clock.monotonic()
            return watch.due_of_plan(self._clock.monotonic())
        is_seen = not isinstance(judgement, Protected) or judgement.is_seen or watch.verified is position
        if isinstance(judgement, Protected) and not is_seen:
            judgement = await self._verified(session, watch, position, judgement)
        match judgement:
            case Protected():
                due_s = await self._protected(session, watch, position, judgement)
                return due_s if is_seen or due_s is not None else self._settings.grace_s
            case Naked():
                return await self._naked(session, watch, position, judgement)
            case _:  # its stop was set off, and takes it off now
                return TICK_S

    # The plan.

    async def _replan(self, session: SessionView, watch: Watch, position: RemotePosition) -> None:
        assert position.side is not None, "it is not flat"
        now_s = self._clock.monotonic()
        if not watch.wants_plan(position, now_s):
            return
        asked = await self._reads.asked(position.instrument, position.position_index)
        plan = planned(asked, position.side, position.size)
        watch.plan, watch.planned_for, watch.asked_s = plan, position, now_s
        if plan is None or plan.in_doubt or not plan.adds_up:
            watch.unsettled_s = now_s if watch.unsettled_s is None else watch.unsettled_s
        else:
            watch.unsettled_s = None
        self._miss_fills(session, watch, plan is None or not plan.adds_up)
        if plan is None:
            return  # fills are missing that would say whose life this is: what is kept stays
        guarded = watch.guarded
        if plan.stop is None:
            if guarded is not None and (plan.is_removed or plan.is_whole):
                await self._end(session, watch, "removed")
        elif guarded is None or guarded.stop != plan.stop:
            fresh = Guarded(
                instrument=position.instrument,
                position_index=position.position_index,
                side=position.side,
                stop=plan.stop,
            )
            if guarded is not None:  # the same life: what was measured stays
                fresh = replace(guarded, stop=plan.stop, followed=None, confirmed=False)
            await keep(session, watch, fresh, "planned" if guarded is None else None)

    def _miss_fills(self, session: SessionView, watch: Watch, is_missing: bool) -> None:
        """A position whose fills are not told cannot be guarded: the next periodic reading would be minutes away."""
        now_s = self._clock.monotonic()
        if not is_missing:
            watch.missing_s, watch.readings_asked = None, 0
            return
        watch.missing_s = now_s if watch.missing_s is None else watch.missing_s
        number = watch.readings_asked
        if number < len(_MISSING_PAUSES_S) and now_s - watch.missing_s >= _MISSING_PAUSES_S[number]:
            watch.readings_asked += 1
            session.want_reconcile()

    # Protected.

    async def _protected(
        self, session: SessionView, watch: Watch, position: RemotePosition, shown: Protected
    ) -> float | None:
        guarded, plan = watch.guarded, watch.plan
        assert guarded is not None, "there is a plan"
        now_s, watch.bare_s = self._clock.monotonic(), None
        if watch.naked_s is not None:
            span_ms = round((now_s - watch.naked_s) * 1000)
            total_ms, longest_ms = guarded.naked_ms_total + span_ms, max(guarded.naked_ms_longest, span_ms)
            watch.naked_s, watch.repair, watch.close = None, None, None
            log.info("guardian.restored", symbol=guarded.instrument.symbol, naked_ms=span_ms)
            guarded = replace(
                guarded,
                state="protected",
                why=None,
                naked_since=None,
                naked_ms_total=total_ms,
                naked_ms_longest=longest_ms,
                repairs=0,
                closes=0,
            )
            is_planned = not shown.is_whole or shown.price == guarded.price
            await keep(session, watch, replace(guarded, confirmed=guarded.confirmed or is_planned), "restored")
            guarded = watch.guarded
            assert guarded is not None
        if not shown.is_whole or shown.price == guarded.price:
            if not guarded.confirmed:
                await keep(session, watch, replace(guarded, confirmed=True, why=None), None)
            return watch.due_of_plan(self._clock.monotonic())
        if plan is not None and plan.in_doubt:
            return TICK_S
        if watch.planned_for is not position:
            return ASK_SECONDS_MIN  # what moved it may be a wish that was not read yet
        if guarded.confirmed or guarded.stop.price == shown.price:
            # Whoever moved it elsewhere knows what they want, and it protects.
            followed = None if shown.price == guarded.stop.price else shown.price
            await keep(session, watch, replace(guarded, followed=followed, why=None), "followed")
            return watch.due_of_plan(self._clock.monotonic())
        return await self._other_stop(session, watch, shown)

    async def _other_stop(self, session: SessionView, watch: Watch, shown: Protected) -> float | None:
        """What was asked last never showed, and another stop protects: asked again a few times, then let be."""
        guarded = watch.guarded
        assert guarded is not None
        now_s = self._clock.monotonic()
        if watch.other_s is None:
            watch.other_s = now_s
        waited_s = now_s - watch.other_s
        if not self._settings.may_act or waited_s < self._settings.grace_s * (guarded.repairs + 1) * 2:
            return TICK_S
        if guarded.repairs >= self._settings.repairs_max:
            watch.other_s = None
            let_be = replace(guarded, followed=shown.price, confirmed=True, repairs=0, why="protection.other_stop")
            await keep(session, watch, let_be, "followed")
            return None
        await self._wishes.repair(session, watch, guarded, since=f"other:{guarded.stop.origin}")
        return TICK_S

    async def _verified(
        self, session: SessionView, watch: Watch, position: RemotePosition, shown: Protected
    ) -> Judgement:
        """The position tells a stop, and no order of it is seen: one of the two reports is older. Read again."""
        now_s = self._clock.monotonic()
        if watch.read_s is not None and now_s - watch.read_s < _VERIFY_SECONDS_MIN:
            return shown
        if watch.unseen_s is None or now_s - watch.unseen_s < self._settings.grace_s:
            watch.unseen_s = now_s if watch.unseen_s is None else watch.unseen_s
            return shown
        watch.unseen_s = None
        fresh = await self._read(session, watch, position)
        if fresh is None or not fresh.size or fresh.side is None:
            return shown
        watch.verified = fresh
        return judge(fresh, session.book.orders())

    # Naked.

    async def _naked(self, session: SessionView, watch: Watch, position: RemotePosition, found: Naked) -> float:
        guarded, plan, now_s = watch.guarded, watch.plan, self._clock.monotonic()
        assert guarded is not None
        may_be_wanted = plan is not None and plan.may_be_removed
        if watch.naked_s is None:
            watch.bare_s = now_s if watch.bare_s is None else watch.bare_s
            if watch.planned_for is not position:
                return ASK_SECONDS_MIN  # what took it off may be a wish that was not read yet
            if may_be_wanted:
                return TICK_S  # a person may have taken it off: the outcome says; else it counts from here
            watch.naked_s = watch.bare_s
            since = self._clock.now() - timedelta(seconds=now_s - watch.naked_s)
            naked = replace(guarded, state="naked", why=found.why, naked_since=since, repairs=0, closes=0)
            await keep(session, watch, naked, "naked")
            guarded = naked
        naked_for_s = self._clock.monotonic() - watch.naked_s
        if naked_for_s < self._settings.grace_s:
            return self._settings.grace_s - naked_for_s
        if may_be_wanted or not self._settings.may_act:
            return TICK_S
        guarded = await self._wishes.learn(session, watch, guarded)
        chosen = self._step(watch, position, naked_for_s)
        if chosen == "wait":
            return TICK_S
        fresh = await self._read(session, watch, position)
        if fresh is None or fresh.side != guarded.side or not isinstance(_judged(session, fresh), Naked):
            return TICK_S  # it could not be read, or is another one by now: looked at anew
        chosen = self._step(watch, fresh, naked_for_s)
        if chosen == "repair":
            await self._wishes.repair(session, watch, guarded, since=episode(guarded))
        elif chosen == "close":
            await self._wishes.close(session, watch, guarded)
        return TICK_S

    def _step(self, watch: Watch, position: RemotePosition, naked_for_s: float) -> Step:
        assert watch.guarded is not None
        standing = Standing(
            naked_for_s=naked_for_s,
            is_passed=is_passed(watch.guarded.price, position.mark_price, watch.guarded.side),
            others_open=watch.plan is not None and watch.plan.in_doubt,
            repair=self._wishes.rested(watch.repair),
            close=self._wishes.rested(watch.close),
        )
        return step(watch.guarded, standing, self._settings)

    # Reading.

    async def _read(self, session: SessionView, watch: Watch, position: RemotePosition) -> RemotePosition | None:
        """The position as the exchange has it now, booked; None when it could not be read, or was a moment ago."""
        now_s = self._clock.monotonic()
        if watch.read_s is not None and now_s - watch.read_s < _READ_SECONDS_MIN:
            return None
        watch.read_s = now_s
        try:
            await session.read_position(position.instrument)
        except ExchangeUnavailable as error:
            log.warning("guardian.read_failed", symbol=position.instrument.symbol, error=str(error))
            return None
        return session.book.position(position.instrument, position.position_index)

    async def _end(self, session: SessionView, watch: Watch, news: ProtectionNews) -> None:
        guarded = watch.guarded
        assert guarded is not None
        if watch.naked_s is not None:
            span_ms = round((self._clock.monotonic() - watch.naked_s) * 1000)
            longest_ms = max(guarded.naked_ms_longest, span_ms)
            guarded = replace(guarded, naked_ms_total=guarded.naked_ms_total + span_ms, naked_ms_longest=longest_ms)
        await session.journal.keep_protection(guarded, news)
        watch.guarded, watch.naked_s, watch.repair, watch.close = None, None, None, None
        self._wishes.forget(guarded.key)


def _judged(session: SessionView, position: RemotePosition) -> Judgement | None:
    return None if position.side is None or not position.size else judge(position, session.book.orders())


def _order(key: PositionKey) -> tuple[str, str, int]:
    return (key[0].category, key[0].symbol, key[1])
