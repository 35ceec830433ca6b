"""The loop of one run: bars and fills in, decisions out; what was decided is committed before anything is asked.

Lives here: `RunLoop` and what goes into its inbox. Not here: what is decided (`machines`), how a run begins or is taken
over (`beginning`), the session's companion that feeds it (`keeper`).

One thing after another: each item of the inbox is worked through to its end before the next one is looked at.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from tradewright.bots.runner.acting import Acting
from tradewright.bots.runner.bars import Bars
from tradewright.bots.runner.parts import Ending, RunnerParts
from tradewright.bots.runner.rows import Outcome, RunRow, Wish, open_orders
from tradewright.bots.runner.state import RunState
from tradewright.bots.runner.stopping import Stopping
from tradewright.bots.runner.store import RunWriter
from tradewright.bots.runner.taking import Taking
from tradewright.core.ids import OrderId
from tradewright.core.money import exactly
from tradewright.exchange.ports import CandleUpdate
from tradewright.storage.engine import reading
from tradewright.trading.account_book import BookFact
from tradewright.trading.beside import SessionView
from tradewright.trading.bodies import CancelBody
from tradewright.trading.model import Reason

_LOOK_S: Final = 0.25  # while something is under way
_HOLDING_S: Final = 0.5  # while a position is held: its loss is looked at
_IDLE_S: Final = 5.0
_SLEPT_S: Final = 15.0  # so long without a look: the machine slept, or this process stood still


@dataclass(frozen=True, slots=True)
class Facts:
    """Of the run's instrument, as the account's book has taken them."""

    facts: Sequence[BookFact]


@dataclass(frozen=True, slots=True)
class Outcomes:
    found: Mapping[UUID, Outcome]


@dataclass(frozen=True, slots=True)
class Tick:
    """What people want, and what the venue's clock shows; None: it could not be read."""

    wish: Wish
    venue_ms: int | None


Item = CandleUpdate | Facts | Outcomes | Tick


class RunLoop:
    """One run. `follow` returns when it has ended."""

    def __init__(self, row: RunRow, parts: RunnerParts, session: SessionView, writer: RunWriter) -> None:
        self.run = RunState(row, parts, session, writer)
        self.stopping = Stopping(self.run)
        self.bars = Bars(self.run, time_over=self.stopping.time_over, wrong=self.stopping.wrong)
        self.taking = Taking(self.run, wrong=self.stopping.wrong)
        self._acting = Acting(self.run)
        self._inbox: asyncio.Queue[Item] = asyncio.Queue()
        self._told: Wish | None = None
        self._looked_s = parts.clock.monotonic()
        self._link = session.state

    def hear(self, item: Item) -> None:
        """Never waits. A tick that says nothing new is left out."""
        if isinstance(item, Tick):
            wish = replace(item.wish, now_ms=0)
            run = self.run
            is_late = item.venue_ms is not None and run.has_machine and item.venue_ms >= run.deadline_ms
            if wish == self._told and not is_late:
                return
            self._told = wish
        self._inbox.put_nowait(item)

    async def follow(self) -> None:
        """Until it has ended. What was begun is committed already. Raises what the database raises, and `RunMoved`."""
        while not self.run.is_over:
            item = await self._next()
            with exactly():
                await self._take(item)
                await self.proceed()

    async def _next(self) -> Item | None:
        run = self.run
        is_busy = run.asks.open_ids() or self.bars.is_waiting or self.taking.is_waiting or run.is_stopping
        is_busy = is_busy or bool(run.machine.unsent())
        pause_s = _LOOK_S if is_busy else _HOLDING_S if run.machine.net else _IDLE_S
        try:
            async with asyncio.timeout(pause_s):
                return await self._inbox.get()
        except TimeoutError:
            return None

    async def _take(self, item: Item | None) -> None:
        run, now_s = self.run, self.run.parts.clock.monotonic()
        slept_s, self._looked_s = now_s - self._looked_s, now_s
        if slept_s > _SLEPT_S:
            run.tale.tell("sleep", {"slept_ms": round(slept_s * 1000)}, level="warning")
        if run.session.state != self._link:
            self._link = run.session.state
            run.tale.tell("link", {"state": self._link}, level="info" if self._link == "ready" else "warning")
        match item:
            case CandleUpdate(candle=candle):
                await self.bars.take(candle)
            case Facts(facts=facts):
                self.taking.facts(facts)
            case Outcomes(found=found):
                self._acting.take(found)
            case Tick(wish=wish, venue_ms=venue_ms):
                self.stopping.hear(wish, venue_ms)
            case None:
                pass

    async def proceed(self) -> None:
        """What follows from what just happened: a bar that waited, limits, and what has to be asked now."""
        run = self.run
        self.bars.look()
        self.taking.look()
        self.stopping.look()
        acts = [] if self.stopping.is_killed else self._acting.acts()
        if run.tale.has_news:
            await run.flush()
        for act in acts:
            await self._acting.perform(act)
        if run.tale.has_news:
            await run.flush()
        if self.stopping.may_end():
            await self._end()

    async def fail(self, ending: Ending) -> None:
        """It could not begin, or must not go on. What of it rests is cancelled; a position that it left stays, with
        the stop that it has at the exchange."""
        self.run.ending = ending
        params = {"code": ending.code, "params": dict(ending.params)}
        self.run.tale.tell("error", params, level="error")
        await self._cancel_what_rests()
        with exactly():
            await self._end()

    async def _cancel_what_rests(self) -> None:
        """Orders of the run that open and still live: nobody would look after what they fill."""
        run = self.run
        async with reading(run.parts.engine) as connection:
            live = await open_orders(connection, run.parts.account, run.row.id)
        for order_id in live:
            body = CancelBody(id=run.asks.id_of(f"cancel:{order_id}"), order_id=OrderId(order_id))
            why = Reason("run.cancel")
            await run.session.journal.propose(body, source="bot", reason=why, run_id=run.row.id)
        if live:
            run.tale.tell(
                "note", {"code": "run.orders_cancelled", "params": {"count": str(len(live))}}, level="warning"
            )
            run.session.wake()

    async def _end(self) -> None:
        """Its last event and its last state, in one commit."""
        run, ending = self.run, self.run.ending
        assert ending is not None, "a run ends for a reason"
        run.state, run.is_over = ending.state, True
        payload = {"state": ending.state, "reason": ending.reason(), "by": ending.by}
        run.tale.tell("lifecycle", payload, level="error" if ending.state in ("failed", "halted") else "info")
        run.parts.reach("run.ending")
        await run.flush(ends=True)
        run.log.info("run.ended", state=ending.state, code=ending.code)
