"""What is wished of a run: pause, resume, extend, stop. One function each, in the caller's transaction, with its audit
entry; the owner of its account does it, and says so in the run's events.

A run that was never admitted has no owner: stopping it ends it here. Not here: starting (`starting`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.bots.deeds import Actor, tell
from tradewright.bots.model import DURATION_MS_MAX, RUNS_CHANNEL, StopHow
from tradewright.bots.refusals import RunHasEnded, RunIsStopping
from tradewright.core.errors import InvalidInput, NotFound, Problem
from tradewright.core.ids import AccountId
from tradewright.storage.bus import notify

# Each way to stop does at least what those before it do; a wish is never weakened afterwards.
_STRENGTH: Mapping[StopHow, int] = {"gentle": 0, "now": 1, "close": 2}


async def pause_run(connection: AsyncConnection, actor: Actor, run_id: UUID, *, paused: bool) -> None:
    """No new entries, or entries again; stops stay at the exchange and exits are managed either way.

    Raises `NotFound`, `RunHasEnded`, `RunIsStopping`.
    """
    row = await _read_live(connection, actor, run_id)
    if row["wish_paused"] == paused:
        return
    if row["wish_stop"] is not None:
        raise RunIsStopping("the run was told to stop; it makes no new entries any more")
    values = {"paused": paused, "by": actor.user_id if paused else None}
    await _set(connection, actor, row, "wish_paused = :paused, wish_paused_by = :by", values)
    await _tell(connection, actor, row, "run.pause" if paused else "run.resume", None, {"paused": paused})


async def extend_run(connection: AsyncConnection, actor: Actor, run_id: UUID, duration_ms: int) -> None:
    """Gives the run a longer duration, counted from its beginning; the same again changes nothing.

    Raises `NotFound`, `RunHasEnded`, `RunIsStopping`, and `InvalidInput` for one that is shorter or above a week.
    """
    row = await _read_live(connection, actor, run_id)
    if row["duration_ms"] == duration_ms:
        return
    if row["wish_stop"] is not None:
        raise RunIsStopping("the run was told to stop, so its time is not extended")
    if not row["duration_ms"] < duration_ms <= DURATION_MS_MAX:
        params = {"minimum": str(row["duration_ms"]), "maximum": str(DURATION_MS_MAX)}
        raise InvalidInput([Problem("input.range", "duration_ms", params)])
    await _set(connection, actor, row, "duration_ms = :duration", {"duration": duration_ms})
    before = {"duration_ms": row["duration_ms"]}
    await _tell(connection, actor, row, "run.extend", before, {"duration_ms": duration_ms})


async def stop_run(connection: AsyncConnection, actor: Actor, run_id: UUID, how: StopHow) -> None:
    """`gentle`: no new entries, exits are managed until it holds nothing; `now`: its orders are cancelled, its position
    stays; `close`: its orders are cancelled and its position is closed. A stronger wish takes a weaker one's place, and
    never the other way. One that nobody carries out ends here: it waits in the queue, or its account rests; what it has
    at the exchange stays there.

    Raises `NotFound`, `RunHasEnded`; a run that ended stopped is answered as stopped.
    """
    row = await _read_for_change(connection, actor, run_id)
    if row["ended_at"] is not None:
        if row["state"] == "stopped":
            return
        raise _ended(row)
    before = row["wish_stop"]
    code = "run.stopped_in_queue" if row["state"] == "queued" else None
    if code is None and await _rests(connection, actor, row):
        code = "run.stopped_at_rest"
    if code is None and before is not None and _STRENGTH[before] >= _STRENGTH[how]:
        return
    if code is not None:
        reason = {"code": code, "params": {}}
        await _set(
            connection,
            actor,
            row,
            f"{_WISH}, state = 'stopped', ended_at = clock_timestamp(), reason = :reason",
            {"how": how, "by": actor.user_id, "reason": reason},
        )
    else:
        await _set(connection, actor, row, _WISH, {"how": how, "by": actor.user_id})
    await _tell(connection, actor, row, "run.stop", None if before is None else {"how": before}, {"how": how})


_WISH = "wish_stop = :how, wish_stop_by = :by, wish_stop_at = clock_timestamp()"


async def _rests(connection: AsyncConnection, actor: Actor, row: RowMapping) -> bool:
    """Whether nobody acts for its account; it stays so until the transaction ends."""
    found: bool | None = await connection.scalar(
        text("SELECT resting FROM accounts WHERE id = :account AND workspace_id = :workspace FOR SHARE"),
        {"account": row["account_id"], "workspace": actor.workspace_id},
    )
    return bool(found)


async def _read_live(connection: AsyncConnection, actor: Actor, run_id: UUID) -> RowMapping:
    row = await _read_for_change(connection, actor, run_id)
    if row["ended_at"] is not None:
        raise _ended(row)
    return row


def _ended(row: RowMapping) -> RunHasEnded:
    return RunHasEnded(f"the run has ended: it is {row['state']}")


async def _read_for_change(connection: AsyncConnection, actor: Actor, run_id: UUID) -> RowMapping:
    """Its row, held until the transaction ends. Raises `NotFound`."""
    found = await connection.execute(
        text("SELECT * FROM runs WHERE id = :id AND workspace_id = :workspace FOR UPDATE"),
        {"id": run_id, "workspace": actor.workspace_id},
    )
    row = found.mappings().first()
    if row is None:
        raise NotFound(f"there is no run {run_id} in this workspace")
    return row


async def _set(
    connection: AsyncConnection, actor: Actor, row: RowMapping, what: str, values: Mapping[str, Any]
) -> None:
    """`what` is written here, in this file, and never by a caller of it."""
    statement = text(
        f"UPDATE runs SET {what}, version = version + 1 WHERE id = :id AND workspace_id = :workspace"  # noqa: S608
    )
    if "reason" in values:
        statement = statement.bindparams(bindparam("reason", type_=JSONB))
    await connection.execute(statement, {"id": row["id"], "workspace": actor.workspace_id, **values})


async def _tell(
    connection: AsyncConnection,
    actor: Actor,
    row: RowMapping,
    action: str,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any],
) -> None:
    """The audit entry, and the hint to the owner of its account once the transaction commits."""
    await tell(
        connection,
        actor,
        action,
        "run",
        row["id"],
        before=before,
        after=after,
        account_id=AccountId(row["account_id"]),
        outcome="asked",
    )
    await notify(connection, RUNS_CHANNEL, str(row["id"]))
