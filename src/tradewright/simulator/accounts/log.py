"""The durable log: one JSON line per event, on disk before anybody is told.

Lives here: appending with fsync, reading back, mending a torn last line. Not here: what the events mean (`account`).
The write blocks the loop on purpose: an answer that overtakes its own record would be a lie after a power cut, and an
exchange with one account writes a few lines a second.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

import msgspec

from tradewright.simulator.accounts.events import Entry, Event
from tradewright.simulator.disk import sync_folder
from tradewright.simulator.errors import StateUnusable

LOG_FILE = "log.jsonl"


class LogDamaged(StateUnusable):
    """A line cannot be read and is not the torn last one; the exchange must not guess."""


class LogInUse(StateUnusable):
    """Another exchange writes to it."""


class EventLog:
    """Events in order, in memory and, with a folder, in `folder`/log.jsonl."""

    def __init__(self, folder: Path | None) -> None:
        self.entries: list[Entry] = []
        self.heard: Callable[[Sequence[Entry]], None] | None = None  # is told of entries once they are on disk
        self._encoder = msgspec.json.Encoder()
        self._file: BinaryIO | None = None
        if folder is not None:
            self._file = self._open(folder / LOG_FILE)

    def append(self, events: Sequence[Event]) -> list[Entry]:
        """Write the events as one piece and wait until they are on disk. Returns them with their sequence numbers."""
        first = len(self.entries) + 1
        fresh = [Entry(seq=first + place, event=event) for place, event in enumerate(events)]
        if self._file is not None:
            self._write(self._file.fileno(), b"".join(self._encoder.encode(entry) + b"\n" for entry in fresh))
        self.entries.extend(fresh)
        if self.heard is not None:
            self.heard(fresh)
        return fresh

    def since(self, seq: int, *, limit: int) -> list[Entry]:
        """Up to `limit` entries after `seq`, oldest first."""
        return self.entries[max(seq, 0) : max(seq, 0) + limit]

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _write(self, descriptor: int, content: bytes) -> None:
        """All of it on disk, or none of it and an `OSError`: half a line would spoil every line after it."""
        before = os.fstat(descriptor).st_size
        try:
            left = memoryview(content)
            while left:
                left = left[os.write(descriptor, left) :]
            os.fsync(descriptor)
        except OSError:
            os.ftruncate(descriptor, before)
            raise

    def _open(self, path: Path) -> BinaryIO:
        """Lock the file, read what is there, and cut off a last line that a crash left unfinished."""
        file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "ab")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            raise LogInUse(f"{path} is in use by another exchange; stop it or give another --state folder.") from None
        try:
            self._read(path, file)
        except LogDamaged:
            file.close()
            raise
        sync_folder(path.parent)
        return file

    def _read(self, path: Path, file: BinaryIO) -> None:
        content = path.read_bytes()
        whole = content.rfind(b"\n") + 1
        decoder = msgspec.json.Decoder(Entry)
        for number, line in enumerate(content[:whole].splitlines(), start=1):
            try:
                entry = decoder.decode(line)
            except msgspec.MsgspecError as error:
                raise LogDamaged(
                    f"{path} line {number} cannot be read ({error}); "
                    "restore the file from a copy or start with an empty folder."
                ) from error
            if entry.seq != number:
                raise LogDamaged(
                    f"{path} line {number} has sequence {entry.seq}, expected {number}; restore the file from a copy."
                )
            self.entries.append(entry)
        if whole < len(content):
            os.ftruncate(file.fileno(), whole)
            os.fsync(file.fileno())
