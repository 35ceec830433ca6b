"""One account's whole world in one process: the real session, gateway and stream, the real simulated exchange, and the
network between them; only the database is a twin.

Lives here: `World` with its exchange, database and machine, and `Process`, one life of the worker, which may be killed
at a named point: from there on no byte of it leaves and no commit of it counts, as after SIGKILL.
Not here: what people do (`people`), a seed's course (`run`), what must hold (`checkers`).
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

import structlog

from sim.memory_database import MemoryDatabase
from sim.memory_journal import MemoryJournal
from sim.virtual_loop import EPOCH, SeededIds, VirtualClock
from sim.whole.faults import FaultPlan, Kill, Moment, OwnFaults, name_of
from sim.whole.guards import kept_limits, with_guards
from sim.whole.market import LightMarket
from sim.whole.network import PORT, Host, NetworkLoop, current_host
from sim.whole.wire import FaultyWire
from sim.world import BTC, BTC_SPOT, RULES
from support.scripted_market import START_MS
from tradewright.core.ids import AccountId, IntentId, WorkspaceId
from tradewright.exchange.bybit.orders import BybitOrderGateway
from tradewright.exchange.bybit.private_stream import BybitPrivateStream
from tradewright.exchange.ports import ApiKey, Endpoints, OrderGateway
from tradewright.simulator.accounts.events import Entry
from tradewright.simulator.config import SimulatorConfig
from tradewright.simulator.faults.board import Armed
from tradewright.simulator.faults.kinds import CALLS, EVENTS, SOCKETS, ClockSkew, Fault
from tradewright.simulator.matching.engine import Engine
from tradewright.simulator.server import RunningSimulator, serve
from tradewright.trading.crash_points import CRASH_POINTS
from tradewright.trading.journal import Journal
from tradewright.trading.model import AccountRef
from tradewright.trading.resolution import EvidenceRule
from tradewright.trading.session import AccountSession
from tradewright.trading.session_parts import SessionParts

INSTRUMENTS: Final = {BTC: RULES, BTC_SPOT: replace(RULES, id=BTC_SPOT)}
ACCOUNT: Final = AccountRef(AccountId(UUID(int=1)), WorkspaceId(UUID(int=2)), "sim", "1")
KEY: Final = ApiKey("K" * 18, "S" * 36)
FUNDS: Final = (("USDT", Decimal(100_000)), ("BTC", Decimal(2)))
_BEGAN: Final = datetime.fromtimestamp(START_MS / 1000, UTC) - EPOCH
# Where the journal's twin may be killed: before anything of a commit has happened, and after it with nobody told.
JOURNAL_POINTS: Final = tuple(
    f"{method}.{side}"
    for method in ("take_over", "open_request", "answer", "book", "resolve", "confirm", "set_session")
    for side in ("before", "after")
)
# The kill switch is not pulled here.
POINTS: Final = tuple(point for point in (*CRASH_POINTS, *JOURNAL_POINTS) if not point.startswith("kill."))


class DatabaseAway(OSError):
    """The database did not answer: before the commit nothing happened, after it everything did."""


class Killed(BaseException):
    """The process is dead; nothing that it still does counts."""


class MachineClock(VirtualClock):
    """Our machine's clock, which may be off and may be set; its monotonic time is true."""

    def __init__(self, loop: asyncio.AbstractEventLoop, off: timedelta) -> None:
        super().__init__(loop, _BEGAN + off)
        self._steps = timedelta(0)

    def step(self, by: timedelta) -> None:
        self._steps += by

    def now(self) -> datetime:
        return super().now() + self._steps


