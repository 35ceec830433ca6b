"""A proxy before PostgreSQL that cuts connections at COMMIT: after its bytes were delivered, or before.

Lives here: `CommitCutter`, on a Unix socket of its own. It reads the client's side of the protocol as a stream of
messages (one letter, four bytes of length), so a COMMIT is seen however the bytes are split. The one statement that
commits by itself, an order's opening, is cut at the Sync that ends it.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

_CHUNK = 65_536
_COMMITS_ITSELF = b"WITH moved AS"


class CommitCutter:
    """`share` of the commits are cut, half of those after they reached the server; `cut` and `delivered` count them."""

    def __init__(self, server: Path, rng: random.Random) -> None:
        self._server = server
        self._rng = rng
        self._tasks: set[asyncio.Task[None]] = set()
        self.share = 0.0
        self.cut = 0
        self.delivered = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        up_writer: asyncio.StreamWriter | None = None
        try:
            up_reader, up_writer = await asyncio.open_unix_connection(str(self._server))
            async with asyncio.TaskGroup() as both:
                mute: list[bool] = []
                both.create_task(self._upwards(reader, up_writer, mute))
                both.create_task(_downwards(up_reader, writer, mute))
        except* (OSError, asyncio.IncompleteReadError, _Cut):
            pass  # either side is gone, or was made to be
        finally:
            for each in (writer, up_writer):
                if each is not None:
                    each.close()
            self._tasks.discard(task)

    async def _upwards(self, reader: asyncio.StreamReader, up: asyncio.StreamWriter, mute: list[bool]) -> None:
        """From the client. Before a commit is delivered whose answer is to get lost, the other direction is `mute`."""
        length = await reader.readexactly(4)  # the first message has no letter
        up.write(length + await reader.readexactly(int.from_bytes(length) - 4))
        await up.drain()
        watched = _Statements()
        while True:
            head = await reader.readexactly(5)
            body = await reader.readexactly(int.from_bytes(head[1:]) - 4)
            is_commit = watched.ends_one(head[:1], body) or (head[:1] in b"QP" and b"COMMIT" in body[:20].upper())
            cuts = is_commit and self._rng.random() < self.share
            if cuts:
                mute.append(True)
            if not cuts or self._rng.random() < 0.5:
                up.write(head + body)
                await up.drain()
                if cuts:
                    self.delivered += 1
                    await asyncio.sleep(0.05)  # the server does it, and its answer gets lost
            if cuts:
                self.cut += 1
                raise _Cut

    async def end(self) -> None:
        """After the clients are gone: each connection ends by itself."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=5)


class _Statements:
    """Of one connection: which prepared statements commit by themselves, and whether one is about to."""

    def __init__(self) -> None:
        self._names: set[bytes] = set()
        self._is_bound = False

    def ends_one(self, kind: bytes, body: bytes) -> bool:
        match kind:
            case b"P":
                name = body.partition(b"\0")[0]
                (self._names.add if _COMMITS_ITSELF in body else self._names.discard)(name)
            case b"B":
                self._is_bound = body.split(b"\0", 2)[1] in self._names
            case b"S":
                ends, self._is_bound = self._is_bound, False
                return ends
        return False


class _Cut(Exception):
    pass


async def _downwards(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, mute: list[bool]) -> None:
    while chunk := await reader.read(_CHUNK):
        if not mute:
            writer.write(chunk)
            await writer.drain()
    raise _Cut


@asynccontextmanager
async def commit_cutter(server: Path, folder: Path, rng: random.Random) -> AsyncIterator[CommitCutter]:
    """`server` is PostgreSQL's own socket, `folder` where the proxy's is, under the same name."""
    cutter = CommitCutter(server, rng)
    listening = await asyncio.start_unix_server(cutter.serve, str(folder / server.name))
    try:
        yield cutter
    finally:
        listening.close()
        await cutter.end()
        with contextlib.suppress(FileNotFoundError):
            (folder / server.name).unlink()
