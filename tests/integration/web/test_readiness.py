"""`/readyz` is green only while a worker lives and owns every account that it should."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from integration.web.kit import Site, User
from tradewright.placement.rows import Registered
from tradewright.placement.single import SingleOwner
from tradewright.storage.engine import create_engine
from tradewright.system import SystemClock, SystemIds
from tradewright.web.schemas.health import Readiness


@contextlib.asynccontextmanager
async def worker(url: str) -> AsyncIterator[SingleOwner]:
    """One that has just begun, and knows that those before it run no more."""
    registered = Registered(id=SystemIds().new(), host="here", process="1@1", version="0")
    engine = create_engine(url, pool_size=1, application=f"tradewright-{registered.application}")
    try:
        async with SingleOwner(engine, SystemClock(), registered, has_ended=lambda _former: True) as owner:
            yield owner
    finally:
        await engine.dispose()


async def checks(site: Site) -> tuple[int, Mapping[str, str]]:
    async with site.browser().get("/readyz") as response:
        found = Readiness.model_validate_json(await response.read())
        assert (found.status == "ok") == (response.status == 200)
        return response.status, found.checks


async def run(engine: AsyncEngine, statement: str) -> None:
    async with engine.begin() as connection:
        await connection.execute(text(statement))


async def test_ready_while_a_worker_lives_that_owns_every_account(
    site: Site, ann: User, engine: AsyncEngine, database_url: str
) -> None:
    good = {"database": "ok", "instruments": "ok", "worker": "ok"}
    bad = {**good, "worker": "unavailable"}
    assert await checks(site) == (503, bad), "there is none"
    await run(engine, "UPDATE accounts SET created_at = clock_timestamp() - interval '1 minute'")
    async with worker(database_url) as first:
        assert await checks(site) == (503, bad), "it has not claimed the account"
        await first.claim(ann.account_id)
        assert await checks(site) == (200, good)
        await run(engine, "UPDATE worker SET beat = beat - interval '11 seconds'")
        assert await checks(site) == (503, bad), "nobody has seen it since the supervisor would have killed it"
        await run(engine, "UPDATE worker SET beat = clock_timestamp()")
        assert await checks(site) == (200, good)
    assert await checks(site) == (503, bad), "it has ended"
    async with worker(database_url) as second:
        assert await checks(site) == (503, bad), "the account is the former one's still"
        await run(engine, "UPDATE accounts SET resting = true")
        assert await checks(site) == (200, good), "what rests needs nobody"
        await run(engine, "UPDATE accounts SET resting = false, created_at = clock_timestamp()")
        assert await checks(site) == (200, good), "one that was just made is given a while"
        await run(engine, "UPDATE accounts SET created_at = clock_timestamp() - interval '1 minute'")
        assert await checks(site) == (503, bad)
        await second.claim(ann.account_id)
        assert await checks(site) == (200, good)


async def test_without_a_database_readiness_says_so_within_its_time(site: Site, engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        plain = await connection.execution_options(isolation_level="AUTOCOMMIT")
        name = await plain.scalar(text("SELECT current_database()"))
        await plain.execute(text(f'ALTER DATABASE "{name}" CONNECTION LIMIT 0'))
    await site.parts.engine.dispose()
    async with asyncio.timeout(20):
        status, found = await checks(site)
    assert (status, found["database"], found["worker"]) == (503, "unavailable", "unavailable")
