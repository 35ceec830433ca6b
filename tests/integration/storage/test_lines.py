"""The kept connections for single statements: what they give back, and what becomes of one that is cut short."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from tradewright.storage.engine import create_engine, lines_of
from tradewright.storage.lines import LINES_MAX, Lines, Statement

APPLICATION = "tw-lines-test"
PID = Statement.of("SELECT pg_backend_pid() AS pid", {})
SLOW = Statement.of("INSERT INTO kept SELECT :number FROM pg_sleep(0.5) RETURNING number", {"number": "int4"})
KEEP = Statement.of("INSERT INTO kept VALUES (:number) RETURNING number", {"number": "int4"})
BOUND_S = 20.0


@pytest_asyncio.fixture
async def ours(database_url: str) -> AsyncIterator[AsyncEngine]:
    engine = create_engine(database_url, pool_size=2, application=APPLICATION)
    async with engine.begin() as connection:
        await connection.execute(text("CREATE TABLE kept (number int PRIMARY KEY)"))
    yield engine
    await engine.dispose()


@pytest_asyncio.fixture
async def lines(ours: AsyncEngine) -> Lines:
    return lines_of(ours)


async def kept(engine: AsyncEngine) -> list[int]:
    async with engine.connect() as connection:
        return [row.number for row in await connection.execute(text("SELECT number FROM kept ORDER BY number"))]


async def end(engine: AsyncEngine, pid: int) -> None:
    async with engine.begin() as connection:
        await connection.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})


async def test_values_of_every_type_go_there_and_come_back(lines: Lines) -> None:
    moment = datetime(2026, 1, 5, 12, 0, 1, 250_000, tzinfo=UTC)
    values: dict[str, Any] = {
        "account": UUID(int=7),
        "at": moment,
        "body": '{"price": 60000.50, "deep": ["\\u00e9"]}',
        "counted": 2**40,
        "flag": False,
        "name": "a 'quoted' é",
        "nothing": None,
        "price": Decimal("0.000000000000000001"),
        "wait": timedelta(seconds=10, milliseconds=1),
    }
    types = {"account": "uuid", "at": "timestamptz", "body": "jsonb", "counted": "int8", "flag": "bool"}
    types |= {"name": "text", "nothing": "text", "price": "numeric", "wait": "interval"}
    asked = Statement.of(
        "SELECT :account AS account, :at AS at, :body AS body, :counted AS counted, :flag AS flag, :name AS name,"
        " :nothing AS nothing, :price AS price, :at + :wait AS later, :name || ' twice' AS twice",
        types,
    )
    (row,) = await lines.fetch(asked, values)
    assert row == {
        **{name: values[name] for name in ("account", "at", "counted", "flag", "name", "nothing", "price")},
        "body": {"price": Decimal("60000.50"), "deep": ["é"]},
        "later": moment + timedelta(seconds=10, milliseconds=1),
        "twice": "a 'quoted' é twice",
    }


async def test_a_statement_larger_than_the_socket_takes_at_once_arrives_whole(lines: Lines) -> None:
    asked = Statement.of("SELECT length(:name) AS length", {"name": "text"})
    assert await lines.fetch(asked, {"name": "x" * 8_000_000}) == [{"length": 8_000_000}]


async def test_a_refused_statement_leaves_its_line_usable_and_says_that_nothing_was_lost(
    lines: Lines, ours: AsyncEngine
) -> None:
    (before,) = await lines.fetch(PID, {})
    await lines.fetch(KEEP, {"number": 1})
    with pytest.raises(IntegrityError) as refused:
        await lines.fetch(KEEP, {"number": 1})
    assert not refused.value.connection_invalidated
    assert "(1)" not in str(refused.value), "no values in a text that may be logged"
    assert await lines.fetch(PID, {}) == [before]
    assert await kept(ours) == [1]


async def test_a_line_that_died_while_nobody_asked_is_not_asked_again(lines: Lines, ours: AsyncEngine) -> None:
    (before,) = await lines.fetch(PID, {})
    await end(ours, before["pid"])
    async with asyncio.timeout(BOUND_S):
        while lines._free and lines._free[-1].is_free:
            await asyncio.sleep(0.01)
    (after,) = await lines.fetch(PID, {})
    assert after != before


async def test_a_line_that_dies_under_a_statement_leaves_its_outcome_open(lines: Lines, ours: AsyncEngine) -> None:
    (before,) = await lines.fetch(PID, {})
    asking = asyncio.create_task(lines.fetch(SLOW, {"number": 1}))
    await _until_asleep(ours)
    await end(ours, before["pid"])
    with pytest.raises(DBAPIError) as lost:
        await asking
    assert lost.value.connection_invalidated
    assert await lines.fetch(KEEP, {"number": 2}) == [{"number": 2}]
    assert await kept(ours) == [2]


async def test_a_line_that_is_gone_when_it_is_asked_is_told_to_its_caller_alone(lines: Lines) -> None:
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: told.append(context))
    await lines.fetch(PID, {})
    lines._free[-1]._pg.finish()
    with pytest.raises(DBAPIError) as lost:
        await lines.fetch(PID, {})
    assert lost.value.connection_invalidated
    del lost
    gc.collect()
    assert told == []


async def test_a_cancelled_caller_ends_when_its_statement_is_over(lines: Lines, ours: AsyncEngine) -> None:
    """Whoever comes next reads what it did: it does not happen later, behind their back."""
    (before,) = await lines.fetch(PID, {})
    asking = asyncio.create_task(lines.fetch(SLOW, {"number": 1}))
    await _until_asleep(ours)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert await kept(ours) == [1]
    assert await lines.fetch(PID, {}) == [before]


async def test_a_caller_cancelled_at_a_statements_first_use_does_not_spoil_it_for_the_next(lines: Lines) -> None:
    (before,) = await lines.fetch(PID, {})
    line = lines._free[-1]
    asking = asyncio.create_task(lines.fetch(KEEP, {"number": 1}))
    while line.is_free:
        await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert await lines.fetch(KEEP, {"number": 2}) == [{"number": 2}]
    assert await lines.fetch(PID, {}) == [before]


async def test_no_more_lines_are_open_than_stated_and_none_after_the_engine_is_gone(
    lines: Lines, ours: AsyncEngine, engine: AsyncEngine
) -> None:
    await asyncio.gather(*(lines.fetch(SLOW, {"number": number}) for number in range(3 * LINES_MAX)))
    assert await kept(ours) == list(range(3 * LINES_MAX))
    count = text(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = :name AND datname = current_database()"
    )
    async with engine.connect() as connection:
        opened = await connection.scalar(count, {"name": APPLICATION})
    assert opened <= LINES_MAX + 2
    await ours.dispose()
    async with asyncio.timeout(BOUND_S):
        while True:
            async with engine.connect() as connection:
                if await connection.scalar(count, {"name": APPLICATION}) == 0:
                    return
            await asyncio.sleep(0.02)


async def _until_asleep(engine: AsyncEngine) -> None:
    sleeping = text(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()"
    )
    async with asyncio.timeout(BOUND_S):
        while True:
            async with engine.connect() as connection:
                if await connection.scalar(sleeping):
                    return
            await asyncio.sleep(0.01)
