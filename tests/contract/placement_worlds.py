"""The worlds that the contract of the port `Placement` is run in: in memory, and the advisory lock on PostgreSQL.

Lives here: `PlacementWorld`, its two implementations, and a clock that only a test moves. Leases (several machines) are
to join as a third one. Not here: the contract itself (`test_placement`).
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from contract.journal_worlds import make_home
from tradewright.core.errors import StartError
from tradewright.core.ids import AccountId
from tradewright.placement.gate import Gate, Timing
from tradewright.placement.rows import Registered
from tradewright.placement.single import SingleOwner
from tradewright.storage.engine import create_engine
from tradewright.system import SystemClock, SystemIds
from tradewright.trading.ownership import Dispossessed, Placed, Placement, ShutReason


class SteppedClock:
    """Time passes when a test says so; whoever sleeps is woken in order. `settle_s` is real: others are no coroutines
    of ours."""

    def __init__(self, settle_s: float) -> None:
        self._now_s = 1000.0
        self._settle_s = settle_s
        self._numbers = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Event]] = []

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self._now_s)

    def monotonic(self) -> float:
        return self._now_s

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.Event()
        heapq.heappush(self._sleepers, (self._now_s + seconds, next(self._numbers), woken))
        await woken.wait()

    async def advance(self, seconds: float) -> None:
        until_s = self._now_s + seconds
        await self.settle()
        while self._sleepers and self._sleepers[0][0] <= until_s:
            at_s, _number, woken = heapq.heappop(self._sleepers)
            self._now_s = max(self._now_s, at_s)
            woken.set()
            await self.settle()
        self._now_s = until_s
        await self.settle()

    async def jump(self, seconds: float) -> None:
        """The machine sleeps: time has passed, and nobody was woken for it."""
        self._now_s += seconds

    async def settle(self) -> None:
        for _ in range(20):
            await asyncio.sleep(self._settle_s / 20)


class Contender(Placement, Protocol):
    async def keep(self) -> None: ...


class PlacementWorld(Protocol):
    clock: SteppedClock
    account_id: AccountId

    async def begin(self, *, others_have_ended: bool = False) -> Contender:
        """A worker that owns once this returns. `others_have_ended`: it knows that those before it run no more."""
        ...

    async def cut(self, worker: Contender) -> None:
        """The worker's hold is lost from outside; it may not know of it yet."""
        ...

    async def end(self, worker: Contender) -> None:
        """It gives up in good order."""
        ...


@dataclass
class _Registry:
    holder: MemoryPlacement | None = None
    beats: dict[UUID, float] = field(default_factory=dict)  # of those that were not seen to end
    owners: dict[AccountId, tuple[UUID, int]] = field(default_factory=dict)


