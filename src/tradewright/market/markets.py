"""The markets that this process follows: one for each environment that has an account.

Lives here: `MarketData`, everything of one environment, and `Markets`, which starts one when its first account appears.
Not here: where an exchange is (`app`), who has accounts (`trading`). A market that was started goes on until the
process ends, also when its last account is gone: without readers it is one idle connection for each category.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial

import structlog
from sqlalchemy.exc import SQLAlchemyError
from structlog.typing import FilteringBoundLogger

from tradewright.core.clock import Clock
from tradewright.core.environment import Environment
from tradewright.core.errors import NotFound, NotReady
from tradewright.core.instrument import Category
from tradewright.exchange.ports import MarketGateway, PublicStream
from tradewright.market.candles import CandleCache
from tradewright.market.hub import FeedHealth, MarketHub
from tradewright.market.instruments import InstrumentCache
from tradewright.market.market_clock import MarketClock
from tradewright.market.tickers import TickerCache
from tradewright.market.trades import RecentTrades
from tradewright.storage.bus import Subscription

log = structlog.get_logger(__name__)

_WORST_FIRST = ("down", "stale", "live")


class NoMarket(NotFound):
    """Nobody has an account there, so its market is not followed."""

    code = "market.no_account"


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketData:
    """Everything this process has of one environment's market. `run` must be running for the hubs to hear anything."""

    environment: Environment
    hubs: Mapping[Category, MarketHub]
    candles: CandleCache
    instruments: InstrumentCache
    tickers: TickerCache
    trades: RecentTrades
    clock: MarketClock
    close: Callable[[], Awaitable[None]]

    def hub(self, category: Category) -> MarketHub:
        return self.hubs[category]

    def health(self) -> FeedHealth:
        """The worst of the links that somebody reads from; contracts count always, so that one can be told at all."""
        told = [hub.health() for category, hub in self.hubs.items() if category == "linear" or hub.has_readers]
        return min(told, key=lambda health: _WORST_FIRST.index(health.state))

    async def run(self) -> None:
        """Until cancelled; then every reader is told and the connections are closed."""
        try:
            async with asyncio.TaskGroup() as tasks:
                for hub in self.hubs.values():
                    tasks.create_task(hub.run(), name=f"market.{self.environment}")
        finally:
            await self.close()


def market_data(
    environment: Environment,
    market: MarketGateway,
    streams: Mapping[Category, PublicStream],
    instruments: InstrumentCache,
    *,
    clock: Clock,
    log: FilteringBoundLogger,
) -> MarketData:
    """One environment's market over its REST side and one public stream for each category; nothing runs yet."""
    bound = log.bind(environment=environment)
    market_clock = MarketClock(market, clock=clock)
    candles = CandleCache(market, market_clock, clock=clock, log=bound)
    hubs = {category: MarketHub(stream, log=bound, category=category) for category, stream in streams.items()}
    for category, hub in hubs.items():
        hub.observe_candles(partial(candles.merge_live, category=category))
    return MarketData(
        environment=environment,
        hubs=hubs,
        candles=candles,
        instruments=instruments,
        tickers=TickerCache(market, clock=clock),
        trades=RecentTrades(market, hubs, clock=clock, log=bound),
        clock=market_clock,
        close=market.close,
    )


class Markets:
    """Looks which environments have accounts, at the start and on every hint, and follows the market of each."""

    def __init__(
        self,
        open_market: Callable[[Environment], MarketData],
        environments: Callable[[], Awaitable[Collection[Environment]]],
        hints: Subscription,
    ) -> None:
        """`environments` tells those whose market is wanted now, and is asked again on each of the `hints`."""
        self._open_market = open_market
        self._environments = environments
        self._hints = hints
        self._followed: dict[Environment, MarketData] = {}
        self._has_looked = False

    @property
    def followed(self) -> Mapping[Environment, MarketData]:
        """What is followed now, in the order in which it was started."""
        return self._followed

    @property
    def know_instruments(self) -> bool:
        """Whether the rules of some followed market are known, or none is followed: enough to serve."""
        if not self._has_looked:
            return False
        known = [each.instruments.age_ms("linear") is not None for each in self._followed.values()]
        return any(known) or not known

    def of(self, environment: Environment) -> MarketData:
        """Raises `NoMarket` when nobody has an account there, `NotReady` while that is not known yet."""
        found = self._followed.get(environment)
        if found is not None:
            return found
        if not self._has_looked:
            raise NotReady("which environments have accounts has not been read yet; try again shortly")
        raise NoMarket(
            f"no account is on {environment}, so its market is not followed; followed are"
            f" {', '.join(self._followed) or 'none'}; add a connection of {environment} first"
        )

    async def run(self) -> None:
        """Until cancelled; then every market that is followed ends."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                for environment in await self._missing():
                    market = self._open_market(environment)
                    self._followed[environment] = market
                    tasks.create_task(market.run(), name=f"market.{environment}")
                    log.info("market.followed", environment=environment)
                await self._hints.get()

    async def _missing(self) -> list[Environment]:
        """A database that is away is asked again at the next hint, which the bus gives each second."""
        try:
            wanted = await self._environments()
        except (SQLAlchemyError, OSError) as error:
            log.warning("market.environments_unread", error=type(error).__name__)
            return []
        self._has_looked = True
        return sorted(set(wanted) - set(self._followed))
