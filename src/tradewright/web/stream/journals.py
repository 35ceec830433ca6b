"""Numbered events of one subject for everyone who watches it: read from its journal, in sequence, each once.

Lives here: `JournalFeed`, with one subscription to the bus for the whole process, and `Watch`, one reader's place in
the sequence. A notification only says "read"; the poll of the bus says it every second anyway.
Not here: whose journals there are (`accounts`, `runs`), which say how one is read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar
from uuid import UUID

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tradewright.core.ids import WorkspaceId
from tradewright.storage.bus import Bus
from tradewright.web.stream.messages import data_message
from tradewright.web.stream.outbox import Outbox

log = structlog.get_logger(__name__)

RESUME_MAX = 1_000  # further behind than this a snapshot is less than the deltas
BATCH = 200

Event = tuple[int, dict[str, Any]]


@dataclass(eq=False, slots=True, kw_only=True)
class Watch:
    """One connection's place in a subject's events. `seq` is the last one put; None until the start was put."""

    workspace_id: WorkspaceId
    subject_id: UUID
    topic: str
    outbox: Outbox
    too_slow: Callable[[], None]
    seq: int | None = field(default=None)
    is_owned: bool = field(default=True)  # of an account: what the reader was told last of its owner

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
        """What is no event of the subject: the place in the sequence stays."""
        if not self.outbox.put(message):
            self.too_slow()


class JournalFeed:
    channel: ClassVar[str]  # of hints: `<id of the subject>:<seq>`

    def __init__(self, engine: AsyncEngine, bus: Bus) -> None:
        self._engine = engine
        self._bus = bus
        self._watches: dict[UUID, set[Watch]] = {}

    # How one journal is read; each raises `NotFound` for a subject that is not the watch's workspace's.

    async def newest(self, connection: AsyncConnection, watch: Watch) -> int:
        """The sequence of the newest event."""
        raise NotImplementedError

    async def after(self, connection: AsyncConnection, watch: Watch, seq: int, limit: int) -> Sequence[Event]:
        """Events by sequence after one."""
        raise NotImplementedError

    async def snapshot(self, connection: AsyncConnection, watch: Watch) -> Event:
        """What a reader begins with, and the sequence that it stands at."""
        raise NotImplementedError

    async def polled(self) -> None:
        """Once a second, for who has more to look at than events."""

    async def run(self) -> None:
        """Forwards until cancelled."""
        subscription = self._bus.subscribe(self.channel)
        try:
            while True:
                hint = await subscription.get()
                for subject_id in self._hinted(hint):
                    await self._forward_or_log(subject_id)
                if hint is None and self._watches:
                    await self.polled()
        finally:
            subscription.close()

    async def watch(self, watch: Watch, resume: int | None) -> None:
        """Starts a watch: the deltas after `resume`, or a snapshot; then whatever comes.

        Raises `NotFound` when the subject is not the watch's workspace's; then nothing is put and nothing watched.
        """
        async with self._engine.connect() as connection:
            await connection.execution_options(isolation_level="REPEATABLE READ")
            missed = await self._missed(connection, watch, resume)
            if missed is None:
                await self._put_snapshot(connection, watch)
        if missed is not None:
            await _put_missed(watch, missed, resume)
        self._watches.setdefault(watch.subject_id, set()).add(watch)
        # Whatever was committed since the reading above was announced to nobody.
        await self._forward_or_log(watch.subject_id)

    def unwatch(self, watch: Watch) -> None:
        """Ends a watch. Ending it twice is harmless."""
        watches = self._watches.get(watch.subject_id)
        if watches is not None:
            watches.discard(watch)
            if not watches:
                del self._watches[watch.subject_id]

    def _hinted(self, hint: str | None) -> list[UUID]:
        """Which watched subjects to read: all, or the one that was named, unless everybody has that event already."""
        if hint is None:
            return list(self._watches)
        subject, _, seq = hint.partition(":")
        try:
            subject_id = UUID(subject)
        except ValueError:
            log.warning("stream.hint_unreadable", hint=hint[:100])
            return list(self._watches)
        watches = self._watches.get(subject_id, ())
        is_news = not seq.isdigit() or any((watch.seq or 0) < int(seq) for watch in watches)
        return [subject_id] if watches and is_news else []

    async def _forward_or_log(self, subject_id: UUID) -> None:
        """A database that is away now is asked again at the next poll, and nothing is lost meanwhile."""
        try:
            await self._forward(subject_id)
        except (TimeoutError, SQLAlchemyError, OSError) as error:
            log.warning("stream.events_unread", subject_id=str(subject_id), error=type(error).__name__)

    async def _forward(self, subject_id: UUID) -> None:
        """Puts what is new to everyone who watches it. Safe to run twice at once: each watch has its place."""
        while watches := [watch for watch in self._watches.get(subject_id, ()) if watch.is_served]:
            after = min(watch.seq or 0 for watch in watches)
            async with self._engine.connect() as connection:
                events = await self.after(connection, watches[0], after, BATCH)
                texts = [(seq, data_message("delta", watches[0].topic, seq, data)) for seq, data in events]
                for watch in watches:
                    if not _put_following(watch, texts):
                        await connection.rollback()
                        await connection.execution_options(isolation_level="REPEATABLE READ")
                        await self._put_snapshot(connection, watch)
            if len(events) < BATCH:
                return

    async def _missed(self, connection: AsyncConnection, watch: Watch, resume: int | None) -> Sequence[Event] | None:
        """The events after `resume`; None when only a snapshot will do: none was asked for, too far behind, from
        another journal (a restored back-up), or no longer kept. Raises `NotFound`."""
        newest = await self.newest(connection, watch)
        if resume is None or not 0 <= newest - resume <= RESUME_MAX:
            return None
        events = await self.after(connection, watch, resume, RESUME_MAX)
        is_whole = [seq for seq, _ in events] == list(range(resume + 1, newest + 1))
        return events if is_whole else None

    async def _put_snapshot(self, connection: AsyncConnection, watch: Watch) -> None:
        seq, data = await self.snapshot(connection, watch)
        watch.put(data_message("snapshot", watch.topic, seq, data), seq)


async def _put_missed(watch: Watch, events: Sequence[Event], resume: int | None) -> None:
    """Puts them in batches as they are read, so that a browser that was away a while does not count as a slow one."""
    seq = resume
    for start in range(0, len(events), BATCH):
        await watch.outbox.drained()
        for seq, data in events[start : start + BATCH]:
            watch.put(data_message("delta", watch.topic, seq, data), seq)
    watch.seq = seq


def _put_following(watch: Watch, texts: list[tuple[int, str]]) -> bool:
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
