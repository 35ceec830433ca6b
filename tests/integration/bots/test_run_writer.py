"""What a run's owner writes, on PostgreSQL: whole or not at all, fenced by the account's epoch and by the run's own
count, and many runs in one statement."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from integration.bots.kit import Desk, new_desk
from tradewright.bots.runner.store import RunEvent, RunMoved, RunWrite, RunWriter
from tradewright.trading.model import AccountRef
from tradewright.trading.ownership import Dispossessed

TRADE = {"exit_time": 1_000, "pnl": "1.5"}


@asynccontextmanager
async def writing(desk: Desk, *, epoch: int = 0) -> AsyncIterator[RunWriter]:
    account = AccountRef(desk.account_id, desk.workspace_id, "sim", "1", epoch)
    writer = RunWriter(desk.engine, account)
    task = asyncio.create_task(writer.run())
    try:
        yield writer
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, Dispossessed):
            await task


def first(run: UUID, *, base: int = 0, count: int = 2) -> RunWrite:
    events = [
        RunEvent(seq=base + 1 + number, kind="note", payload={"code": "x"}, caused_by=base + number or None)
        for number in range(count)
    ]
    return RunWrite(
        run_id=run,
        base=base,
        state="running",
        memory={"a": "1"},
        bar_open_ms=60_000,
        begins=True,
        events=events,
        trades=[(1, TRADE)] if base == 0 else (),
    )


async def admitted(desk: Desk, symbol: str = "BTCUSDT") -> UUID:
    return await desk.start(await desk.add_bot(symbol=symbol))


async def told(desk: Desk, run: UUID) -> list[int]:
    found = await desk.rows("SELECT seq FROM run_events WHERE run_id = :run ORDER BY seq", run=run)
    return [row.seq for row in found]


async def test_memory_events_and_trades_are_written_together_and_counted(engine: AsyncEngine) -> None:
    desk = await new_desk(engine)
    run = await admitted(desk)
    async with writing(desk) as writer:
        await writer.write(first(run))
        await writer.write(first(run, base=2, count=1))
    assert await told(desk, run) == [1, 2, 3]
    (row,) = await desk.rows("SELECT * FROM runs WHERE id = :run", run=run)
    assert (row.state, row.event_seq, row.memory, row.bar_open_ms) == ("running", 3, {"a": "1"}, 60_000)
    assert row.began_at is not None
    (trade,) = await desk.rows("SELECT * FROM run_trades WHERE run_id = :run", run=run)
    assert (trade.number, trade.payload, trade.exit_ms) == (1, TRADE, 1_000)


async def test_many_runs_that_write_at_one_moment_are_written_in_one_statement(engine: AsyncEngine) -> None:
    desk = await new_desk(engine)
    runs = [await admitted(desk, symbol) for symbol in ("BTCUSDT", "ETHUSDT")]
    async with writing(desk) as writer:
        await asyncio.gather(*(writer.write(first(run)) for run in runs))
    (stamps,) = await desk.rows("SELECT count(DISTINCT xmin::text) AS n FROM runs WHERE id = ANY(:runs)", runs=runs)
    assert stamps.n == 1


async def test_a_run_that_is_not_where_its_owner_left_it_is_not_written(engine: AsyncEngine) -> None:
    desk = await new_desk(engine)
    moved, good = await admitted(desk), await admitted(desk, "ETHUSDT")
    async with writing(desk) as writer:
        await writer.write(first(moved))
        found = await asyncio.gather(writer.write(first(moved)), writer.write(first(good)), return_exceptions=True)
    assert [type(one) for one in found] == [RunMoved, type(None)]
    assert (await told(desk, moved), await told(desk, good)) == ([1, 2], [1, 2])


async def test_what_has_ended_is_not_written_any_more(engine: AsyncEngine) -> None:
    desk = await new_desk(engine)
    run = await admitted(desk)
    async with writing(desk) as writer:
        await writer.write(RunWrite(run_id=run, base=0, state="stopped", reason={"code": "x", "params": {}}, ends=True))
        with pytest.raises(RunMoved):
            await writer.write(first(run))
    assert await told(desk, run) == []


async def test_an_owner_who_lost_the_account_writes_nothing(engine: AsyncEngine) -> None:
    desk = await new_desk(engine)
    run = await admitted(desk)
    async with writing(desk, epoch=7) as writer:
        with pytest.raises(Dispossessed):
            await writer.write(first(run))
    assert await told(desk, run) == []


async def test_a_run_of_another_account_is_not_written(engine: AsyncEngine) -> None:
    desk, other = await new_desk(engine), await new_desk(engine)
    run = await admitted(other)
    async with writing(desk) as writer:
        with pytest.raises(RunMoved):
            await writer.write(first(run))
    assert await told(other, run) == []
