"""Where an act of the kill switch is written down before it is done: in the database, or beside it while that is away.

Lives here: `Recorder`, which chooses, and its `load`, which brings the spool into the database. Not here: the SQL
(`store`), the files (`audit.spool`), the acts (`emergency`).
A database that does not answer within a moment counts as away: the kill switch must not wait for it. What it may still
commit afterwards has the same ids as what the spool brings later, so nothing is there twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec
import structlog
from sqlalchemy.exc import SQLAlchemyError

from tradewright.audit.spool import Spool, SpoolLines
from tradewright.core.clock import Clock
from tradewright.trading.kill.entries import Entry, as_plain, entry_of
from tradewright.trading.model import AccountRef
from tradewright.trading.ownership import Dispossessed

log = structlog.get_logger()

ANSWERS_WITHIN_S = 0.7
_LOADED_WITHIN_S = 15.0  # one transaction of the spool
_AWAY_FOR_S = 3.0  # before the database is asked again
_LOADED_AT_ONCE = 200
_LOOKS_EVERY_S = 5.0
_FILES_MAX = 100

Blocking = Callable[..., Awaitable[Any]]
Write = Callable[[AccountRef, Sequence[Entry]], Awaitable[None]]


class Recorder:
    """Of one account. One at a time, so that what follows from an act stands behind it."""

    def __init__(
        self,
        account: AccountRef,
        write: Write,
        spool: Spool,
        clock: Clock,
        *,
        blocking: Blocking = asyncio.to_thread,
    ) -> None:
        """`blocking` runs a call that waits for the disk."""
        self.account = account  # with the newest epoch
        self._write = write
        self._spool = spool
        self._clock = clock
        self._blocking = blocking
        self._away_until_s = 0.0
        self._has_spooled = False
        self._looks_at_s = 0.0
        self._turn = asyncio.Lock()
        self._loading = asyncio.Lock()
        self._late: set[asyncio.Task[None]] = set()

    @property
    def has_spooled(self) -> bool:
        """Something waits beside the database."""
        return self._has_spooled

    async def look(self) -> None:
        """Asks the folder, seldom: a process that stood still wrote an answer there after its successor had loaded
        all. It would wait until the account is claimed anew."""
        now_s = self._clock.monotonic()
        if self._has_spooled or now_s < self._looks_at_s:
            return
        self._looks_at_s = now_s + _LOOKS_EVERY_S
        names = await self._blocking(self._spool.names)
        self._has_spooled = self._has_spooled or str(self.account.id) in names

    async def record(self, entries: Sequence[Entry]) -> None:
        """Durable when it returns. Raises `SpoolUnwritable` where neither can be written, and `Dispossessed`: then
        nothing may be done."""
        if not entries:
            return
        async with self._turn:
            # What is behind something spooled goes the same way: an answer must not arrive before its act.
            if not self._has_spooled and await self._in_database(entries):
                return
            plain = [as_plain(entry) for entry in entries]
            await self._blocking(self._spool.append, str(self.account.id), plain)
            self._has_spooled = True

    async def load(self) -> None:
        """Brings the spool of the account into the database, until nothing is left of it. Raises `SQLAlchemyError` or
        `OSError` while it cannot; then everything waits where it was. Recording does not wait for it."""
        name = str(self.account.id)
        async with self._loading:
            for _ in range(_FILES_MAX):
                async with self._turn:
                    waiting = await self._blocking(self._spool.take, name)
                    self._has_spooled = bool(waiting)
                    if not waiting:
                        return
                for taken in waiting:
                    await self._load_file(taken, name)
            raise OSError(f"the spool of {name} grew faster than it was loaded")

    async def _load_file(self, taken: SpoolLines, name: str) -> None:
        for start in range(0, len(taken.entries), _LOADED_AT_ONCE):
            entries = self._read(taken.entries[start : start + _LOADED_AT_ONCE], name)
            failure = await self._try(entries, _LOADED_WITHIN_S)
            if failure is not None:
                raise failure
        await self._blocking(self._spool.done, taken)
        self._away_until_s = 0.0
        log.warning("spool.loaded", account_id=name, entries=len(taken.entries), unread=taken.unread)

    def _read(self, lines: Sequence[Mapping[str, Any]], name: str) -> list[Entry]:
        found: list[Entry] = []
        for line in lines:
            try:
                found.append(entry_of(line))
            except msgspec.ValidationError as fault:  # of another version: its text is in the log, and the rest counts
                log.error("spool.entry_unreadable", account_id=name, error=str(fault), entry=repr(line)[:2000])
        return found

    async def _in_database(self, entries: Sequence[Entry]) -> bool:
        if self._clock.monotonic() < self._away_until_s:
            return False
        failure = await self._try(entries, ANSWERS_WITHIN_S)
        if failure is None:
            return True
        if isinstance(failure, Dispossessed):
            raise failure  # another owner: nothing may be done here any more, written down or not
        if not isinstance(failure, SQLAlchemyError | OSError | TimeoutError):
            log.error("kill.record_bug", account_id=str(self.account.id), exc_info=failure)
        self._away_until_s = self._clock.monotonic() + _AWAY_FOR_S
        log.error("kill.database_away", account_id=str(self.account.id), error=type(failure).__name__)
        return False

    async def _try(self, entries: Sequence[Entry], within_s: float) -> BaseException | None:
        """Writes them to the database; what it failed with, a `TimeoutError` where it did not answer."""
        task = asyncio.ensure_future(self._write(self.account, entries))
        done, _ = await asyncio.wait({task}, timeout=within_s)
        if done:
            return task.exception()
        # Not cancelled: a driver may wait for a dead server while it is being cancelled.
        self._late.add(task)
        task.add_done_callback(self._forget)
        return TimeoutError("the database does not answer")

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._late.discard(task)
        if not task.cancelled():
            task.exception()  # nobody waits for it any more

    def close(self) -> None:
        """Ends what was given up and may still be under way."""
        for task in self._late:
            task.cancel()
