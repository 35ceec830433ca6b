"""Slots of runs: never more than the quotas say, oldest first, and never lost, however often who admits is killed.

Issue 8's figure: 40 users with 8 runs each, 3 a user, 100 in all, 20 kills.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import replace
from decimal import Decimal
from uuid import UUID

import psycopg
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine

from integration.bots.kit import IDS, SLOTS, Desk, new_desk
from tradewright.bots.admission import Slots, Sweeper, admit, queue_of
from tradewright.identity.quota_model import USUAL, QuotaDefaults
from tradewright.storage.bus import Bus
from tradewright.system import SystemClock, SystemRng

HOLDING = "state IN ('starting', 'running', 'paused', 'stopping')"
ENDS = ("finished", "stopped", "failed", "halted")


def slots(*, user: int, workspace: int = 1_000, installation: int = 1_000) -> Slots:
    defaults = QuotaDefaults(
        workspace={**USUAL.workspace, "bots_running": Decimal(workspace)},
        user={**USUAL.user, "bots_running": Decimal(user)},
    )
    return Slots(defaults=defaults, installation=installation)


async def queued(desk: Desk, count: int, *, symbol: str | None = None) -> list[UUID]:
    """Runs as rows, each of a symbol of its own unless one is named: many are wanted, and nothing but the queue is
    looked at."""
    bot_id = await desk.add_bot()
    version = (await desk.rows("SELECT id FROM bot_versions WHERE bot_id = :bot", bot=bot_id))[0].id
    ids = [IDS.new() for _ in range(count)]
    async with desk.engine.begin() as connection:
        for number, run_id in enumerate(ids, 1):
            await connection.execute(
                text(
                    "INSERT INTO runs (id, workspace_id, bot_id, bot_version_id, number, account_id, environment,"
                    " category, symbol, timeframe, state, started_by, created_at, duration_ms) VALUES (:id, :workspace,"
                    " :bot, :version, :number, :account, 'sim', 'linear', :symbol, '1m', 'queued', :user,"
                    " clock_timestamp(), 60000)"
                ),
                {
                    "id": run_id,
                    "workspace": desk.workspace_id,
                    "bot": bot_id,
                    "version": version,
                    "number": number,
                    "account": desk.account_id,
                    "symbol": symbol or f"S{number}USDT",
                    "user": desk.user_id,
                },
            )
    return ids


async def swept(engine: AsyncEngine, found: Slots) -> list[UUID]:
    async with engine.begin() as connection:
        return list(await admit(connection, found))


async def end(engine: AsyncEngine, run_id: UUID, state: str = "finished") -> None:
    async with engine.begin() as connection:
        await connection.execute(
            text("UPDATE runs SET state = :state, ended_at = clock_timestamp() WHERE id = :id"),
            {"state": state, "id": run_id},
        )


async def test_the_oldest_that_find_room_are_admitted(engine: AsyncEngine) -> None:
    ann = await new_desk(engine)
    first, second = await queued(ann, 4), await queued(ann, 2, symbol="S9USDT")
    assert await swept(engine, slots(user=3)) == first[:3]
    assert await swept(engine, slots(user=3)) == []
    await end(engine, first[1])
    assert await swept(engine, slots(user=3)) == [first[3]]
    await end(engine, first[0])
    await end(engine, first[2])
    # Two of one symbol: the other one waits, though there is room.
    assert await swept(engine, slots(user=3)) == [second[0]]
    await end(engine, second[0], "halted")
    assert await swept(engine, slots(user=3)) == [second[1]]


async def test_one_that_finds_no_room_is_stepped_over_and_keeps_its_place(engine: AsyncEngine) -> None:
    """Ann's quota is full, Bob's is not: his younger run goes first; hers goes before his next."""
    ann = await new_desk(engine)
    bob = await new_desk(engine, workspace=ann)
    anns, bobs = await queued(ann, 2), await queued(bob, 2)
    found = slots(user=1, workspace=2)
    assert await swept(engine, found) == [anns[0], bobs[0]]
    await end(engine, anns[0])
    assert await swept(engine, found) == [anns[1]]
    await end(engine, anns[1])
    await end(engine, bobs[0])
    assert await swept(engine, found) == [bobs[1]]


async def test_a_symbol_that_waits_for_its_holder_holds_up_nobody_else(engine: AsyncEngine) -> None:
    ann = await new_desk(engine)
    bob = await new_desk(engine, workspace=ann)
    bob.account_id = ann.account_id
    holder = (await queued(ann, 1, symbol="XUSDT"))[0]
    waiting = (await queued(ann, 1, symbol="XUSDT"))[0]
    bobs = (await queued(bob, 1, symbol="XUSDT"))[0]
    other = (await queued(bob, 1, symbol="YUSDT"))[0]
    assert await swept(engine, slots(user=5)) == [holder, other]
    await end(engine, holder)
    assert await swept(engine, slots(user=5)) == [waiting]
    await end(engine, waiting)
    assert await swept(engine, slots(user=5)) == [bobs]


async def test_what_the_operator_set_for_a_workspace_is_in_force_at_once(engine: AsyncEngine) -> None:
    ann = await new_desk(engine)
    runs = await queued(ann, 4)
    await ann.do("INSERT INTO quotas (workspace_id, scope, name, value) VALUES (:workspace, 'user', 'bots_running', 1)")
    assert await swept(engine, slots(user=3)) == runs[:1]
    await ann.do("UPDATE quotas SET value = 2")
    assert await swept(engine, slots(user=3)) == runs[1:2]
    await ann.do("UPDATE quotas SET value = 0")
    assert await swept(engine, slots(user=3)) == []
    assert await ann.rows(f"SELECT id FROM runs WHERE workspace_id = :workspace AND {HOLDING}") != []


async def test_a_run_waits_for_its_time_by_the_database_clock(engine: AsyncEngine) -> None:
    ann = await new_desk(engine)
    runs = await queued(ann, 2)
    await ann.do("UPDATE runs SET start_at = clock_timestamp() + interval '1 hour' WHERE id = :id", id=runs[0])
    assert await swept(engine, slots(user=3)) == [runs[1]]
    await ann.do("UPDATE runs SET start_at = clock_timestamp() - interval '1 second' WHERE id = :id", id=runs[0])
    assert await swept(engine, slots(user=3)) == [runs[0]]


async def test_who_waits_is_told_for_what_and_behind_how_many(engine: AsyncEngine) -> None:
    ann = await new_desk(engine)
    bob = await new_desk(engine, workspace=ann)
    runs, bobs = await queued(ann, 4), await queued(bob, 2)
    found = slots(user=1, workspace=1, installation=5)
    assert await swept(engine, found) == runs[:1]

    async def told(limits: Slots) -> dict[UUID, tuple[str, int, int | None]]:
        async with engine.connect() as connection:
            waiting = await queue_of(connection, ann.workspace_id, [*runs, *bobs], limits)
        return {run_id: (each.held_by, each.ahead, each.limit) for run_id, each in waiting.items()}

    now = await told(found)
    assert runs[0] not in now
    assert [now[run_id] for run_id in runs[1:]] == [("user", 0, 1), ("user", 1, 1), ("user", 2, 1)]
    assert [now[run_id] for run_id in bobs] == [("workspace", 3, 1), ("user", 1, 1)]
    roomy = await told(slots(user=10, workspace=10, installation=1))
    assert roomy[runs[3]] == ("installation", 2, 1)
    await ann.do(
        "UPDATE runs SET symbol = 'S1USDT', account_id = :account WHERE id = :id", id=runs[3], account=ann.account_id
    )
    assert (await told(roomy_slots()))[runs[3]][0] == "symbol"


def roomy_slots() -> Slots:
    return replace(SLOTS, installation=1_000)


async def test_the_sweeper_admits_what_came_due_and_what_was_freed(engine: AsyncEngine, database_url: str) -> None:
    ann = await new_desk(engine)
    runs = await queued(ann, 2)
    bus = Bus(database_url, rng=SystemRng())
    await bus.start()
    sweeper = asyncio.create_task(Sweeper(engine, bus, slots(user=1), clock=SystemClock()).run())
    try:
        async with asyncio.timeout(20):
            while not await ann.rows(f"SELECT 1 FROM runs WHERE id = :id AND {HOLDING}", id=runs[0]):
                await asyncio.sleep(0.02)
            await end(engine, runs[0])
            while not await ann.rows(f"SELECT 1 FROM runs WHERE id = :id AND {HOLDING}", id=runs[1]):
                await asyncio.sleep(0.02)
    finally:
        sweeper.cancel()
        await asyncio.gather(sweeper, return_exceptions=True)
        await bus.close()


async def test_quotas_hold_while_runs_end_at_random_and_who_admits_is_killed(
    engine: AsyncEngine, database_url: str
) -> None:
    """40 users × 8 runs, 3 a user, 100 in all. Four admit at once; twenty times the server process of one that is in
    the middle of it is ended. After each step the quotas hold and what held a slot holds it still."""
    found, rng = slots(user=3, installation=100), random.Random(8)
    desks = [await new_desk(engine) for _ in range(40)]
    every = [run_id for desk in desks for run_id in await queued(desk, 8)]
    kills, steps, most = 0, 0, Counter[str]()

    async def admitting(victim: bool) -> None:
        """A victim is ended by the server after its statement and before its commit."""
        nonlocal kills
        try:
            async with engine.begin() as connection:
                await admit(connection, found)
                if victim:
                    pid = await connection.scalar(text("SELECT pg_backend_pid()"))
                    await asyncio.to_thread(_kill, database_url, pid)
                    kills += 1
                    await connection.execute(text("SELECT 1"))
        except OperationalError:
            assert victim

    held: set[UUID] = set()
    while True:
        steps += 1
        victims = [kills + n < 20 and rng.random() < 0.6 for n in range(2)]
        await asyncio.gather(*(admitting(victim) for victim in [*victims, False, False]))
        async with engine.connect() as connection:
            rows = (await connection.execute(text(f"SELECT id, started_by FROM runs WHERE {HOLDING}"))).all()
        now = {row.id for row in rows}
        assert held <= now, "a run lost its slot"
        of_user = Counter(row.started_by for row in rows)
        assert len(now) <= 100
        assert max(of_user.values(), default=0) <= 3
        most["all"] = max(most["all"], len(now))
        most["user"] = max(most["user"], max(of_user.values(), default=0))
        left = await _left(engine)
        if not now and not left:
            break
        assert now or not left, "there is room, and nobody is admitted"
        ended = rng.sample(sorted(now), min(len(now), rng.randint(5, 30)))
        for run_id in ended:
            await end(engine, run_id, rng.choice(ENDS))
        held = now - set(ended)
        assert steps < 200, "it comes to an end"
    assert kills == 20
    assert most == {"all": 100, "user": 3}
    async with engine.connect() as connection:
        done = await connection.scalar(text("SELECT count(*) FROM runs WHERE ended_at IS NOT NULL"))
    assert done == len(every) == 320


async def _left(engine: AsyncEngine) -> int:
    async with engine.connect() as connection:
        return int(await connection.scalar(text("SELECT count(*) FROM runs WHERE state = 'queued'")) or 0)


def _kill(url: str, pid: int) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SELECT pg_terminate_backend(%s)", (pid,))


async def test_runs_of_the_same_moment_stand_in_the_order_of_their_ids(engine: AsyncEngine) -> None:
    ann = await new_desk(engine)
    runs = await queued(ann, 3)
    await ann.do("UPDATE runs SET created_at = '2026-01-01T00:00:00Z'")
    assert await swept(engine, slots(user=2)) == sorted(runs)[:2]
