"""The table of backtests as a queue: taken, beaten for, given back, ended, swept. The side of the jobs process.

Each row is taken with a try's number; whatever a process writes later names its own id and that number, so that one
that was given up writes nothing any more. Times are the database's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.backtests.model import CHANNEL, TRIES_MAX, State
from tradewright.core.fault import Fault
from tradewright.process.identity import ProcessIdentity
from tradewright.storage.bus import notify

KEPT_FOR = "2 days"  # a removed one: its time counts for one day
_SWEPT_MAX = 1_000


@dataclass(frozen=True, slots=True)
class Runner:
    """A jobs process. `id` is of this start of it."""

    id: UUID
    process: ProcessIdentity


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One that this process has. `asked` is JSON as it was stored; `cpu_ms` was taken by tries before."""

    id: UUID
    attempt: int
    asked: str
    cpu_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One that runs somewhere, who has it, and whether it has not been heard of for long."""

    id: UUID
    attempt: int
    runner: Runner
    is_silent: bool


async def take(connection: AsyncConnection, runner: Runner) -> Job | None:
    """The next one, which is this process's from now on; None where none waits.

    Users take turns: first whoever has fewest running, then whose last began longest ago, then whose waits longest.
    """
    found = await connection.execute(
        text(_TAKE), {"runner": runner.id, "host": runner.process.host, "process": runner.process.process}
    )
    row = found.first()
    if row is None:
        return None
    return Job(id=row.id, attempt=row.tries, asked=row.asked, cpu_ms=row.cpu_ms)


async def beat(
    connection: AsyncConnection, runner: Runner, job: Job, *, done: int, total: int | None, cpu_ms: int
) -> bool | None:
    """Says that it goes on, and how far it is. Whether it is to be cancelled; None: it is not ours any more."""
    found = await connection.execute(
        text(_BEAT),
        {**_ours(runner, job), "done": done, "total": total, "cpu": job.cpu_ms + cpu_ms},
    )
    row = found.first()
    return None if row is None else bool(row.cancel_asked)


async def finish(
    connection: AsyncConnection, runner: Runner, job: Job, *, metrics: str, report: str, bars: int, cpu_ms: int
) -> bool:
    """Keeps the result. False: it is not ours any more, and nothing was written."""
    more = {"metrics": metrics, "report": report, "bars": bars}
    return await _end(
        connection,
        runner,
        job,
        "finished",
        cpu_ms,
        "metrics = :metrics, report = :report, bars_done = :bars, bars_total = :bars",
        more,
    )


async def fail(connection: AsyncConnection, runner: Runner, job: Job, fault: Fault, *, cpu_ms: int) -> bool:
    """There is no result and will be none."""
    return await _end(connection, runner, job, "failed", cpu_ms, "reason = :reason", {"reason": fault.as_json()})


async def cancel(connection: AsyncConnection, runner: Runner, job: Job, *, cpu_ms: int) -> bool:
    return await _end(connection, runner, job, "cancelled", cpu_ms, "reason = NULL", {})


async def give_back(
    connection: AsyncConnection, runner_id: UUID, backtest_id: UUID, attempt: int, *, cpu_ms: int | None, why: Fault
) -> State | None:
    """After a process that died: it is tried again, or has failed for good after so many tries. What it is now; None
    where somebody else was quicker. `cpu_ms` None: nobody knows what the try took beyond its last beat."""
    found = await connection.execute(
        text(_GIVE_BACK).bindparams(bindparam("why", type_=JSONB)),
        {
            "id": backtest_id,
            "runner": runner_id,
            "attempt": attempt,
            "most": TRIES_MAX,
            "cpu": cpu_ms,
            "why": why.as_json(),
        },
    )
    row = found.first()
    if row is None:
        return None
    await notify(connection, CHANNEL, str(backtest_id))
    state: State = row.state
    return state


async def put_back(connection: AsyncConnection, runner: Runner, job: Job, *, cpu_ms: int) -> None:
    """The process ends in order: the try does not count."""
    await connection.execute(
        text(_PUT_BACK),
        {**_ours(runner, job), "cpu": job.cpu_ms + cpu_ms},
    )
    await notify(connection, CHANNEL, str(job.id))


async def held(connection: AsyncConnection, *, silent_s: float) -> Sequence[Held]:
    """All that run, wherever."""
    found = await connection.execute(
        text(
            "SELECT id, tries, runner, runner_host, runner_process,"
            " beat_at < clock_timestamp() - make_interval(secs => :silent) AS is_silent"
            " FROM backtests WHERE state = 'running' ORDER BY beat_at LIMIT 1000"
        ),
        {"silent": silent_s},
    )
    return [
        Held(
            id=row.id,
            attempt=row.tries,
            runner=Runner(row.runner, ProcessIdentity(row.runner_host, row.runner_process)),
            is_silent=row.is_silent,
        )
        for row in found
    ]


async def sweep(connection: AsyncConnection) -> int:
    """Forgets removed ones whose time no longer counts; how many."""
    swept = await connection.execute(text(_SWEEP))
    return int(swept.rowcount)


async def _end(
    connection: AsyncConnection,
    runner: Runner,
    job: Job,
    state: State,
    cpu_ms: int,
    more: str,
    values: dict[str, Any],
) -> bool:
    statement = text(
        f"UPDATE backtests SET state = :state, {more}, cpu_ms = :cpu, ended_at = clock_timestamp(),"  # noqa: S608
        f" runner = NULL, runner_host = NULL, runner_process = NULL, beat_at = NULL WHERE {_OURS}"
    )
    if "reason" in values:
        statement = statement.bindparams(bindparam("reason", type_=JSONB))
    ended = await connection.execute(
        statement, {**_ours(runner, job), "state": state, "cpu": job.cpu_ms + cpu_ms, **values}
    )
    return bool(ended.rowcount)


_OURS = "id = :id AND state = 'running' AND runner = :runner AND tries = :attempt"


def _ours(runner: Runner, job: Job) -> dict[str, Any]:
    return {"id": job.id, "runner": runner.id, "attempt": job.attempt}


_BEAT = f"""
UPDATE backtests SET beat_at = clock_timestamp(), bars_done = :done, bars_total = :total, cpu_ms = :cpu
 WHERE {_OURS} RETURNING cancel_asked
