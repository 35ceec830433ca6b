"""The truth log: what really happened, in one strictly rising sequence, for whoever checks the exchange's clients.

Lives here: records as JSON lines, in memory up to a bound and, with a folder, in `truth.jsonl`. Not here: what is worth
a record (`calls`, `sockets`, `armed`, the server's wiring), the account's durable log (`accounts.log`).
The file is buffered and not fsynced: after a crash its last fraction of a second may be missing, and the sequence goes
on with a gap. No secret ever comes here: no signature, no secret, of a key its first six characters.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgspec

TRUTH_FILE: Final = "truth.jsonl"
OLDER_FILE: Final = "truth.1.jsonl"
LINES_MAX: Final = 200_000
BYTES_MAX: Final = 32 * 1024 * 1024
FILE_BYTES_MAX: Final = 64 * 1024 * 1024
FLUSH_S: Final = 0.2
RESTART_GAP: Final = 1_000_000  # more than a buffer that a crash lost can have held
KEY_CHARACTERS: Final = 6


class _Head(msgspec.Struct):
    seq: int
    what: str = ""
    uid: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """`next` is what to read on after: of what was left out nothing is read again."""

    records: list[msgspec.Raw]
    next: int


class TruthLog:
    """Append with `record`, read with `after`. `wall_ms` is the machine's clock, which no fault skews."""

    def __init__(
        self,
        wall_ms: Callable[[], int],
        folder: Path | None = None,
        *,
        lines_max: int = LINES_MAX,
        bytes_max: int = BYTES_MAX,
        file_bytes_max: int = FILE_BYTES_MAX,
    ) -> None:
        """Raises `OSError` if the folder cannot be written."""
        self._wall_ms = wall_ms
        self._lines_max, self._bytes_max, self._file_bytes_max = lines_max, bytes_max, file_bytes_max
        self._lines: deque[bytes] = deque()
        self._bytes = 0
        self._encoder = msgspec.json.Encoder()
        self._path = None if folder is None else folder / TRUTH_FILE
        self._file: BinaryIO | None = None
        self._file_bytes = 0
        self._flush_timer: asyncio.TimerHandle | None = None
        self.last = 0
        if self._path is not None:
            self.last = _last_seq(self._path)
            self._open(self._path)
        self.record("started", {"gap": bool(self.last)})

    def record(self, what: str, fields: dict[str, Any]) -> int:
        """Write one record down; its sequence number."""
        if self._path is not None and self._file is None:
            return self.last  # closed
        self.last += 1
        line = self._encoder.encode({"seq": self.last, "wall_ms": self._wall_ms(), "what": what, **fields})
        self._lines.append(line)
        self._bytes += len(line)
        while len(self._lines) > self._lines_max or self._bytes > self._bytes_max:
            self._bytes -= len(self._lines.popleft())
        if self._file is not None:
            self._write(line)
        return self.last

    def after(self, seq: int, *, limit: int) -> list[msgspec.Raw]:
        """Up to `limit` records after `seq`, oldest first. Where some of them have been dropped from memory, the first
        is a record `dropped` that says so, with the number of the last that is missing.
        """
        first = self.last - len(self._lines)
        rows: list[msgspec.Raw] = []
        if seq < first:
            marker = {"seq": first, "wall_ms": self._wall_ms(), "what": "dropped", "through": first}
            rows.append(msgspec.Raw(self._encoder.encode(marker)))
        start = max(seq - first, 0)
        for place in range(start, min(start + limit - len(rows), len(self._lines))):
            rows.append(msgspec.Raw(self._lines[place]))
        return rows

    def page(self, after: int, *, limit: int, uid: str = "") -> Page:
        """The same for readers of pages; with a `uid` only what names that account, and the end of memory."""
        rows = self.after(after, limit=limit)
        if not rows:
            return Page([], max(after, 0))
        following = msgspec.json.decode(rows[-1], type=_Head).seq
        if uid:
            heads = [(msgspec.json.decode(row, type=_Head), row) for row in rows]
            rows = [row for head, row in heads if head.uid == uid or head.what == "dropped"]
        return Page(rows, following)

    def close(self) -> None:
        if self._flush_timer is not None:
            self._flush_timer.cancel()
            self._flush_timer = None
        if self._file is not None:
            self._file.close()
            self._file = None

    def _write(self, line: bytes) -> None:
        """A full disk must not stop the exchange for this: the file ends there, memory goes on."""
        assert self._file is not None, "only called with a file"
        assert self._path is not None, "a file has a path"
        try:
            if self._file_bytes + len(line) > self._file_bytes_max:
                self._file.close()
                self._path.replace(self._path.with_name(OLDER_FILE))
                self._open(self._path)
            self._file.write(line + b"\n")
        except OSError:
            self._give_up()
            return
        self._file_bytes += len(line) + 1
        if self._flush_timer is None:
            self._flush_timer = asyncio.get_running_loop().call_later(FLUSH_S, self._flush)

    def _flush(self) -> None:
        self._flush_timer = None
        if self._file is None:
            return
        try:
            self._file.flush()
        except OSError:
            self._give_up()

    def _give_up(self) -> None:
        self._path = None
        file, self._file = self._file, None
        if file is not None:
            with contextlib.suppress(OSError):
                file.close()
        self.record("file_ended", {})

    def _open(self, path: Path) -> None:
        """Append to what is there; a last line that a crash left unfinished is cut off."""
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self._file = os.fdopen(descriptor, "ab", buffering=256 * 1024)
        self._file_bytes = os.fstat(descriptor).st_size
        whole = _whole_bytes(path, self._file_bytes)
        if whole < self._file_bytes:
            os.ftruncate(descriptor, whole)
            self._file_bytes = whole


def short_key(key: str) -> str:
    """What of an API key's public half may be written down."""
    return key[:KEY_CHARACTERS]


def _last_seq(path: Path) -> int:
    """Where the sequence of the last run ended, moved on by a gap; 0 without one."""
    for each in (path, path.with_name(OLDER_FILE)):
        if not each.exists():
            continue
        lines = _tail(each, each.stat().st_size).splitlines()
        for line in reversed(lines):
            try:
                return msgspec.json.decode(line, type=_Head).seq + RESTART_GAP
            except msgspec.MsgspecError:
                continue
    return 0


def _whole_bytes(path: Path, size: int) -> int:
    tail = _tail(path, size)
    return size - len(tail) + tail.rfind(b"\n") + 1 if tail else size


def _tail(path: Path, size: int) -> bytes:
    """The last part of a file, longer than any line."""
    with path.open("rb") as file:
        file.seek(max(size - 1024 * 1024, 0))
        return file.read()
