"""The latches of HOME/kill: one file for each scope, durable before anything is done about it.

Lives here: `LatchFolder`. Not here: rows (`store`), which latches hold (`board`).
A file that cannot be read is a latch of the scope that its name says, and of the whole installation where the name says
none: a damaged kill switch is pulled, not open. Every call blocks on the disk: use a thread.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from tradewright.audit.spool import is_full, sync_folder, write_durably
from tradewright.core.clock import from_milliseconds
from tradewright.core.ids import made_id
from tradewright.trading.kill.latch import Latch, LatchUnreadable, Scope, latch_of_json

_FILES_MAX = 10_000


class LatchFolder:
    def __init__(self, folder: Path, make_room: Callable[[], bool] = lambda: False) -> None:
        """`make_room` is asked on a full disk; True: it is worth another try."""
        self._folder = folder
        self._make_room = make_room

    def write(self, latch: Latch) -> Latch:
        """The latch of this scope as it is held from now on, on the disk when this returns. A second pull keeps the id
        of the first, so that nothing is begun anew, and may add that positions are closed. Raises `OSError`."""
        held = self._read(self._path(latch.scope)) if self._path(latch.scope).exists() else None
        if held is not None:
            if held.close_positions or not latch.close_positions:
                return held
            latch = replace(held, close_positions=True)
        try:
            self._write(latch)
        except OSError as error:
            if not is_full(error) or not self._make_room():
                raise
            self._write(latch)
        return latch

    def _write(self, latch: Latch) -> None:
        if not self._folder.exists():
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            sync_folder(self._folder.parent)
        write_durably(self._path(latch.scope), json.dumps(latch.as_json()).encode() + b"\n")

    def read(self) -> list[Latch]:
        """All that are held. Raises `OSError` where the folder is there and cannot be read."""
        try:
            paths = sorted(path for path in self._folder.iterdir() if path.suffix == ".json" and path.name[0] != ".")
        except FileNotFoundError:
            return []
        if len(paths) > _FILES_MAX:
            raise OSError(f"{len(paths)} files in {self._folder}; expected at most {_FILES_MAX}")
        return [latch for path in paths if (latch := self._read(path)) is not None]

    def remove(self, scope: Scope, latch_id: UUID | None = None) -> bool:
        """Whether there was one; with an id only that one goes. Gone from the disk when this returns."""
        path = self._path(scope)
        if latch_id is not None:
            held = self._read(path)
            if held is None or held.id != latch_id:
                return False
        try:
            path.unlink()
        except FileNotFoundError:
            return False
        sync_folder(self._folder)
        return True

    def _path(self, scope: Scope) -> Path:
        return self._folder / f"{scope.name}.json"

    def _read(self, path: Path) -> Latch | None:
        try:
            content = path.read_bytes()
            written_ms = path.stat().st_mtime_ns // 1_000_000
        except FileNotFoundError:
            return None  # released at this moment
        except OSError:
            content, written_ms = b"", 0
        try:
            return latch_of_json(json.loads(content))
        except (LatchUnreadable, ValueError):
            return _unreadable(path, written_ms)


def _unreadable(path: Path, written_ms: int) -> Latch:
    """What a file says that does not say anything: stop. It closes nothing, because nobody readably asked for that."""
    try:
        scope = Scope.of_name(path.stem)
    except LatchUnreadable:
        scope = Scope("installation")
    try:
        pulled_at = from_milliseconds(written_ms)
    except OverflowError:
        pulled_at = datetime(1970, 1, 1, tzinfo=UTC)
    return Latch(
        id=made_id("kill.unreadable", path.name, str(written_ms)),
        scope=scope,
        close_positions=False,
        pulled_at=pulled_at,
        pulled_by=None,
        via="file",
    )
