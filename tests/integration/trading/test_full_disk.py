"""A database whose disk is full for a while, at the commit before a request and at the one after its answer.

A trigger says what PostgreSQL says then; a disk that is really full is in `test_harm_and_return`.
"""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from integration.trading.conftest import Desk
from integration.trading.test_session import Office
from integration.trading.test_session import office as office

_FUNCTION = """CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$"""


async def run(desk: Desk, *statements: str) -> None:
    async with desk.engine.begin() as connection:
        for statement in statements:
            await connection.execute(text(statement))


async def ended(office: Office) -> BaseException | None:
    assert office.task is not None
    async with asyncio.timeout(60):
        await asyncio.wait([office.task])
    return office.task.exception()


def is_full(error: BaseException | None) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return all(map(is_full, error.exceptions))
    return isinstance(error, OperationalError) and getattr(error.orig, "sqlstate", None) == "53100"


@pytest.mark.parametrize("moment", ["INSERT", "UPDATE"])
async def test_nothing_is_sent_without_its_row_nothing_sent_is_lost_and_the_next_session_goes_on(
    office: Office, moment: str
) -> None:
    desk = office.desk
    await run(desk, _FUNCTION, f"CREATE TRIGGER full_disk BEFORE {moment} ON requests EXECUTE FUNCTION full_disk()")
    first = await desk.place(price=Decimal(50000))
    assert is_full(await ended(office)), "the session ends, and whoever keeps it starts another"
    assert office.accepted(first) == (1 if moment == "UPDATE" else 0)
    office.start()
    if moment == "INSERT":
        await office.until(first, "not_sent")
    else:
        assert is_full(await ended(office)), "what became of it cannot be written down yet"
        assert (await office.intent(first))["state"] == "sending"
    await run(desk, "DROP TRIGGER full_disk ON requests")
    assert office.task is not None
    if office.task.done():
        office.start()
        await office.until(first, "working")
    await office.session("ready")
    second = await desk.place(price=Decimal(50000))
    await office.until(second, "working")
    assert (office.accepted(first), office.accepted(second)) == (1 if moment == "UPDATE" else 0, 1)
