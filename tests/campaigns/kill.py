"""The kill campaign: real workers are killed at named points and at random, while accounts trade and databases fall.

Usage: `python -m campaigns.kill CYCLES ACCOUNTS TIMES` (`make kill`); TIMES is how often each named point is met. One
line tells what was done and what was wrong; exit 1 when anything was. A cycle kills a worker in the middle of trading,
then its successors at named points, and ends with a time without faults, within which everything must become what the
exchange says.
Lives here: which is killed when, and the line. Not here: the installation (`lean`), who trades (`trading`), the judging
(`verdict`), when all is right again (`settling`).
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import shutil
import sys
import tempfile
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from campaigns.lean import Lean
from campaigns.processes import WorkerProcess
from campaigns.settling import until_settled
from campaigns.trading import Traders
from campaigns.verdict import WRONGS, Truth, Verdict, judge, told_of
from tradewright.core.errors import AppError
from tradewright.system import SystemClock, SystemIds
from tradewright.trading.crash_points import CRASH_POINTS, CrashPoint
from tradewright.trading.kill.control import ask
from tradewright.trading.kill.latch import Latch, account_scope

RESTARTS_S = (5.0, 40.0)
SETTLED_WITHIN_S = 30.0
TIMES_EACH = 5  # a named point in a whole campaign
_REACHED_WITHIN_S = 45.0  # else the worker is killed where it is, and the point is tried again
_TRIES_MORE, _TRIES_MIN = 2, 4  # times the kills that were planned, and some more
_POKE_S = 0.5
_TRADING_WITHIN_S = 20.0
_LOOK_S = 0.02
_HAS = {
    "kill.cancelled": "AND EXISTS (SELECT 1 FROM orders o WHERE o.account_id = a.id AND o.state = 'working')",
    "kill.closing": "AND EXISTS (SELECT 1 FROM positions p WHERE p.account_id = a.id AND p.size <> 0)",
}


@dataclass(frozen=True, slots=True)
class Plan:
    """`kills` are at named points, dealt over the cycles so that each point's turn comes `times_each` times."""

    cycles: int
    accounts: int
    times_each: int = TIMES_EACH
    points: Sequence[CrashPoint] = CRASH_POINTS
    restarts_s: tuple[float, float] = RESTARTS_S
    settled_within_s: float = SETTLED_WITHIN_S
    counted_min: int | None = None  # account-kills that must count; None: as many as cycles times accounts

    def dealt(self, rng: random.Random) -> list[deque[CrashPoint]]:
        every = [point for point in self.points for _ in range(self.times_each)]
        rng.shuffle(every)
        return [deque(every[number :: self.cycles]) for number in range(self.cycles)]


@dataclass(slots=True)
class Tally:
    points: Counter[str] = field(default_factory=Counter)
    random_kills: int = 0
    account_kills: int = 0
    counted: int = 0  # with a request in flight or an intent uncommitted
    settled_s: list[float] = field(default_factory=list)
    waited: list[Mapping[str, float]] = field(default_factory=list)  # until when, in seconds, by what
    unsettled: list[str] = field(default_factory=list)
    diverged: list[str] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    notes: dict[str, str] = field(default_factory=dict)  # what the tables and the exchange say of what is wrong
    orders: int = 0
    intents: int = 0
    database_restarts: int = 0
    seconds: float = 0.0

    @property
    def kills(self) -> int:
        return self.random_kills + self.points.total()

    def wrong(self, kind: str) -> set[str]:
        return {one for verdict in self.verdicts for one in getattr(verdict, kind)}

    def problems(self, plan: Plan) -> list[str]:
        """All that is wrong, or was not shown; none where the campaign is passed."""
        found = [f"{kind}: {one} {self.notes.get(one, '')}" for kind in WRONGS for one in sorted(self.wrong(kind))]
        found += [f"diverged: {one}" for one in self.diverged]
        found += [f"it took {one} until all was right" for one in self.unsettled]
        few = [point for point in plan.points if self.points[point] < plan.times_each]
        found += [f"{point} was reached {self.points[point]} times of {plan.times_each}" for point in few]
        wanted = plan.cycles * plan.accounts if plan.counted_min is None else plan.counted_min
        if self.counted < wanted:
            found.append(f"{self.counted} account-kills count, wanted are {wanted}")
        return found

    def line(self, plan: Plan) -> str:
        wrong = " ".join(f"{kind}={len(self.wrong(kind))}" for kind in WRONGS)
        points = ", ".join(f"{point}: {self.points[point]}" for point in plan.points)
        return (
            f"cycles={plan.cycles} accounts={plan.accounts} {wrong} diverged={len(self.diverged)}"
            f" unsettled={len(self.unsettled)} settled_s_max={max(self.settled_s, default=0):.1f}"
            f" kills={self.kills} account_kills={self.account_kills} counted={self.counted}"
            f" random={self.random_kills} points={{{points}}} database_restarts={self.database_restarts}"
            f" intents={self.intents} truth_orders={self.orders} seconds={self.seconds:.0f}"
        )


