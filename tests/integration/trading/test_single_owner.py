"""One worker owns the accounts: the lock on PostgreSQL, how it is refused, freed and lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tradewright.core.errors import StartError
from tradewright.placement.single import SingleOwner
from tradewright.storage.engine import create_engine
from tradewright.system import SystemClock


class HastyClock(SystemClock):
    """Every wait is over at once, and counts as long as it was asked for."""

    def __init__(self) -> None:
        self.waited_s = 0.0

    def monotonic(self) -> float:
        return self.waited_s

    async def sleep(self, seconds: float) -> None:
        self.waited_s += seconds
        await asyncio.sleep(0)


@pytest_asyncio.fixture
async def other_engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    made = create_engine(database_url, pool_size=2)
    yield made
    await made.dispose()


async def test_a_second_worker_waits_a_while_and_then_says_what_to_do(
    engine: AsyncEngine, other_engine: AsyncEngine
) -> None:
    clock = HastyClock()
    async with SingleOwner(engine, SystemClock()):
        with pytest.raises(StartError, match="another worker owns the accounts") as refused:
            await SingleOwner(other_engine, clock).__aenter__()
    assert refused.value.exit_code == 10
    assert 4 < clock.waited_s < 7


async def test_the_next_worker_owns_the_accounts_as_soon_as_the_one_before_is_gone(
    engine: AsyncEngine, other_engine: AsyncEngine
) -> None:
    first = SingleOwner(engine, SystemClock())
    await first.__aenter__()
    waiting = asyncio.create_task(SingleOwner(other_engine, SystemClock()).__aenter__())
    await first.__aexit__(None, None, None)
    second = await asyncio.wait_for(waiting, 5)
    await second.__aexit__(None, None, None)


async def test_an_owner_whose_connection_is_ended_hears_of_it(engine: AsyncEngine, other_engine: AsyncEngine) -> None:
    async with SingleOwner(engine, HastyClock()) as owner:
        lost = asyncio.create_task(owner.lost())
        async with other_engine.connect() as connection:
            await connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted"
                    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
                )
            )
        await asyncio.wait_for(lost, 5)
        async with SingleOwner(other_engine, SystemClock()):
            pass
