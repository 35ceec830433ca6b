"""What becomes of bots' runs is told: that they began, how they ended, and that one says nothing any more."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from integration.bots.kit import Desk, new_desk
from integration.bots.test_admission import queued
from integration.notify.kit import kinds
from tradewright.core.ids import UserId, WorkspaceId
from tradewright.notify.centre import Whose, read_page
from tradewright.notify.looks import Look, Looks
from tradewright.notify.runs import run_moves, silent_runs
from tradewright.system import SystemClock, SystemIds


async def run(desk: Desk, statement: str) -> None:
    async with desk.engine.begin() as connection:
        await connection.execute(text(statement))


async def told(desk: Desk, look: Look) -> list[dict[str, Any]]:
    """All that stands in the centre after looking twice."""
    looks = Looks(desk.engine, SystemClock(), SystemIds(), [look])
    for _ in range(2):
        await looks.once(look)
    whose = Whose(workspace_id=WorkspaceId(desk.workspace_id), user_id=UserId(desk.user_id))
    async with desk.engine.connect() as connection:
        return (await read_page(connection, whose))[0]


async def test_a_run_is_told_when_it_begins_and_how_it_ends(engine: AsyncEngine) -> None:
    desk = await new_desk(engine)
    await queued(desk, 2)
    assert await told(desk, run_moves) == []
    await run(desk, "UPDATE runs SET state = 'running', admitted_at = now(), began_at = now() WHERE number = 1")
    (began,) = await told(desk, run_moves)
    assert (began["kind"], began["params"]["state"], began["params"]["symbol"]) == ("run", "running", "S1USDT")
    await run(
        desk,
        'UPDATE runs SET state = \'halted\', ended_at = now(), reason = \'{"code": "run.max_loss", "params": {}}\''
        " WHERE number = 1",
    )
    await run(desk, "UPDATE runs SET state = 'stopped', ended_at = now() WHERE number = 2")
    news = await told(desk, run_moves)
    assert sorted(kinds(news)) == ["run", "run", "run_failed"]
    (failed,) = [each for each in news if each["kind"] == "run_failed"]
    assert (failed["severity"], failed["params"]["code"]) == ("critical", "run.max_loss")


async def test_a_run_that_says_nothing_for_three_bars_is_told_once(engine: AsyncEngine) -> None:
    desk = await new_desk(engine)
    await queued(desk, 1)
    await run(desk, "UPDATE runs SET state = 'running', admitted_at = now(), began_at = now() - interval '2 hours'")
    event = (
        "INSERT INTO run_events (run_id, seq, workspace_id, at, kind, level, payload)"
        " SELECT id, {seq}, workspace_id, now() - interval '{ago} seconds', 'bar', 'info', '{{}}' FROM runs"
    )
    await run(desk, event.format(seq=1, ago=200))
    assert await told(desk, silent_runs) == []
    await run(desk, "UPDATE run_events SET at = now() - interval '250 seconds'")
    (silent,) = await told(desk, silent_runs)
    assert (silent["kind"], silent["severity"], silent["merged"]) == ("bot_silent", "critical", 1)
