"""One WebSocket connection on picows: frames in, JSON out, ping every 20 s, silence noticed.

Lives here: `StreamLink`, from connect to close. Not here: trying again (`stream`), what is said (`*_stream`).
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec
from picows import WSCloseCode, WSError, WSFrame, WSListener, WSMsgType, WSTransport, ws_connect
from python_socks import ProxyConnectionError, ProxyError, ProxyTimeoutError

from tradewright.core.clock import Clock
from tradewright.exchange.bybit.proxy import Proxy
from tradewright.exchange.bybit.values import words
from tradewright.exchange.bybit.wire import StreamFrame
from tradewright.exchange.ports import LinkFault

PING_EVERY_S = 20.0
SILENCE_MAX_S = 28.0  # so that with all delays it is noticed within 30 s
CONNECT_TIMEOUT_S = 10.0
HANDSHAKE_TIMEOUT_S = 5.0
ANSWER_TIMEOUT_S = 5.0
MESSAGE_BYTES_MAX = 8 * 1024 * 1024
_PING = msgspec.json.encode({"op": "ping"})


class StreamFailed(Exception):
    """The connection could not be opened, or the peer refused what was asked on it; the text says which."""

    def __init__(self, message: str, code: LinkFault) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class LinkEnd:
    """Why a connection ended: for the page, and in words for the log."""

    code: LinkFault
    reason: str


class StreamLink:
    """Everything about one connection; used once. `heard` is called with each whole text message."""

    def __init__(self, heard: Callable[[bytes], None], *, clock: Clock) -> None:
        self._heard = heard
        self._clock = clock
        self._transport: WSTransport | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._ended: asyncio.Future[LinkEnd] = asyncio.get_running_loop().create_future()
        self._gone = asyncio.Event()
        self._asked: dict[str, asyncio.Future[StreamFrame]] = {}
        self._fragments = bytearray()
        self._abandoned = False
        self._last_frame_s = clock.monotonic()

    async def connect(self, url: str, *, use_aiofastnet: bool | None, proxy: Proxy | None = None) -> None:
        """Raises `StreamFailed`. A cancelled connect is dropped, at the latest when its handshake times out (5 s)."""
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await ws_connect(
                    lambda: _Listener(self),
                    url,
                    websocket_handshake_timeout=HANDSHAKE_TIMEOUT_S,
                    max_frame_size=MESSAGE_BYTES_MAX,
                    max_redirects=0,
                    use_aiofastnet=use_aiofastnet,
                    proxy=None if proxy is None else proxy.url,
                )
        except (ProxyError, ProxyConnectionError, ProxyTimeoutError) as problem:
            reason = words(str(problem)) or type(problem).__name__
            shown = "" if proxy is None else proxy.shown
            raise StreamFailed(f"through the proxy {shown}: {reason}", "link.proxy") from problem
        except (OSError, WSError, TimeoutError) as problem:
            through = "" if proxy is None else f" through the proxy {proxy.shown}"
            reason = f"cannot connect{through}: {problem or type(problem).__name__}"
            # With a proxy the first connection is the proxy's: a refused one says nothing of the exchange.
            at_proxy = proxy is not None and isinstance(problem, ConnectionError | socket.gaierror)
            raise StreamFailed(reason, "link.proxy" if at_proxy else "link.unreachable") from problem
        self._last_frame_s = self._clock.monotonic()
        self._keeper = asyncio.create_task(self._keep(), name="bybit-stream-keeper")

    @property
    def has_ended(self) -> bool:
        return self._ended.done()

    def send(self, frame: Mapping[str, object]) -> None:
        """Sends one JSON object; into the void once the connection has ended."""
        if self._transport is not None and not self._ended.done():
            self._transport.send(WSMsgType.TEXT, msgspec.json.encode(frame))

    async def ask(self, frame: Mapping[str, object], op: str) -> StreamFrame:
        """Sends and waits for the frame that answers this `op`. Raises `StreamFailed` after 5 s or at the end."""
        answer = self._asked[op] = asyncio.get_running_loop().create_future()
        self.send(frame)
        try:
            await asyncio.wait([answer, self._ended], timeout=ANSWER_TIMEOUT_S, return_when=asyncio.FIRST_COMPLETED)
            if answer.done():
                reply: StreamFrame = answer.result()
                return reply
            if self._ended.done():
                end = self._ended.result()
                raise StreamFailed(f"closed while waiting for the answer to {op}: {end.reason}", end.code)
            raise StreamFailed(f"no answer to {op} within {ANSWER_TIMEOUT_S:g} s", "link.unanswered")
        finally:
            self._asked.pop(op, None)
            answer.cancel()

    def answered(self, frame: StreamFrame) -> None:
        """Gives a frame without topic to whoever waits for it."""
        answer = self._asked.get(frame.op)
        if answer is not None and not answer.done():
            answer.set_result(frame)

    def drop(self, code: LinkFault, reason: str) -> None:
        """Ends the connection now, for this reason."""
        if not self._ended.done():
            self._ended.set_result(LinkEnd(code, reason))
        if self._transport is not None:
            self._transport.disconnect(graceful=False)

    async def wait_closed(self) -> LinkEnd:
        """Returns why the connection ended."""
        return await asyncio.shield(self._ended)

    async def close(self) -> None:
        """Leaves nothing behind: the socket is closed and the keeper has ended."""
        self._abandoned = True
        self.drop("link.closed", "closed by us")
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait([self._keeper])
        if self._transport is not None:
            await self._gone.wait()

    def connected(self, transport: WSTransport) -> None:
        if self._abandoned:
            transport.disconnect(graceful=False)
            return
        self._transport = transport

    def received(self, transport: WSTransport, frame: WSFrame) -> None:
        self._last_frame_s = self._clock.monotonic()
        if self._ended.done():
            return
        if frame.msg_type is WSMsgType.TEXT and frame.fin:
            self._heard(frame.get_payload_as_bytes())
        elif frame.msg_type in (WSMsgType.TEXT, WSMsgType.CONTINUATION):
            self._fragments += frame.get_payload_as_bytes()
            if len(self._fragments) > MESSAGE_BYTES_MAX:
                self.drop("link.overloaded", f"a message is longer than {MESSAGE_BYTES_MAX} bytes")
            elif frame.fin:
                message, self._fragments = bytes(self._fragments), bytearray()
                self._heard(message)
        elif frame.msg_type is WSMsgType.CLOSE:
            self._ended.set_result(LinkEnd("link.closed", f"closed by the exchange ({frame.get_close_code()})"))
            transport.send_close(WSCloseCode.OK)
            transport.disconnect()

    def lost(self) -> None:
        self._gone.set()
        if not self._ended.done():
            self._ended.set_result(LinkEnd("link.lost", "the connection was lost"))

    async def _keep(self) -> None:
        """Pings, and ends a connection that is silent; also after a sleep of the machine, for the clock goes on."""
        ping_at = self._clock.monotonic() + PING_EVERY_S
        while True:
            now = self._clock.monotonic()
            silent_at = self._last_frame_s + SILENCE_MAX_S
            if now >= silent_at:
                self.drop("link.silent", f"silent for {now - self._last_frame_s:.0f} s")
                return
            if now >= ping_at:
                if self._transport is not None:
                    self._transport.send(WSMsgType.TEXT, _PING)
                ping_at = now + PING_EVERY_S
            await self._clock.sleep(min(ping_at, silent_at) - now)


class _Listener(WSListener):
    """Hands picows' callbacks to the link."""

    def __init__(self, link: StreamLink) -> None:
        super().__init__()
        self._link = link

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._link.connected(transport)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        self._link.received(transport, frame)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self._link.lost()
