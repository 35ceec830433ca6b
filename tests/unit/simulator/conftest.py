"""A served exchange on a scripted market for tests that need the wire."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest_asyncio

from support.scripted_market import ScriptedMarket
from support.sim_client import SimClient
from tradewright.simulator import RunningSimulator, SimulatorConfig, serve


@pytest_asyncio.fixture
async def market() -> ScriptedMarket:
    return ScriptedMarket()


@pytest_asyncio.fixture
async def running(market: ScriptedMarket) -> AsyncIterator[RunningSimulator]:
    served = await serve(SimulatorConfig(order_delay_ms=20, tick_ms=5), market=market)
    yield served
    await served.close()


@pytest_asyncio.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


@pytest_asyncio.fixture
async def client(running: RunningSimulator, session: aiohttp.ClientSession) -> SimClient:
    return SimClient(running.addresses, running.keys.trading, session)


@pytest_asyncio.fixture
async def reader(running: RunningSimulator, session: aiohttp.ClientSession) -> SimClient:
    """The same account with the key that may only read."""
    return SimClient(running.addresses, running.keys.read_only, session)
