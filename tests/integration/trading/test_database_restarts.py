"""A database that is killed and started again while commands come in (promise D1): each takes effect once, or never.

`COMMANDS=5000` makes a long campaign of it (`make db-chaos`). The truth is the exchange's own log.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from contract.journal_worlds import make_home
from integration.trading.conftest import Desk
from integration.trading.test_session import Office
from tradewright.core.ids import IntentId, link_id_of
from tradewright.storage.embedded import EmbeddedPostgres
from tradewright.storage.engine import create_engine
from tradewright.storage.migrate import upgrade
from tradewright.storage.resolving import resolved
from tradewright.system import SystemClock, SystemIds
from tradewright.trading.bodies import PlaceBody
from tradewright.trading.store import PostgresJournal

COMMANDS = int(os.environ.get("COMMANDS", "60"))
AT_ONCE = 4
PAUSES_S = (3.0, 5.0) if COMMANDS < 1000 else (5.0, 40.0)
RESTARTS_MIN = 2
_FASTER = {"full_page_writes": "off"}  # a killed server must keep what it has committed: no other shortcut


@pytest.fixture
def server(open_folder: Path) -> Iterator[EmbeddedPostgres]:
    made = EmbeddedPostgres(open_folder / "chaos-home", root_base=open_folder / "chaos-base", overrides=_FASTER)
    made.start()
    upgrade(made.url)
    yield made
    made.stop(fast_s=2)


class Owner:
    """The account's owner, started anew whenever its database fails it."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.lives = 0

    async def run(self) -> None:
        while True:
            self.lives += 1
            self.office.start()
            assert self.office.task is not None
            try:
                await self.office.task
            except* (SQLAlchemyError, OSError):
                await asyncio.sleep(0.2)


async def accepted(desk: Desk, body: PlaceBody) -> IntentId:
    """As a client does: asked again, with the same id, until it is told that it is taken."""
    for _ in range(600):
        try:
            return (await resolved(lambda: desk.submit(body), SystemClock())).intent_id
        except (DBAPIError, OSError):
            await asyncio.sleep(0.1)
    raise AssertionError("nobody took it within a minute")


async def restarts(server: EmbeddedPostgres, rng: random.Random, done: asyncio.Event, down_s: list[float]) -> None:
    """Kills the server with SIGKILL and starts it again, over and over."""
    while not done.is_set() or len(down_s) < RESTARTS_MIN:
        await asyncio.sleep(rng.uniform(*PAUSES_S))
        began_s = time.monotonic()
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        while server.poll() is None:
            await asyncio.sleep(0.01)
        server.launch()
        while not server.is_ready():
            await asyncio.sleep(0.02)
        down_s.append(time.monotonic() - began_s)


async def _or_raise(chaos: asyncio.Task[None], is_over: Callable[[], bool]) -> None:
    """A chaos that fails is no pass."""
    while not chaos.done() and not is_over():
        await asyncio.sleep(0.1)
    if chaos.done():
        chaos.result()


async def states(engine: AsyncEngine) -> dict[IntentId, str]:
    async with engine.connect() as connection:
        rows = await connection.execute(text("SELECT id, state FROM intents"))
        return {IntentId(row.id): row.state for row in rows}


async def test_commands_that_were_accepted_take_effect_once_however_often_the_database_is_killed(
    server: EmbeddedPostgres,
) -> None:
    rng, clock, ids = random.Random(1), SystemClock(), SystemIds()
    engine = create_engine(server.url, pool_size=6)
    home = await make_home(engine, ids, clock)
    desk = Desk(engine, home, PostgresJournal(engine, home.account, clock=clock, ids=ids))
    office = Office(desk)
    owner = Owner(office)
    owning = asyncio.create_task(owner.run())
    done, down_s = asyncio.Event(), list[float]()
    chaos = asyncio.create_task(restarts(server, rng, done, down_s))
    taken: list[IntentId] = []

    async def person() -> None:
        while len(taken) < COMMANDS:
            body = desk.body(price=Decimal(50000 + len(taken) % 500), quantity=Decimal("0.001"))
            taken.append(body.id)
            assert await accepted(desk, body) == body.id
            await asyncio.sleep(rng.uniform(0.1, 1.1))

    async with asyncio.TaskGroup() as people:
        for _ in range(AT_ONCE):
            people.create_task(person())
        people.create_task(_or_raise(chaos, lambda: len(taken) >= COMMANDS))
    done.set()
    await chaos
    deadline = time.monotonic() + 120
    settled: dict[IntentId, str] = {}
    while time.monotonic() < deadline:
        settled = await states(engine)
        if not set(settled.values()) & {"proposed", "approved", "sending", "unknown"}:
            break
        await asyncio.sleep(0.5)
    owning.cancel()
    await office.kill()
    await asyncio.wait([owning])
    await engine.dispose()
    effects = Counter(entry.link_id for entry in office.exchange.log if entry.what == "accepted")
    assert set(settled) == set(taken), "each is there once"
    wrong = {
        one: (settled[one], effects[link_id_of(one)])
        for one in taken
        if effects[link_id_of(one)] != (1 if settled[one] == "acknowledged" else 0)
        or settled[one] not in ("acknowledged", "expired", "not_placed")
    }
    assert wrong == {}
    told = Counter(settled.values())
    # What was proposed when an owner ended is not sent by the next one: told so, and without effect.
    assert told["acknowledged"] > 0, told
    print(
        f"commands={len(taken)} restarts={len(down_s)} down={max(down_s):.1f} s at most, owner's lives={owner.lives},"
        f" effects={sum(effects.values())}, told={dict(told)}, wrong=0"
    )
