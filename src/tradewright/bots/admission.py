"""Admission: which queued runs get a slot, by one statement under one lock.

Lives here: `admit`, `Sweeper`, which does so every few seconds, and `queue_of`, what a queued run waits for. Not here:
starting a run (`starting`), running one (`runner`).

A slot is the state itself: a run that was admitted holds it until its state is an end, whoever owns its account and
however often that one died meanwhile. So nothing can be lost with a process, and nobody has to take a slot back.
The statement walks the queue from its oldest run and takes each that still finds room: with its user, its workspace,
the installation, and its symbol of its account. A run that finds none is stepped over and keeps its place; so is one
whose account rests, for nobody would carry it out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tradewright.bots.model import RUNS_CHANNEL
from tradewright.core.clock import Clock
from tradewright.core.ids import WorkspaceId
from tradewright.identity.quota_model import QuotaDefaults
from tradewright.storage.bus import Bus, notify

log = structlog.get_logger(__name__)

SWEEP_S = 5.0
_LOOKED_AT = 1_000  # oldest runs for which there may be room; a statement that took some is followed by another
_HeldBy = Literal["account", "symbol", "user", "workspace", "installation"]

# Its own statement: what follows must see all that was committed before the lock was given.
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('admission of runs', 7))")

# Of every queued run that is due: what it counts in, and how much room there is in it.
_WAITING = """
 held AS MATERIALIZED (
    SELECT workspace_id, started_by, account_id, category, symbol FROM runs
     WHERE state IN ('starting', 'running', 'paused', 'stopping')),
 waiting AS MATERIALIZED (
    SELECT r.id, r.workspace_id, r.started_by, r.account_id, r.category, r.symbol,
           greatest(r.created_at, r.start_at) AS since,
           coalesce(qu.value, CAST(:of_user AS numeric)) - (SELECT count(*) FROM held h
             WHERE h.workspace_id = r.workspace_id AND h.started_by = r.started_by) AS room_of_user,
           coalesce(qw.value, CAST(:of_workspace AS numeric)) - (SELECT count(*) FROM held h
             WHERE h.workspace_id = r.workspace_id) AS room_of_workspace,
           CAST(:of_installation AS bigint) - (SELECT count(*) FROM held) AS room,
           EXISTS (SELECT 1 FROM held h WHERE h.account_id = r.account_id AND h.category = r.category
                    AND h.symbol = r.symbol) AS is_symbol_held,
           a.resting AS is_resting
      FROM runs r JOIN accounts a ON a.id = r.account_id
      LEFT JOIN quotas qu ON qu.workspace_id = r.workspace_id AND qu.scope = 'user' AND qu.name = 'bots_running'
      LEFT JOIN quotas qw ON qw.workspace_id = r.workspace_id AND qw.scope = 'workspace' AND qw.name = 'bots_running'
     WHERE r.state = 'queued' AND (r.start_at IS NULL OR r.start_at <= clock_timestamp()))"""

_ADMIT = text(
    f"""
WITH RECURSIVE {_WAITING},
 line AS MATERIALIZED (
    SELECT row_number() OVER (ORDER BY since, id) AS nr, id, room_of_user, room_of_workspace, room,
           'u ' || workspace_id || started_by AS of_user, 'w ' || workspace_id AS of_workspace,
           's ' || account_id || category || ' ' || symbol AS of_symbol
      FROM waiting WHERE room_of_user > 0 AND room_of_workspace > 0 AND room > 0 AND NOT is_symbol_held
       AND NOT is_resting
     ORDER BY since, id LIMIT {_LOOKED_AT}),
 walk AS (
    SELECT CAST(0 AS bigint) AS nr, CAST(NULL AS uuid) AS id, CAST('{{}}' AS jsonb) AS taken
    UNION ALL
    SELECT line.nr, CASE WHEN fits.yes THEN line.id END,
           CASE WHEN fits.yes THEN walk.taken || jsonb_build_object(
             'all', counted.of_all + 1, line.of_user, counted.of_user + 1, line.of_workspace, counted.of_workspace + 1,
             line.of_symbol, 1) ELSE walk.taken END
      FROM walk JOIN line ON line.nr = walk.nr + 1
      CROSS JOIN LATERAL (SELECT
        coalesce(CAST(walk.taken ->> 'all' AS bigint), 0) AS of_all,
        coalesce(CAST(walk.taken ->> line.of_user AS bigint), 0) AS of_user,
        coalesce(CAST(walk.taken ->> line.of_workspace AS bigint), 0) AS of_workspace) counted
      CROSS JOIN LATERAL (SELECT counted.of_all < line.room AND counted.of_user < line.room_of_user
        AND counted.of_workspace < line.room_of_workspace AND NOT walk.taken ? line.of_symbol AS yes) fits)
UPDATE runs SET state = 'starting', admitted_at = clock_timestamp(), version = version + 1
  FROM walk WHERE runs.id = walk.id AND runs.state = 'queued' RETURNING runs.id, walk.nr
"""  # noqa: S608
)

# Beside the room of each: how many due runs that count in the same are older, those of full quotas among them.
_QUEUE = text(
    f"""
