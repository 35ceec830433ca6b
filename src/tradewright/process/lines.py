"""Children's output as lines: out of a pipe, and into files that stay small.

Lives here: `read_lines`, `RotatingFile`, `LogSink`. Not here: what the lines mean.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import IO, TextIO

_LINE_BYTES_MAX = 64 * 1024  # a longer one is cut into several
_CHUNK_BYTES = 16 * 1024


async def read_lines(pipe: IO[bytes]) -> AsyncIterator[str]:
    """Lines of a child's pipe without their ends, until the child and all who inherited the pipe have closed it."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=_CHUNK_BYTES)
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
    rest = b""
    try:
        while chunk := await reader.read(_CHUNK_BYTES):
            *whole, rest = (rest + chunk).split(b"\n")
            for line in whole:
                yield line.decode(errors="replace")
            if len(rest) >= _LINE_BYTES_MAX:
                yield rest.decode(errors="replace")
                rest = b""
        if rest:
            yield rest.decode(errors="replace")
    finally:
        transport.close()


class RotatingFile:
    """A text file of mode 0600 that is set aside as `.1`, `.2`, … when it grows; the oldest goes."""

    def __init__(self, path: Path, *, bytes_max: int = 4 * 1024 * 1024, kept: int = 2) -> None:
        self._path = path
        self._bytes_max = bytes_max
        self._kept = kept
        self._descriptor = self._open()
        self._size = os.fstat(self._descriptor).st_size

    def write(self, line: str) -> None:
        data = line.encode(errors="replace") + b"\n"
        if self._size and self._size + len(data) > self._bytes_max:
            self._rotate()
        self._size += os.write(self._descriptor, data)

    def close(self) -> None:
        os.close(self._descriptor)

    def _open(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def _rotate(self) -> None:
        for number in range(self._kept, 0, -1):
            older = self._path.with_name(f"{self._path.name}.{number}")
            newer = self._path if number == 1 else self._path.with_name(f"{self._path.name}.{number - 1}")
            with contextlib.suppress(FileNotFoundError):
                newer.replace(older)
        full = self._descriptor
        self._descriptor = self._open()  # where that fails, lines go on into the file that was set aside
        self._size = os.fstat(self._descriptor).st_size
        os.close(full)


class LogSink:
    """Where lines go: a file for each name in `directory`, and with `echo` also that stream, behind the name.

    A full disk or a closed terminal loses lines, never the run.
    """

    def __init__(self, directory: Path, *, echo: TextIO | None = sys.stderr) -> None:
        self._directory = directory
        self._echo = echo
        self._files: dict[str, RotatingFile] = {}

    def write(self, name: str, line: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            if self._echo is not None:
                self._echo.write(f"{name:<8} | {line}\n")
                self._echo.flush()
        with contextlib.suppress(OSError):
            if name not in self._files:
                self._files[name] = RotatingFile(self._directory / f"{name}.log")
            self._files[name].write(line)

    def close(self) -> None:
        for file in self._files.values():
            file.close()
        self._files.clear()
