"""Another key of the account while its session runs: the same session, gateway and stream sign with it from now on.

Lives here: `KeyFollower`, a companion of the session. Not here: checking the key (`connections.change_checks`), its box
(`connections.boxes`). What waits, is open or is under way is not touched: it belongs to the account, not to the key.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime

import structlog
from sqlalchemy.exc import SQLAlchemyError

from tradewright.connections.model import Credentials
from tradewright.core.errors import AppError
from tradewright.storage.bus import Subscription
from tradewright.trading.beside import SessionView

log = structlog.get_logger()

LOOK_EVERY_WAKES = 60  # a hint that was lost is made up for within a minute


class KeyFollower:
    """`stored_at` says when the box was last written, None while there is none; `read` opens it; `use` signs so."""

    def __init__(
        self,
        hints: Callable[[], Subscription],
        connection_id: str,
        *,
        stored_at: Callable[[], Awaitable[datetime | None]],
        read: Callable[[], Awaitable[Credentials]],
        use: Callable[[Credentials], Awaitable[None]],
        known: Credentials,
    ) -> None:
        self._hints = hints
        self._connection_id = connection_id
        self._stored_at = stored_at
        self._read = read
        self._use = use
        self._known = known

    async def run(self, session: SessionView) -> None:
        """Until cancelled. While the key cannot be read the one that is in use stays."""
        hints, wakes = self._hints(), 0
        seen: datetime | None = None
        try:
            while True:
                hint = await hints.get()
                wakes += 1
                if hint != self._connection_id and wakes % LOOK_EVERY_WAKES != 1:
                    continue
                try:
                    stored_at = await self._stored_at()
                    if stored_at is None or stored_at == seen:
                        continue
                    found = await self._read()
                    seen = stored_at
                except (AppError, SQLAlchemyError, OSError) as error:
                    log.warning("session.key_unread", account_id=str(session.account.id), error=type(error).__name__)
                    continue
                if (found.key, found.secret) != (self._known.key, self._known.secret):
                    self._known = found
                    await self._use(found)
                    log.info("session.key_changed", account_id=str(session.account.id))
        finally:
            hints.close()
