"""One account's whole world in one process: the real session, gateway and stream, the real simulated exchange, and the
network between them; only the database is a twin.

Lives here: `World` with its exchange, database, machine, and the faults of a seed.
Not here: one life of the worker (`process`), what people do (`people`), a seed's course (`run`), what must hold
(`checkers`).
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from sim.memory_differences import MemoryDifferences
from sim.memory_ledger import MemoryBooks, MemoryLedger
from sim.whole.bookkeeping import RunningSums
from sim.whole.faults import FaultPlan, Kill, Moment, OwnFaults, name_of
from sim.whole.guards import kept_limits
from sim.whole.killing import KillBench, KillNight
from sim.whole.market import LightMarket
from sim.whole.nights import draw_night, fitting
from sim.whole.owning import Owning
from sim.whole.process import Process
from sim.whole.setting import BEGAN, FUNDS, KEY, DatabaseAway, MachineClock
from sim.whole.wire import FaultyWire
from support.scripted_market import START_MS
from tradewright.core.ids import IntentId
from tradewright.core.order import Execution
from tradewright.exchange.bybit.orders import BybitOrderGateway
from tradewright.exchange.ports import Endpoints, OrderGateway
from tradewright.lab.memory_database import MemoryDatabase
from tradewright.lab.memory_journal import MemoryJournal
from tradewright.lab.network import PORT, Host, NetworkLoop
from tradewright.lab.virtual_loop import SeededIds, VirtualClock
from tradewright.simulator.accounts.events import Entry, PositionIndex
from tradewright.simulator.config import SimulatorConfig
from tradewright.simulator.faults.board import Armed
from tradewright.simulator.faults.kinds import CALLS, EVENTS, SOCKETS, ClockSkew, Fault
from tradewright.simulator.matching.commands import read_switch_mode
from tradewright.simulator.matching.engine import Engine
from tradewright.simulator.server import RunningSimulator, serve
from tradewright.trading.differences.keeper import DifferenceKeeper
from tradewright.trading.differences.store import DifferenceStore
from tradewright.trading.journal import Journal
from tradewright.trading.ledger.books import LedgerStore
from tradewright.trading.resolution import EvidenceRule
from tradewright.trading.session import AccountSession
from tradewright.trading.session_parts import SessionParts


class World:
    """Open it with `open`, close it at the end."""

    def __init__(self, seed: int, plan: FaultPlan, wire: FaultyWire, *, evidence: EvidenceRule | None = None) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, NetworkLoop), "the world's network is the loop's"
        self.seed = seed
        self.night = draw_night(self.random_of("night"))
        self.plan = plan = fitting(plan, self.night)
        self.loop = loop
        self.wire = wire
        self.evidence = evidence or EvidenceRule()
        self.clock = VirtualClock(loop, BEGAN)  # true time, the database's and the exchange's
        self.machine_clock = MachineClock(loop, timedelta(seconds=plan.own.clock_off_s))
        self.ids = SeededIds(self.clock, self.random_of("ids"))
        self.database = MemoryDatabase()
        self.market = LightMarket(self.random_of("market"))
        self.own = OwnFaults()
        self.kept_risk = kept_limits()
        self.books = MemoryBooks(lambda: [row.execution for row in self.database.executions.values()], self._leg_of)
        self.sums = RunningSums(self.books)
        self.kill = KillNight(self)
        self.keeper: DifferenceKeeper | None = None  # of the newest process, in a night when somebody decides
        self.waits_since_s: dict[UUID, float] = {}  # differences that nobody has decided of
        self.has_stranger = False
        self.stranger_s = -100.0  # when a stranger last did something
        self.process: Process | None = None
        self.replaced: list[Process] = []  # while they lived
        self.seized = asyncio.Event()
        self.takeovers: list[tuple[int, int]] = []  # of those: how long the exchange's log was, and the new epoch
        self.frozen_until_s = 0.0
        self._lengths: list[tuple[float, int]] = []
        self.lives = 0
        self.crashes: Counter[str] = Counter()
        self.passed: Counter[str] = Counter()
        self.struck: Counter[str] = Counter()
        self.violations: list[str] = []
        self.not_placed_s: dict[tuple[IntentId, int], float] = {}  # each time that an intent was called so
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

    def make_differences(self, store: MemoryDifferences) -> DifferenceStore:
        return store

    def make_ledger(self, store: MemoryLedger) -> LedgerStore:
        return store

    def make_owning(self, host: Host) -> Owning:
        return Owning(self, host, self.machine_clock)

    def make_bench(self, process: Process) -> KillBench:
        return KillBench(self, process)

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
        if self.night.hedged:
            named = {"category": "linear", "symbol": "BTCUSDT", "mode": 3}
            self.engine.set_position_mode(read_switch_mode(named, self.engine.specs))
            self.struck["hedged"] += 1

    async def close(self) -> None:
        if self.process is not None:
            await self.process.end()
        await self.exchange.close()

    @property
    def legs(self) -> tuple[PositionIndex, ...]:
        """In which the contract is held: one net position, or a long and a short one."""
        return (1, 2) if self.night.hedged else (0,)

    def _leg_of(self, execution: Execution) -> int | None:
        row = self.database.executions[execution.exec_id]
        return None if row.order_id is None else row.position_index

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

    def replace_process(self) -> None:
        """Another owner is to take over, while the one before may still live."""
        self.seized.set()

    def note_takeover(self, replaced: Process) -> None:
        """The process of now owns the account from here on."""
        assert self.process is not None, "it was just started"
        self.replaced.append(replaced)
        self.takeovers.append((len(self.entries), self.process.owning.epoch))
        self.wire.fenced_below = self.process.owning.epoch

    async def note_lengths(self) -> None:
        """How long the exchange's log was at each half second."""
        while True:
            self._lengths.append((self.loop.time(), len(self.entries)))
            await asyncio.sleep(0.5)

    def log_length(self, seconds_ago: float) -> int:
        since_s = self.loop.time() - seconds_ago
        return max((length for at_s, length in self._lengths if at_s <= since_s), default=0)

    def filled_within(self, seconds: float) -> bool:
        """Whether the exchange filled anything so lately, or may have, as its clock was off."""
        executions = self.engine.account.executions
        since_ms = START_MS + int((self.loop.time() - seconds) * 1000)
        return bool(self.skews_s) or (bool(executions) and executions[-1].fill.at.wall_ms >= since_ms)

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
        self.sums.look(point)
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
                self.not_placed_s.setdefault((intent_id, row.version), self.loop.time())
