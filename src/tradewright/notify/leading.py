"""One of the API processes does the work: the one that holds the advisory lock.

Lives here: `Leader`. Not here: the work. The lock goes with its connection, so a killed process frees it at once; one
that loses its connection ends the work before it asks for the lock again. For a moment two may work at once: every
write is therefore one that a second writer of the same finds done (a unique key, or a conditional UPDATE).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tradewright.core.clock import Clock

log = structlog.get_logger(__name__)

LOCK_KEY = 0x7477_6E6F_7469_6679  # ours, among all advisory locks of the database
_LOOK_S = 1.0
_ANSWER_S = 3.0
_AWAY = (SQLAlchemyError, OSError, TimeoutError)


class Leader:
    """`engine` must reach the server itself: behind a transaction pooler a lock belongs to nobody."""

    def __init__(self, engine: AsyncEngine, clock: Clock, *, key: int = LOCK_KEY) -> None:
        self._engine, self._clock, self._key = engine, clock, key
        self.leads = False

    async def run(self, work: Callable[[], Awaitable[None]]) -> None:
        """Until cancelled: does the work whenever this process holds the lock."""
        while True:
            connection: AsyncConnection | None = None
            try:
                async with asyncio.timeout(_ANSWER_S):
                    connection = await (await self._engine.connect()).execution_options(isolation_level="AUTOCOMMIT")
                    is_held = await connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": self._key})
                if is_held:
                    await self._lead(connection, work)
            except _AWAY as error:
                log.warning("notify.lock_away", error=type(error).__name__)
            finally:
                if connection is not None:
                    await _drop(connection)
            await self._clock.sleep(_LOOK_S)

    async def _lead(self, connection: AsyncConnection, work: Callable[[], Awaitable[None]]) -> None:
        log.info("notify.leads")
        working = asyncio.ensure_future(work())
        self.leads = True
        try:
            while not working.done():
                await self._clock.sleep(_LOOK_S)
                async with asyncio.timeout(_ANSWER_S):
                    await connection.execute(text("SELECT 1"))
            working.result()
        finally:
            self.leads = False
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)


async def _drop(connection: AsyncConnection) -> None:
    try:
        async with asyncio.timeout(_ANSWER_S):
            await connection.invalidate()
            await connection.close()
    except _AWAY as error:
        log.warning("notify.drop_failed", error=type(error).__name__)
