"""Which latches hold right now, in the memory of a worker: the union of files and rows.

Lives here: `LatchBoard`, and `LatchRule`, by which a session asks it. Not here: the files (`folder`), the rows
(`store`), what is done about a latch (`switch`).
Whichever is there counts: a latch without a row gets one as soon as the database is there, one without a file gets a
file. It stops holding only when its row was released.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Protocol
from uuid import UUID

import structlog
from sqlalchemy.exc import SQLAlchemyError

from tradewright.core.clock import Clock
from tradewright.core.errors import NotReady
from tradewright.core.ids import UserId
from tradewright.trading.crash_points import Reach, nowhere
from tradewright.trading.kill.folder import LatchFolder
from tradewright.trading.kill.latch import Latch, Scope
from tradewright.trading.kill.store import Standing
from tradewright.trading.model import AccountRef, Intent, Reason

log = structlog.get_logger()

_LOOK_SECONDS = 1.0
_ROWS_WITHIN_S = 2.0
_ROWS_GIVEN_UP_S = 20.0  # then they are asked anew


class LatchRows(Protocol):
    """What the board needs of the tables; implemented by `store.KillStore`."""

    async def standing(self) -> Standing: ...
    async def pull(self, latch: Latch, *, ip: str | None = None) -> None: ...
    async def release(
        self, scope: Scope, by: UserId | None, *, also: Sequence[Latch] = (), ip: str | None = None
    ) -> Sequence[Latch]: ...


class LatchBoard:
    """One for a worker. Reading it waits for nothing."""

    def __init__(
        self,
        folder: LatchFolder,
        rows: LatchRows,
        clock: Clock,
        *,
        reach: Reach = nowhere,
        blocking: Callable[..., Awaitable[Any]] = asyncio.to_thread,
    ) -> None:
        """`blocking` runs a call that waits for the disk."""
        self._blocking = blocking
        self._folder = folder
        self._rows = rows
        self._clock = clock
        self._reach = reach
        self._held: dict[UUID, Latch] = {}  # from wherever it was heard of, until it is released
        self._on_disk: dict[UUID, Latch] = {}
        self._in_rows: dict[UUID, Latch] = {}
        self._released: frozenset[UUID] = frozenset()
        self._done: dict[tuple[UUID, UUID], bool] = {}
        self._folder_is_readable = True
        self._rows_look: asyncio.Task[None] | None = None
        self._version = 0
        self._changed = asyncio.Event()

    async def start(self) -> None:
        """Reads files and rows, before any session is opened. Raises what the tables raise."""
        await self._look_at_folder()
        await self._read_rows()

    async def run(self) -> None:
        """Until cancelled: looks at the folder every second, and at the rows as long as they answer."""
        look_s = 0.0
        try:
            while True:
                await self._clock.sleep(_LOOK_SECONDS)
                await self._look_at_folder()
                if self._rows_look is None or self._rows_look.done() or look_s < self._clock.monotonic():
                    if self._rows_look is not None:
                        self._rows_look.cancel()  # it does not answer any more
                    self._rows_look = asyncio.ensure_future(self._look_at_rows())
                    look_s = self._clock.monotonic() + _ROWS_GIVEN_UP_S
                await asyncio.wait({self._rows_look}, timeout=_ROWS_WITHIN_S)
        finally:
            if self._rows_look is not None:
                self._rows_look.cancel()

    # Reading.

    def latches(self) -> list[Latch]:
        """All that hold, the oldest first."""
        return sorted(self._held.values(), key=lambda latch: (latch.pulled_at, latch.id))

    def covering(self, account: AccountRef) -> list[Latch]:
        return [latch for latch in self.latches() if latch.covers(account)]

    def blocks(self, account: AccountRef) -> bool:
        """Whether nothing new may be risked. So too while it cannot be told."""
        return not self._folder_is_readable or any(latch.covers(account) for latch in self._held.values())

    def is_done(self, latch: Latch, account: AccountRef) -> bool:
        closed = self._done.get((latch.id, account.id))
        return closed is not None and (closed or not latch.close_positions)

    def has_rows(self) -> bool:
        """Whether the tables know of every latch that holds: before, what was done about one has nothing to go by."""
        return self._held.keys() <= self._in_rows.keys()

    @property
    def version(self) -> int:
        return self._version

    async def changed(self, since: int) -> int:
        while self._version == since:
            self._changed.clear()
            await self._changed.wait()
        return self._version

    # Changing.

    async def pull(self, latch: Latch) -> Latch:
        """The latch as it holds from now on: its file is on the disk, its row follows. Where the file cannot be written
        its row must be. Raises `OSError` where neither can: it holds all the same, as long as this process lives."""
        try:
            latch = await self._blocking(self._folder.write, latch)
            self._on_disk[latch.id] = latch
            self._hold(latch)
        except OSError as error:
            log.error("kill.file_unwritten", scope=latch.scope.name, error=str(error))
            self._hold(latch)
            await self._write_row(latch, or_else=error)
        log.warning("kill.latched", scope=latch.scope.name, close_positions=latch.close_positions, via=latch.via)
        self._reach("kill.latched")
        return latch

    async def release(self, scope: Scope, by: UserId | None) -> list[Latch]:
        """Releases every latch of exactly this scope: rows with their audit first, then the files. Raises `NotReady`
        while the database is away: a release without its audit row is none."""
        also = [latch for latch in self._held.values() if latch.scope == scope]
        try:
            async with asyncio.timeout(_ROWS_WITHIN_S * 2):
                released = list(await self._rows.release(scope, by, also=also))
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            raise NotReady(
                f"the kill of {scope.name} stays: its release must be written down, and the database does not answer;"
                " release it when the database is back"
            ) from error
        self._drop({latch.id for latch in released})
        await self._drop_released_files()
        log.warning("kill.released", scope=scope.name, latches=len(released))
        return released

    def note_done(self, latch_id: UUID, account: AccountRef, *, closed: bool) -> None:
        """It was carried out and written down."""
        self._done[latch_id, account.id] = closed or self._done.get((latch_id, account.id), False)
        self._tell()

    def _hold(self, latch: Latch) -> None:
        """One that is known may get to close positions too; a released one is not held again."""
        known = self._held.get(latch.id)
        if latch.id in self._released or (known is not None and known.close_positions >= latch.close_positions):
            return
        self._held[latch.id] = latch
        self._tell()

    def _drop(self, released: Iterable[UUID]) -> None:
        self._released |= frozenset(released)
        gone = [name for name in self._held if name in self._released]
        for name in gone:
            del self._held[name]
        if gone:
            self._tell()

    async def _look_at_folder(self) -> None:
        """A file that is gone releases nothing: whoever removes one by hand has written nothing down."""
        try:
            found = await self._blocking(self._folder.read)
        except OSError as error:
            if self._folder_is_readable:
                log.error("kill.folder_unread", error=str(error))
                self._folder_is_readable = False
                self._tell()
            return
        if not self._folder_is_readable:
            self._folder_is_readable = True
            self._tell()
        self._on_disk = {latch.id: latch for latch in found}
        for latch in found:
            self._hold(latch)

    async def _look_at_rows(self) -> None:
        try:
            await self._read_rows()
        except (SQLAlchemyError, OSError) as error:
            log.warning("kill.rows_unread", error=type(error).__name__)

    async def _read_rows(self) -> None:
        standing = await self._rows.standing()
        self._in_rows = {latch.id: latch for latch in standing.held}
        self._drop(standing.released)
        for latch in standing.held:
            self._hold(latch)
        for key, closed in standing.done.items():
            self._done[key] = closed or self._done.get(key, False)
        await self._drop_released_files()
        for latch in self.latches():
            row = self._in_rows.get(latch.id)
            if row is None or latch.close_positions > row.close_positions:
                await self._rows.pull(latch)
                self._in_rows[latch.id] = latch
            file = self._on_disk.get(latch.id)
            if file is None or latch.close_positions > file.close_positions:
                await self._write_file(latch)

    async def _drop_released_files(self) -> None:
        for latch in [latch for latch in self._on_disk.values() if latch.id in self._released]:
            try:
                await self._blocking(self._folder.remove, latch.scope, latch.id)
                del self._on_disk[latch.id]
            except OSError as error:
                log.error("kill.file_stays", scope=latch.scope.name, error=str(error))

    async def _write_file(self, latch: Latch) -> None:
        """Where its scope has a file already, that one stands for both."""
        try:
            written = await self._blocking(self._folder.write, latch)
        except OSError as error:
            log.error("kill.file_unwritten", scope=latch.scope.name, error=str(error))
            return
        self._on_disk[written.id] = written

    async def _write_row(self, latch: Latch, *, or_else: OSError) -> None:
        try:
            async with asyncio.timeout(_ROWS_WITHIN_S):
                await self._rows.pull(latch)
        except (SQLAlchemyError, OSError, TimeoutError):
            raise or_else from None
        self._in_rows[latch.id] = latch

    def _tell(self) -> None:
        self._version += 1
        self._changed.set()


class LatchRule:
    """A `beside.Rule`: while a latch holds, only what takes exposure off or protects goes, whoever wants it."""

    def __init__(self, is_blocked: Callable[[], bool]) -> None:
        self._is_blocked = is_blocked

    def judge(self, intent: Intent) -> Reason | None:
        if intent.reduces or not self._is_blocked():
            return None
        return Reason("kill.latched")
