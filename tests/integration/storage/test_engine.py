"""What goes into the database comes out as it was: money exact, times aware and in UTC, JSON without floats."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy import Column, DateTime, MetaData, Numeric, Table, Uuid, insert, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from tradewright.audit.model import AuditEntry
from tradewright.audit.store import record
from tradewright.audit.tables import audit_entries
from tradewright.core.ids import UserId
from tradewright.storage.engine import create_engine

things = Table(
    "things",
    MetaData(),
    Column("id", Uuid),
    Column("amount", Numeric),
    Column("at", DateTime(timezone=True)),
    Column("body", JSONB),
)
AN_ID = UUID("01890a5d-ac96-774b-bcce-b302099a8057")


@pytest.mark.parametrize(
    "amount", ["0", "0.1", "-0.000000000000000001", "123456789012345678901234.123456789012345678", "60412.50"]
)
async def test_money_comes_back_as_the_same_decimal_with_the_same_digits(engine: AsyncEngine, amount: str):
    async with engine.begin() as connection:
        await connection.run_sync(things.create)
        await connection.execute(insert(things).values(amount=Decimal(amount)))
        found = (await connection.execute(select(things.c.amount))).scalar_one()
    assert isinstance(found, Decimal)
    assert str(found) == str(Decimal(amount)) or format(found, "f") == format(Decimal(amount), "f")


async def test_times_come_back_aware_and_in_utc_whatever_zone_they_went_in_with(engine: AsyncEngine):
    moment = datetime(2024, 3, 10, 7, 30, 0, 123456, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    async with engine.begin() as connection:
        await connection.run_sync(things.create)
        await connection.execute(insert(things).values(at=moment))
        found = (await connection.execute(select(things.c.at))).scalar_one()
    assert found == moment
    assert found.utcoffset() == timedelta(0)
    assert found.isoformat() == "2024-03-10T02:00:00.123456+00:00"


async def test_json_keeps_decimals_ids_and_times_as_text_and_reads_no_float(engine: AsyncEngine):
    body = {
        "price": Decimal("60412.50"),
        "id": AN_ID,
        "at": datetime(2024, 1, 1, tzinfo=UTC),
        "n": 3,
        "none": None,
        "list": [True],
    }
    async with engine.begin() as connection:
        await connection.run_sync(things.create)
        await connection.execute(insert(things).values(id=AN_ID, body=body))
        found = (await connection.execute(select(things.c.id, things.c.body))).one()
        number = (await connection.execute(text("""SELECT '{"n": 0.1}'::jsonb"""))).scalar_one()
    assert found == (
        AN_ID,
        {"price": "60412.50", "id": str(AN_ID), "at": "2024-01-01T00:00:00Z", "n": 3, "none": None, "list": [True]},
    )
    assert number == {"n": Decimal("0.1")}
    assert isinstance(number["n"], Decimal)


async def test_a_statement_that_waits_for_a_lock_gives_up_in_the_end(database_url: str):
    engine = create_engine(database_url)
    async with engine.connect() as connection:
        assert (await connection.execute(text("SHOW lock_timeout"))).scalar_one() == "10s"
        assert (await connection.execute(text("SHOW idle_in_transaction_session_timeout"))).scalar_one() == "1min"
        assert (await connection.execute(text("SHOW timezone"))).scalar_one() == "UTC"
        assert (await connection.execute(text("SHOW application_name"))).scalar_one() == "tradewright"
    await engine.dispose()


async def test_the_engine_survives_connections_that_the_server_ended(engine: AsyncEngine, postgres, database_url: str):
    async with engine.connect() as connection:
        await connection.execute(text("SELECT 1"))
    name = database_url.split("@/")[1].split("?")[0]
    with postgres.admin() as admin:
        # Until they are gone: a backend that was told to end may still answer one question.
        while admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
        ).fetchall():
            await asyncio.sleep(0.01)
    async with engine.connect() as connection:
        assert (await connection.execute(text("SELECT 1"))).scalar_one() == 1


def entry(**changes: object) -> AuditEntry:
    given: dict[str, object] = {
        "id": AN_ID,
        "at": datetime(2024, 1, 1, tzinfo=UTC),
        "actor_kind": "user",
        "actor_id": UserId(AN_ID),
        "action": "intent.created",
        "object_kind": "intent",
        "object_id": "7",
        "outcome": "accepted",
        "after": {"quantity": Decimal("0.01")},
    }
    return AuditEntry(**{**given, **changes})  # type: ignore[arg-type]


async def test_an_audit_entry_is_kept_with_the_transaction_that_it_speaks_of(engine: AsyncEngine):
    async with engine.connect() as connection:
        await record(connection, entry())
        await connection.rollback()
        await record(connection, entry(object_id="8", ip="127.0.0.1"))
        await connection.commit()
        rows = (await connection.execute(select(audit_entries))).all()
    assert [(row.object_id, row.before, row.after, row.actor_id, row.ip) for row in rows] == [
        ("8", None, {"quantity": "0.01"}, AN_ID, "127.0.0.1")
    ]


async def test_the_same_audit_entry_cannot_be_kept_twice(engine: AsyncEngine):
    async with engine.connect() as connection:
        await record(connection, entry())
        with pytest.raises(DBAPIError, match="pk_audit_entries"):
            await record(connection, entry())


@pytest.mark.parametrize("changes", [{"actor_id": None}, {"actor_kind": "system"}, {"at": datetime(2024, 1, 1)}])
def test_an_audit_entry_without_a_person_or_a_zone_where_one_is_due_cannot_be_made(changes: dict[str, object]):
    with pytest.raises(ValueError, match=r"intent\.created"):
        entry(**changes)
