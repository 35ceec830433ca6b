"""Runs for everyone who watches them: a run's events, each once and in sequence, and how the runs of a workspace stand.

Lives here: `RunFeed`, a journal as an account's is, and `RunsFeed`, which tells whole rows. Of a row only the newest
counts, so one that changed twice before a reader took it is told once; `seq` numbers what that reader was told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, ClassVar
from uuid import UUID

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tradewright.bots import event_queries, run_queries
from tradewright.bots.admission import Slots
from tradewright.bots.model import RUN_EVENTS_CHANNEL, RUNS_CHANNEL
from tradewright.core.clock import Clock
from tradewright.core.ids import WorkspaceId
from tradewright.storage.bus import Bus
from tradewright.web.stream.journals import Event, JournalFeed, Watch
from tradewright.web.stream.messages import data_message

log = structlog.get_logger(__name__)

GATHERED_S = 0.2  # rows that change together are read together
Row = dict[str, Any]


class RunFeed(JournalFeed):
    channel: ClassVar[str] = RUN_EVENTS_CHANNEL

    def __init__(self, engine: AsyncEngine, bus: Bus, slots: Slots) -> None:
        super().__init__(engine, bus)
        self._slots = slots

    async def newest(self, connection: AsyncConnection, watch: Watch) -> int:
        run = await run_queries.require_run(connection, watch.workspace_id, watch.subject_id)
        return int(run["event_seq"])

    async def after(self, connection: AsyncConnection, watch: Watch, seq: int, limit: int) -> Sequence[Event]:
        return await event_queries.events_after(connection, watch.workspace_id, watch.subject_id, seq, limit)

    async def snapshot(self, connection: AsyncConnection, watch: Watch) -> Event:
        run = await run_queries.read_run(connection, watch.workspace_id, watch.subject_id, self._slots)
        events = await event_queries.newest_events(connection, watch.workspace_id, watch.subject_id)
        return run["event_seq"], {"run": run, "events": events}


class RunsFeed:
    """The runs of workspaces, each as it stands. A watch's subject is its workspace; its `seq` counts what it was told.

    Which rows changed is asked by their marks alone, and only those are read whole: hundreds of runs that stand still
    cost one index walk a look. What a queued run waits for changes without its row, so those are read each time.
    """

    def __init__(self, engine: AsyncEngine, bus: Bus, slots: Slots, clock: Clock) -> None:
        self._engine = engine
        self._bus = bus
        self._slots = slots
        self._clock = clock
        self._told: dict[Watch, dict[str, Row]] = {}  # rows by the run's id, as the reader knows them
        self._changed = asyncio.Event()
        self._telling = asyncio.Lock()  # of two looks at once the older one must not speak last

    async def run(self) -> None:
        """Tells until cancelled."""
        async with asyncio.TaskGroup() as group:
            for channel in (RUNS_CHANNEL, RUN_EVENTS_CHANNEL):
                group.create_task(self._listen(channel), name=f"stream.{channel}")
            while True:
                await self._changed.wait()
                await self._clock.sleep(GATHERED_S)
                self._changed.clear()
                for workspace_id in {watch.workspace_id for watch in self._told}:
                    await self._tell_or_log(workspace_id)

    async def watch(self, watch: Watch, _resume: int | None) -> None:
        """Starts a watch with a snapshot, for what is told is how runs stand; then whatever changes."""
        async with self._engine.connect() as connection:
            rows = await run_queries.snapshot(connection, watch.workspace_id, self._slots)
        watch.put(data_message("snapshot", watch.topic, 0, {"runs": rows}), 0)
        self._told[watch] = {row["id"]: row for row in rows}
        # Whatever was committed since the reading above was announced to nobody.
        await self._tell_or_log(watch.workspace_id)

    def unwatch(self, watch: Watch) -> None:
        """Ends a watch. Ending it twice is harmless."""
        self._told.pop(watch, None)

    async def _listen(self, channel: str) -> None:
        subscription = self._bus.subscribe(channel)
        try:
            while True:
                await subscription.get()
                self._changed.set()
        finally:
            subscription.close()

    async def _tell_or_log(self, workspace_id: WorkspaceId) -> None:
        """A database that is away now is asked again at the next poll."""
        try:
            async with self._telling:
                await self._tell(workspace_id)
        except (TimeoutError, SQLAlchemyError, OSError) as error:
            log.warning("stream.runs_unread", workspace_id=str(workspace_id), error=type(error).__name__)

    async def _tell(self, workspace_id: WorkspaceId) -> None:
        async with self._engine.connect() as connection:
            marks = await run_queries.marks(connection, workspace_id)
            wanted = {
                UUID(run_id)
                for watch, told in self._told.items()
                if watch.workspace_id == workspace_id
                for run_id, mark in marks.items()
                if mark.is_queued or _mark_of(told.get(run_id)) != (mark.version, mark.event_seq)
            }
            rows = await run_queries.read_runs(connection, workspace_id, wanted, self._slots) if wanted else ()
        for watch, told in list(self._told.items()):
            if watch.workspace_id != workspace_id or not watch.is_served:
                continue
            for row in rows:
                if told.get(row["id"]) != row:
                    told[row["id"]] = row
                    seq = (watch.seq or 0) + 1
                    watch.put(data_message("delta", watch.topic, seq, {"kind": "run", "run": row}), seq)


def _mark_of(row: Row | None) -> tuple[int, int] | None:
    return None if row is None else (row["version"], row["event_seq"])
