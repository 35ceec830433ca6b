"""How long the events of runs that have ended are kept: for ever, unless whoever runs the machine set a number of days.

Lives here: `EventRetention`, which wipes what is older, in small transactions. The run, its trades and its report stay,
and the run says since when its events are gone. Not here: what a run is asked for (`event_queries`).
"""

from __future__ import annotations

from datetime import timedelta

import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from tradewright.core.clock import Clock

log = structlog.get_logger(__name__)

LOOK_S = 3_600.0
BATCH = 5_000  # events of one transaction

_OVERDUE = text(
    "SELECT id FROM runs WHERE ended_at < clock_timestamp() - CAST(:kept AS interval) AND events_removed_at IS NULL"
    " ORDER BY ended_at LIMIT 1"
)
_WIPE = text(
    "DELETE FROM run_events WHERE run_id = :run AND seq IN"
    " (SELECT seq FROM run_events WHERE run_id = :run ORDER BY seq LIMIT :batch)"
)
_WIPED = text("UPDATE runs SET events_removed_at = clock_timestamp(), version = version + 1 WHERE id = :run")


class EventRetention:
    """`days` None: nothing is ever wiped."""

    def __init__(self, engine: AsyncEngine, *, days: int | None, clock: Clock) -> None:
        self._engine = engine
        self._days = days
        self._clock = clock

    async def run(self) -> None:
        """Looks every hour, until cancelled. A database that is away is asked again."""
        while True:
            try:
                await self.wipe()
            except (SQLAlchemyError, OSError, TimeoutError) as error:
                log.warning("runs.events_not_wiped", error=type(error).__name__)
            await self._clock.sleep(LOOK_S)

    async def wipe(self) -> int:
        """Wipes everything that is overdue; of how many runs."""
        if self._days is None:
            return 0
        count = 0
        while True:
            async with self._engine.begin() as connection:
                run_id = await connection.scalar(_OVERDUE, {"kept": timedelta(days=self._days)})
            if run_id is None:
                return count
            wiped = BATCH
            while wiped == BATCH:
                async with self._engine.begin() as connection:
                    wiped = (await connection.execute(_WIPE, {"run": run_id, "batch": BATCH})).rowcount
            async with self._engine.begin() as connection:
                await connection.execute(_WIPED, {"run": run_id})
            count += 1
            log.info("runs.events_wiped", run_id=str(run_id))