class Campaign:
    """`after_cycle` is told what was counted so far."""

    def __init__(
        self, lean: Lean, plan: Plan, rng: random.Random, after_cycle: Callable[[Tally], None] = lambda _tally: None
    ) -> None:
        self._after_cycle = after_cycle
        self._lean = lean
        self._plan = plan
        self._rng = rng
        self._traders = Traders(lean, rng)
        self._truth = Truth(lean)
        self._chaos_may = asyncio.Event()
        self._restarting = asyncio.Lock()
        self.tally = Tally()

    async def run(self) -> Tally:
        """Raises `AssertionError`, in a group, where the campaign itself cannot go on."""
        began_s = time.monotonic()
        most = self._plan.cycles + len(self._plan.points) * self._plan.times_each * _TRIES_MORE + _TRIES_MIN
        async with self._traders.trading(), beside(self._chaos(), self._release()):
            for wanted in self._plan.dealt(self._rng):
                self._traders.go()
                self._chaos_may.set()
                await self._until_trading()
                await asyncio.sleep(self._rng.uniform(0.0, 1.0))
                await self._kill_here()
                while wanted:
                    assert self.tally.kills < most, f"points are not reached: {self.tally.line(self._plan)}"
                    point = wanted.popleft()
                    if not await self._kill_at(point):
                        wanted.append(point)
                await self._settle()
                self.tally.database_restarts = self._lean.database_restarts
                self.tally.orders = self._truth.accepted.total()
                self.tally.intents = len(self._traders.asked)
                self.tally.seconds = time.monotonic() - began_s
                self._after_cycle(self.tally)
        return self.tally

    # Kills.

    async def _until_trading(self) -> None:
        """Until as many orders as there are accounts have been placed, or for as long as one would wait for that."""
        wanted: int | None = None
        deadline_s = time.monotonic() + _TRADING_WITHIN_S
        while time.monotonic() < deadline_s:
            (row,) = await self._lean.rows(
                "SELECT count(*) AS placed FROM intents WHERE kind = 'place' AND state = 'acknowledged'"
            )
            wanted = row.placed + self._plan.accounts if wanted is None else wanted
            if row.placed >= wanted:
                return
            await asyncio.sleep(0.1)

    async def _kill_here(self) -> None:
        worker = self._lean.worker
        assert worker is not None
        died_ms = int(time.time() * 1000)
        worker.kill()
        self.tally.random_kills += 1
        await self._count(worker, died_ms)

    async def _kill_at(self, point: CrashPoint) -> bool:
        """Whether a new worker came there, and ended there. One that does not within its time is killed where it is."""
        async with self._restarting:  # a worker that finds no database ends at once, and has shown nothing
            worker = self._lean.start_worker(f"{point}:{self._times(point)}")
        deadline_s = time.monotonic() + _REACHED_WITHIN_S
        poking = asyncio.create_task(self._poke(point))
        try:
            while not worker.has_ended and time.monotonic() < deadline_s:
                await asyncio.sleep(_LOOK_S)
        finally:
            poking.cancel()
            await asyncio.wait([poking])
            assert poking.cancelled() or not poking.exception(), poking.exception()
        if not worker.has_ended:
            await self._kill_here()
            return False
        died_ms = int(time.time() * 1000)
        if worker.process.returncode != -9:  # its database was killed while it started
            return False
        self.tally.points[point] += 1
        await self._count(worker, died_ms)
        return True

    def _times(self, point: CrashPoint) -> int:
        """How often it lets the point pass: so that any of the accounts is the one that is hit."""
        room = point.partition(".")[0]
        if room in ("takeover", "reading"):
            return self._rng.randint(1, self._plan.accounts)
        return self._rng.randint(1, 2 * self._plan.accounts) if room in ("intent", "request", "answer", "facts") else 1

    async def _poke(self, point: CrashPoint) -> None:
        """Sees to it that there is something at the point, again and again: an unknown outcome, or a kill."""
        while point.startswith(("unknown.", "kill.")):
            await asyncio.sleep(_POKE_S)
            if await self._lean.ready() < len(self._lean.accounts):
                continue
            if point.startswith("unknown."):
                fault = {"kind": "lost_reply", "path": "/v5/order/create", "count": 1}
                await asyncio.to_thread(self._lean.exchange.control, "POST", "/sim/faults", fault)
            else:
                await self._pull(point)

    async def _pull(self, point: CrashPoint) -> None:
        """Of an account that has what this point is about: most are flat for a while after a kill of their own."""
        held = await self._lean.rows(
            "SELECT a.id FROM accounts a WHERE a.environment = 'demo' AND NOT EXISTS (SELECT 1 FROM kill_latches l"
            f" WHERE l.scope_id = a.id AND l.released_at IS NULL) {_HAS.get(point, '')}"
        )
        if not held:
            return
        latch = Latch(
            id=SystemIds().new(),
            scope=account_scope(self._rng.choice(held).id),
            close_positions=True,
            pulled_at=SystemClock().now(),
            pulled_by=None,
            via="socket",
        )
        await self._asked({"op": "kill", "latch": latch.as_json()})

    async def _asked(self, request: dict[str, Any]) -> dict[str, Any]:
        with contextlib.suppress(AppError):  # the worker is dead, or was killed by just this
            return await ask(self._lean.home / "run/worker.sock", request, within_s=5)
        return {}

    async def _count(self, worker: WorkerProcess, died_ms: int) -> None:
        self.tally.account_kills += len(self._lean.accounts)
        accounts = {account.id for account in self._lean.accounts}
        self.tally.counted += len(accounts & await self._lean.busy_accounts(worker.process.pid, died_ms))

    # Beside.

    async def _chaos(self) -> None:
        while True:
            await asyncio.sleep(self._rng.uniform(*self._plan.restarts_s))
            await self._chaos_may.wait()
            async with self._restarting:
                if self._chaos_may.is_set():
                    await self._lean.restart_database()

    async def _release(self) -> None:
        """Of each kill that is carried out: else nobody would trade in the end."""
        while True:
            await asyncio.sleep(1.0)
            status = await self._asked({"op": "status"})
            latched = {latch["scope"] for latch in status.get("latches", [])}
            for account in status.get("accounts", []):
                scope = f"account-{account['account_id']}"
                if account["state"] == "done" and scope in latched:
                    await self._asked({"op": "release", "scope": scope})

    # The end of a cycle.

    async def _settle(self) -> None:
        """No faults from here on; how long until all is final and equal is counted from when a worker is started."""
        await self._traders.rest()
        self._chaos_may.clear()
        async with self._restarting:
            await asyncio.to_thread(self._lean.exchange.control, "DELETE", "/sim/faults")
        self._lean.start_worker()
        settled = await until_settled(self._lean)
        self.tally.settled_s.append(settled.took_s)
        self.tally.waited.append(settled.waited_s)
        if settled.took_s > self._plan.settled_within_s:
            self.tally.unsettled.append(f"{settled.took_s:.1f} s {settled.waited_s}")
        if not settled.wrong:  # judged is what nobody touches any more: a kill goes on cancelling and closing
            settled = await until_settled(self._lean, kills=True)
        self.tally.diverged += settled.wrong
        await asyncio.to_thread(self._truth.read)
        verdict = await judge(self._lean, self._truth, self._traders.asked)
        self.tally.verdicts.append(verdict)
        for link_id in {one for kind in WRONGS for one in getattr(verdict, kind)}:
            self.tally.notes[link_id] = await told_of(self._lean, self._truth, link_id)


