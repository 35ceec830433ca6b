"""The bus on a real server: what is said in a transaction arrives, what was missed is read again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import psycopg
import pytest
import pytest_asyncio
import uvloop
from sqlalchemy.ext.asyncio import AsyncEngine

from tradewright.storage.bus import Bus, Subscription, notify
from tradewright.system import SystemRng

WITHIN_S = 60.0


@pytest_asyncio.fixture
async def bus(database_url: str) -> AsyncIterator[Bus]:
    """One whose poll is out of the way, so that what arrives was said."""
    made = Bus(database_url, rng=SystemRng(), poll_s=600)
    await made.start()
    yield made
    await made.close()


async def listening(bus: Bus, channel: str) -> Subscription:
    """A subscription whose LISTEN is in force: the wake-up that follows it has come."""
    subscription = bus.subscribe(channel)
    assert await subscription.get(WITHIN_S) is None
    assert bus.is_connected
    return subscription


async def test_a_hint_arrives_when_its_transaction_commits_and_not_before(bus: Bus, engine: AsyncEngine):
    intents = await listening(bus, "intents")
    async with engine.connect() as connection:
        await notify(connection, "intents", "account-1")
        assert await intents.get(0.1) is None
        await connection.commit()
    assert await intents.get(WITHIN_S) == "account-1"


async def test_nothing_is_said_by_a_transaction_that_is_rolled_back(bus: Bus, engine: AsyncEngine):
    intents = await listening(bus, "intents")
    async with engine.connect() as connection:
        await notify(connection, "intents", "never")
        await connection.rollback()
        await notify(connection, "intents", "really")
        await connection.commit()
    assert await intents.get(WITHIN_S) == "really"


async def test_channels_are_apart_and_every_subscriber_of_one_gets_its_hints_in_order(bus: Bus, engine: AsyncEngine):
    first, second, other = [await listening(bus, name) for name in ("account_events", "account_events", "accounts")]
    async with engine.begin() as connection:
        for number in range(3):
            await notify(connection, "account_events", f"a:{number}")
        await notify(connection, "accounts", "a")
    for subscription in (first, second):
        seen = [await subscription.get(WITHIN_S) for _ in range(3)]
        assert seen == ["a:0", "a:1", "a:2"]
    assert await other.get(WITHIN_S) == "a"


async def test_without_a_word_a_subscription_is_woken_by_the_poll(database_url: str):
    bus = Bus(database_url, rng=SystemRng(), poll_s=0.05)
    await bus.start()
    try:
        intents = await listening(bus, "intents")
        assert [await asyncio.wait_for(intents.get(), WITHIN_S) for _ in range(3)] == [None, None, None]
    finally:
        await bus.close()


async def test_after_a_lost_connection_everybody_is_woken_and_hints_come_again(
    bus: Bus, engine: AsyncEngine, database_url: str, postgres
):
    intents = await listening(bus, "intents")
    with postgres.admin() as admin:
        ended = admin.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            "WHERE application_name = 'tradewright-bus' AND datname = %s",
            [database_url.split("@/")[1].split("?")[0]],
        ).fetchone()
    assert ended == (1,)
    assert await asyncio.wait_for(intents.get(), WITHIN_S) is None
    async with engine.begin() as connection:
        await notify(connection, "intents", "after")
    assert await intents.get(WITHIN_S) == "after"


async def test_a_bus_starts_without_a_server_polls_and_finds_the_server_later(tmp_path, postgres):
    """The server comes to the address only after the bus has started: a socket path that is linked into place."""
    url = postgres.make_database()
    sockets = tmp_path / "run"
    bus = Bus(url.split("?")[0] + f"?host={sockets}", rng=SystemRng(), poll_s=0.05)
    await bus.start()
    try:
        intents = bus.subscribe("intents")
        assert not bus.is_connected
        assert await asyncio.wait_for(intents.get(), WITHIN_S) is None  # the poll
        sockets.symlink_to(postgres.server.sockets)
        async with asyncio.timeout(WITHIN_S):
            while not bus.is_connected:
                await intents.get()
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("SELECT pg_notify('intents', 'hello')")
        async with asyncio.timeout(WITHIN_S):
            while await intents.get() != "hello":
                pass
    finally:
        await bus.close()
        postgres.drop_database(url)


async def test_a_closed_subscription_ends_its_reader_and_the_others_go_on(bus: Bus, engine: AsyncEngine):
    closing, staying = await listening(bus, "intents"), await listening(bus, "intents")

    async def read() -> list[str | None]:
        return [hint async for hint in closing]

    reader = asyncio.create_task(read())
    await asyncio.sleep(0)
    closing.close()
    assert await asyncio.wait_for(reader, WITHIN_S) == []
    async with engine.begin() as connection:
        await notify(connection, "intents", "still here")
    assert await staying.get(WITHIN_S) == "still here"


async def test_a_reader_that_lags_too_far_is_told_to_read_its_rows_instead(bus: Bus, monkeypatch):
    monkeypatch.setattr("tradewright.storage.bus._QUEUE_MAX", 3)
    lagging = await listening(bus, "intents")
    for number in range(5):
        lagging._put(str(number))
    assert [await lagging.get(WITHIN_S) for _ in range(2)] == [None, "4"]


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_on_either_event_loop_hints_come_at_once_and_an_idle_bus_takes_no_time(database_url: str, new_loop):
    async def main() -> tuple[list[float], float]:
        bus = Bus(database_url, rng=SystemRng(), poll_s=600)
        await bus.start()
        intents = await listening(bus, "intents")
        waits = []
        with psycopg.connect(database_url, autocommit=True) as connection:
            for _ in range(5):
                began = time.monotonic()
                connection.execute("SELECT pg_notify('intents', 'x')")
                assert await intents.get(WITHIN_S) == "x"
                waits.append(time.monotonic() - began)
        before = time.process_time()
        assert await intents.get(0.5) is None
        idle_cpu_s = time.process_time() - before
        await bus.close()
        return waits, idle_cpu_s

    with asyncio.Runner(loop_factory=new_loop) as runner:
        waits, idle_cpu_s = runner.run(main())
    assert min(waits) < 0.1
    assert idle_cpu_s < 0.1  # a loop that spins takes all of the half second


@pytest.mark.parametrize("name", ["", "Intents", "in-tents", "x" * 64, 'a"; DROP TABLE users'])
def test_a_channel_name_that_postgresql_would_bend_is_refused(name: str):
    with pytest.raises(ValueError, match="channel"):
        Bus("postgresql://nobody@/nothing", rng=SystemRng()).subscribe(name)
