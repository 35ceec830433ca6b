"""A connection that dies at COMMIT (promise D3): what became of it is read by its key, and nothing is there twice."""

from __future__ import annotations

import os
import random
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote, unquote
from uuid import uuid4

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from contract.journal_worlds import make_home
from integration.trading.conftest import Desk
from support.commit_cutter import CommitCutter, commit_cutter
from tradewright.core.errors import Trace
from tradewright.core.ids import ExchangeOrderId, RequestId
from tradewright.storage.engine import create_engine
from tradewright.storage.resolving import resolved
from tradewright.system import SystemClock, SystemIds
from tradewright.trading.bodies import PlaceBody
from tradewright.trading.journal import AnsweredAcknowledged
from tradewright.trading.model import SubmittedIntent
from tradewright.trading.store import PostgresJournal

COUNT = int(os.environ.get("COMMITS", "20"))


@pytest_asyncio.fixture
async def cut(database_url: str, engine: AsyncEngine) -> AsyncIterator[tuple[Desk, CommitCutter]]:
    """A desk whose database is behind the cutter; rows are looked at past it."""
    told = database_url.split("host=")[1].split("&")[0]
    server = next(each for each in Path(unquote(told)).glob(".s.PGSQL.*") if each.suffix != ".lock")
    clock, ids = SystemClock(), SystemIds()
    home = await make_home(engine, ids, clock)
    with tempfile.TemporaryDirectory(prefix="tw-cut-") as folder:
        async with commit_cutter(server, Path(folder), random.Random(1)) as cutter:
            behind = create_engine(database_url.replace(told, quote(folder, safe="")), pool_size=4)
            journal = PostgresJournal(behind, home.account, clock=clock, ids=ids)
            yield Desk(behind, home, journal), cutter
            await behind.dispose()


async def count(engine: AsyncEngine, sql: str) -> int:
    async with engine.connect() as connection:
        return int(await connection.scalar(text(sql)))


async def test_a_wish_whose_commit_got_lost_is_there_once_and_its_answer_is_right(
    cut: tuple[Desk, CommitCutter], engine: AsyncEngine
) -> None:
    desk, cutter = cut
    cutter.share = 0.5
    asked = gave_up = 0

    async def ask(body: PlaceBody) -> SubmittedIntent:
        """As a client does: a 503 is asked again, with the same id."""
        nonlocal gave_up
        for _ in range(20):
            try:
                return await resolved(lambda: desk.submit(body), SystemClock())
            except DBAPIError:
                gave_up += 1
        raise AssertionError("sixty commits in a row were cut")

    while cutter.cut < COUNT:
        body = desk.body()
        submitted = await ask(body)
        assert submitted.intent_id == body.id
        asked += 1
        assert not (await ask(body)).created
    assert gave_up < cutter.cut / 2, "most were resolved without asking the client to come back"
    assert cutter.delivered > 0
    assert await count(engine, "SELECT count(*) FROM intents") == asked
    assert await count(engine, "SELECT count(*) FROM audit_entries WHERE action = 'order.place'") == asked
    print(f"commits cut: {cutter.cut}, delivered: {cutter.delivered}; wishes: {asked}, asked again: {gave_up}")


async def test_an_owner_whose_commit_got_lost_sends_nothing_and_leaves_it_to_evidence(
    cut: tuple[Desk, CommitCutter], engine: AsyncEngine
) -> None:
    """Approved or not: without a word from the database no byte leaves. The next life finds it unknown, or unsent."""
    desk, cutter = cut
    seen: set[str] = set()
    for _ in range(min(COUNT, 12)):
        intent_id = await desk.place()
        (intent,) = [one for one in await desk.journal.proposed() if one.id == intent_id]
        delivered_before, cutter.share = cutter.delivered, 1.0
        with pytest.raises(DBAPIError):
            await desk.journal.open_request(intent, RequestId(uuid4()))
        cutter.share = 0.0
        was_delivered = cutter.delivered > delivered_before
        await desk.journal.take_over()
        state = await state_of(engine, intent_id)
        assert state == ("unknown" if was_delivered else "expired")
        seen.add(state)
        for unknown in await desk.journal.unknowns():
            await desk.journal.resolve(unknown.intent, happened=False)
    assert seen == {"unknown", "expired"}


async def test_an_answer_whose_commit_got_lost_is_found_by_evidence_and_its_order_is_one(
    cut: tuple[Desk, CommitCutter], engine: AsyncEngine
) -> None:
    desk, cutter = cut
    for number in range(min(COUNT, 12)):
        intent_id = await desk.place()
        (intent,) = [one for one in await desk.journal.proposed() if one.id == intent_id]
        request = await desk.journal.open_request(intent, RequestId(uuid4()))
        assert request is not None
        cutter.share = 1.0
        with pytest.raises(DBAPIError):
            await desk.journal.answer(intent, request, AnsweredAcknowledged(ExchangeOrderId(f"x-{number}"), Trace()))
        cutter.share = 0.0
        await desk.journal.take_over()
        for unknown in await desk.journal.unknowns():
            await desk.journal.resolve(unknown.intent, happened=True)
        await desk.order(intent_id, exchange_order_id=f"x-{number}")
        assert await state_of(engine, intent_id) == "acknowledged"
    orders = await count(engine, "SELECT count(*) FROM orders")
    assert orders == await count(engine, "SELECT count(*) FROM intents") == min(COUNT, 12)


async def state_of(engine: AsyncEngine, intent_id: object) -> str:
    async with engine.connect() as connection:
        return str(await connection.scalar(text("SELECT state FROM intents WHERE id = :id"), {"id": intent_id}))
