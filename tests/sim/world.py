"""One account's whole world in virtual time: exchange, wire, database, and the process that runs its session.

Lives here: `World`, which asks for orders as a person does, starts and kills the process, and waits for things to be
so. Named points may stop a process dead: from there on it takes no step any more, as after a SIGKILL.
Not here: what a seed does with a world (`seeded`), what must hold at the end (`checks`).
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sim.exchange_ports import GatewayTwin, Sent, StreamTwin, Wire
from sim.exchange_twin import ExchangeTwin
from sim.faults import NONE, Faults
from sim.memory_differences import MemoryDifferences
from sim.memory_guard import MemoryGuardReads
from tradewright.core.ids import AccountId, IntentId, LinkId, WorkspaceId, intent_of
from tradewright.core.instrument import Instrument, InstrumentId
from tradewright.core.order import MarginMode, NewOrder, OrderChange, PositionExits
from tradewright.core.order_status import OrderStatus
from tradewright.lab.memory_database import MemoryDatabase
from tradewright.lab.memory_journal import MemoryJournal
from tradewright.lab.memory_risk import KeptRisk, MemoryRiskStore, SetPrices
from tradewright.lab.virtual_loop import SeededIds, VirtualClock
from tradewright.trading.bodies import PlaceBody
from tradewright.trading.differences.keeper import DifferenceKeeper
from tradewright.trading.guardian.guardian import Guardian
from tradewright.trading.guardian.model import GuardSettings
from tradewright.trading.model import AccountRef
from tradewright.trading.resolution import EvidenceRule
from tradewright.trading.risk.exposure import Exposure
from tradewright.trading.risk.keeper import RiskKeeper
from tradewright.trading.risk.rule import RiskRule
from tradewright.trading.session import AccountSession
from tradewright.trading.session_parts import SessionParts

BTC = InstrumentId("linear", "BTCUSDT")
RULES = Instrument(
    id=BTC,
    status="Trading",
    base_coin="BTC",
    quote_coin="USDT",
    settle_coin="USDT",
    tick_size=Decimal("0.1"),
    min_price=Decimal("0.1"),
    max_price=Decimal("1999999.8"),
    quantity_step=Decimal("0.001"),
    min_quantity=Decimal("0.001"),
    max_limit_quantity=Decimal("1190"),
    max_market_quantity=Decimal("500"),
    min_notional=Decimal("5"),
    max_leverage=Decimal("100"),
)
BTC_SPOT = InstrumentId("spot", "BTCUSDT")
_RULES = {BTC: RULES, BTC_SPOT: replace(RULES, id=BTC_SPOT)}
_ACCOUNT = AccountRef(AccountId(UUID(int=1)), WorkspaceId(UUID(int=2)), "sim", "1")
_LOOK_S = 0.05
_UNTIL_CANCELLED = 5  # turns of the loop until a session's cancel has reached the task that stands at the point


class DatabaseAway(OSError):
    """The database did not answer: before the commit nothing happened, after it everything did."""


class Process:
    """One life of the worker. `kill_at` names the point where it stops dead: a name, or the number of the point. At the
    point `cancel_at` its session is cancelled, as when the worker is asked to end or must claim the account anew."""

    def __init__(self, world: World, *, kill_at: str | int | None = None, cancel_at: int | None = None) -> None:
        self._world = world
        self._kill_at = kill_at
        self._cancel_at = cancel_at
        self._points = 0
        self.is_dead = False
        self.was_ready = False
        self.killed = asyncio.Event()
        self.points_seen: list[str] = []
        self.stale_instruments = 0  # how often an order was refused by rules that are not ours
        journal = MemoryJournal(world.database, clock=world.clock, ids=world.ids, point=self._database_point)
        guardian: Guardian | None = None
        if world.guard is not None:
            reads = MemoryGuardReads(world.database, self._database_point)
            guardian = Guardian(reads, world.clock, world.guard)
        self.guardian = guardian
        parts = SessionParts(
            account=_ACCOUNT,
            gateway=GatewayTwin(world.wire, self.point),
            stream=StreamTwin(world.wire, self.point),
            journal=journal,
            instrument_of=_RULES.get,
            clock=world.clock,
            ids=world.ids,
            rng=world.random_of("session"),
            evidence=world.evidence,
            instruments_stale=self._note_stale,
            rules=[] if guardian is None else [guardian],
            companions=[] if guardian is None else [guardian],
        )
        self.keeper: DifferenceKeeper | None = None
        if world.decides:
            store = MemoryDifferences(world.database, self._database_point)
            self.keeper = DifferenceKeeper(store, world.clock)
            parts = replace(parts, rules=[*parts.rules, self.keeper], companions=[*parts.companions, self.keeper])
        if world.risk is not None:
            parts = self._with_risk(parts, world.risk)
        self.session = AccountSession(parts)
        self.task = asyncio.get_running_loop().create_task(self.session.run())

    def _with_risk(self, parts: SessionParts, kept: KeptRisk) -> SessionParts:
        world = self._world
        store = MemoryRiskStore(world.database, kept, clock=world.clock, point=self._database_point)
        exposure = Exposure(lambda instrument: _RULES[instrument].base_coin)
        rule = RiskRule(exposure, world.prices, clock=world.clock)
        keeper = RiskKeeper(exposure, rule, store, clock=world.clock)
        return replace(
            parts,
            exposure=exposure,
            holdings=store.holdings,
            rules=[*parts.rules, rule],
            companions=[*parts.companions, keeper],
        )

    async def _note_stale(self) -> None:
        self.stale_instruments += 1

    async def point(self, name: str) -> None:
        """A step of the process; a dead one never returns from here."""
        self._points += 1
        self.points_seen.append(name)
        if self._kill_at in (name, self._points) and not self.is_dead:
            self.is_dead = True
            self.killed.set()
        if self.is_dead:
            await asyncio.Event().wait()
        if self._points == self._cancel_at:
            self.task.cancel()
            for _ in range(_UNTIL_CANCELLED):
                await asyncio.sleep(0)

    @property
    def points(self) -> int:
        """How many steps it has taken."""
        return self._points

    def spare(self) -> None:
        """It is not killed at its point any more."""
        self._kill_at = None

    async def _database_point(self, name: str) -> None:
        await self.point(name)
        faults, rng = self._world.wire.faults, self._world.database_rng
        if rng.random() < faults.database_slow:
            await asyncio.sleep(rng.uniform(0.001, 0.05))
        if rng.random() < faults.database_error:
            raise DatabaseAway(name)
        if self._world.database.session[0] == "ready":
            self.was_ready = True
        self._world.after_point(name)

    async def end(self) -> None:
        """As SIGKILL: nothing more is done. What it had sent goes on by itself."""
        self.is_dead = True
        self.task.cancel()
        await asyncio.wait([self.task])


@dataclass(slots=True)
class World:
    seed: int
    exchange_clock_ahead: timedelta = timedelta(0)
    evidence: EvidenceRule = field(default_factory=EvidenceRule)
    risk: KeptRisk | None = None  # what is stored of risk; None: nobody judges
    prices: SetPrices = field(init=False)
    guard: GuardSettings | None = None  # None: without a guardian
    decides: bool = False  # whether differences wait for a decision and block their symbol
    clock: VirtualClock = field(init=False)
    ids: SeededIds = field(init=False)
    database: MemoryDatabase = field(init=False, default_factory=MemoryDatabase)
    exchange: ExchangeTwin = field(init=False)
    wire: Wire = field(init=False)
    database_rng: random.Random = field(init=False)
    process: Process | None = field(init=False, default=None)
    violations: list[str] = field(init=False, default_factory=list)
    not_placed_at: dict[IntentId, datetime] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.clock = VirtualClock(loop)
        self.ids = SeededIds(self.clock, self.random_of("ids"))
        self.database_rng = self.random_of("database")
        self.exchange = ExchangeTwin(VirtualClock(loop, self.exchange_clock_ahead), self.random_of("matching"))
        self.wire = Wire(self.exchange, self.random_of("wire"), on_send=self._check_sent)
        self.prices = SetPrices(lambda: self.exchange.price)
        self.exchange.publish = self.wire.publish
        self.exchange.hide_for = self._hide_for

    def random_of(self, part: str) -> random.Random:
        """Chance of its own for each part, so that one more draw here moves nothing there."""
        return random.Random(f"{self.seed}:{part}")

    def _hide_for(self) -> float:
        faults, rng = self.wire.faults, self.wire.rng
        return rng.uniform(0, faults.visible_late_s_max) if rng.random() < faults.visible_late else 0.0

    # What a person does.

    def place(self, **changes: Any) -> IntentId:
        fields: dict[str, Any] = {
            "id": IntentId(self.ids.new()),
            "category": "linear",
            "symbol": "BTCUSDT",
            "side": "Buy",
            "order_type": "Limit",
            "quantity": Decimal("0.5"),
            "price": Decimal(50000),
            "time_in_force": "GTC",
            "reduce_only": False,
            "note": None,
        }
        intent_id = self.database.propose_place(PlaceBody(**(fields | changes)), self.clock.now())
        self._wake()
        return intent_id

    def market(self, **changes: Any) -> IntentId:
        return self.place(**({"order_type": "Market", "price": None, "time_in_force": "IOC"} | changes))

    def cancel(self, order_id: UUID) -> IntentId:
        intent_id = self.database.propose_cancel(
            IntentId(self.ids.new()), order_id, self._instrument_of(order_id), self.clock.now()
        )
        self._wake()
        return intent_id

    def amend(self, order_id: UUID, **change: Decimal) -> IntentId:
        intent_id = self.database.propose_amend(
            IntentId(self.ids.new()), order_id, self._instrument_of(order_id), OrderChange(**change), self.clock.now()
        )
        self._wake()
        return intent_id

    def leverage(self, leverage: int) -> IntentId:
        intent_id = self.database.propose_leverage(IntentId(self.ids.new()), BTC, Decimal(leverage), self.clock.now())
        self._wake()
        return intent_id

    def exits(self, **exits: Any) -> IntentId:
        intent_id = self.database.propose_exits(IntentId(self.ids.new()), BTC, PositionExits(**exits), self.clock.now())
        self._wake()
        return intent_id

    def position_mode(self, *, hedge: bool) -> IntentId:
        intent_id = self.database.propose_position_mode(IntentId(self.ids.new()), BTC, hedge, self.clock.now())
        self._wake()
        return intent_id

    def margin_mode(self, mode: MarginMode) -> IntentId:
        intent_id = self.database.propose_margin_mode(IntentId(self.ids.new()), mode, self.clock.now())
        self._wake()
        return intent_id

    def close(self) -> IntentId | None:
        """All of the position, at market; None when there is none."""
        intent_id = self.database.propose_close(IntentId(self.ids.new()), BTC, self.clock.now())
        self._wake()
        return intent_id

    def reverse(self) -> IntentId | None:
        intent_id = self.database.propose_reverse(IntentId(self.ids.new()), BTC, self.clock.now())
        self._wake()
        return intent_id

    def _instrument_of(self, order_id: UUID) -> InstrumentId:
        row = self.database.order_by_id(order_id)
        return self.database.intents[IntentId(order_id)].instrument if row is None else row.report.instrument

    def place_elsewhere(self, quantity: str = "0.2", price: str = "50000", instrument: InstrumentId = BTC) -> str:
        """Somebody places an order on the exchange's own page."""
        order = NewOrder(
            link_id=LinkId(""),
            instrument=instrument,
            side="Buy",
            order_type="Limit",
            quantity=Decimal(quantity),
            price=Decimal(price),
            time_in_force="GTC",
        )
        return self.exchange.place(order, self.exchange.clock.now())

    def _wake(self) -> None:
        if self.process is not None and not self.process.is_dead:
            self.process.session.wake()

    # The process.

    def start(self, *, kill_at: str | int | None = None, cancel_at: int | None = None) -> Process:
        self.process = Process(self, kill_at=kill_at, cancel_at=cancel_at)
        return self.process

    async def kill(self) -> None:
        assert self.process is not None, "there is a process to kill"
        await self.process.end()

    @property
    def readings(self) -> int:
        """How many whole readings this process has begun."""
        assert self.process is not None, "somebody reads"
        return self.process.points_seen.count("begin_reading.read")

    async def until_settled_or_s(self, span_s: float) -> None:
        """Until nothing is under way any more, or the time is over."""
        deadline = self.clock.monotonic() + span_s
        unsettled = ("proposed", "approved", "sending", "unknown")
        while self.clock.monotonic() < deadline and any(
            row.state in unsettled for row in self.database.intents.values()
        ):
            await asyncio.sleep(_LOOK_S)
        await asyncio.sleep(_LOOK_S)

    async def ready(self) -> None:
        await self.until(lambda: self.database.session[0] == "ready", "the session is ready")

    async def until(self, so: Callable[[], bool], what: str, within_s: float = 60.0) -> None:
        """Waits until something is so; fails after `within_s` virtual seconds, or when the process ended by itself."""
        deadline = self.clock.monotonic() + within_s
        while not so():
            process = self.process
            if process is not None and process.task.done() and not (process.is_dead or process.task.cancelled()):
                process.task.result()
            assert self.clock.monotonic() < deadline, f"not so within {within_s} virtual seconds: {what}"
            await asyncio.sleep(_LOOK_S)

    async def until_status(self, intent_id: IntentId, *wanted: OrderStatus, within_s: float = 60.0) -> None:
        await self.until(
            lambda: self.database.status(intent_id) in wanted,
            f"{wanted} of {self.database.status(intent_id)}",
            within_s,
        )

    async def seconds(self, span_s: float) -> None:
        await asyncio.sleep(span_s)

    def set_faults(self, faults: Faults = NONE) -> None:
        self.wire.faults = faults

    # What must hold at each step.

    def _check_sent(self, sent: Sent) -> None:
        """At the moment the first byte leaves, the intent and an open request of it are committed (promise A2)."""
        process = self.process
        if process is None or not (process.was_ready or (process.session.is_blind and self._takes_away(sent))):
            self.violations.append(f"{sent.kind} {sent.link_id} left before the first reconciliation")
        if sent.kind == "place":
            intent_id = intent_of(sent.link_id)
            committed = intent_id is not None and self._is_open(intent_id)
            earlier = [s for s in self.wire.sent if (s.kind, s.link_id) == ("place", sent.link_id) and s is not sent]
            if any(other.told in ("exchange.unknown", "acknowledged", "exchange.refused") for other in earlier):
                self.violations.append(f"place {sent.link_id} was sent again although it may have happened")
        else:
            committed = any(row.kind == sent.kind and self._is_open(row.id) for row in self.database.intents.values())
        if not committed:
            self.violations.append(f"{sent.kind} {sent.link_id} left before it was committed")

    def _takes_away(self, sent: Sent) -> bool:
        """It can only take something away: a cancel, or an order that only reduces."""
        intent_id = intent_of(sent.link_id)
        order = None if intent_id is None else self.database.intents[intent_id].order
        return sent.kind == "cancel" or (sent.kind == "place" and order is not None and order.reduce_only)

    def _is_open(self, intent_id: IntentId) -> bool:
        intent = self.database.intents.get(intent_id)
        requests = self.database.requests_of(intent_id)
        return (
            intent is not None and intent.state in ("sending", "acknowledged") and None in [r.outcome for r in requests]
        )

    def after_point(self, name: str) -> None:
        if name != "resolve.after":
            return
        for intent_id, row in self.database.intents.items():
            if row.state == "not_placed" and intent_id not in self.not_placed_at:
                self.not_placed_at[intent_id] = self.exchange.clock.now()
