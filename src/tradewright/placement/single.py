"""One worker owns all accounts: a session advisory lock on a connection of its own.

Lives here: `SingleOwner`. The lock goes with the connection, so a killed worker frees it within milliseconds; a worker
that finds it held ends with one sentence, and one whose connection is lost must stop at once, because another may hold
it by then.
"""

from __future__ import annotations

from types import TracebackType

import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tradewright.core.clock import Clock
from tradewright.core.errors import StartError
from tradewright.trading.ownership import OWNER_LOCK_KEY

log = structlog.get_logger()

_WAIT_SECONDS = 5.0  # the owner before may still be going down; the supervisor gives it half of that
_LOOK_SECONDS = 0.2
_CHECK_SECONDS = 1.0


class SingleOwner:
    """`async with SingleOwner(engine, clock) as owner:` holds the lock; `owner.lost()` returns when it is lost."""

    def __init__(self, engine: AsyncEngine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._connection: AsyncConnection | None = None

    async def __aenter__(self) -> SingleOwner:
        self._connection = await (await self._engine.connect()).execution_options(isolation_level="AUTOCOMMIT")
        deadline = self._clock.monotonic() + _WAIT_SECONDS
        while not await self._connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": OWNER_LOCK_KEY}):
            if self._clock.monotonic() > deadline:
                await self._connection.close()
                raise StartError(
                    "another worker owns the accounts of this database; stop it first"
                    " (TRADEWRIGHT_PLACEMENT=single, the only placement so far, allows one worker)",
                    exit_code=10,
                )
            await self._clock.sleep(_LOOK_SECONDS)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._connection is not None:
            await self._connection.invalidate()  # ends the server's session, and the lock with it
            await self._connection.close()

    async def lost(self) -> None:
        """Returns once the lock's connection does not answer any more."""
        assert self._connection is not None, "entered before asked"
        while True:
            await self._clock.sleep(_CHECK_SECONDS)
            try:
                await self._connection.execute(text("SELECT 1"))
            except SQLAlchemyError as error:
                log.error("placement.lock_lost", error=type(error).__name__)
                return