class Process:
    """One life of the worker. `kill` names the point where it stops dead."""

    def __init__(self, world: World, kill: Kill | None) -> None:
        self._world = world
        self._kill = kill
        self._reached: Counter[str] = Counter()
        self.killed = asyncio.Event()
        self.killed_at = ""
        self.host = Host()
        log = structlog.get_logger()
        gateway = BybitOrderGateway(world.endpoints, KEY, clock=world.machine_clock, log=log, reach=self.reach)
        stream = BybitPrivateStream(
            world.endpoints,
            KEY,
            server_time=gateway.server_time,
            clock=world.machine_clock,
            rng=world.random_of(f"stream{world.lives}"),
            log=log,
            use_aiofastnet=False,
        )
        journal = world.make_journal(
            MemoryJournal(world.database, clock=world.clock, ids=world.ids, point=self._database_point)
        )
        self.session = world.make_session(
            with_guards(
                world,
                SessionParts(
                    account=ACCOUNT,
                    gateway=world.make_gateway(gateway),
                    stream=stream,
                    journal=journal,
                    instrument_of=INSTRUMENTS.get,
                    clock=world.machine_clock,
                    ids=world.ids,
                    rng=world.random_of(f"session{world.lives}"),
                    evidence=world.evidence,
                    reach=self.reach,
                ),
                self._database_point,
            )
        )
        token = current_host.set(self.host)
        try:
            self.task = asyncio.get_running_loop().create_task(self.session.run())
        finally:
            current_host.reset(token)

    @property
    def is_dead(self) -> bool:
        return self.host.is_dead

    def reach(self, point: str) -> None:
        """Production code passes a named point."""
        if self.is_dead or self._is_fatal(point):
            self._die(point)
            raise Killed(point)

    async def _database_point(self, point: str) -> None:
        if self.is_dead or self._is_fatal(point):
            self._die(point)
            await asyncio.Event().wait()
        await self._world.database_step(point)
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

    def spare(self) -> None:
        """It is not killed any more."""
        self._kill = None

    async def end(self) -> None:
        """As SIGKILL: nothing more is done. What it had sent goes on by itself."""
        self.host.die()
        self.task.cancel()
        await asyncio.wait([self.task])


