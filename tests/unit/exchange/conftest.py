"""A scripted peer and the gateways that talk to it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tradewright.exchange.bybit.market_data import BybitMarketGateway
from tradewright.exchange.bybit.orders import BybitOrderGateway
from tradewright.exchange.ports import ApiKey
from tradewright.system import SystemClock
from unit.exchange.fake_bybit import FakeBybit
from unit.exchange.fakes import KeptLogs

KEY = ApiKey("test-key", "test-secret")


@pytest.fixture
def logs() -> KeptLogs:
    return KeptLogs()


@pytest_asyncio.fixture
async def bybit() -> AsyncIterator[FakeBybit]:
    async with FakeBybit().running() as running:
        yield running


@pytest_asyncio.fixture
async def orders(bybit: FakeBybit, logs: KeptLogs) -> AsyncIterator[BybitOrderGateway]:
    gateway = BybitOrderGateway(bybit.endpoints, KEY, clock=SystemClock(), log=logs.log)
    yield gateway
    await gateway.close()


@pytest_asyncio.fixture
async def market(bybit: FakeBybit, logs: KeptLogs) -> AsyncIterator[BybitMarketGateway]:
    gateway = BybitMarketGateway(bybit.endpoints, clock=SystemClock(), log=logs.log)
    yield gateway
    await gateway.close()
