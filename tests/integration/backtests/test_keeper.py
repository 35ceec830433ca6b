"""A backtest ends once, whatever its process, its jobs process or its user does meanwhile. Processes are real ones."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from psycopg import sql
from sqlalchemy import make_url, text

from integration.backtests.kit import BEGIN_MS, IDS, LONG, LONG_SPEC, SHORT, SPEC, Desk, frozen, kill, playing, waves
from tradewright.backtest.engine import run
from tradewright.backtest.metrics import metrics_of
from tradewright.backtest.settings import Settings
from tradewright.backtests import queue
from tradewright.backtests.commands import cancel_backtest
from tradewright.backtests.model import TRIES_MAX, Given
from tradewright.backtests.play import NICE
from tradewright.backtests.queue import Runner
from tradewright.process.identity import ProcessIdentity, this_process
from tradewright.strategy.check import check_text

LAST_PLACE = 19  # of niceness
HOLE_SPEC = SPEC.replace("symbol: BTCUSDT", "symbol: HOLEUSDT")


async def test_it_finishes_with_the_figures_of_the_engine(desk: Desk) -> None:
    async with desk.keeper():
        row = await desk.ended(await desk.ask(settings=Given(equity="500", slippage_bps="0")))
    assert (row["state"], row["tries"], row["reason"], row["runner"]) == ("finished", 1, None, None)
    strategy = check_text(SPEC).strategy
    assert strategy is not None
    result = run(strategy, waves(SHORT).candles("1m"), Settings(equity=Decimal(500), slippage_bps=Decimal(0)))
    report, metrics = json.loads(row["report"]), json.loads(row["metrics"])
    assert metrics == report["metrics"]
    assert metrics["trades"] == len(result.trades) > 20
    assert Decimal(metrics["net_profit"]) == metrics_of(result).net_profit.quantize(Decimal("1e-18"))
    assert (row["bars_done"], report["bars"], report["engine"]["program"]) == (SHORT, SHORT, "9.9.9")
    assert row["cpu_ms"] > 0


async def test_only_the_bars_asked_for_are_run_with_the_warm_up_before_them(desk: Desk) -> None:
    begin = BEGIN_MS + 2_000 * 60_000
    async with desk.keeper():
        row = await desk.ended(await desk.ask(from_ms=begin, to_ms=begin + 500 * 60_000))
    report = json.loads(row["report"])
    assert (report["bars"], report["from"], report["to"]) == (500, begin, begin + 500 * 60_000)
    assert report["metrics"]["trades"] > 3  # its averages are warm from the first bar on


async def test_a_run_whose_process_is_killed_is_tried_again_and_has_one_result(desk: Desk) -> None:
    async with desk.keeper():
        backtest = await desk.ask()
        (pid,) = await frozen()
        kill(pid)
        row = await desk.ended(backtest)
    assert (row["state"], row["tries"]) == ("finished", 2)
    assert json.loads(row["report"])["bars"] == SHORT


async def test_one_that_dies_every_time_fails_with_a_reason(desk: Desk) -> None:
    async with desk.keeper():
        backtest = await desk.ask()
        for _ in range(TRIES_MAX):
            (pid,) = await frozen()
            kill(pid)
        row = await desk.ended(backtest)
        assert (await desk.ended(await desk.ask()))["state"] == "finished"  # and the queue goes on
    assert (row["state"], row["tries"], row["report"]) == ("failed", TRIES_MAX, None)
    assert row["reason"]["code"] == "backtest.crashed"
    assert (row["reason"]["params"], row["reason"]["detail"]) == ({"tries": str(TRIES_MAX)}, "signal 9")


async def test_one_that_has_too_little_memory_has_no_result(desk: Desk) -> None:
    async with desk.keeper(memory_bytes=64 << 20):  # libraries alone need more; some of them just end
        row = await desk.ended(await desk.ask())
    assert (row["state"], row["report"]) == ("failed", None)
    assert row["reason"]["code"] in ("backtest.out_of_memory", "backtest.crashed")


async def test_how_far_it_is_can_be_seen(desk: Desk) -> None:
    async with desk.keeper():
        row = await desk.until(await desk.ask(LONG_SPEC), lambda row: row["bars_done"] > 0)
    assert 0 < row["bars_done"] <= row["bars_total"] == LONG


async def test_one_that_computes_too_long_fails_at_once(desk: Desk) -> None:
    async with desk.keeper(cpu_s=1):
        row = await desk.ended(await desk.ask(LONG_SPEC))
    assert (row["state"], row["tries"]) == ("failed", 1)
    assert (row["reason"]["code"], row["reason"]["params"]) == ("backtest.too_long", {"seconds": "1"})
    assert row["cpu_ms"] > 500  # the kernel counts by other moments than it tells


async def test_a_gap_is_told_and_filled_when_asked(desk: Desk) -> None:
    async with desk.keeper():
        refused = await desk.ended(await desk.ask(HOLE_SPEC))
        filled = await desk.ended(await desk.ask(HOLE_SPEC, fill_gaps=True))
        beside = await desk.ended(await desk.ask(HOLE_SPEC, from_ms=BEGIN_MS + 2_500 * 60_000))
    assert (refused["state"], refused["reason"]["code"]) == ("failed", "backtest.gaps")
    assert filled["state"] == "finished"
    assert "gaps_filled" in {one["code"] for one in json.loads(filled["report"])["warnings"]}
    assert beside["state"] == "finished"  # the gap lies before what is needed


async def test_what_waits_is_cancelled_at_once_and_what_runs_soon(desk: Desk) -> None:
    async with desk.keeper():
        runs = await desk.ask()
        await frozen()
        waits = await desk.ask()
        async with desk.engine.begin() as connection:
            assert (await cancel_backtest(connection, desk.actor(), waits))["state"] == "cancelled"
        async with desk.engine.begin() as connection:
            told = await cancel_backtest(connection, desk.actor(), runs)
            assert (told["state"], told["cancel_asked"]) == ("running", True)
        row = await desk.ended(runs)
        assert playing() == []
    assert (row["state"], row["report"], row["tries"]) == ("cancelled", None, 1)
    assert row["cpu_ms"] > 0  # what it took counts


async def test_a_keeper_that_ends_in_order_puts_back_what_it_had(desk: Desk) -> None:
    async with desk.keeper():
        backtest = await desk.ask()
        await frozen()
    row = await desk.row(backtest)
    assert (row["state"], row["tries"], row["runner"]) == ("queued", 0, None)
    assert row["cpu_ms"] > 0
    assert playing() == []


async def test_no_more_run_at_once_than_are_allowed(desk: Desk) -> None:
    async with desk.keeper(at_once=2):
        asked = [await desk.ask(LONG_SPEC, settings=Given(equity=str(1_000 + n))) for n in range(3)]
        pids = await frozen(2)
        await desk.until(asked[1], lambda row: row["state"] == "running")
        beats = (await desk.row(asked[0]))["beat_at"]
        await desk.until(asked[0], lambda row: row["beat_at"] > beats)  # it has had time to look for more
        assert sorted(playing()) == sorted(pids)
        assert (await desk.row(asked[2]))["state"] == "queued"


async def test_it_stands_behind_what_trades(desk: Desk) -> None:
    own = os.getpriority(os.PRIO_PROCESS, 0)
    async with desk.keeper():
        await desk.ask(LONG_SPEC)
        async with asyncio.timeout(60):
            while not (behind := [os.getpriority(os.PRIO_PROCESS, pid) for pid in playing()]) or behind == [own]:
                await asyncio.sleep(0.01)
    assert behind == [min(LAST_PLACE, own + NICE)]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems know no such place")
async def test_where_it_is_told_so_it_is_the_last_of_all_from_its_first_instruction(desk: Desk) -> None:
    async with desk.keeper(is_last=True):
        await desk.ask()
        pids = await frozen(1)
        assert [os.sched_getscheduler(pid) for pid in pids] == [os.SCHED_IDLE]
    assert os.sched_getscheduler(0) != os.SCHED_IDLE


async def test_users_take_turns(desk: Desk) -> None:
    first = [await desk.ask(settings=Given(equity=str(1_000 + n))) for n in range(3)]
    second = [await desk.ask(user=desk.bob), await desk.ask(user=desk.bob, fill_gaps=True)]
    stranger = await desk.ask(user=desk.eve, workspace=desk.other_workspace)
    order = []
    runner = Runner(IDS.new(), this_process())
    for _ in range(6):
        async with desk.engine.begin() as connection:
            job = await queue.take(connection, runner)
            assert job is not None
            order.append(job.id)
            assert await queue.cancel(connection, runner, job, cpu_ms=0)
    assert order == [first[0], second[0], stranger, first[1], second[1], first[2]]


async def test_whoever_was_given_up_writes_nothing_any_more(desk: Desk) -> None:
    backtest = await desk.ask()
    gone = Runner(IDS.new(), ProcessIdentity(this_process().host, "1@never"))  # no such process
    async with desk.engine.begin() as connection:
        job = await queue.take(connection, gone)
    assert job is not None
    async with desk.keeper():
        row = await desk.ended(backtest)
        assert (row["state"], row["tries"]) == ("finished", 2)
        async with desk.engine.begin() as connection:
            assert await queue.beat(connection, gone, job, done=1, total=2, cpu_ms=1) is None
            assert not await queue.finish(connection, gone, job, metrics="{}", report="{}", bars=1, cpu_ms=1)
    assert (await desk.row(backtest))["report"] == row["report"]


async def test_a_silent_process_of_another_machine_is_waited_for_and_then_given_up(desk: Desk) -> None:
    backtest = await desk.ask()
    away = Runner(IDS.new(), ProcessIdentity("another machine", "1@1"))
    async with desk.engine.begin() as connection:
        assert await queue.take(connection, away) is not None
    async with desk.keeper():
        other = await desk.ask(fill_gaps=True)
        await desk.ended(other)  # it has looked meanwhile
        assert (await desk.row(backtest))["state"] == "running"
        async with desk.engine.begin() as connection:
            older = text("UPDATE backtests SET beat_at = beat_at - interval '31 s' WHERE id = :id")
            await connection.execute(older, {"id": backtest})
        assert (await desk.ended(backtest))["state"] == "finished"


async def test_a_result_waits_for_a_database_that_is_away(desk: Desk, postgres: Any) -> None:
    name = sql.Identifier(make_url(desk.url).database or "")
    async with desk.keeper():
        backtest = await desk.ask()
        (pid,) = await frozen()
        with postgres.admin() as admin:
            admin.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(name))
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                (make_url(desk.url).database,),
            )
            os.kill(pid, signal.SIGCONT)
            await gone(pid)  # it has said its result, and nobody can write it down
            admin.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(name))
        row = await desk.ended(backtest)
    assert (row["state"], row["tries"]) == ("finished", 1)


@pytest.mark.parametrize("what", [signal.SIGKILL, signal.SIGTERM])
async def test_the_jobs_process_is_killed_and_the_next_one_goes_on(desk: Desk, what: signal.Signals) -> None:
    backtest = await desk.ask()
    first = jobs_process(desk)
    try:
        (child,) = await frozen(parent=first.pid)
        first.send_signal(what)
        await asyncio.to_thread(first.wait, 20)
        await gone(child)
        between = await desk.row(backtest)
        expected = ("running", 1) if what == signal.SIGKILL else ("queued", 0)
        assert (between["state"], between["tries"]) == expected
        second = jobs_process(desk)
        try:
            row = await desk.ended(backtest)
        finally:
            second.kill()
            second.wait()
    finally:
        first.kill()
        first.wait()
    assert (row["state"], row["tries"]) == ("finished", between["tries"] + 1)


def jobs_process(desk: Desk) -> subprocess.Popen[bytes]:
    """`tradewright jobs` on this database and these candles."""
    environment = {**os.environ, "TRADEWRIGHT_HOME": str(desk.home), "TRADEWRIGHT_DATABASE_URL": desk.url}
    return subprocess.Popen([sys.executable, "-m", "tradewright", "jobs"], env=environment)


async def gone(pid: int) -> None:
    async with asyncio.timeout(10):
        while Path(f"/proc/{pid}/exe").exists():
            await asyncio.sleep(0.02)