@contextlib.asynccontextmanager
async def beside(*works: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """They go on as long as what is within; where one fails, that ends too, at once."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(work) for work in works]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()


async def run(
    plan: Plan, home: Path, *, seed: str, after_cycle: Callable[[Tally], None] = lambda _tally: None
) -> Tally:
    rng = random.Random(seed)
    async with Lean.open(home, plan.accounts, rng) as lean:
        return await Campaign(lean, plan, rng, after_cycle).run()


def main(arguments: Sequence[str]) -> int:
    given = [int(one) for one in arguments]
    plan = Plan(*given) if given else Plan(15, 20)
    home = Path(tempfile.mkdtemp(prefix="tw-campaign-"))
    home.chmod(0o711)  # PostgreSQL, started by root, runs as another user and passes through

    def after_cycle(tally: Tally) -> None:
        print(f"so far: {tally.line(plan)}", file=sys.stderr, flush=True)
        print(f"  waited for, in seconds: {tally.waited[-1]}", file=sys.stderr, flush=True)
        # At once: a campaign that is broken off later must not take along what it has found.
        for wrong in WRONGS:
            if found := getattr(tally.verdicts[-1], wrong):
                told = [f"{one} {tally.notes.get(one, '')}" for one in found]
                print(f"  {wrong} after {tally.settled_s[-1]:.1f} s: {told}", file=sys.stderr, flush=True)

    seed = f"kill:{plan.cycles}:{plan.accounts}"
    tally = asyncio.run(run(plan, home, seed=seed, after_cycle=after_cycle))
    print(tally.line(plan))
    problems = tally.problems(plan)
    for problem in problems:
        print(f"  {problem}", file=sys.stderr)
    if problems:
        print(f"what the workers said is in {home}/worker.log", file=sys.stderr)
        return 1
    shutil.rmtree(home, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
