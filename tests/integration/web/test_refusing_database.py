"""A database that lacks or refuses something: a clear 503 in place of an unexpected error, and nothing is done."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from integration.web.kit import Site, User, place_body
from integration.web.test_identity_api import problem


async def run(engine: AsyncEngine, *statements: str) -> None:
    async with engine.begin() as connection:
        for statement in statements:
            await connection.execute(text(statement))


async def count(engine: AsyncEngine, table: str) -> int:
    async with engine.connect() as connection:
        return int(await connection.scalar(text(f"SELECT count(*) FROM {table}")))


_FULL = """CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$"""
_REFUSALS = {
    "the audit table is gone": (["ALTER TABLE audit_entries RENAME TO lost"], "database.refused"),
    "the audit table may not be written": (
        ["REVOKE INSERT ON audit_entries FROM CURRENT_USER"],
        "database.refused",
    ),
    "the disk is full": (
        [_FULL, "CREATE TRIGGER full_disk BEFORE INSERT ON audit_entries EXECUTE FUNCTION full_disk()"],
        "database.full",
    ),
}


@pytest.mark.parametrize("how", list(_REFUSALS))
async def test_where_the_audit_row_cannot_be_written_an_order_is_a_503_and_does_not_exist(
    how: str, site: Site, ann: User, engine: AsyncEngine
) -> None:
    statements, code = _REFUSALS[how]
    await run(engine, *statements)
    for _ in range(2):  # the second on a connection that has failed before
        async with ann.http.post(f"/api/v1/accounts/{ann.account['id']}/intents", json=place_body()) as response:
            told = await problem(response, 503, code)
            assert told.retryable
            assert "nothing was done" in told.detail
    assert await count(engine, "intents") == 0
    async with ann.http.get("/api/v1/accounts") as response:
        assert response.status == 200, "what can be read is still told"


async def test_a_database_that_only_reads_is_a_503(site: Site, ann: User, engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        plain = await connection.execution_options(isolation_level="AUTOCOMMIT")
        name = await plain.scalar(text("SELECT current_database()"))
        await plain.execute(text(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on'))
    await site.parts.engine.dispose()  # connections that were open before still write
    async with ann.http.post(f"/api/v1/accounts/{ann.account['id']}/intents", json=place_body()) as response:
        assert (await problem(response, 503, "database.refused")).retryable
