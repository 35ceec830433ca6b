"""One life of the worker in a run: the real session, gateway and stream, with what stands beside them that night.

Lives here: `Process`, which may be killed at a named point (from there on no byte of it leaves and no commit of it
counts, as after SIGKILL), stand still, or be replaced by another owner.
Not here: the world around it (`world`), when it is started, killed and stopped (`run`, `owning`).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Coroutine
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import structlog

from sim.whole.bookkeeping import with_books
from sim.whole.deciding import with_differences
from sim.whole.faults import Kill
from sim.whole.guards import with_guards
from sim.whole.setting import ACCOUNT, INSTRUMENTS, KEY, Killed
from tradewright.exchange.bybit.address import Address
from tradewright.exchange.bybit.limits import RequestBudgets
from tradewright.exchange.bybit.orders import BybitOrderGateway
from tradewright.exchange.bybit.private_stream import BybitPrivateStream
from tradewright.lab.memory_journal import MemoryJournal
from tradewright.lab.network import Host, current_host
from tradewright.trading.account_book import AccountBook
from tradewright.trading.ownership import Dispossessed
from tradewright.trading.session_parts import SessionParts

if TYPE_CHECKING:
    from sim.whole.world import World

_T = TypeVar("_T")


class Process:
    """`kill` names the point where it stops dead."""

    def __init__(self, world: World, kill: Kill | None) -> None:
        self._world = world
        self._kill = (world.night.books_crash if world.lives == 1 else None) or kill
        self._reached: Counter[str] = Counter()
        self.killed = asyncio.Event()
        self.killed_at = ""
        self.is_dispossessed = False
        self.host = Host()
        self.owning = world.make_owning(self.host)
        self.host.epoch = self.owning.epoch
        self.account = replace(ACCOUNT, epoch=self.owning.epoch)
        self.book = AccountBook()
        self._budgets = RequestBudgets(world.machine_clock, Address(world.machine_clock))
        self.bench = world.make_bench(self) if world.night.pull is not None else None
        parts = self._parts()
        if self.bench is not None:
            parts = replace(parts, rules=[self.bench.rule, *parts.rules])
        parts = with_guards(world, parts, self.database_point)
        if world.night.keeps_books:
            parts = with_books(world, parts, self.fenced_point)
        if world.night.decides:
            parts = with_differences(world, parts, self.fenced_point)
        self.session = world.make_session(parts)
        self.task = self.spawn(self._live())

    def _parts(self) -> SessionParts:
        world = self._world
        gateway = self.open_gateway()
        stream = BybitPrivateStream(
            world.endpoints,
            KEY,
            server_time=gateway.server_time,
            clock=world.machine_clock,
            rng=world.random_of(f"stream{world.lives}"),
            log=structlog.get_logger(),
            use_aiofastnet=False,
        )
        journal = MemoryJournal(
            world.database,
            clock=world.clock,
            ids=world.ids,
            point=self.database_point,
            epoch=self.owning.epoch,
        )
        return SessionParts(
            account=self.account,
            gateway=world.make_gateway(gateway),
            stream=stream,
            journal=world.make_journal(journal),
            instrument_of=INSTRUMENTS.get,
            clock=world.machine_clock,
            ids=world.ids,
            rng=world.random_of(f"session{world.lives}"),
            evidence=world.evidence,
            book=self.book,
            ownership=self.owning,
            reach=self.reach,
            waits_beside=lambda: self.bench is not None and self.bench.recorder.has_spooled,
        )

    def open_gateway(self, *, is_kill: bool = False) -> BybitOrderGateway:
        """To the account, with what is left of its requests."""
        gateway = BybitOrderGateway(
            self._world.endpoints,
            KEY,
            clock=self._world.machine_clock,
            log=structlog.get_logger(),
            gate=lambda: self.owning.lets_reduce,
            reach=self.reach,
            budgets=self._budgets,
            is_kill=is_kill,
            batches=("linear", "spot") if self._world.night.sweeps else (),
        )
        if self._world.night.sweeps:
            gateway._cancels._alone_max = 1  # a handful is a burst here
        return gateway

    async def _live(self) -> None:
        try:
            if self.bench is not None:
                await self.bench.start()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.owning.keep(self.session))
                if self.bench is not None:
                    tasks.create_task(self.bench.run())
                tasks.create_task(self.session.run())
        except BaseExceptionGroup as group:
            found, _ = group.split(Dispossessed)
            if found is not None:
                self.is_dispossessed = True
                self.host.die()  # the real one ends at once
            raise

    def spawn(self, work: Coroutine[Any, Any, _T]) -> asyncio.Task[_T]:
        """Something that this process does: its bytes are those of this machine."""
        token = current_host.set(self.host)
        try:
            return asyncio.get_running_loop().create_task(work)
        finally:
            current_host.reset(token)

    @property
    def is_dead(self) -> bool:
        return self.host.is_dead

    @property
    def answers(self) -> bool:
        """Whether somebody who asks it something is answered."""
        return not (self.is_dead or self.host.is_frozen or self.task.done())

    def reach(self, point: str) -> None:
        """Production code passes a named point."""
        if self.is_dead or self._is_fatal(point):
            self._die(point)
            raise Killed(point)

    async def database_point(self, point: str) -> None:
        await self.host.runs()
        if self.is_dead or self._is_fatal(point):
            self._die(point)
            await asyncio.Event().wait()
        await self._world.database_step(point)
        await self.host.runs()
        if self.is_dead:
            await asyncio.Event().wait()

    async def fenced_point(self, point: str) -> None:
        """Of a transaction that counts only under the newest epoch, as those of the owner's other parts do."""
        await self.database_point(point)
        if not point.endswith((".after", ".read")) and self._world.database.epoch != self.owning.epoch:
            raise Dispossessed(f"a newer owner than epoch {self.owning.epoch}")

    async def disk(self) -> None:
        """Before something is written to the machine's own disk."""
        await self.host.runs()
        if self.is_dead:
            await asyncio.Event().wait()

    def _is_fatal(self, point: str) -> bool:
        kill = self._kill
        self._world.passed[point] += 1
        if kill is None:
            return False
        self._reached[point] += 1
        times = self._reached[point] if kill.point == point else 0 if kill.point else self._reached.total()
        return times == kill.times

    def _die(self, point: str) -> None:
        if not self.is_dead:
            self.killed_at = point
            self.host.die()
            self.killed.set()

    def doom(self, kill: Kill) -> None:
        """From here on it is to die there."""
        self._kill, self._reached = kill, Counter()

    def spare(self) -> None:
        """It is not killed any more."""
        self._kill = None

    async def end(self) -> None:
        """As SIGKILL: nothing more is done. What it had sent goes on by itself."""
        self.host.die()
        self.task.cancel()
        await asyncio.wait([self.task])