WITH {_WAITING}
SELECT w.id, w.room_of_user, w.room_of_workspace, w.room, w.is_symbol_held, w.is_resting,
       (SELECT count(*) FROM waiting o WHERE (o.since, o.id) < (w.since, w.id) AND o.account_id = w.account_id
           AND o.category = w.category AND o.symbol = w.symbol) AS ahead_symbol,
       (SELECT count(*) FROM waiting o WHERE (o.since, o.id) < (w.since, w.id) AND o.workspace_id = w.workspace_id
           AND o.started_by = w.started_by) AS ahead_user,
       (SELECT count(*) FROM waiting o WHERE (o.since, o.id) < (w.since, w.id) AND o.workspace_id = w.workspace_id)
           AS ahead_workspace,
       (SELECT count(*) FROM waiting o WHERE (o.since, o.id) < (w.since, w.id)) AS ahead_installation,
       coalesce(qu.value, CAST(:of_user AS numeric)) AS user_limit,
       coalesce(qw.value, CAST(:of_workspace AS numeric)) AS workspace_limit
  FROM waiting w
  LEFT JOIN quotas qu ON qu.workspace_id = w.workspace_id AND qu.scope = 'user' AND qu.name = 'bots_running'
  LEFT JOIN quotas qw ON qw.workspace_id = w.workspace_id AND qw.scope = 'workspace' AND qw.name = 'bots_running'
 WHERE w.workspace_id = :workspace AND w.id = ANY(CAST(:ids AS uuid[]))
"""  # noqa: S608
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slots:
    """How many runs there may be at once, where the operator has set nothing for a workspace: `defaults` of a workspace
    and of each person in one, `installation` in all."""

    defaults: QuotaDefaults
    installation: int = 100

    def values(self) -> dict[str, Any]:
        return {
            "of_user": self.defaults.of("user", "bots_running"),
            "of_workspace": self.defaults.of("workspace", "bots_running"),
            "of_installation": self.installation,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What a queued run waits for, and how many older ones wait for the same. `limit` None: its symbol is held, or its
    account rests, so that nobody would carry it out."""

    held_by: _HeldBy
    ahead: int
    limit: int | None


async def admit(connection: AsyncConnection, slots: Slots) -> Sequence[UUID]:
    """Gives slots to the oldest queued runs that find room, in the caller's transaction; their ids, as they stood in
    the queue. The lock is kept until it commits, so whoever calls this commits soon."""
    await connection.execute(_LOCK)
    admitted: list[UUID] = []
    while True:
        found = await connection.execute(_ADMIT, slots.values())
        ids = [row.id for row in sorted(found, key=lambda row: row.nr)]
        if not ids:
            break
        admitted += ids
    for run_id in admitted:
        await notify(connection, RUNS_CHANNEL, str(run_id))
    return admitted


async def queue_of(
    connection: AsyncConnection, workspace_id: WorkspaceId, run_ids: Sequence[UUID], slots: Slots
) -> dict[UUID, Waiting]:
    """Of queued runs of a workspace that are due: what each waits for. One that is not here waits for its time, or for
    the next look alone."""
    if not run_ids:
        return {}
    found = await connection.execute(_QUEUE, {"workspace": workspace_id, "ids": list(run_ids), **slots.values()})
    waiting: dict[UUID, Waiting] = {}
    for row in found:
        if row.is_resting:
            waiting[row.id] = Waiting(held_by="account", ahead=row.ahead_symbol, limit=None)
        elif row.is_symbol_held or row.ahead_symbol:
            waiting[row.id] = Waiting(held_by="symbol", ahead=row.ahead_symbol, limit=None)
        elif row.room_of_user - row.ahead_user <= 0:
            waiting[row.id] = Waiting(held_by="user", ahead=row.ahead_user, limit=int(row.user_limit))
        elif row.room_of_workspace - row.ahead_workspace <= 0:
            waiting[row.id] = Waiting(held_by="workspace", ahead=row.ahead_workspace, limit=int(row.workspace_limit))
        else:
            waiting[row.id] = Waiting(held_by="installation", ahead=row.ahead_installation, limit=slots.installation)
    return waiting


class Sweeper:
    """Admits what nobody else would: a run whose time has come, one that waited for a slot that is free now, and after
    a change of quotas. Run it in one process or in many: the lock is the database's.

    It looks every five seconds, and at once when a run's row was changed: whoever ends a run tells `RUNS_CHANNEL`.
    """

    def __init__(self, engine: AsyncEngine, bus: Bus, slots: Slots, *, clock: Clock) -> None:
        self._engine = engine
        self._bus = bus
        self._slots = slots
        self._clock = clock

    async def run(self) -> None:
        """Until cancelled. A database that is away is asked again."""
        hints = self._bus.subscribe(RUNS_CHANNEL)
        due_s = self._clock.monotonic()
        try:
            while True:
                if await hints.get() is None:
                    if self._clock.monotonic() < due_s:
                        continue  # the bus wakes everybody each second
                else:
                    while await hints.get(0) is not None:
                        pass  # of many that were changed at once one look takes all
                due_s = self._clock.monotonic() + SWEEP_S
                await self.sweep()
        finally:
            hints.close()

    async def sweep(self) -> Sequence[UUID]:
        """One look; nothing is locked where nobody waits."""
        try:
            async with self._engine.begin() as connection:
                if not await connection.scalar(text("SELECT EXISTS (SELECT 1 FROM runs WHERE state = 'queued')")):
                    return []
                admitted = await admit(connection, self._slots)
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            log.warning("runs.not_admitted", error=type(error).__name__)
            return []
        if admitted:
            log.info("runs.admitted", count=len(admitted))
        return admitted
