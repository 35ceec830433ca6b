"""The jobs process's work: takes backtests, runs each in a process of its own, and sees to it that each ends once.

Lives here: how many at once, beating, cancelling, what becomes of one whose process died, alone or with its jobs
process.
Not here: SQL (`queue`), the processes (`player`, `fetching`).

A try that dies is tried again, TRIES_MAX times in all. A result is written by the try that has the row, so there is one
result, however many tries there were. While the database is away a run goes on, and its end waits for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar, assert_never

import msgspec
import structlog
from sqlalchemy.exc import InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tradewright.backtests import fetching, player, queue
from tradewright.backtests.child import Child
from tradewright.backtests.model import CHANNEL, Asked
from tradewright.backtests.play import Order, Progress, warm_up_ms
from tradewright.backtests.player import Died, Finished, Outcome, Refused
from tradewright.backtests.queue import Job, Runner
from tradewright.core.clock import Clock
from tradewright.core.fault import Fault
from tradewright.market.history.series import Series
from tradewright.process.identity import has_ended
from tradewright.storage.bus import Bus
from tradewright.strategy.check import check_text

log = structlog.get_logger(__name__)

BEAT_S = 1.0
SILENT_S = 30.0  # of a jobs process on another machine; of one on this it is known at once that it ended
SWEEP_EVERY_S = 600.0
WALL_TIMES = 60  # so many times its computing time a run may take by the clock: it stands behind everything else

# The database is away, full or only reads: it passes.
_AWAY = (OperationalError, InterfaceError, InternalError, PoolTimeout)
_Found = TypeVar("_Found")


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """How it is done. `data` is the folder of candles, `home` the installation's; `environment` what children may have
    of ours (`child.plain_environment` picks). `is_last`: they have the processor only while nobody else wants it."""

    at_once: int
    cpu_s: int
    memory_bytes: int
    is_last: bool
    data: str
    home: str
    environment: Mapping[str, str]
    version: str


class BacktestKeeper:
    def __init__(self, engine: AsyncEngine, bus: Bus, runner: Runner, keeping: Keeping, *, clock: Clock) -> None:
        self._engine = engine
        self._bus = bus
        self._runner = runner
        self._keeping = keeping
        self._clock = clock
        self._running: dict[asyncio.Task[None], _Run] = {}
        self._one_fetches = asyncio.Lock()  # two that fetch the same candles would only wait for each other's file
        self._swept_at_s: float | None = None

    async def run(self) -> None:
        """Until cancelled; then what runs is killed and put back."""
        hints = self._bus.subscribe(CHANNEL)
        try:
            while True:
                try:
                    await self._look()
                except _AWAY as error:
                    log.warning("backtests.database_away", error=type(error).__name__)
                for run in self._running.values():
                    run.hint()
                await hints.get()
        finally:
            hints.close()
            await self._put_all_back()

    async def _look(self) -> None:
        await self._take_over()
        while len(self._running) < self._keeping.at_once:
            async with self._engine.begin() as connection:
                job = await queue.take(connection, self._runner)
            if job is None:
                break
            run = _Run(self._engine, self._runner, self._keeping, job, self._clock, self._one_fetches)
            task = asyncio.create_task(run.go(), name=f"backtest {job.id}")
            self._running[task] = run
            task.add_done_callback(self._ended)
        now_s = self._clock.monotonic()
        if self._swept_at_s is None or now_s - self._swept_at_s > SWEEP_EVERY_S:
            self._swept_at_s = now_s
            async with self._engine.begin() as connection:
                await queue.sweep(connection)

    async def _take_over(self) -> None:
        """Gives back what nobody works on any more: its jobs process has ended, or lost it to a fault of its own."""
        mine = {run.job.id for run in self._running.values()}
        async with self._engine.begin() as connection:
            for each in await queue.held(connection, silent_s=SILENT_S):
                if each.runner.id == self._runner.id:
                    is_orphan = each.id not in mine
                else:
                    is_orphan = each.is_silent or has_ended(each.runner.process)
                if is_orphan:
                    why = Fault("backtest.crashed", {"tries": str(each.attempt)}, "the jobs process ended")
                    state = await queue.give_back(
                        connection, each.runner.id, each.id, each.attempt, cpu_ms=None, why=why
                    )
                    log.warning("backtest.taken_over", backtest=str(each.id), attempt=each.attempt, state=state)

    def _ended(self, task: asyncio.Task[None]) -> None:
        run = self._running.pop(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("backtest.unexpected", backtest=str(run.job.id), exc_info=error)  # given back at the next look

    async def _put_all_back(self) -> None:
        tasks = list(self._running)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Run:
    """One try of one backtest."""

    def __init__(
        self,
        engine: AsyncEngine,
        runner: Runner,
        keeping: Keeping,
        job: Job,
        clock: Clock,
        one_fetches: asyncio.Lock,
    ) -> None:
        self.job = job
        self._engine = engine
        self._runner = runner
        self._keeping = keeping
        self._clock = clock
        self._one_fetches = one_fetches
        self._progress = Progress(done=0, total=0, cpu_ms=0)
        self._child: Child | None = None
        self._hinted = asyncio.Event()
        self._is_cancelled = False
        self._is_lost = False
        self._is_too_late = False

    def hint(self) -> None:
        """Something was said about backtests: look whether this one is to be cancelled."""
        self._hinted.set()

    async def go(self) -> None:
        log.info("backtest.started", backtest=str(self.job.id), attempt=self.job.attempt)
        beating = asyncio.create_task(self._beat())
        try:
            outcome = await self._play()
        except asyncio.CancelledError:
            await self._stop(beating)
            cpu_ms = self._progress.cpu_ms if self._child is None else (await self._child.gone()).cpu_ms
            await self._written_once(
                lambda connection: queue.put_back(connection, self._runner, self.job, cpu_ms=cpu_ms)
            )
            raise
        except OSError as error:  # no place for another process
            log.warning("backtest.not_started", backtest=str(self.job.id), error=str(error))
            outcome = Died(code=1, cpu_ms=0)
        await self._stop(beating)
        if self._is_lost:
            log.warning("backtest.lost", backtest=str(self.job.id), attempt=self.job.attempt)
            return
        await self._written(lambda connection: self._end(connection, outcome))

    async def _play(self) -> Outcome:
        try:
            asked = msgspec.json.decode(self.job.asked, type=Asked)
        except msgspec.MsgspecError as error:  # written by another version of this program
            return Refused(fault=Fault("backtest.spec_refused", detail=str(error)), cpu_ms=0)
        if asked.origin == "sim":
            fault = await self._fetch(asked)
            if fault is not None:
                return Refused(fault=fault, cpu_ms=0)
        keeping = self._keeping
        order = Order(
            asked=asked,
            data=keeping.data,
            cpu_s=keeping.cpu_s,
            memory_bytes=keeping.memory_bytes,
            version=keeping.version,
        )
        child = self._start(
            lambda: player.start(order, environment=keeping.environment, clock=self._clock, is_last=keeping.is_last)
        )
        try:
            return await player.hear(child, order, self._note)
        finally:
            child.kill()

    async def _fetch(self, asked: Asked) -> Fault | None:
        strategy = check_text(asked.text, settings=asked.params).strategy
        if strategy is None or asked.from_ms is None or asked.to_ms is None:
            return None  # the run itself says why
        begin_ms = max(0, asked.from_ms - warm_up_ms(strategy))
        fault = await self._fetch_one(asked.series(strategy), begin_ms, asked.to_ms)
        fine = asked.fine_series(strategy)
        if fault is None and fine is not None:
            fault = await self._fetch_one(fine, asked.from_ms, asked.to_ms)
        if fault is None and asked.funding:
            fault = await self._fetch_one(asked.series(strategy), asked.from_ms, asked.to_ms, funding=True)
        return fault

    async def _fetch_one(self, series: Series, from_ms: int, to_ms: int, *, funding: bool = False) -> Fault | None:
        keeping = self._keeping
        async with self._one_fetches:
            child = self._start(
                lambda: fetching.start(
                    series,
                    from_ms,
                    to_ms,
                    home=keeping.home,
                    environment=keeping.environment,
                    clock=self._clock,
                    is_last=keeping.is_last,
                    funding=funding,
                )
            )
            try:
                return await fetching.hear(child)
            finally:
                child.kill()

    def _start(self, make: Callable[[], Child]) -> Child:
        self._child = make()
        if self._is_cancelled or self._is_lost:
            self._child.kill()
        return self._child

    def _note(self, progress: Progress) -> None:
        self._progress = progress

    async def _beat(self) -> None:
        """Beats, and kills the process when nobody wants its result any more."""
        began_s = self._clock.monotonic()
        while True:
            progress = self._progress
            try:
                async with self._engine.begin() as connection:
                    answer = await queue.beat(
                        connection,
                        self._runner,
                        self.job,
                        done=progress.done,
                        total=progress.total or None,
                        cpu_ms=progress.cpu_ms,
                    )
            except _AWAY:
                answer = False  # it goes on; whoever was quicker meanwhile will have taken it over
            self._is_lost |= answer is None
            self._is_cancelled |= answer is True
            self._is_too_late |= self._clock.monotonic() - began_s > WALL_TIMES * self._keeping.cpu_s
            if (self._is_lost or self._is_cancelled or self._is_too_late) and self._child is not None:
                self._child.kill()
            self._hinted.clear()
            try:
                async with asyncio.timeout(BEAT_S):
                    await self._hinted.wait()
            except TimeoutError:
                pass

    async def _stop(self, beating: asyncio.Task[None]) -> None:
        if self._child is not None:
            self._child.kill()
        beating.cancel()
        await asyncio.gather(beating, return_exceptions=True)

    async def _end(self, connection: AsyncConnection, outcome: Outcome) -> None:
        runner, job = self._runner, self.job
        state: object
        match outcome:
            case Finished(bars=bars, metrics=metrics, report=report, cpu_ms=cpu_ms):
                state = await queue.finish(
                    connection, runner, job, metrics=metrics, report=report, bars=bars, cpu_ms=cpu_ms
                )
            case Refused(fault=fault, cpu_ms=cpu_ms):
                if self._is_cancelled:
                    state = await queue.cancel(connection, runner, job, cpu_ms=cpu_ms)
                else:
                    state = await queue.fail(connection, runner, job, fault, cpu_ms=cpu_ms)
            case Died(code=code, cpu_ms=cpu_ms):
                state = await self._after_death(connection, code, cpu_ms)
            case _:
                assert_never(outcome)
        log.info("backtest.ended", backtest=str(job.id), outcome=type(outcome).__name__, kept=state)

    async def _after_death(self, connection: AsyncConnection, code: int, cpu_ms: int) -> object:
        runner, job = self._runner, self.job
        if self._is_cancelled:
            return await queue.cancel(connection, runner, job, cpu_ms=cpu_ms)
        if self._is_too_late:
            fault = Fault("backtest.too_long", {"seconds": str(WALL_TIMES * self._keeping.cpu_s)})
            return await queue.fail(connection, runner, job, fault, cpu_ms=cpu_ms)
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        log.warning("backtest.died", backtest=str(job.id), attempt=job.attempt, how=how)
        why = Fault("backtest.crashed", {"tries": str(job.attempt)}, how)
        return await queue.give_back(connection, runner.id, job.id, job.attempt, cpu_ms=job.cpu_ms + cpu_ms, why=why)

    async def _written(self, write: Callable[[AsyncConnection], Awaitable[_Found]]) -> _Found:
        """In a transaction of its own, as often as it takes: a result is not thrown away because the database is."""
        while True:
            try:
                async with self._engine.begin() as connection:
                    return await write(connection)
            except _AWAY as error:
                log.warning("backtest.not_written", backtest=str(self.job.id), error=type(error).__name__)
                await self._clock.sleep(BEAT_S)

    async def _written_once(self, write: Callable[[AsyncConnection], Awaitable[None]]) -> None:
        """What cannot be written now is seen by the next process, which finds that this one has ended."""
        try:
            async with self._engine.begin() as connection:
                await write(connection)
        except _AWAY as error:
            log.warning("backtest.not_put_back", backtest=str(self.job.id), error=type(error).__name__)
