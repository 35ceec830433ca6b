"""Events of a run are read by an index however many there are, and wiped after as many days as the machine was told.

What a page costs is told by the server's own count of blocks, never by the clock.
"""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from integration.bots.kit import SLOTS, Desk, new_desk
from tradewright.bots import event_queries
from tradewright.bots.event_queries import SEARCHED_MAX, EventFilter, EventPage
from tradewright.bots.model import EVENT_KINDS
from tradewright.bots.retention import EventRetention
from tradewright.bots.run_queries import read_run
from tradewright.core.errors import NotFound
from tradewright.system import SystemClock

MANY = 100_000
_FILL = (
    "INSERT INTO run_events (run_id, seq, workspace_id, at, market_ms, kind, level, payload)"
    " SELECT :run, n, :workspace, clock_timestamp(), n * 60000,"
    " CASE WHEN n % 50 = 0 THEN 'fill' WHEN n % 9973 = 0 THEN 'error' ELSE 'bar' END,"
    " CASE WHEN n % 9973 = 0 THEN 'error' ELSE 'info' END,"
    " jsonb_build_object('open_ms', n * 60000, 'close', '60000.5', 'mark', 0.10, 'text', 'word' || n)"
    " FROM generate_series(CAST(1 AS bigint), :count) n"
)


async def filled(desk: Desk, count: int) -> UUID:
    run_id = await desk.start(await desk.add_bot())
    await desk.do(_FILL, run=run_id, count=count)
    await desk.do("UPDATE runs SET event_seq = :count WHERE id = :run", run=run_id, count=count)
    return run_id


async def page(desk: Desk, run_id: UUID, limit: int = 100, **how: Any) -> EventPage:
    said = {name: how.pop(name) for name in ("after", "before") if name in how}
    async with desk.engine.connect() as connection:
        return await event_queries.read_events(
            connection,
            desk.workspace_id,
            run_id,
            EventFilter(**how),
            after=said.get("after"),
            before=said.get("before"),
            limit=limit,
        )


def numbers(found: EventPage) -> list[int]:
    return [each["seq"] for each in found.events]


async def test_pages_follow_one_another_either_way(engine: AsyncEngine) -> None:
    ann = await new_desk(engine)
    run_id = await filled(ann, 250)
    newest = await page(ann, run_id)
    assert (numbers(newest)[:2], newest.next) == ([250, 249], 151)
    assert numbers(await page(ann, run_id, before=newest.next))[:1] == [150]
    first = await page(ann, run_id, after=0)
    assert (numbers(first), first.next) == (list(range(1, 101)), 100)
    last = await page(ann, run_id, after=200)
    assert (numbers(last), last.next) == (list(range(201, 251)), None)
    fills = await page(ann, run_id, kinds=["fill"])
    assert (numbers(fills), fills.next) == ([250, 200, 150, 100, 50], None)
    both = await page(ann, run_id, kinds=["fill", "bar"], after=48, limit=3)
    assert (numbers(both), both.next) == ([49, 50, 51], 51)
    found = await page(ann, run_id, search="WORD24")
    assert numbers(found) == [249, 248, 247, 246, 245, 244, 243, 242, 241, 240, 24]
    assert bytes(first.events[0]["payload"]) == (
        b'{"mark": 0.10, "text": "word1", "close": "60000.5", "open_ms": 60000}'
    )
    with pytest.raises(NotFound):
        await page(await new_desk(engine), run_id)


async def test_each_page_of_a_hundred_thousand_is_read_by_an_index(engine: AsyncEngine) -> None:
    """The blocks that each page touched, by the server. The whole of the run is some thousands."""
    ann = await new_desk(engine)
    run_id = await filled(ann, MANY)
    await ann.do("ANALYZE run_events")
    plans: list[tuple[str, Any]] = []

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, _ctx: Any, _many: bool) -> None:
        if "FROM run_events" in statement and not statement.startswith("EXPLAIN"):
            plans.append((statement, parameters))

    event.listen(engine.sync_engine, "before_cursor_execute", note)
    asked: list[dict[str, Any]] = [
        {},
        {"before": 50_000},
        {"after": 0},
        {"after": 99_950},
        {"kinds": ["fill"]},
        {"kinds": ["error"], "before": 50_000},
        {"kinds": list(EVENT_KINDS), "after": 50_000},
        {"kinds": ["takeover"]},
        {"search": "word77777", "after": 77_700},
        {"level": "error"},
    ]
    for each in asked:
        await page(ann, run_id, limit=500, **each)
    event.remove(engine.sync_engine, "before_cursor_execute", note)
    assert len(plans) == len(asked)
    (whole,) = await ann.rows("SELECT relpages FROM pg_class WHERE relname = 'run_events'")
    for (statement, parameters), each in zip(plans, asked, strict=True):
        async with engine.connect() as connection:
            told = await connection.exec_driver_sql(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", parameters)
            plan = told.scalar_one()
        found = plan if isinstance(plan, list) else json.loads(plan)
        kinds = set(node_types(found[0]["Plan"]))
        assert "Seq Scan" not in kinds, (each, kinds)
        touched = found[0]["Plan"]["Shared Hit Blocks"] + found[0]["Plan"]["Shared Read Blocks"]
        # 500 rows of a page, at worst each in a block of its own; a search looks at 5,000 that lie together.
        assert touched < 700, (each, touched, whole.relpages)
    assert whole.relpages > 1_500


def node_types(plan: dict[str, Any]) -> list[str]:
    own = [str(plan["Node Type"])] if plan.get("Relation Name") == "run_events" else []
    return own + [each for part in plan.get("Plans", []) for each in node_types(part)]


async def test_a_search_says_how_far_it_looked_and_comes_to_an_end(engine: AsyncEngine) -> None:
    ann = await new_desk(engine)
    run_id = await filled(ann, 3 * SEARCHED_MAX + 10)
    found, looks, before = [], 0, None
    while True:
        one = await page(ann, run_id, search="word12 ".strip() + '"', **({} if before is None else {"before": before}))
        looks += 1
        found += numbers(one)
        if one.next is None:
            break
        before = one.next
    assert (found, looks) == ([12], 4)


async def test_events_of_ended_runs_are_wiped_after_so_many_days_and_the_run_says_so(engine: AsyncEngine) -> None:
    ann = await new_desk(engine)
    old, young = await filled(ann, 12_000), await filled(ann, 10)
    running = await filled(ann, 10)
    for run_id, days in ((old, 31), (young, 29)):
        await ann.do(
            "UPDATE runs SET state = 'finished', ended_at = clock_timestamp() - make_interval(days => :days)"
            " WHERE id = :id",
            id=run_id,
            days=days,
        )
    assert await EventRetention(engine, days=None, clock=SystemClock()).wipe() == 0
    retention = EventRetention(engine, days=30, clock=SystemClock())
    assert await retention.wipe() == 1
    assert await retention.wipe() == 0
    assert numbers(await page(ann, old)) == []
    for run_id in (young, running):
        assert len(numbers(await page(ann, run_id))) == 10
    async with engine.connect() as connection:
        told = await read_run(connection, ann.workspace_id, old, SLOTS)
    assert told["events_removed_ms"] is not None
    assert told["event_seq"] == 12_000
