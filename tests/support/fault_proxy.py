"""A proxy between a client and its exchange that does on real sockets what networks do: REST and WebSocket on one port.

Lives here: `FaultProxy`, whose faults are told in advance: of an order by its link id, of the next reads in turn, of
the streams at once or at their next handshakes. `struck` counts what was really done. Not here: what must come of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, Literal, TypeVar
from urllib.parse import urlsplit

_CHUNK: Final = 65_536
_LATE_S: Final = 7.0
_HELD_S: Final = 120.0  # a half-open socket, unless its client gives it up before

# Of one REST call. `…_before`: nothing of it reaches the exchange; all others are delivered.
RestFault = Literal[
    "swallowed_reply", "bad_gateway", "truncated_body", "half_open", "half_open_before", "late_reply", "late_request"
]
DELIVERED: Final[tuple[RestFault, ...]] = (
    "swallowed_reply",
    "bad_gateway",
    "truncated_body",
    "half_open",
    "late_reply",
)
UNDELIVERED: Final[tuple[RestFault, ...]] = ("half_open_before", "late_request")  # the exchange refuses what is so old
HandshakeFault = Literal["handshake_502", "handshake_unanswered"]
_Proxy = TypeVar("_Proxy", bound="FaultProxy")
_BAD_GATEWAY: Final = b"HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\nContent-Length: 11\r\n\r\nbad gateway"


class FaultProxy:
    """`orders` has the fault of an order's first request by its link id, `reads` those of the next GETs, `handshakes`
    those of the next streams; all are used up. `stream_late_s` holds back each frame to the client, `stream_silent`
    lets nothing through either way while the connections stay; it goes with the streams that are open then."""

    def __init__(self, rest: str, stream: str) -> None:
        self._rest, self._stream = urlsplit(rest), urlsplit(stream)
        self._port = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._streams: set[_Stream] = set()
        self.orders: dict[str, RestFault] = {}
        self.reads: deque[RestFault] = deque()
        self.handshakes: deque[HandshakeFault] = deque()
        self.stream_late_s = 0.0
        self.struck: Counter[str] = Counter()

    @property
    def rest(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def stream(self) -> str:
        return f"ws://127.0.0.1:{self._port}{self._stream.path}"

    @property
    def streams(self) -> int:
        """How many streams are open."""
        return len(self._streams)

    def silence_streams(self) -> None:
        """From now on no byte passes through the streams that are open; nobody is told."""
        for stream in self._streams:
            stream.is_silent = True
            self.struck["stream_half_open"] += 1

    def cut_streams_within_a_frame(self) -> None:
        """The next frame to each client ends in its middle, and the connection with it."""
        for stream in self._streams:
            stream.cuts_next = True

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            while (head := await _head(reader)) is not None:
                if b"upgrade: websocket" in head.lower():
                    await self._pass_stream(head, reader, writer)
                    return
                if not await self._pass_call(head, await _body(head, reader), writer):
                    return
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            self._tasks.discard(task)

    async def end(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # REST.

    async def meets(self, method: str, path: str, body: bytes) -> None:
        """A whole call has come, and nothing of it was passed on: for those who look at that moment."""

    async def _pass_call(self, head: bytes, body: bytes, writer: asyncio.StreamWriter) -> bool:
        """Whether the connection goes on."""
        method, path, _version = head.split(b"\r\n")[0].decode().split(" ")
        await self.meets(method, path, body)
        fault = self._fault_of(method, path, body)
        if fault is not None:
            self.struck[fault] += 1
        if fault == "half_open_before":
            await asyncio.sleep(_HELD_S)
            return False
        if fault == "late_request":
            await asyncio.sleep(_LATE_S)
        answer = await self._asked(head, body)
        match fault:
            case "swallowed_reply":
                return False
            case "half_open":
                await asyncio.sleep(_HELD_S)
                return False
            case "bad_gateway":
                answer = _BAD_GATEWAY
            case "truncated_body":
                headers, mark, content = answer.partition(b"\r\n\r\n")
                writer.write(headers + mark + content[: len(content) // 2])
                await writer.drain()
                return False
            case "late_reply":
                await asyncio.sleep(_LATE_S)
            case _:
                pass
        writer.write(answer)
        await writer.drain()
        return True

    def _fault_of(self, method: str, path: str, body: bytes) -> RestFault | None:
        if method == "POST" and path == "/v5/order/create":
            return self.orders.pop(str(json.loads(body).get("orderLinkId")), None)
        if method == "GET" and path.startswith(("/v5/order", "/v5/position", "/v5/execution")) and self.reads:
            return self.reads.popleft()
        return None

    async def _asked(self, head: bytes, body: bytes) -> bytes:
        """The exchange's whole answer."""
        reader, writer = await asyncio.open_connection(self._rest.hostname, self._rest.port)
        try:
            writer.write(head + body)
            await writer.drain()
            answered = await _head(reader)
            if answered is None:
                raise OSError("the exchange ended the connection without an answer")
            return answered + await _body(answered, reader)
        finally:
            writer.close()

    # Streams.

    async def _pass_stream(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.handshakes:
            fault = self.handshakes.popleft()
            self.struck[fault] += 1
            if fault == "handshake_unanswered":
                await reader.read()  # until the client gives it up
            else:
                writer.write(_BAD_GATEWAY)
                await writer.drain()
            return
        far_reader, far_writer = await asyncio.open_connection(self._stream.hostname, self._stream.port)
        far_writer.write(head)
        stream = _Stream(self)
        self._streams.add(stream)
        pumps = [
            asyncio.create_task(stream.up(reader, far_writer)),
            asyncio.create_task(stream.down(far_reader, writer)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._streams.discard(stream)
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            far_writer.close()


class _Stream:
    def __init__(self, proxy: FaultProxy) -> None:
        self._proxy = proxy
        self.is_silent = False
        self.cuts_next = False

    async def up(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(_CHUNK):
                if not self.is_silent:
                    writer.write(data)
                    await writer.drain()

    async def down(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Late frames keep their order: each waits for the one before, and no longer than its own lateness."""
        loop = asyncio.get_running_loop()
        late: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

        async def deliver() -> None:
            while True:
                due_s, data = await late.get()
                await asyncio.sleep(max(due_s - loop.time(), 0))
                if not self.is_silent:
                    writer.write(data)
                    await writer.drain()

        delivering = asyncio.create_task(deliver())
        try:
            while data := await reader.read(_CHUNK):
                if self.cuts_next:
                    self._proxy.struck["stream_truncated"] += 1
                    writer.write(data[: len(data) // 2])
                    await writer.drain()
                    return
                self._proxy.struck["stream_late"] += self._proxy.stream_late_s > 0
                late.put_nowait((loop.time() + self._proxy.stream_late_s, data))
        finally:
            delivering.cancel()
            await asyncio.gather(delivering, return_exceptions=True)


async def _head(reader: asyncio.StreamReader) -> bytes | None:
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as ended:
        if ended.partial:
            raise
        return None


async def _body(head: bytes, reader: asyncio.StreamReader) -> bytes:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"transfer-encoding":
            raise AssertionError("neither side of this exchange sends in chunks")
        if name.strip().lower() == b"content-length":
            return await reader.readexactly(int(value))
    return b""


@asynccontextmanager
async def fault_proxy(rest: str, stream: str) -> AsyncIterator[FaultProxy]:
    """`rest` and `stream` are the exchange's own addresses."""
    async with serving(FaultProxy(rest, stream)) as proxy:
        yield proxy


@asynccontextmanager
async def serving(proxy: _Proxy) -> AsyncIterator[_Proxy]:
    """On a port of its own."""
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy._port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        await proxy.end()
