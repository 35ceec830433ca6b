"""TCP in memory on the virtual loop: what a program writes on one end arrives at the other after a seeded delay.

Lives here: `NetworkLoop`, which answers `create_server`, `sock_connect` and `create_connection` itself, `Link`, one
connection, and `Host`, one machine's programs, which may be cut off dead. HTTP and WebSocket on both sides are the real
ones and know nothing of it: aiohttp's client and server, and picows (`use_aiofastnet=False`; it hands its bytes to the
transport because the socket's number is -1).
Not here: which delays and faults there are (`wire`).
"""

from __future__ import annotations

import asyncio
import socket
from asyncio import events
from collections import deque
from collections.abc import Callable
from contextvars import ContextVar
from functools import partial
from typing import Any, Final, Protocol

import aiohttp.connector

from tradewright.lab.virtual_loop import VirtualLoop

PORT: Final = 9_300  # of the one server there is
_APART_S: Final = 1e-7
current_host: ContextVar[Host | None] = ContextVar("current_host", default=None)


class Wire(Protocol):
    """What becomes of connections and bytes. All spans are virtual seconds."""

    def connecting(self) -> float:
        """How long a connection takes to open. Raises `OSError` where it does not."""
        ...

    def opened(self, link: Link) -> None: ...

    def carries(self, end: End, data: bytes) -> None:
        """Bytes leave an end: `end.deliver` lets some of them arrive at the other, now or later or never."""
        ...

    def delay_s(self) -> float:
        """How long the end of a connection takes to be noticed."""
        ...


class Host:
    """The programs of one machine: what they opened, until they are stopped dead, as by SIGKILL.

    `freeze` stops them as SIGSTOP does, at whatever they are doing: bytes that are on their way out or in stay where
    they are until `thaw`. What a program does in its own memory goes on here; nobody can tell, as none of it gets out.
    """

    def __init__(self) -> None:
        self.is_dead = False
        self.epoch = 0  # under which these programs own the account
        self.is_thawing = False  # what leaves now had been on its way before
        self.links: list[Link] = []
        self._held: list[Callable[[], None]] = []
        self._running = asyncio.Event()
        self._running.set()

    @property
    def is_frozen(self) -> bool:
        return not self._running.is_set()

    def die(self) -> None:
        """From here on nothing leaves. What had left goes on by itself; the peers learn of the end."""
        self.is_dead = True
        self._held.clear()
        self._running.set()
        for link in self.links:
            link.client.vanish()

    def freeze(self) -> None:
        self._running.clear()

    def thaw(self) -> None:
        self._running.set()
        held, self._held = self._held, []
        self.is_thawing = True
        for act in held:
            act()
        self.is_thawing = False

    async def runs(self) -> None:
        """Returns while it is not frozen."""
        await self._running.wait()

    def hold(self, act: Callable[[], None]) -> None:
        self._held.append(act)


class FakeSocket:
    """Enough of a socket for those who set options on it."""

    family = socket.AF_INET
    type = socket.SOCK_STREAM
    proto = socket.IPPROTO_TCP

    def fileno(self) -> int:
        return -1

    def setsockopt(self, *_options: Any) -> None:
        return None

    def getsockopt(self, *_options: Any) -> int:
        return 0


class Link:
    """One connection. `is_stream` once it has become a WebSocket."""

    def __init__(self, loop: NetworkLoop, number: int, host: Host | None) -> None:
        self.number = number
        self.host = host
        self.is_stream = False
        self.weight = 1.0  # how much the wire's faults are about what was asked last
        self.is_mute = False  # open on both ends, and nothing arrives any more
        ours, theirs = ("127.0.0.1", 40_000 + number), ("127.0.0.1", PORT)
        self.client = End(loop, self, True, ours, theirs)
        self.server = End(loop, self, False, theirs, ours)

    def reset(self) -> None:
        """Both ends learn that the connection is gone, at once."""
        for end in (self.client, self.server):
            end.lost(ConnectionResetError("connection reset"))


