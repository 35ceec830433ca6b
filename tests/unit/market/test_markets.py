"""Which markets a process follows, and what it says of those it does not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest
import structlog
from sqlalchemy.exc import OperationalError

from tradewright.core.environment import Environment
from tradewright.core.errors import NotReady
from tradewright.core.instrument import InstrumentId
from tradewright.exchange.ports import StreamUp
from tradewright.market.hub import MarketHub
from tradewright.market.instruments import InstrumentCache
from tradewright.market.markets import MarketData, Markets, NoMarket, market_data
from unit.exchange.fakes import FakeClock
from unit.market.fake_market import BTC, FakeMarket, FakeStream, instrument

SPOT = InstrumentId("spot", "BTCUSDT")


class Accounts:
    """Environments with accounts, as a test puts them, and the hints that say that they changed."""

    def __init__(self, *environments: Environment) -> None:
        self.environments = list(environments)
        self.is_away = False
        self.hints: asyncio.Queue[None] = asyncio.Queue()

    async def read(self) -> list[Environment]:
        if self.is_away:
            raise OperationalError("SELECT", {}, Exception("server closed the connection"))
        return self.environments

    async def get(self) -> None:
        await self.hints.get()

    async def say(self) -> None:
        await self.hints.put(None)
        for _ in range(5):
            await asyncio.sleep(0)


def opened(environment: Environment, streams: dict[str, FakeStream] | None = None) -> MarketData:
    clock = FakeClock()
    made = {category: FakeStream() for category in ("linear", "spot")} if streams is None else streams
    cache = InstrumentCache(environment, clock=clock)
    return market_data(environment, FakeMarket(), cast("Any", made), cache, clock=clock, log=structlog.get_logger())


@asynccontextmanager
async def following(accounts: Accounts) -> AsyncIterator[Markets]:
    markets = Markets(opened, accounts.read, cast("Any", accounts))
    task = asyncio.create_task(markets.run())
    for _ in range(5):
        await asyncio.sleep(0)
    yield markets
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_market_is_followed_once_its_environment_has_an_account_and_only_once() -> None:
    accounts = Accounts("sim")
    async with following(accounts) as markets:
        first = markets.of("sim")
        with pytest.raises(NoMarket, match="no account is on demo") as told:
            markets.of("demo")
        assert told.value.code == "market.no_account"
        accounts.environments.append("demo")
        await accounts.say()
        assert markets.of("demo").environment == "demo"
        assert markets.of("sim") is first
        accounts.environments.remove("demo")
        await accounts.say()
        assert list(markets.followed) == ["sim", "demo"]


async def test_while_nobody_could_look_it_says_try_again_and_not_that_there_is_none() -> None:
    accounts = Accounts("sim")
    accounts.is_away = True
    async with following(accounts) as markets:
        with pytest.raises(NotReady):
            markets.of("sim")
        assert not markets.know_instruments
        accounts.is_away = False
        await accounts.say()
        assert markets.of("sim").environment == "sim"


async def test_one_environment_whose_rules_are_known_is_enough_to_serve() -> None:
    """An exchange that cannot be reached must not keep the page of the others from starting."""
    async with following(Accounts("sim", "demo")) as markets:
        assert not markets.know_instruments
        markets.of("sim").instruments.put("linear", [instrument("BTCUSDT")], version=1, age_s=0)
        assert markets.know_instruments
    async with following(Accounts()) as none:
        assert none.know_instruments


async def test_the_link_told_is_the_worst_of_those_somebody_reads_from() -> None:
    streams = {"linear": FakeStream(), "spot": FakeStream()}
    market = opened("sim", streams)
    running = asyncio.create_task(market.run())
    await streams["linear"].say(StreamUp(1))
    assert market.health().state == "live", "spot is down, and nobody reads from it"
    reader = market.hub("spot").subscribe_ticker(SPOT)
    assert market.health().state == "down"
    await streams["spot"].say(StreamUp(1))
    assert market.health().state == "live"
    streams["spot"].age_s = 25
    assert market.health().state == "stale"
    reader.close()
    assert market.health().state == "live"
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert streams["linear"].closed
    assert streams["spot"].closed


async def test_more_topics_than_one_connection_carries_are_refused_and_nothing_is_left_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tradewright.market.hub.TOPICS_MAX", 2)
    stream = FakeStream()
    hub = MarketHub(stream, log=structlog.get_logger())
    readers = [hub.subscribe_ticker(BTC), hub.subscribe_trades(BTC), hub.subscribe_ticker(BTC)]
    with pytest.raises(NotReady, match="no more fit"):
        hub.subscribe_book(BTC)
    assert stream.topics == {"tickers.BTCUSDT", "publicTrade.BTCUSDT"}
    for reader in readers:
        reader.close()
    hub.subscribe_book(BTC)
    assert stream.topics == {"orderbook.50.BTCUSDT"}
