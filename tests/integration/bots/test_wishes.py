"""What is wished of a run: written once, never weakened, told to the owner of its account, and audited."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from integration.bots.kit import SLOTS, Desk, new_desk
from tradewright.bots import wishes
from tradewright.bots.admission import admit, queue_of
from tradewright.bots.refusals import RunHasEnded, RunIsStopping
from tradewright.core.errors import InvalidInput, NotFound
from tradewright.storage.bus import Bus
from tradewright.system import SystemRng


async def pause(desk: Desk, run_id: UUID, *, paused: bool = True) -> None:
    async with desk.engine.begin() as connection:
        await wishes.pause_run(connection, desk.actor, run_id, paused=paused)


async def extend(desk: Desk, run_id: UUID, duration_ms: int) -> None:
    async with desk.engine.begin() as connection:
        await wishes.extend_run(connection, desk.actor, run_id, duration_ms)


async def stop(desk: Desk, run_id: UUID, how: Any) -> None:
    async with desk.engine.begin() as connection:
        await wishes.stop_run(connection, desk.actor, run_id, how)


async def row(desk: Desk, run_id: UUID) -> Any:
    return (await desk.rows("SELECT * FROM runs WHERE id = :id AND workspace_id = :workspace", id=run_id))[0]


async def test_wishes_are_written_and_told(engine: AsyncEngine, database_url: str) -> None:
    ann = await new_desk(engine)
    run_id = await ann.start(await ann.add_bot())
    bus = Bus(database_url, rng=SystemRng())
    await bus.start()
    hints = bus.subscribe("runs")
    try:
        await pause(ann, run_id)
        async with asyncio.timeout(20):
            while await hints.get() != str(run_id):
                pass
    finally:
        await bus.close()
    await pause(ann, run_id)  # again: nothing more
    assert (await row(ann, run_id)).wish_paused_by == ann.user_id
    await pause(ann, run_id, paused=False)
    await extend(ann, run_id, 7_200_000)
    await extend(ann, run_id, 7_200_000)
    with pytest.raises(InvalidInput):
        await extend(ann, run_id, 3_600_000)
    with pytest.raises(InvalidInput):
        await extend(ann, run_id, 10_081 * 60_000)
    await stop(ann, run_id, "gentle")
    await stop(ann, run_id, "close")
    await stop(ann, run_id, "now")  # weaker than what was wished
    found = await row(ann, run_id)
    assert (found.wish_paused, found.wish_paused_by, found.duration_ms) == (False, None, 7_200_000)
    assert (found.wish_stop, found.wish_stop_by, found.state) == ("close", ann.user_id, "starting")
    with pytest.raises(RunIsStopping):
        await pause(ann, run_id)
    with pytest.raises(RunIsStopping):
        await extend(ann, run_id, 8_000_000)
    entries = await ann.rows(
        "SELECT action, outcome FROM audit_entries WHERE workspace_id = :workspace AND object_kind = 'run'"
        " ORDER BY at, id"
    )
    told = [entry.action for entry in entries]
    assert told == ["run.start", "run.pause", "run.resume", "run.extend", "run.stop", "run.stop"]
    assert {entry.outcome for entry in entries[1:]} == {"asked"}


async def test_one_that_waits_in_the_queue_ends_there(engine: AsyncEngine) -> None:
    ann = await new_desk(engine)
    bot_id = await ann.add_bot()
    await ann.start(bot_id)
    waiting = await ann.start(bot_id)
    await stop(ann, waiting, "gentle")
    found = await row(ann, waiting)
    assert (found.state, found.admitted_at, found.reason["code"]) == ("stopped", None, "run.stopped_in_queue")
    assert found.ended_at is not None
    await stop(ann, waiting, "close")  # it is stopped
    with pytest.raises(RunHasEnded):
        await pause(ann, waiting)


async def test_nothing_is_wished_of_a_run_that_ended_nor_of_another_workspaces(engine: AsyncEngine) -> None:
    ann, bob = await new_desk(engine), await new_desk(engine)
    run_id = await ann.start(await ann.add_bot())
    for wish in (pause(bob, run_id), extend(bob, run_id, 7_200_000), stop(bob, run_id, "now")):
        with pytest.raises(NotFound):
            await wish
    await ann.do("UPDATE runs SET state = 'halted', ended_at = clock_timestamp() WHERE id = :id", id=run_id)
    for wish in (pause(ann, run_id), extend(ann, run_id, 7_200_000), stop(ann, run_id, "now")):
        with pytest.raises(RunHasEnded):
            await wish


async def test_a_run_whose_account_rests_ends_where_it_is_stopped_and_one_in_the_queue_waits(
    engine: AsyncEngine,
) -> None:
    """Its key was removed: no owner will ever take the wish."""
    ann = await new_desk(engine)
    bot_id = await ann.add_bot()
    run_id, waiting = await ann.start(bot_id), await ann.start(bot_id)
    await stop(ann, run_id, "gentle")
    assert (await row(ann, run_id)).state == "starting"
    await ann.do("UPDATE accounts SET resting = true WHERE workspace_id = :workspace")
    await stop(ann, run_id, "gentle")
    found = await row(ann, run_id)
    assert (found.state, found.reason["code"]) == ("stopped", "run.stopped_at_rest")
    async with engine.begin() as connection:
        assert await admit(connection, SLOTS) == []
        told = await queue_of(connection, ann.workspace_id, [waiting], SLOTS)
    assert told[waiting].held_by == "account"
    await ann.do("UPDATE accounts SET resting = false WHERE workspace_id = :workspace")
    async with engine.begin() as connection:
        assert await admit(connection, SLOTS) == [waiting]
