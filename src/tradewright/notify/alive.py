"""The message that says, once a day, that the installation lives. Its absence is the news.

Lives here: `Alive`. A day that was told is taken by one conditional UPDATE. Where nobody led at the minute, it is told
later on the same day, for it is true then as well.
"""

from __future__ import annotations

import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from tradewright.core.clock import Clock, Ids
from tradewright.notify.hours import minute_of, zone_of

log = structlog.get_logger(__name__)

EVERY_S = 20.0

_WANTED = text(
    "SELECT s.workspace_id, s.user_id, s.time_zone, s.alive_at, s.alive_told_on FROM notification_settings s"
    " WHERE s.alive_at IS NOT NULL AND s.alive_channel_id IS NOT NULL"
)
_TAKE = text(
    "WITH taken AS (UPDATE notification_settings SET alive_told_on = :day WHERE workspace_id = :workspace"
    " AND user_id = :user AND alive_channel_id IS NOT NULL AND (alive_told_on IS NULL OR alive_told_on < :day)"
    " RETURNING workspace_id, user_id, alive_channel_id)"
    " INSERT INTO deliveries (id, workspace_id, user_id, channel_id, purpose, state, due_at, attempts)"
    " SELECT :id, workspace_id, user_id, alive_channel_id, 'alive', 'waiting', :now, 0 FROM taken"
)


class Alive:
    def __init__(self, engine: AsyncEngine, clock: Clock, ids: Ids) -> None:
        self._engine, self._clock, self._ids = engine, clock, ids

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.look()
            except (TimeoutError, SQLAlchemyError, OSError) as error:
                log.warning("notify.alive_failed", error=type(error).__name__)
            await self._clock.sleep(EVERY_S)

    async def look(self) -> None:
        """Has every message made whose minute of today has come."""
        now = self._clock.now()
        async with self._engine.begin() as connection:
            for row in (await connection.execute(_WANTED)).all():
                zone = zone_of(row.time_zone)
                if zone is None:
                    continue
                day, minute = minute_of(now, zone)
                if minute >= row.alive_at and (row.alive_told_on is None or row.alive_told_on < day):
                    values = {"workspace": row.workspace_id, "user": row.user_id, "day": day, "now": now}
                    await connection.execute(_TAKE, {**values, "id": self._ids.new()})
