"""An account's events for everyone who watches it.

An owner that was killed cannot write that its word no longer holds. So each poll also looks whether the owners are
there, and tells the watchers in a message without a number, which stands beside the journal and never in it.
Not here: how events are forwarded (`journals`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.core.ids import AccountId
from tradewright.trading import queries
from tradewright.trading.events import EVENTS_CHANNEL
from tradewright.web.stream.journals import Event, JournalFeed, Watch
from tradewright.web.stream.messages import session_message

log = structlog.get_logger(__name__)


class AccountFeed(JournalFeed):
    channel: ClassVar[str] = EVENTS_CHANNEL

    async def newest(self, connection: AsyncConnection, watch: Watch) -> int:
        account = await queries.require_account(connection, watch.workspace_id, AccountId(watch.subject_id))
        return int(account["event_seq"])

    async def after(self, connection: AsyncConnection, watch: Watch, seq: int, limit: int) -> Sequence[Event]:
        return await queries.events_after(connection, watch.workspace_id, AccountId(watch.subject_id), seq, limit)

    async def snapshot(self, connection: AsyncConnection, watch: Watch) -> Event:
        return await queries.account_snapshot(connection, watch.workspace_id, AccountId(watch.subject_id))

    async def polled(self) -> None:
        """Tells who watches an account that its owner has gone, and again when there is one."""
        try:
            async with self._engine.connect() as connection:
                found = await queries.owned_accounts(connection, [AccountId(each) for each in self._watches])
        except (TimeoutError, SQLAlchemyError, OSError) as error:
            log.warning("stream.owners_unread", error=type(error).__name__)
            return
        for account_id, (is_owned, account) in found.items():
            for watch in list(self._watches.get(account_id, ())):
                if watch.is_served and watch.is_owned != is_owned:
                    watch.is_owned = is_owned
                    watch.put_aside(session_message(watch.topic, account))
