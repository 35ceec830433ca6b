"""One account on the simulated exchange, and the live session that owns it, in one process and in virtual time.

Lives here: `opened`: exchange, gateway, private stream, journal, risk and session as they trade live, put together.
Not here: what is asked of them (`desk`), the loop they run on (`network`).
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Final
from uuid import UUID

import structlog

from tradewright.core.clock import milliseconds
from tradewright.core.ids import AccountId, WorkspaceId
from tradewright.core.instrument import Instrument
from tradewright.core.risk import Limits
from tradewright.exchange.bybit.address import Address
from tradewright.exchange.bybit.limits import RequestBudgets
from tradewright.exchange.bybit.orders import BybitOrderGateway
from tradewright.exchange.bybit.private_stream import BybitPrivateStream
from tradewright.exchange.ports import ApiKey, Endpoints
from tradewright.lab.instrument import QUOTE
from tradewright.lab.memory_database import MemoryDatabase
from tradewright.lab.memory_journal import MemoryJournal
from tradewright.lab.memory_risk import KeptRisk, MemoryRiskStore, SetPrices
from tradewright.lab.network import PORT
from tradewright.lab.played_market import PlayedMarket
from tradewright.lab.virtual_loop import SeededIds, VirtualClock
from tradewright.simulator.config import SimulatorConfig
from tradewright.simulator.server import RunningSimulator, serve
from tradewright.trading.model import AccountRef
from tradewright.trading.resolution import EvidenceRule
from tradewright.trading.risk.exposure import Exposure
from tradewright.trading.risk.keeper import RiskKeeper
from tradewright.trading.risk.rule import RiskRule
from tradewright.trading.session import AccountSession
from tradewright.trading.session_parts import SessionParts

# The capital is the run's own count. The account has more, so that it is the strategy's checks that bound an order.
_FUNDS: Final = Decimal(10) ** 15
_KEY: Final = ApiKey("lab", "lab")
_ACCOUNT: Final = AccountRef(AccountId(UUID(int=1)), WorkspaceId(UUID(int=2)), "sim", "1")
_MUCH: Final = Decimal(10) ** 15
# A run is bounded by its strategy alone: the limits that cannot be taken away are out of reach.
WIDE_LIMITS: Final = Limits(
    order_notional=_MUCH,
    position_notional=_MUCH,
    leverage=_MUCH,
    open_orders=_MUCH,
    orders_per_minute=_MUCH,
    data_age=_MUCH,
)
_TICK_MS: Final = 1_000  # of the exchange's own looks: the market is moved by hand


@dataclass(frozen=True, slots=True, kw_only=True)
class LabAccount:
    exchange: RunningSimulator
    market: PlayedMarket
    instrument: Instrument
    database: MemoryDatabase
    session: AccountSession
    task: asyncio.Task[None]  # of the session: it ends only by a fault
    clock: VirtualClock
    ids: SeededIds


@asynccontextmanager
async def opened(market: PlayedMarket, instrument: Instrument) -> AsyncIterator[LabAccount]:
    """The account with its session running, on a `NetworkLoop`. Nothing of it hangs on chance or on the clock."""
    loop = asyncio.get_running_loop()
    clock = VirtualClock(loop)
    exchange_ids = random.Random("exchange")  # noqa: S311
    config = SimulatorConfig(
        key=_KEY.key,
        secret=_KEY.secret,
        tick_ms=_TICK_MS,
        funds=((QUOTE, _FUNDS),),
        ip_limit=0,
        limit_factor=0,
        order_delay_ms=1,
    )
    exchange = await serve(
        config,
        wall_ms=lambda: milliseconds(clock.now()),
        market=market,
        new_id=lambda: str(UUID(int=exchange_ids.getrandbits(128), version=4)),
    )
    ids = SeededIds(clock, random.Random("core"))  # noqa: S311
    database = MemoryDatabase()
    session = AccountSession(_parts(market, instrument, database, clock, ids))
    task = loop.create_task(session.run())
    try:
        yield LabAccount(
            exchange=exchange,
            market=market,
            instrument=instrument,
            database=database,
            session=session,
            task=task,
            clock=clock,
            ids=ids,
        )
    finally:
        task.cancel()
        await asyncio.wait([task])
        await exchange.close()


def _parts(
    market: PlayedMarket, instrument: Instrument, database: MemoryDatabase, clock: VirtualClock, ids: SeededIds
) -> SessionParts:
    place = f"127.0.0.1:{PORT}/v5"
    endpoints = Endpoints(
        rest=f"http://127.0.0.1:{PORT}", public_stream=f"ws://{place}/public", private_stream=f"ws://{place}/private"
    )
    log = structlog.get_logger()
    gateway = BybitOrderGateway(
        lambda: endpoints,
        _KEY,
        clock=clock,
        log=log,
        categories=("linear",),
        budgets=RequestBudgets(clock, Address(clock)),
    )
    stream = BybitPrivateStream(
        lambda: endpoints,
        _KEY,
        server_time=gateway.server_time,
        clock=clock,
        rng=random.Random("stream"),  # noqa: S311
        log=log,
        use_aiofastnet=False,
    )
    rule, exposure, keeper, store = _risk(market, instrument, database, clock)
    return SessionParts(
        account=_ACCOUNT,
        gateway=gateway,
        stream=stream,
        journal=MemoryJournal(database, clock=clock, ids=ids),
        instrument_of=lambda wanted: instrument if wanted == instrument.id else None,
        clock=clock,
        ids=ids,
        rng=random.Random("session"),  # noqa: S311
        evidence=EvidenceRule(),
        exposure=exposure,
        holdings=store.holdings,
        rules=[rule],
        companions=[keeper],
    )


def _risk(
    market: PlayedMarket, instrument: Instrument, database: MemoryDatabase, clock: VirtualClock
) -> tuple[RiskRule, Exposure, RiskKeeper, MemoryRiskStore]:
    store = MemoryRiskStore(database, KeptRisk(levels=[("account", WIDE_LIMITS)]), clock=clock)
    exposure = Exposure(lambda _instrument: instrument.base_coin)
    rule = RiskRule(exposure, SetPrices(lambda: market.last_price(instrument.id.symbol)), clock=clock)
    return rule, exposure, RiskKeeper(exposure, rule, store, clock=clock), store