class World:
    """Open it with `open`, close it at the end."""

    def __init__(self, seed: int, plan: FaultPlan, wire: FaultyWire, *, evidence: EvidenceRule | None = None) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, NetworkLoop), "the world's network is the loop's"
        self.seed = seed
        self.plan = plan
        self.loop = loop
        self.wire = wire
        self.evidence = evidence or EvidenceRule()
        self.clock = VirtualClock(loop, _BEGAN)  # true time, the database's and the exchange's
        self.machine_clock = MachineClock(loop, timedelta(seconds=plan.own.clock_off_s))
        self.ids = SeededIds(self.clock, self.random_of("ids"))
        self.database = MemoryDatabase()
        self.market = LightMarket(self.random_of("market"))
        self.own = OwnFaults()
        self.kept_risk = kept_limits()
        self.has_stranger = False
        self.process: Process | None = None
        self.lives = 0
        self.crashes: Counter[str] = Counter()
        self.passed: Counter[str] = Counter()
        self.struck: Counter[str] = Counter()
        self.violations: list[str] = []
        self.not_placed_s: dict[IntentId, float] = {}
        self.skews_s = [moment.effect.skew_ms / 1000 for moment in plan.moments if isinstance(moment.effect, ClockSkew)]
        self._armed: list[Armed] = []
        self._database_rng = self.random_of("database")
        self._timers: list[asyncio.TimerHandle] = []
        self._exchange_ids = self.random_of("exchange ids")
        self.exchange: RunningSimulator

    # How the parts of a process are made: tests plant their bugs there.

    def make_journal(self, journal: MemoryJournal) -> Journal:
        return journal

    def make_gateway(self, gateway: BybitOrderGateway) -> OrderGateway:
        return gateway

    def make_session(self, parts: SessionParts) -> AccountSession:
        return AccountSession(parts)

    async def open(self) -> None:
        config = SimulatorConfig(key=KEY.key, secret=KEY.secret, tick_ms=500, funds=FUNDS)
        self.exchange = await serve(
            config,
            wall_ms=lambda: START_MS + int(self.loop.time() * 1000),
            market=self.market,
            new_id=lambda: str(UUID(int=self._exchange_ids.getrandbits(128), version=4)),
        )
        self.exchange.desk.faults.seed = self.seed

    async def close(self) -> None:
        if self.process is not None:
            await self.process.end()
        await self.exchange.close()

    @property
    def engine(self) -> Engine:
        return self.exchange.engine

    @property
    def entries(self) -> Sequence[Entry]:
        """The exchange's log of the account: the truth."""
        return self.exchange.members.first.log.entries

    @property
    def price(self) -> Decimal:
        return self.market.last_price("BTCUSDT")

    def random_of(self, part: str) -> random.Random:
        """Chance of its own for each part, so that one more draw here moves nothing there."""
        return random.Random(f"{self.seed}:{part}")

    def endpoints(self) -> Endpoints:
        place = f"127.0.0.1:{PORT}/v5"
        return Endpoints(
            rest=f"http://127.0.0.1:{PORT}",
            public_stream=f"ws://{place}/public",
            private_stream=f"ws://{place}/private",
        )

    def start(self, kill: Kill | None) -> Process:
        self.lives += 1
        self.process = Process(self, kill)
        return self.process

    def wake(self) -> None:
        if self.process is not None and not self.process.is_dead:
            self.process.session.wake()

    # Faults.

    def begin_faults(self) -> None:
        faults = self.exchange.desk.faults
        for fault in self.plan.constant:
            faults.arm(fault)
            self._armed.append(faults.armed[-1])
        self.wire.faults, self.own = self.plan.wire, self.plan.own
        for moment in self.plan.moments:
            self._timers.append(self.loop.call_at(moment.at_s, self._due, moment))
        rng = self.random_of("clock")
        for _ in range(self.plan.own.clock_steps):
            self._timers.append(self.loop.call_at(rng.uniform(1, 40), self._step, rng.choice((-3600, -5, 5, 3600))))
        self.struck["clock_off"] += self.plan.own.clock_off_s != 0

    def end_faults(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self.exchange.desk.clear()
        self.wire.mend(self.loop.links)
        self.own = OwnFaults()
        if self.process is not None:
            self.process.spare()

    def strikes(self) -> Counter[str]:
        """How often each kind of fault has struck."""
        struck = self.struck + self.wire.struck
        for armed in self._armed:
            struck[name_of(armed.fault.effect)] += armed.struck
        return struck

    def _due(self, moment: Moment) -> None:
        if isinstance(moment.effect, str):
            self.wire.strike(moment.effect, self.loop.links)
            return
        until_ms = None if moment.for_s is None else START_MS + int((self.loop.time() + moment.for_s) * 1000)
        fault = Fault(effect=moment.effect, match=moment.match, until_ms=until_ms)
        self.exchange.desk.do(fault)
        if isinstance(moment.effect, (*CALLS, *EVENTS, *SOCKETS)):
            self._armed.append(self.exchange.desk.faults.armed[-1])
        else:
            self.struck[name_of(moment.effect)] += 1

    def _step(self, seconds: float) -> None:
        self.machine_clock.step(timedelta(seconds=seconds))
        self.struck["clock_step"] += 1

    async def database_step(self, point: str) -> None:
        """What the database does before or after a commit, or at a read."""
        own, rng = self.own, self._database_rng
        if own.database_slow and rng.random() < own.database_slow:
            self.struck["database_slow"] += 1
            await asyncio.sleep(rng.uniform(0.001, 0.05))
        is_after = point.endswith(".after")
        share = own.database_unknown if is_after else own.database_before
        if share and rng.random() < share:
            self.struck["database_unknown" if is_after else "database_before"] += 1
            raise DatabaseAway(point)
        if point == "resolve.after":
            self._note_not_placed()

    def _note_not_placed(self) -> None:
        for intent_id, row in self.database.intents.items():
            if row.state == "not_placed":
                self.not_placed_s.setdefault(intent_id, self.loop.time())
