"""The companion of an account's session that keeps its runs: it finds them, feeds them, and looks what became of what
they asked.

Lives here: `RunKeeper`. Not here: one run's loop (`run`), how it begins (`beginning`).

One reading of the database serves all runs of the account, however many there are. A run that fails by a mistake of
ours ends alone; what the database refuses, or another owner, ends the session, whose successor takes all of them over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy.exc import SQLAlchemyError

from tradewright.bots.model import RUNS_CHANNEL
from tradewright.bots.runner.beginning import begin
from tradewright.bots.runner.parts import Ending, NotStarted, RunnerParts
from tradewright.bots.runner.rows import Wish, held_runs, outcomes, wishes
from tradewright.bots.runner.run import Facts, Outcomes, RunLoop, Tick
from tradewright.bots.runner.store import RunMoved, RunWriter
from tradewright.core.errors import ExchangeUnavailable, NotReady
from tradewright.core.order import Execution, RemoteOrder
from tradewright.market.markets import NoMarket
from tradewright.market.subscription import SubscriptionClosed
from tradewright.storage.engine import reading
from tradewright.trading.account_book import BookFact
from tradewright.trading.beside import SessionView
from tradewright.trading.ownership import Dispossessed

log = structlog.get_logger()

_LOOK_S: Final = 1.0  # behind the notifications
_OUTCOMES_S: Final = 0.25  # between looks at what was asked, while something is open
_UNTIL_READY_S: Final = 0.1
_RESUBSCRIBE_S: Final = 0.5


class RunKeeper:
    """Of one account. Nothing is decided before everything was read for the first time."""

    def __init__(self, parts: RunnerParts) -> None:
        self._parts = parts
        self._runs: dict[UUID, tuple[RunLoop, asyncio.Task[None]]] = {}
        self._wanted = asyncio.Event()
        self._outcomes_wanted = asyncio.Event()

    async def run(self, session: SessionView) -> None:
        stop_listening = session.book.listen(self._hand_out)
        try:
            async with asyncio.TaskGroup() as tasks:
                writer = RunWriter(self._parts.engine, self._parts.account)
                tasks.create_task(writer.run())
                tasks.create_task(self._hear())
                while not (session.state == "ready" and session.book.is_whole):
                    await self._parts.clock.sleep(_UNTIL_READY_S)
                tasks.create_task(self._look_at_outcomes())
                while True:
                    await self._look(session, writer, tasks)
                    await _wait(self._wanted, _LOOK_S)
        finally:
            stop_listening()
            self._runs.clear()

    async def _hear(self) -> None:
        hints = self._parts.bus.subscribe(RUNS_CHANNEL)
        try:
            while True:
                await hints.get()
                self._wanted.set()
        finally:
            hints.close()

    # Which runs there are.

    async def _look(self, session: SessionView, writer: RunWriter, tasks: asyncio.TaskGroup) -> None:
        for run_id in [run_id for run_id, (_, task) in self._runs.items() if task.done()]:
            del self._runs[run_id]
        async with reading(self._parts.engine) as connection:
            wanted = await wishes(connection, self._parts.account)
            fresh = wanted.keys() - self._runs.keys()
            rows = await held_runs(connection, self._parts.account) if fresh else []
        for row in rows:
            if row.id in fresh:
                run = RunLoop(row, self._parts, session, writer)
                self._runs[row.id] = run, tasks.create_task(self._keep(run))
        await self._tell(wanted)

    async def _tell(self, wanted: dict[UUID, Wish]) -> None:
        if not self._runs:
            return
        venue_ms = await self._venue_ms(next(iter(wanted.values()), Wish()))
        for run_id, (run, _) in self._runs.items():
            wish = wanted.get(run_id)
            if wish is not None:
                run.hear(Tick(wish, venue_ms))

    async def _venue_ms(self, wish: Wish) -> int | None:
        if self._parts.account.environment != "sim":
            return wish.now_ms
        with suppress(ExchangeUnavailable, NotReady, NoMarket):
            return await self._parts.market().clock.now_ms()
        return None

    async def _keep(self, run: RunLoop) -> None:
        """One run to its end. Its own mistakes end it alone, with nothing sent that opens."""
        try:
            async with asyncio.TaskGroup() as tasks:
                bars = tasks.create_task(self._feed(run))
                await self._live(run)
                bars.cancel()
        except* (SQLAlchemyError, OSError, Dispossessed):
            raise
        except* RunMoved as moved:
            log.warning("run.moved", run_id=str(run.run.row.id), error=str(moved.exceptions[0]))
        except* Exception:
            run.run.log.exception("run.bug")
            await self._fail(run, "run.bug")

    async def _live(self, run: RunLoop) -> None:
        try:
            await begin(run)
        except NotStarted as why:
            await run.fail(Ending(state="failed", code=why.code, params=why.params))
            return
        await run.follow()

    async def _fail(self, run: RunLoop, code: str) -> None:
        with suppress(RunMoved):
            await run.fail(Ending(state="failed", code=code))

    async def _feed(self, run: RunLoop) -> None:
        """Candles of the run's instrument, from before its history is read, so that none is lost between."""
        while True:
            try:
                market = self._parts.market()
            except (NotReady, NoMarket):
                await self._parts.clock.sleep(_RESUBSCRIBE_S)
                continue
            hub = market.hub(run.run.row.instrument.category)
            interval = run.run.interval
            prices = hub.subscribe_ticker(run.run.row.instrument)
            candles = hub.subscribe_candles(run.run.row.instrument, interval)
            newest_ms = 0
            try:
                while True:
                    update = await candles.get()
                    opened_ms = update.candle.open_time_ms
                    if update.candle.confirmed or opened_ms > newest_ms:
                        newest_ms = max(newest_ms, opened_ms)
                        run.hear(update)
            except SubscriptionClosed:
                await self._parts.clock.sleep(_RESUBSCRIBE_S)
            finally:
                candles.close()
                prices.close()

    # What happens on the account.

    def _hand_out(self, facts: Sequence[BookFact]) -> None:
        """Called within the session's own step: it must not wait."""
        if not self._runs:
            return
        for run, _ in self._runs.values():
            instrument = run.run.row.instrument
            own = [one for one in facts if isinstance(one, Execution | RemoteOrder) and one.instrument == instrument]
            if own:
                run.hear(Facts(own))
        self._outcomes_wanted.set()

    async def _look_at_outcomes(self) -> None:
        while True:
            await _wait(self._outcomes_wanted, _OUTCOMES_S)
            asked: dict[UUID, RunLoop] = {}
            for run, _ in self._runs.values():
                asked |= dict.fromkeys(run.run.asks.open_ids(), run)
            if not asked:
                continue
            async with reading(self._parts.engine) as connection:
                found = await outcomes(connection, self._parts.account, list(asked))
            for run in {run.run.row.id: run for run in asked.values()}.values():
                run.hear(Outcomes({ask_id: one for ask_id, one in found.items() if asked[ask_id] is run}))


async def _wait(wanted: asyncio.Event, timeout_s: float) -> None:
    try:
        async with asyncio.timeout(timeout_s):
            await wanted.wait()
    except TimeoutError:
        return
    wanted.clear()