class MemoryPlacement:
    """The advisory lock's twin: the same gate over a lock in memory."""

    def __init__(self, registry: _Registry, clock: SteppedClock, *, others_have_ended: bool) -> None:
        self.worker_id = uuid4()
        self._registry = registry
        self._clock = clock
        self._others_have_ended = others_have_ended
        self._timing = Timing()
        self._gate = Gate(clock, self._timing.gate_s)
        self._over = asyncio.Event()
        self._claims: dict[AccountId, tuple[int, asyncio.Event]] = {}
        self._stood_still = asyncio.Event()
        self.is_cut = False

    async def begin(self) -> None:
        deadline_s = self._clock.monotonic() + 5
        while self._registry.holder is not None:
            if self._clock.monotonic() > deadline_s:
                raise StartError("another worker owns the accounts", exit_code=10)
            await self._clock.sleep(0.2)
        self._registry.holder = self
        lasts = [at_s for worker, at_s in self._registry.beats.items() if worker != self.worker_id]
        if lasts and not self._others_have_ended:
            await self._clock.sleep(max(0.0, max(lasts) + self._timing.lease_s - self._clock.monotonic()))
        self._registry.beats = {self.worker_id: self._clock.monotonic()}
        self._over.set()
        self._over, self.is_cut = asyncio.Event(), False
        self._gate.seen(self._clock.monotonic())

    async def keep(self) -> None:
        while True:
            before_s = self._clock.monotonic()
            await self._clock.sleep(self._timing.check_s)
            began_s = self._clock.monotonic()
            if began_s - before_s > self._timing.check_s + 4:
                self._gate.stand_still()
                self._stood_still.set()
            if self.is_cut:
                self._gate.shut("lock_lost")
                if self._registry.holder is not None:
                    self._gate.shut("dispossessed")
                    raise Dispossessed("another worker owns the accounts")
                await self.begin()
            self._registry.beats[self.worker_id] = began_s
            self._gate.seen(began_s)

    def lose(self) -> None:
        self.is_cut = True
        if self._registry.holder is self:
            self._registry.holder = None

    def end(self) -> None:
        self._gate.shut("not_held")
        self.lose()
        self._registry.beats.pop(self.worker_id, None)

    @property
    def is_open(self) -> bool:
        return self._gate.is_open

    @property
    def lets_reduce(self) -> bool:
        return self._gate.why_shut in (None, "database_away")

    @property
    def why_shut(self) -> ShutReason | None:
        return self._gate.why_shut

    async def claim(self, account_id: AccountId) -> int:
        epoch = self._registry.owners.get(account_id, (self.worker_id, 0))[1] + 1
        self._registry.owners[account_id] = (self.worker_id, epoch)
        self._claims[account_id] = (epoch, self._over)
        return epoch

    async def until_over(self, account_id: AccountId, epoch: int) -> None:
        newest, over = self._claims[account_id]
        if newest == epoch:
            await over.wait()

    async def until_stood_still(self) -> None:
        await self._stood_still.wait()
        self._stood_still.clear()

    def go_on(self) -> None:
        self._gate.go_on()

    def give_up(self) -> None:
        self._gate.shut("dispossessed")

    async def where(self) -> Sequence[Placed]:
        living = None if self._registry.holder is None else self._registry.holder.worker_id
        return [
            Placed(account, owner, epoch, self._clock.now(), 0.0, owner == living)
            for account, (owner, epoch) in self._registry.owners.items()
        ]


class MemoryPlacementWorld:
    def __init__(self) -> None:
        self.clock = SteppedClock(0)
        self.account_id = AccountId(uuid4())
        self._registry = _Registry()

    async def begin(self, *, others_have_ended: bool = False) -> Contender:
        worker = MemoryPlacement(self._registry, self.clock, others_have_ended=others_have_ended)
        await worker.begin()
        return worker

    async def cut(self, worker: Contender) -> None:
        assert isinstance(worker, MemoryPlacement)
        worker.lose()

    async def end(self, worker: Contender) -> None:
        assert isinstance(worker, MemoryPlacement)
        worker.end()


class SingleOwnerWorld:
    def __init__(self, engine: AsyncEngine, account_id: AccountId, url: str) -> None:
        self.clock = SteppedClock(0.08)
        self.account_id = account_id
        self._engine = engine
        self._url = url
        self._begun: list[tuple[SingleOwner, AsyncEngine]] = []

    @classmethod
    async def open(cls, engine: AsyncEngine, url: str) -> SingleOwnerWorld:
        home = await make_home(engine, SystemIds(), SystemClock(), uid=str(SystemIds().new()))
        return cls(engine, home.account.id, url)

    async def begin(self, *, others_have_ended: bool = False) -> Contender:
        worker = Registered(id=SystemIds().new(), host="here", process=str(uuid4()), version="0")
        engine = create_engine(self._url, pool_size=2, application=f"tradewright-{worker.application}")
        owner = SingleOwner(engine, self.clock, worker, has_ended=lambda _former: others_have_ended)
        self._begun.append((owner, engine))
        return await owner.__aenter__()

    async def cut(self, worker: Contender) -> None:
        async with self._engine.begin() as connection:
            await connection.execute(
                text("SELECT pg_terminate_backend(lock_pid) FROM worker WHERE id = :id"), {"id": worker.worker_id}
            )
        await self.clock.settle()

    async def end(self, worker: Contender) -> None:
        assert isinstance(worker, SingleOwner)
        await worker.__aexit__(None, None, None)

    async def close(self) -> None:
        for owner, engine in self._begun:
            await owner.__aexit__(None, None, None)
            await engine.dispose()


@asynccontextmanager
async def kept(worker: Contender) -> AsyncIterator[asyncio.Task[None]]:
    """It looks after what it holds; yields the task."""
    task = asyncio.create_task(worker.keep())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait([task])