class End(asyncio.Transport):
    """One end, which its program holds as its transport."""

    def __init__(
        self, loop: NetworkLoop, link: Link, is_client: bool, ours: tuple[str, int], theirs: tuple[str, int]
    ) -> None:
        super().__init__({"socket": FakeSocket(), "sockname": ours, "peername": theirs})
        self._loop = loop
        self.link = link
        self.is_client = is_client
        self.protocol: Any = None
        self._is_closing = False
        self._is_ending = False  # by its own program, which will learn of it
        self._is_lost = False
        self._is_paused = False
        self._arrived: deque[bytes | None] = deque()  # while reading is paused; None is the end
        self._last_s = 0.0  # when what left last arrives

    @property
    def peer(self) -> End:
        return self.link.server if self.is_client else self.link.client

    @property
    def _is_dead(self) -> bool:
        return self.is_client and self.link.host is not None and self.link.host.is_dead

    @property
    def _frozen(self) -> Host | None:
        """The machine of this end while it stands still."""
        host = self.link.host
        return host if self.is_client and host is not None and host.is_frozen else None

    def begin(self, protocol: Any) -> None:
        self.protocol = protocol
        protocol.connection_made(self)

    # What the program does.

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._is_closing or self._is_lost or self._is_dead or not len(data):
            return
        if (host := self._frozen) is not None:
            host.hold(partial(self._loop.wire.carries, self, bytes(data)))
            return
        self._loop.wire.carries(self, bytes(data))

    def can_write_eof(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return self._is_closing or self._is_lost

    def close(self) -> None:
        """What was written still arrives; then the other end learns of it."""
        if not self._is_ending:
            self._is_ending = True
            self.vanish()
            self._loop.call_soon(self.lost, None)

    def abort(self) -> None:
        self.close()

    def set_protocol(self, protocol: Any) -> None:
        self.protocol = protocol

    def get_protocol(self) -> Any:
        return self.protocol

    def is_reading(self) -> bool:
        return not self._is_paused

    def pause_reading(self) -> None:
        self._is_paused = True

    def resume_reading(self) -> None:
        if self._is_paused:
            self._is_paused = False
            self._loop.call_soon(self._take_arrived)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        return None

    # What the wire does.

    def deliver(self, data: bytes | None, delay_s: float) -> None:
        """These bytes, or the end of all, arrive at the other end, never before what left earlier."""
        # Strictly later: of two timers of one moment the loop may run either first.
        self._last_s = max(self._last_s + _APART_S, self._loop.time() + delay_s)
        self._loop.call_at(self._last_s, self.peer._receive, data)

    def vanish(self) -> None:
        """The program is dead."""
        if not self._is_closing:
            self._is_closing = True
            self._say_end()

    def lost(self, problem: Exception | None) -> None:
        if not self._is_lost:
            self._is_lost = self._is_closing = True
            self._arrived.clear()
            if self.protocol is not None:
                self.protocol.connection_lost(problem)

    def _say_end(self) -> None:
        if self.link.is_mute or self._is_lost:
            return
        if (host := self._frozen) is not None:
            host.hold(partial(self.deliver, None, _APART_S))
            return
        self.deliver(None, self._loop.wire.delay_s())

    def _receive(self, data: bytes | None) -> None:
        if self._is_lost or self._is_closing or self._is_dead:
            return
        if (host := self._frozen) is not None:
            host.hold(partial(self._receive, data))
            return
        self._arrived.append(data)
        if not self._is_paused:
            self._take_arrived()

    def _take_arrived(self) -> None:
        while self._arrived and not self._is_paused and not self._is_lost and not self._is_closing:
            data = self._arrived.popleft()
            if data is None:
                if not self.protocol.eof_received():
                    self._is_closing = True
                    self.lost(None)
            elif isinstance(self.protocol, asyncio.BufferedProtocol) or hasattr(self.protocol, "get_buffer"):
                self._feed(data)
            else:
                self.protocol.data_received(data)

    def _feed(self, data: bytes) -> None:
        start = 0
        while start < len(data) and not self._is_lost:
            room = self.protocol.get_buffer(-1)
            count = min(len(room), len(data) - start)
            room[:count] = data[start : start + count]
            self.protocol.buffer_updated(count)
            start += count


class _Server:
    """What `create_server` gives back."""

    def __init__(self, loop: NetworkLoop, port: int) -> None:
        self._loop = loop
        self._port = port
        self.sockets = ()

    def close(self) -> None:
        self._loop.listening.pop(self._port, None)

    async def wait_closed(self) -> None:
        return None

    def is_serving(self) -> bool:
        return self._port in self._loop.listening


class NetworkLoop(VirtualLoop):
    """The virtual loop with a network of its own; no byte of it reaches the machine's."""

    def __init__(self, wire: Wire) -> None:
        super().__init__()
        self.wire = wire
        self.listening: dict[int, Callable[[], Any]] = {}
        self.links: list[Link] = []
        self._connected: dict[int, int] = {}  # port by the number of the socket that stands for the connection

    async def create_server(self, protocol_factory: Any, *_: Any, **__: Any) -> Any:
        # Not where its socket is: that number is another one in each run, and would be in the texts of errors.
        self.listening[PORT] = protocol_factory
        return _Server(self, PORT)

    async def sock_connect(self, sock: Any, address: Any) -> None:
        if (machine := current_host.get()) is not None:
            await machine.runs()
        await self._reach(int(address[1]))
        self._connected[sock.fileno()] = int(address[1])

    async def create_connection(
        self, protocol_factory: Any, host: str | None = None, port: int | None = None, *, sock: Any = None, **_: Any
    ) -> tuple[End, Any]:
        machine = current_host.get()
        if machine is not None:
            await machine.runs()
        if sock is None:
            assert port is not None, "somewhere"
            await self._reach(port)
        else:
            port = self._connected.pop(sock.fileno())
            sock.close()  # it has only carried the address
        accept = self.listening.get(port)
        if accept is None or (machine is not None and machine.is_dead):
            raise ConnectionRefusedError(111, f"connection to port {port} refused")
        link = Link(self, len(self.links) + 1, machine)
        self.links.append(link)
        if machine is not None:
            machine.links.append(link)
        self.wire.opened(link)
        protocol = protocol_factory()
        link.server.begin(accept())
        link.client.begin(protocol)
        return link.client, protocol

    async def _reach(self, port: int) -> None:
        await asyncio.sleep(self.wire.connecting())
        if port not in self.listening:
            raise ConnectionRefusedError(111, f"connection to port {port} refused")


def run_networked(main: Any, wire: Wire) -> Any:
    """Runs a coroutine to its end on a loop of its own with a network of its own."""
    loop = NetworkLoop(wire)
    loop.set_exception_handler(lambda _loop, _context: None)  # what dead processes leave behind is no news
    clock_of_connections: object = vars(aiohttp.connector)["monotonic"]
    vars(aiohttp.connector)["monotonic"] = loop.time  # it counts the age of idle connections by the machine's
    try:
        events.set_event_loop(loop)
        return loop.run_until_complete(main)
    finally:
        vars(aiohttp.connector)["monotonic"] = clock_of_connections
        events.set_event_loop(None)
        loop.close()
