"""The spool: what was done while the database was away, written down beside it, one JSON object a line.

Lives here: `Spool`, files of HOME/spool that are fsynced before an act and taken apart afterwards, and the reserve that
lets them grow on a full disk. Not here: what the lines mean and how they get into the database (`trading.kill`).

A line that a crash tore is no line: its act was not begun, because the write had not returned. What cannot be read is
kept aside under another name, never dropped.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tradewright.core.errors import AppError

RESERVE_BYTES = 1 << 20  # some thousand lines
LINE_BYTES_MAX = 16_384
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_ENDING = ".jsonl"
_TAKEN = ".taken"


class SpoolUnwritable(AppError):
    """Nothing can be written down, so nothing may be done: the disk is full, read-only or broken."""

    code = "spool.unwritable"


@dataclass(slots=True)
class SpoolLines:
    """What one taken file holds. `unread` counts the whole lines that are no JSON object."""

    path: Path
    entries: list[Mapping[str, Any]] = field(default_factory=list)
    unread: int = 0


class Spool:
    """The files of one folder, each of one name (an account's id). Every call blocks on the disk: use a thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()  # an append never waits for longer than another's write

    def prepare(self) -> None:
        """Makes the folder and its reserve. A failure is no reason not to start: what can be written later, is."""
        with contextlib.suppress(OSError):
            self._make_folder()
            reserve = self._folder / "reserve"
            if not reserve.exists() or reserve.stat().st_size < RESERVE_BYTES:
                write_durably(reserve, b"\0" * RESERVE_BYTES)

    def append(self, name: str, entries: Sequence[Mapping[str, Any]]) -> None:
        """On the disk when it returns. Raises `SpoolUnwritable`; then none of the entries may be acted on."""
        lines = b"".join(json.dumps(entry, separators=(",", ":")).encode() + b"\n" for entry in entries)
        if any(len(line) > LINE_BYTES_MAX for line in lines.splitlines()):
            raise ValueError(f"an entry of the spool {name} is longer than {LINE_BYTES_MAX} bytes")
        path = self._folder / f"{name}{_ENDING}"
        with self._lock:
            try:
                try:
                    self._append(path, lines)
                except OSError as error:
                    if not is_full(error) or not self.give_room():
                        raise
                    self._append(path, lines)
            except OSError as error:
                raise SpoolUnwritable(
                    f"{path.name} in HOME/spool cannot be written ({error.strerror}); nothing was done: make room or"
                    " make HOME writable"
                ) from error

    def give_room(self) -> bool:
        """On a full disk: gives the reserve back, for whatever must be written now. False where there is none."""
        try:
            (self._folder / "reserve").unlink()
        except OSError:
            return False
        return True

    def names(self) -> list[str]:
        """Those that have something to be loaded."""
        try:
            found = {path.name.split(".")[0] for path in self._folder.iterdir() if _is_lines(path)}
        except FileNotFoundError:
            return []
        return sorted(found)

    def take(self, name: str) -> list[SpoolLines]:
        """Everything that was appended so far; what is appended from here on is for the next time. Oldest first.

        Taken files stay until `done`, so that nothing is lost between."""
        with self._lock:
            current = self._folder / f"{name}{_ENDING}"
            if current.exists():
                taken = self._taken(name)
                number = 1 + max((_number(path) for path in taken), default=0)
                current.rename(self._folder / f"{name}.{number:06d}{_TAKEN}")
            return [_read(path) for path in self._taken(name)]

    def done(self, taken: SpoolLines) -> None:
        """Its entries are in the database. What could not be read of it stays, under a name that nobody takes."""
        with self._lock:
            if taken.unread:
                taken.path.replace(taken.path.with_suffix(".unread"))
            else:
                taken.path.unlink(missing_ok=True)
            reserve = self._folder / "reserve"
        if not reserve.exists():
            self.prepare()

    def _taken(self, name: str) -> list[Path]:
        return sorted(self._folder.glob(f"{name}.*{_TAKEN}"), key=_number) if self._folder.exists() else []

    def _append(self, path: Path, lines: bytes) -> None:
        self._make_folder()
        is_new = not path.exists()
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            size = os.fstat(descriptor).st_size
            try:
                # After a torn line a new one begins.
                if size and os.pread(descriptor, 1, size - 1) != b"\n":
                    _write_all(descriptor, b"\n")
                _write_all(descriptor, lines)
                os.fsync(descriptor)
            except OSError:
                with contextlib.suppress(OSError):
                    os.ftruncate(descriptor, size)
                raise
        finally:
            os.close(descriptor)
        if is_new:
            sync_folder(self._folder)

    def _make_folder(self) -> None:
        if not self._folder.exists():
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            sync_folder(self._folder.parent)


def write_durably(path: Path, content: bytes) -> None:
    """Replaces a file in one step: after it returned, a power cut leaves the new one, and before it the old one."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            _write_all(descriptor, content)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        temporary.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def is_full(error: OSError) -> bool:
    """Whether room would help."""
    return error.errno in _FULL


def sync_folder(folder: Path) -> None:
    """A new name in a folder outlives a power cut only once the folder itself is on the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:  # each turn writes at least a byte, or raises
        view = view[os.write(descriptor, view) :]


def _is_lines(path: Path) -> bool:
    return path.suffix in (_ENDING, _TAKEN)


def _number(path: Path) -> int:
    return int(path.name.split(".")[1])


def _read(path: Path) -> SpoolLines:
    found = SpoolLines(path)
    whole, _newline, _torn = path.read_bytes().rpartition(b"\n")
    for line in filter(None, whole.split(b"\n")):
        try:
            entry = json.loads(line)
        except ValueError:
            entry = None
        if isinstance(entry, dict):
            found.entries.append(entry)
        else:
            found.unread += 1
    return found
