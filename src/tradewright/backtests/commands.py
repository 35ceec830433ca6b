"""What may be asked of backtests: add, cancel, remove; one function each, in the caller's transaction, with its audit
entry.

Not here: whether a strategy is right and its candles are there (the caller has looked), the work (`keeper`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.audit.model import AuditEntry
from tradewright.audit.store import record
from tradewright.backtests.model import (
    CHANNEL,
    Actor,
    DayUsedUp,
    IdUsed,
    NewBacktest,
    Quota,
    StillRuns,
    TooManyKept,
    TooManyWaiting,
    WorkspaceBusy,
)
from tradewright.backtests.queries import Row, read_backtest
from tradewright.backtests.tables import backtests
from tradewright.core.ids import UserId, WorkspaceId
from tradewright.storage.bus import notify

_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('backtests of ' || :workspace, 7))")


async def known_backtest(
    connection: AsyncConnection, workspace_id: WorkspaceId, backtest_id: UUID, digest: bytes
) -> Row | None:
    """The one that was asked for in the same words before; None where the id is new. Raises `IdUsed`."""
    found = await connection.execute(
        text("SELECT workspace_id, digest, removed_at FROM backtests WHERE id = :id"), {"id": backtest_id}
    )
    row = found.first()
    if row is None:
        return None
    if row.workspace_id != workspace_id or bytes(row.digest) != digest or row.removed_at is not None:
        raise IdUsed(f"the id {backtest_id} was used for another backtest; make a new one")
    return await read_backtest(connection, workspace_id, backtest_id)


async def add_backtest(connection: AsyncConnection, actor: Actor, new: NewBacktest, quota: Quota) -> Row:
    """Queues it. The same id and request again is the same backtest.

    Raises `IdUsed`, `TooManyWaiting`, `WorkspaceBusy`, `DayUsedUp`, `TooManyKept`; then nothing is queued.
    """
    workspace_id, user_id = actor.workspace_id, actor.user_id
    # One at a time in a workspace: two that come together must not both see the last free place.
    await connection.execute(_LOCK, {"workspace": str(workspace_id)})
    known = await known_backtest(connection, workspace_id, new.id, new.digest)
    if known is not None:
        return known
    await _require_room(connection, workspace_id, user_id, quota)
    series, strategy = new.series, new.strategy
    made = await connection.execute(
        insert(backtests)
        .values(
            id=new.id,
            workspace_id=workspace_id,
            user_id=user_id,
            digest=new.digest,
            asked=msgspec.json.encode(new.asked).decode(),
            name=strategy.name,
            spec_sha256=strategy.sha256,
            category=series.category,
            symbol=series.symbol,
            timeframe=series.timeframe,
            origin=series.origin,
            state="queued",
            created_at=text("clock_timestamp()"),
        )
        .on_conflict_do_nothing(index_elements=["id"])
        .returning(backtests.c.id)
    )
    if made.first() is None:  # another workspace was quicker with the same id
        raise IdUsed(f"the id {new.id} was used for another backtest; make a new one")
    shown = {"name": strategy.name, "spec_sha256": strategy.sha256, "series": str(series)}
    await _tell(connection, actor, new.id, "add", outcome="asked", after=shown)
    return await read_backtest(connection, workspace_id, new.id)


async def cancel_backtest(connection: AsyncConnection, actor: Actor, backtest_id: UUID) -> Row:
    """One that waits is cancelled at once, one that runs within moments; one that has ended stays as it is.

    Raises `NotFound`.
    """
    asked = await connection.execute(
        text(
            "UPDATE backtests SET cancel_asked = true,"
            " state = CASE WHEN state = 'queued' THEN 'cancelled' ELSE state END,"
            " ended_at = CASE WHEN state = 'queued' THEN clock_timestamp() END"
            " WHERE id = :id AND workspace_id = :workspace AND NOT cancel_asked AND state IN ('queued', 'running')"
        ),
        {"id": backtest_id, "workspace": actor.workspace_id},
    )
    found = await read_backtest(connection, actor.workspace_id, backtest_id)
    if asked.rowcount:
        await _tell(connection, actor, backtest_id, "cancel", outcome="asked", after={"state": found["state"]})
    return found


async def remove_backtest(connection: AsyncConnection, actor: Actor, backtest_id: UUID) -> None:
    """Wipes what was asked and what came of it; that it was, and its computing time, stay. Raises `NotFound`,
    `StillRuns`."""
    found = await read_backtest(connection, actor.workspace_id, backtest_id)
    removed = await connection.execute(
        text(
            "UPDATE backtests SET asked = NULL, report = NULL, metrics = NULL, reason = NULL, name = '',"
            " removed_at = clock_timestamp() WHERE id = :id AND workspace_id = :workspace AND removed_at IS NULL"
            " AND state NOT IN ('queued', 'running')"
        ),
        {"id": backtest_id, "workspace": actor.workspace_id},
    )
    if not removed.rowcount:
        raise StillRuns(f"the backtest {backtest_id} is {found['state']}; cancel it, or wait for its end, first")
    before = {name: found[name] for name in ("name", "state", "spec_sha256")}
    await _tell(connection, actor, backtest_id, "remove", outcome="done", before=before)


async def _tell(
    connection: AsyncConnection,
    actor: Actor,
    backtest_id: UUID,
    what: str,
    *,
    outcome: str,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """The audit entry, and the hint to the jobs processes once the transaction commits."""
    await record(
        connection,
        AuditEntry(
            id=actor.ids.new(),
            at=actor.clock.now(),
            actor_kind="user",
            actor_id=actor.user_id,
            action=f"backtest.{what}",
            object_kind="backtest",
            object_id=str(backtest_id),
            outcome=outcome,
            workspace_id=actor.workspace_id,
            before=before,
            after=after,
            ip=actor.ip,
        ),
    )
    await notify(connection, CHANNEL, str(backtest_id))


async def _require_room(connection: AsyncConnection, workspace_id: WorkspaceId, user_id: UserId, quota: Quota) -> None:
    found = await connection.execute(text(_USED), {"workspace": workspace_id, "user": user_id})
    used = found.one()
    if used.waiting_of_user >= quota.waiting_of_user:
        raise TooManyWaiting(
            f"{used.waiting_of_user} backtests of yours wait or run; {quota.waiting_of_user} may: wait for one to end,"
            " or cancel one"
        )
    if used.waiting >= quota.waiting_of_workspace:
        raise WorkspaceBusy(
            f"{used.waiting} backtests of this workspace wait or run; {quota.waiting_of_workspace} may: wait for one"
            " to end, or cancel one"
        )
    if used.kept >= quota.kept_of_workspace:
        raise TooManyKept(
            f"this workspace keeps {used.kept} backtests; {quota.kept_of_workspace} may be kept: remove some"
        )
    for whose, cpu_ms, allowed_s in (
        ("you", used.cpu_ms_of_user, quota.cpu_s_a_day_of_user),
        ("this workspace", used.cpu_ms, quota.cpu_s_a_day_of_workspace),
    ):
        if cpu_ms >= 1_000 * allowed_s:
            raise DayUsedUp(
                f"backtests of {whose} computed for {cpu_ms // 1_000} s within 24 hours; {allowed_s} s are allowed: try"
                " again later, or with fewer bars"
            )


_USED = """
SELECT count(*) FILTER (WHERE state IN ('queued', 'running') AND user_id = :user) AS waiting_of_user,
       count(*) FILTER (WHERE state IN ('queued', 'running')) AS waiting,
       count(*) FILTER (WHERE removed_at IS NULL) AS kept,
       coalesce(sum(cpu_ms) FILTER (WHERE started_at > clock_timestamp() - interval '24 hours' AND user_id = :user), 0)
           AS cpu_ms_of_user,
       coalesce(sum(cpu_ms) FILTER (WHERE started_at > clock_timestamp() - interval '24 hours'), 0) AS cpu_ms
  FROM backtests WHERE workspace_id = :workspace
"""
