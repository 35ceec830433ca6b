"""One WebSocket client of ours: frames in, frames out, and a bound on how far it may fall behind.

Lives here: `Connection` and its writer. Not here: what topics mean (`ws_public`, `ws_private`).
A client that does not read fast enough is cut off: nothing may be dropped silently, and memory is not endless.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from uuid import uuid4

from aiohttp import WSMsgType, web

from tradewright.simulator.faults.sockets import SOCKETS, Watch
from tradewright.simulator.frames import Frame, encode, read_object

BACKLOG_MAX = 2_000  # frames waiting for one client
GOODBYE_S = 0.5
# Known clients note a subscription after they have sent it and break on an answer that is there before. A real exchange
# is never that near.
SUBSCRIPTION_DELAY_S = 0.02
FRAME_BYTES_MAX = 64 * 1024  # Bybit allows 21 000 characters of arguments


class Connection:
    """A connected client. `send` never waits; frames leave in order.

    `pings` counts those it has sent, as frames or in the protocol; `idle_ms` is how long it may be quiet.
    """

    def __init__(self, request: web.Request, *, idle_ms: int = 600_000) -> None:
        self.id = str(uuid4())
        self.topics: set[str] = set()
        self.address = request.remote or ""
        self.idle_ms = idle_ms
        self.pings = 0
        self._stirred = True
        self._request = request
        # Protocol pings are answered here, not by aiohttp, so that they are counted.
        self.socket = web.WebSocketResponse(autoping=False, max_msg_size=FRAME_BYTES_MAX)
        self._backlog: asyncio.Queue[str] = asyncio.Queue(maxsize=BACKLOG_MAX)
        self._writer: asyncio.Task[None] | None = None
        self._watch: Watch | None = None

    async def open(self) -> web.WebSocketResponse:
        await self.socket.prepare(self._request)
        self._writer = asyncio.create_task(self._write())
        gate = self._request.app.get(SOCKETS)
        self._watch = None if gate is None else gate.opened(self, self._request.path)
        return self.socket

    def belongs_to(self, uid: str) -> None:
        """It has authenticated."""
        if self._watch is not None:
            self._watch.authenticated(uid)

    def send(self, frame: Frame) -> None:
        """Queue one frame, unless a fault keeps it."""
        if self._watch is None or self._watch.lets_out(frame):
            self._queue(encode(frame))

    def send_text(self, text: str) -> None:
        """The same for a frame that goes to many and is encoded already."""
        if self._watch is None or self._watch.lets_out(None):
            self._queue(text)

    def _queue(self, text: str) -> None:
        """A client that is too far behind is disconnected at once."""
        self._stirred = True
        try:
            self._backlog.put_nowait(text)
        except asyncio.QueueFull:
            self.abort()

    @property
    def frames_behind(self) -> int:
        """How many frames wait for the client to take them."""
        return self._backlog.qsize()

    def take_stirred(self) -> bool:
        """Whether it was pinged or told something since the last time this was asked."""
        stirred, self._stirred = self._stirred, False
        return stirred

    def abort(self) -> None:
        """Drop the connection without a goodbye."""
        if self._request.transport is not None:
            self._request.transport.abort()

    async def frames(self) -> AsyncIterator[Frame]:
        """Client frames until the connection ends; an empty one for what is not a JSON object.

        When the client vanishes, aiohttp cancels the handler: clean up in `finally`.
        """
        async for message in self.socket:
            if message.type is WSMsgType.PING:
                # pybit derives its own liveness from the answers.
                self._note_ping()
                if self._watch is None or self._watch.lets_out(None, is_pong=True):
                    with contextlib.suppress(ConnectionError):
                        await self.socket.pong(message.data)
            if message.type is not WSMsgType.TEXT:
                continue
            try:
                frame = read_object(message.data)
            except ValueError:
                frame = {}
            if frame.get("op") == "ping":
                self._note_ping()
            if frame.get("op") in ("subscribe", "unsubscribe"):
                await asyncio.sleep(SUBSCRIPTION_DELAY_S)
            yield frame

    def _note_ping(self) -> None:
        self.pings += 1
        self._stirred = True

    async def close(self) -> None:
        """Send what is queued, then say goodbye; with `GOODBYE_S` of patience."""
        try:
            async with asyncio.timeout(GOODBYE_S):
                if self._writer is not None and not self._writer.done():
                    await self._backlog.join()
                await self.socket.close()
        except (TimeoutError, ConnectionError):
            self.abort()
        finally:
            if self._writer is not None:
                self._writer.cancel()
            if self._watch is not None:
                self._watch.closed()

    async def _write(self) -> None:
        while True:
            text = await self._backlog.get()
            try:
                await self.socket.send_str(text)
            except (ConnectionError, RuntimeError):
                # The client is gone: what is queued has nobody to go to, and the reader must not wait for more.
                self.abort()
                return
            finally:
                self._backlog.task_done()