"""  # noqa: S608

_PUT_BACK = f"""
UPDATE backtests SET state = 'queued', runner = NULL, runner_host = NULL, runner_process = NULL, beat_at = NULL,
       bars_done = 0, tries = tries - 1, cpu_ms = :cpu
 WHERE {_OURS}
"""  # noqa: S608

_SWEEP = f"""
DELETE FROM backtests WHERE id IN (
       SELECT id FROM backtests WHERE removed_at < clock_timestamp() - interval '{KEPT_FOR}'
        LIMIT {_SWEPT_MAX} FOR UPDATE SKIP LOCKED)
"""  # noqa: S608

_TAKE = """
UPDATE backtests SET state = 'running', tries = tries + 1, runner = :runner, runner_host = :host,
       runner_process = :process, beat_at = clock_timestamp(), started_at = clock_timestamp(), bars_done = 0
 WHERE id = (
       SELECT b.id FROM backtests b WHERE b.state = 'queued'
        ORDER BY (SELECT count(*) FROM backtests r WHERE r.user_id = b.user_id AND r.state = 'running'),
                 (SELECT max(r.started_at) FROM backtests r WHERE r.user_id = b.user_id) NULLS FIRST,
                 b.created_at, b.id
        LIMIT 1 FOR UPDATE OF b SKIP LOCKED)
RETURNING id, tries, asked, cpu_ms
"""

_GIVE_BACK = """
UPDATE backtests SET
       state = CASE WHEN cancel_asked THEN 'cancelled' WHEN tries >= :most THEN 'failed' ELSE 'queued' END,
       reason = CASE WHEN NOT cancel_asked AND tries >= :most THEN CAST(:why AS jsonb) END,
       ended_at = CASE WHEN cancel_asked OR tries >= :most THEN clock_timestamp() END,
       cpu_ms = coalesce(CAST(:cpu AS bigint), cpu_ms), bars_done = 0, beat_at = NULL,
       runner = NULL, runner_host = NULL, runner_process = NULL
 WHERE id = :id AND state = 'running' AND runner = :runner AND tries = :attempt
RETURNING state
"""
