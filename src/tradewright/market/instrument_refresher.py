"""Reading instruments from the exchanges for the whole installation: at the start, every 15 minutes, and when asked.

Lives here: `InstrumentRefresher`. Any number of processes may run one; who holds the advisory lock reads, the others
wait for it. The lists are written on the connection that holds the lock, so whoever has lost it writes nothing more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import replace

import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tradewright.core.clock import Clock
from tradewright.core.environment import Environment
from tradewright.core.errors import ExchangeError
from tradewright.core.instrument import CATEGORIES, Instrument
from tradewright.exchange.ports import MarketGateway
from tradewright.market.instrument_store import INSTRUMENTS_WANTED_CHANNEL, replace_list
from tradewright.storage.bus import Bus, Subscription

log = structlog.get_logger(__name__)

REFRESH_EVERY_S = 900.0
ASKED_EVERY_S = 10.0  # many orders refused for the same new rule ask for one reading
RETRY_FIRST_S = 0.25  # the exchange may be starting beside us
RETRY_MAX_S = 15.0
LOOK_FOR_LOCK_S = 1.0
REFRESHER_LOCK_KEY = 0x7477_696E_7374_7200  # ours, among all advisory locks of the database


class InstrumentRefresher:
    """`run` it in a process that can reach the exchanges. A failed or partial reading changes nothing but the age."""

    def __init__(
        self,
        engine: AsyncEngine,
        bus: Bus,
        market_of: Callable[[Environment], MarketGateway],
        environments: Callable[[], Awaitable[Collection[Environment]]],
        *,
        accounts_channel: str,
        clock: Clock,
    ) -> None:
        """`environments` tells those whose lists are kept, and is asked again on each hint of `accounts_channel`."""
        self._engine = engine
        self._bus = bus
        self._market_of = market_of
        self._environments = environments
        self._accounts_channel = accounts_channel
        self._clock = clock
        self._asked: dict[str, asyncio.Event] = {}  # by environment
        self._writing = asyncio.Lock()

    async def run(self) -> None:
        """Until cancelled: waits for the lock, then refreshes for as long as its connection holds."""
        while True:
            try:
                await self._hold()
            except* (SQLAlchemyError, OSError, TimeoutError) as errors:
                log.warning("instruments.refresher_lost", errors=[type(each).__name__ for each in errors.exceptions])
            await self._clock.sleep(LOOK_FOR_LOCK_S)

    async def _hold(self) -> None:
        async with self._engine.connect() as connection:
            async with connection.begin():
                key = {"key": REFRESHER_LOCK_KEY}
                if not await connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), key):
                    return
            log.info("instruments.refresher_starts")
            try:
                await self._keep_all(connection)
            finally:
                await connection.invalidate()  # ends the server's session, and the lock with it

    async def _keep_all(self, connection: AsyncConnection) -> None:
        wanted = self._bus.subscribe(INSTRUMENTS_WANTED_CHANNEL)
        accounts = self._bus.subscribe(self._accounts_channel)
        self._asked.clear()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._hear(wanted), name="instruments.wanted")
                while True:
                    for environment in await self._environments():
                        if environment not in self._asked:
                            self._asked[environment] = asyncio.Event()
                            tasks.create_task(self._keep(connection, environment), name=f"instruments.{environment}")
                    await accounts.get()
        finally:
            wanted.close()
            accounts.close()

    async def _hear(self, wanted: Subscription) -> None:
        async for environment in wanted:
            if environment in self._asked:
                self._asked[environment].set()

    async def _keep(self, connection: AsyncConnection, environment: Environment) -> None:
        asked, market, pause_s = self._asked[environment], self._market_of(environment), RETRY_FIRST_S
        try:
            while True:
                asked.clear()
                began = self._clock.monotonic()
                if not await self._refresh(connection, market, environment):
                    await self._clock.sleep(pause_s)
                    pause_s = min(pause_s * 2, RETRY_MAX_S)
                    continue
                pause_s = RETRY_FIRST_S
                await self._until_asked(asked, REFRESH_EVERY_S)
                await self._clock.sleep(max(0.0, began + ASKED_EVERY_S - self._clock.monotonic()))
        finally:
            await market.close()

    async def _refresh(self, connection: AsyncConnection, market: MarketGateway, environment: Environment) -> bool:
        """Whether every list was read whole; each that was is written."""
        is_whole = True
        for category in CATEGORIES:
            began = self._clock.monotonic()
            try:
                rows = await market.instruments(category)
                rows = await _with_risk_tiers(market, rows) if category == "linear" else rows
            except ExchangeError as error:
                log.warning("instruments.not_read", environment=environment, category=category, error=str(error))
                is_whole = False
                continue
            if not rows and environment != "sim":
                # Every exchange of Bybit lists some of either kind; only a simulated one may have none.
                log.warning("instruments.empty_not_believed", environment=environment, category=category)
                is_whole = False
                continue
            async with self._writing, connection.begin():
                asked_s_ago = self._clock.monotonic() - began
                version = await replace_list(connection, environment, category, rows, asked_s_ago=asked_s_ago)
            log.info("instruments.read", environment=environment, category=category, count=len(rows), version=version)
        return is_whole

    async def _until_asked(self, asked: asyncio.Event, seconds: float) -> None:
        """Returns when somebody asks, or after `seconds`."""
        ways = [asyncio.create_task(asked.wait()), asyncio.create_task(self._clock.sleep(seconds))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)


async def _with_risk_tiers(market: MarketGateway, rows: Sequence[Instrument]) -> Sequence[Instrument]:
    """Contracts are a list of their own and their risk limits another; only both together are what is kept."""
    tiers = await market.all_risk_tiers()
    return [replace(row, risk_tiers=tuple(tiers.get(row.id, ()))) for row in rows]
