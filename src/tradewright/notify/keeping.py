"""What the leading process keeps running, side by side.

Lives here: `kept_running` and `NotifyKeeper`. Not here: any of the parts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from tradewright.core.clock import Clock
from tradewright.notify.leading import Leader

log = structlog.get_logger(__name__)

_RESTART_S = 1.0
_SWEEP_S = 3_600.0
KEPT_OF_USER = 2_000

_OLD = text(
    "DELETE FROM notifications WHERE (workspace_id, id) IN (SELECT workspace_id, id FROM (SELECT workspace_id, id,"
    " row_number() OVER (PARTITION BY workspace_id, user_id ORDER BY at DESC, id DESC) AS place, at FROM notifications)"
    " n WHERE n.place > :kept OR n.at < clock_timestamp() - interval '90 days')"
)
_OLD_SOURCES = text(
    "DELETE FROM notification_sources WHERE (workspace_id, user_id, source) IN (SELECT workspace_id, user_id, source"
    " FROM notification_sources WHERE at < clock_timestamp() - interval '30 days' LIMIT 50000)"
)


class NotifyKeeper:
    """`parts` are run by whichever process leads, by name; a part that fails is begun again."""

    def __init__(
        self,
        engine: AsyncEngine,
        leader: Leader,
        clock: Clock,
        parts: Mapping[str, Callable[[], Awaitable[None]]],
    ) -> None:
        self._engine, self._leader, self._clock = engine, leader, clock
        self._parts = {**parts, "sweep": self._sweep}

    async def run(self) -> None:
        """Until cancelled."""
        await self._leader.run(self._work)

    async def _work(self) -> None:
        async with asyncio.TaskGroup() as group:
            for name, part in self._parts.items():
                group.create_task(self._kept_running(name, part), name=f"notify.{name}")

    async def _kept_running(self, name: str, part: Callable[[], Awaitable[None]]) -> None:
        """The edge of a task: whatever fails is logged and begun again, for the others must not end with it."""
        while True:
            try:
                await part()
            except Exception:
                log.exception("notify.part_failed", part=name)
            await self._clock.sleep(_RESTART_S)

    async def _sweep(self) -> None:
        """A person's newest 2,000 of the last 90 days are kept."""
        while True:
            try:
                async with self._engine.begin() as connection:
                    await connection.execute(_OLD, {"kept": KEPT_OF_USER})
                    await connection.execute(_OLD_SOURCES)
            except (TimeoutError, SQLAlchemyError, OSError) as error:
                log.warning("notify.sweep_failed", error=type(error).__name__)
            await self._clock.sleep(_SWEEP_S)
