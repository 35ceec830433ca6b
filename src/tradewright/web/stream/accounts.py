"""An account's events for everyone who watches it: read from the journal, in sequence, each once.

Lives here: `AccountFeed`, with one subscription to the bus for the whole process, and `AccountWatch`, one reader's
place in the sequence. A notification only says "read"; the poll of the bus says it every second anyway.

An owner that was killed cannot write that its word no longer holds. So each poll also looks whether the owners are
there, and tells the watchers in a message without a number, which stands beside the journal and never in it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tradewright.core.ids import AccountId, WorkspaceId
from tradewright.storage.bus import Bus
from tradewright.trading import queries
from tradewright.trading.events import EVENTS_CHANNEL
from tradewright.web.stream.messages import data_message, session_message
from tradewright.web.stream.outbox import Outbox

log = structlog.get_logger(__name__)

RESUME_MAX = 1_000  # further behind than this a snapshot is less than the deltas
BATCH = 200

Event = tuple[int, dict[str, Any]]


@dataclass(eq=False, slots=True, kw_only=True)
class AccountWatch:
    """One connection's place in an account's events. `seq` is the last one put; None until the start was put."""

    workspace_id: WorkspaceId
    account_id: AccountId
    topic: str
    outbox: Outbox
    too_slow: Callable[[], None]
    seq: int | None = field(default=None)
    is_owned: bool = field(default=True)  # what the reader was told last of the account's owner

    @property
    def is_served(self) -> bool:
        """Whether it takes what comes: its start was put, and its reader keeps up."""
        return self.seq is not None and not self.outbox.is_overflown

    def put(self, message: str, seq: int) -> None:
        if self.outbox.put(message):
            self.seq = seq
        else:
            self.too_slow()

    def put_aside(self, message: str) -> None:
        """What is no event of the account: the place in the sequence stays."""
        if not self.outbox.put(message):
            self.too_slow()


class AccountFeed:
    def __init__(self, engine: AsyncEngine, bus: Bus) -> None:
        self._engine = engine
        self._bus = bus
        self._watches: dict[AccountId, set[AccountWatch]] = {}

    async def run(self) -> None:
        """Forwards until cancelled."""
        subscription = self._bus.subscribe(EVENTS_CHANNEL)
        try:
            while True:
                hint = await subscription.get()
                for account_id in self._hinted(hint):
                    await self._forward_or_log(account_id)
                if hint is None and self._watches:
                    await self._look_for_owners()
        finally:
            subscription.close()

    async def watch(self, watch: AccountWatch, resume: int | None) -> None:
        """Starts a watch: the deltas after `resume`, or a snapshot; then whatever comes.

        Raises `NotFound` when the account is not the watch's workspace's; then nothing is put and nothing watched.
        """
        async with self._engine.connect() as connection:
            await connection.execution_options(isolation_level="REPEATABLE READ")
            missed = await _missed(connection, watch, resume)
            if missed is None:
                await _put_snapshot(connection, watch)
        if missed is not None:
            await _put_missed(watch, missed, resume)
        self._watches.setdefault(watch.account_id, set()).add(watch)
        # Whatever was committed since the reading above was announced to nobody.
        await self._forward_or_log(watch.account_id)

    def unwatch(self, watch: AccountWatch) -> None:
        """Ends a watch. Ending it twice is harmless."""
        watches = self._watches.get(watch.account_id)
        if watches is not None:
            watches.discard(watch)
            if not watches:
                del self._watches[watch.account_id]

    def _hinted(self, hint: str | None) -> list[AccountId]:
        """Which watched accounts to read: all, or the one that was named, unless everybody has that event already."""
        if hint is None:
            return list(self._watches)
        account, _, seq = hint.partition(":")
        try:
            account_id = AccountId(UUID(account))
        except ValueError:
            log.warning("stream.hint_unreadable", hint=hint[:100])
            return list(self._watches)
        watches = self._watches.get(account_id, ())
        is_news = not seq.isdigit() or any((watch.seq or 0) < int(seq) for watch in watches)
        return [account_id] if watches and is_news else []

    async def _forward_or_log(self, account_id: AccountId) -> None:
        """A database that is away now is asked again at the next poll, and nothing is lost meanwhile."""
        try:
            await self._forward(account_id)
        except (TimeoutError, SQLAlchemyError, OSError) as error:
            log.warning("stream.events_unread", account_id=str(account_id), error=type(error).__name__)

    async def _look_for_owners(self) -> None:
        """Tells who watches an account that its owner has gone, and again when there is one."""
        try:
            async with self._engine.connect() as connection:
                found = await queries.owned_accounts(connection, list(self._watches))
        except (TimeoutError, SQLAlchemyError, OSError) as error:
            log.warning("stream.owners_unread", error=type(error).__name__)
            return
        for account_id, (is_owned, account) in found.items():
            for watch in list(self._watches.get(account_id, ())):
                if watch.is_served and watch.is_owned != is_owned:
                    watch.is_owned = is_owned
                    watch.put_aside(session_message(watch.topic, account))

    async def _forward(self, account_id: AccountId) -> None:
        """Puts what is new to everyone who watches the account. Safe to run twice at once: each watch has its place."""
        while watches := [watch for watch in self._watches.get(account_id, ()) if watch.is_served]:
            after = min(watch.seq or 0 for watch in watches)
            async with self._engine.connect() as connection:
                events = await queries.events_after(connection, watches[0].workspace_id, account_id, after, BATCH)
                texts = [(seq, data_message("delta", watches[0].topic, seq, data)) for seq, data in events]
                for watch in watches:
                    if not _put_following(watch, texts):
                        await connection.rollback()
                        await connection.execution_options(isolation_level="REPEATABLE READ")
                        await _put_snapshot(connection, watch)
            if len(events) < BATCH:
                return


async def _missed(connection: AsyncConnection, watch: AccountWatch, resume: int | None) -> list[Event] | None:
    """The events after `resume`; None when only a snapshot will do: none was asked for, too far behind, from another
    journal (a restored back-up), or no longer kept. Raises `NotFound`."""
    account = await queries.require_account(connection, watch.workspace_id, watch.account_id)
    if resume is None or not 0 <= int(account["event_seq"]) - resume <= RESUME_MAX:
        return None
    events = await queries.events_after(connection, watch.workspace_id, watch.account_id, resume, RESUME_MAX)
    is_whole = [seq for seq, _ in events] == list(range(resume + 1, int(account["event_seq"]) + 1))
    return events if is_whole else None


async def _put_missed(watch: AccountWatch, events: list[Event], resume: int | None) -> None:
    """Puts them in batches as they are read, so that a browser that was away a while does not count as a slow one."""
    seq = resume
    for start in range(0, len(events), BATCH):
        await watch.outbox.drained()
        for seq, data in events[start : start + BATCH]:
            watch.put(data_message("delta", watch.topic, seq, data), seq)
    watch.seq = seq


def _put_following(watch: AccountWatch, texts: list[tuple[int, str]]) -> bool:
    """Puts what follows the watch's place; False at a hole, which only a snapshot can fill."""
    for seq, text in texts:
        assert watch.seq is not None
        if seq <= watch.seq:
            continue
        if seq != watch.seq + 1:
            return False
        watch.put(text, seq)
        if watch.outbox.is_overflown:
            return True
    return True


async def _put_snapshot(connection: AsyncConnection, watch: AccountWatch) -> None:
    seq, data = await queries.account_snapshot(connection, watch.workspace_id, watch.account_id)
    watch.put(data_message("snapshot", watch.topic, seq, data), seq)
