"""The database links what is written: gapless, whoever writes it, and refuses to forget."""

from __future__ import annotations

import itertools
import random
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from alembic import command
from sqlalchemy import create_engine as create_sync_engine
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from integration.audit.kit import all_at_once, entry, superuser_of, verified, write
from tradewright.audit.chain import INSTALLATION
from tradewright.audit.links import read_heads
from tradewright.audit.store import record
from tradewright.storage import migrate
from tradewright.storage.engine import create_engine, driver_url

ACCOUNTS = [UUID(int=1000 + number) for number in range(4)]
WORKSPACE = UUID(int=77)


async def places(engine: AsyncEngine) -> dict[UUID, list[int]]:
    async with engine.connect() as connection:
        found = await connection.execute(text("SELECT chain, sequence FROM audit_links ORDER BY chain, sequence"))
        chains: dict[UUID, list[int]] = {}
        for row in found:
            chains.setdefault(row.chain, []).append(row.sequence)
        return chains


async def test_an_account_a_workspace_and_the_installation_have_chains_of_their_own(engine: AsyncEngine) -> None:
    await write(engine, entry(ACCOUNTS[0], WORKSPACE), entry(ACCOUNTS[0], WORKSPACE), entry(ACCOUNTS[1], WORKSPACE))
    await write(engine, entry(None, WORKSPACE), entry(), entry(ACCOUNTS[0], WORKSPACE))
    assert await places(engine) == {
        INSTALLATION: [1],
        WORKSPACE: [1],
        ACCOUNTS[0]: [1, 2, 3],
        ACCOUNTS[1]: [1],
    }
    found = await verified(engine)
    assert (found.chains, found.entries, found.findings) == (4, 6, [])


async def test_many_that_write_several_chains_at_once_never_wait_for_each_other_in_a_circle(
    engine: AsyncEngine,
) -> None:
    chance = random.Random(7)
    transactions = []
    for _ in range(60):
        chains = chance.sample([*ACCOUNTS, None], k=chance.randint(1, 4))
        transactions.append([entry(account, WORKSPACE) for account in chains])
    await all_at_once(engine, transactions)
    chains = await places(engine)
    assert sum(map(len, chains.values())) == sum(map(len, transactions))
    assert all(sequences == list(range(1, len(sequences) + 1)) for sequences in chains.values())
    assert (await verified(engine)).findings == []


async def test_an_entry_holds_nobody_up_until_its_transaction_commits(engine: AsyncEngine) -> None:
    async with engine.begin() as slow:
        await record(slow, entry(ACCOUNTS[0], WORKSPACE, outcome="slow"))
        await write(engine, entry(ACCOUNTS[0], WORKSPACE, outcome="quick"))
    async with engine.connect() as connection:
        found = await connection.execute(
            text("SELECT e.outcome FROM audit_links l JOIN audit_entries e ON e.id = l.entry_id ORDER BY l.sequence")
        )
        assert list(found.scalars()) == ["quick", "slow"]


async def test_what_is_rolled_back_has_no_place(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        await record(connection, entry(ACCOUNTS[0], WORKSPACE))
        await connection.rollback()
    async with engine.begin() as connection:
        inner = await connection.begin_nested()
        await record(connection, entry(ACCOUNTS[1], WORKSPACE))
        await inner.rollback()
        await record(connection, entry(ACCOUNTS[0], WORKSPACE))
    assert await places(engine) == {ACCOUNTS[0]: [1]}
    assert (await verified(engine)).findings == []


async def test_who_writes_sql_of_their_own_in_another_zone_is_linked_all_the_same(
    engine: AsyncEngine, database_url: str
) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("SET timezone = 'Asia/Kolkata'")
        connection.execute("SET datestyle = 'German'")
        connection.execute(
            "INSERT INTO audit_entries (id, at, actor_kind, action, object_kind, object_id, outcome) VALUES"
            " (%s, '2026-01-05 10:00:00.123456+05:30', 'system', 'a', 'b', 'c', 'd')",
            (uuid4(),),
        )
    assert await places(engine) == {INSTALLATION: [1]}
    assert (await verified(engine)).findings == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entries SET outcome = 'refused'",
        "UPDATE audit_entries SET outcome = outcome WHERE false",
        "DELETE FROM audit_entries",
        "TRUNCATE audit_entries",
        "UPDATE audit_links SET hash = ''",
        "DELETE FROM audit_links",
        "TRUNCATE audit_links",
        "INSERT INTO audit_links SELECT chain, sequence + 1, version, entry_id, hash FROM audit_links",
        "UPDATE audit_heads SET sequence = 0",
        "DELETE FROM audit_heads",
        "TRUNCATE audit_heads",
        "INSERT INTO audit_heads VALUES (gen_random_uuid(), 1, '')",
    ],
)
@pytest.mark.parametrize("replica", [False, True], ids=["", "as a replica"])
async def test_the_trail_only_grows(
    statement: str, replica: bool, engine: AsyncEngine, postgres: Any, database_url: str
) -> None:
    await write(engine, entry(ACCOUNTS[0], WORKSPACE))
    url = superuser_of(postgres, database_url) if replica else database_url
    with psycopg.connect(url, autocommit=True) as connection:
        if replica:
            connection.execute("SET session_replication_role = replica")
        with pytest.raises(psycopg.errors.RestrictViolation, match="only grows"):
            connection.execute(statement)
    assert (await verified(engine)).findings == []


async def test_without_its_chain_nothing_commits(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await connection.execute(text("ALTER TABLE audit_links RENAME TO away"))
    with pytest.raises(DBAPIError):
        await write(engine, entry(ACCOUNTS[0], WORKSPACE))
    async with engine.begin() as connection:
        await connection.execute(text("ALTER TABLE away RENAME TO audit_links"))
        assert await connection.scalar(text("SELECT count(*) FROM audit_entries")) == 0


async def test_entries_of_the_version_before_get_into_their_chains(postgres: Any) -> None:
    url = postgres.make_database(template="template0")
    sync_engine = create_sync_engine(driver_url(url))
    with sync_engine.begin() as connection:
        command.upgrade(migrate.configuration(connection), "0014")
    sync_engine.dispose()
    with psycopg.connect(url) as plain:
        for number, account in itertools.product(range(30), [*ACCOUNTS, None]):
            plain.execute(
                "INSERT INTO audit_entries (id, workspace_id, account_id, at, actor_kind, action, object_kind,"
                " object_id, after, outcome) VALUES (%s, %s, %s, to_timestamp(%s), 'system', 'a', 'b', 'c', %s, 'd')",
                (uuid4(), WORKSPACE, account, 1_700_000_000 + number % 7, '{"b": 1, "a": [1.50, null]}'),
            )
    migrate.upgrade(url)
    engine = create_engine(url)
    await write(engine, entry(ACCOUNTS[0], WORKSPACE))
    found = await verified(engine)
    assert (found.chains, found.entries, found.findings) == (5, 151, [])
    async with engine.connect() as connection:
        heads = {chain: place for chain, place, _hash in await read_heads(connection)}
    assert heads == {ACCOUNTS[0]: 31, **dict.fromkeys([*ACCOUNTS[1:], WORKSPACE], 30)}
    await engine.dispose()
    postgres.drop_database(url)
