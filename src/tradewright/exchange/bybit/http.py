"""One HTTP call to Bybit: keep-alive, time limit, size bound, no redirects, a proxy where one is set.

Lives here: `HttpTransport` on aiohttp, the last question before a command's bytes leave, and whether a failed call may
have reached the peer. Not here: what is said (`rest`), what an answer means (`errors`).

A command takes a connection of aiohttp's pool and is written on it by ourselves, in one piece; its answer is read by
aiohttp's parser like any other. What aiohttp does around that, for all that HTTP may be, cost more than everything else
of an order (decision 0027).
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp_socks import ProxyConnector, ProxyType
from python_socks import ProxyError
from yarl import URL

from tradewright.exchange.bybit.proxy import Proxy
from tradewright.exchange.bybit.values import words

CALL_TIMEOUT_S = 5.0  # the recv window: later the request could not be accepted any more
CONNECT_TIMEOUT_S = 3.0
KEEP_ALIVE_S = 20.0  # shorter than the peer's, so that we close an idle connection before it does
CONNECTIONS_MAX = 16
ANSWER_BYTES_MAX = 16 * 1024 * 1024
_CHUNK_BYTES = 64 * 1024
_INTERIM_ANSWERS_MAX = 10  # of the kind "go on", before the answer
_TARGETS_KEPT = 64  # addresses of commands; a restarted exchange may have another one
_SAID_ALWAYS = ("Host", "Accept", "Accept-Encoding", "User-Agent")
_UNSPEAKABLE = re.compile(r"[\r\n\0]")


class NotConnected(Exception):
    """There was no connection, so no byte of the request left."""


class ProxyFailed(NotConnected):
    """The proxy could not be reached, refused us, or could not reach the peer; no byte of the request left it."""


class HeldBack(NotConnected):
    """There was a connection, and at the last moment the request might not go any more: no byte of it left."""


class NoAnswer(Exception):
    """The request may have been received, but no whole answer came."""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class LastWord:
    """Of a request that may have an effect: `may_go` is asked when everything else is done, and between its yes and the
    bytes' way to the kernel this process does nothing else. `handed` is told once they are the kernel's."""

    may_go: Callable[[], bool]
    handed: Callable[[], None]


@dataclass(frozen=True, slots=True)
class _Target:
    """Where commands of one address go. `peer` asks the pool for a connection and is never sent itself; `head` is the
    first line and what is said to that peer always, as aiohttp would say it."""

    peer: aiohttp.ClientRequest
    head: str


class HttpTransport:
    """A pool of keep-alive connections. The session is made at the first call, on the running loop."""

    def __init__(self, proxy: Proxy | None = None) -> None:
        self._proxy = proxy
        self._session: aiohttp.ClientSession | None = None
        self._targets: dict[str, _Target] = {}
        self._closed = False

    async def call(
        self,
        method: Literal["GET", "POST"],
        url: str,
        headers: Mapping[str, str],
        body: bytes | None,
        last_word: LastWord | None = None,
    ) -> HttpAnswer:
        """Sends `url` as it is written; a body only together with a last word. Raises `NotConnected` (`ProxyFailed`
        where the proxy is why, `HeldBack` on the last word) or `NoAnswer`; a cancelled call closes its connection."""
        if body is not None:
            assert last_word is not None, "what has a body may have an effect"
            return await self._command(method, url, headers, body, last_word)
        try:
            async with self._open_session().request(
                method, URL(url, encoded=True), headers=headers, allow_redirects=False
            ) as response:
                return HttpAnswer(response.status, response.headers, await _read_bounded(response.content))
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL) as problem:
            raise NotConnected(str(problem) or type(problem).__name__) from problem
        except (aiohttp.ClientError, TimeoutError, OSError, asyncio.IncompleteReadError) as problem:
            raise NoAnswer(f"{type(problem).__name__}: {problem}") from problem

    async def _command(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, last_word: LastWord
    ) -> HttpAnswer:
        connection: aiohttp.connector.Connection | None = None
        try:
            async with asyncio.timeout(CALL_TIMEOUT_S):
                session = self._open_session()
                target = self._targets.get(url) or self._target(session, method, url)
                request = _request_bytes(target, headers, body)
                assert session.connector is not None, "it is closed with its transport only"
                connection = await session.connector.connect(target.peer, [], session.timeout)
                return await _exchange(connection, request, last_word)
        except (
            aiohttp.ClientError,
            HttpProcessingError,
            TimeoutError,
            OSError,
            asyncio.IncompleteReadError,
        ) as problem:
            if connection is None:
                raise NotConnected(str(problem) or type(problem).__name__) from problem
            raise NoAnswer(f"{type(problem).__name__}: {problem}") from problem
        finally:
            if connection is not None:
                connection.close()  # unless it was given back

    def _target(self, session: aiohttp.ClientSession, method: str, url: str) -> _Target:
        peer = aiohttp.ClientRequest(method, URL(url, encoded=True), loop=asyncio.get_running_loop(), session=session)
        said = "".join(f"{name}: {peer.headers[name]}\r\n" for name in _SAID_ALWAYS)
        if len(self._targets) >= _TARGETS_KEPT:
            self._targets.clear()
        target = self._targets[url] = _Target(peer, f"{method} {peer.url.raw_path_qs} HTTP/1.1\r\n{said}")
        return target

    async def close(self) -> None:
        self._closed = True
        if self._session is not None:
            await self._session.close()
            self._session = None
            self._targets.clear()

    def _open_session(self) -> aiohttp.ClientSession:
        if self._closed:
            raise NotConnected("the client is closed")
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=connector_through(self._proxy),
                timeout=aiohttp.ClientTimeout(total=CALL_TIMEOUT_S, sock_connect=CONNECT_TIMEOUT_S),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session


class _ThroughProxy(ProxyConnector):
    """Whatever fails while the tunnel is made is `ProxyFailed`; the text names the proxy without its password."""

    def __init__(self, proxy: Proxy, **options: Any) -> None:
        kind = ProxyType.SOCKS5 if proxy.scheme.startswith("socks5") else ProxyType.HTTP
        secured = ssl.create_default_context() if proxy.scheme == "https" else None
        super().__init__(
            proxy.host,
            proxy.port,
            proxy_type=kind,
            username=proxy.user,
            password=proxy.password,
            rdns=True,
            proxy_ssl=secured,
            **options,
        )
        self._shown = proxy.shown

    async def _connect_via_proxy(self, *arguments: Any, **options: Any) -> Any:
        try:
            return await super()._connect_via_proxy(*arguments, **options)
        except (ProxyError, OSError, TimeoutError, asyncio.IncompleteReadError) as problem:
            reason = words(str(problem)) or type(problem).__name__
            raise ProxyFailed(f"through the proxy {self._shown}: {reason}") from problem


def connector_through(proxy: Proxy | None) -> aiohttp.BaseConnector:
    """Keep-alive connections, through a proxy where one is given. Make it on the running loop, close it at the end."""
    if proxy is None:
        return aiohttp.TCPConnector(limit=CONNECTIONS_MAX, keepalive_timeout=KEEP_ALIVE_S)
    return _ThroughProxy(proxy, limit=CONNECTIONS_MAX, keepalive_timeout=KEEP_ALIVE_S)


def _request_bytes(target: _Target, headers: Mapping[str, str], body: bytes) -> bytes:
    said = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    if _UNSPEAKABLE.search("".join(headers.values())):
        raise ValueError("a header's value has the end of a line in it; a key of the exchange has none")
    return f"{target.head}{said}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def _exchange(connection: aiohttp.connector.Connection, request: bytes, last_word: LastWord) -> HttpAnswer:
    """The request on a connection of the pool, and its answer; then the connection is given back."""
    protocol, transport = connection.protocol, connection.transport
    if protocol is None or transport is None or transport.is_closing():
        raise NotConnected("the connection ended before anything was sent on it")
    protocol.set_response_params(read_until_eof=True)
    if not last_word.may_go():
        connection.release()
        raise HeldBack("it may not go any more")
    transport.write(request)
    last_word.handed()
    for _ in range(_INTERIM_ANSWERS_MAX):
        message, content = await protocol.read()
        if not 100 <= message.code < 200:
            answer = HttpAnswer(message.code, message.headers, await _read_bounded(content))
            connection.release()
            return answer
    raise NoAnswer(f"{_INTERIM_ANSWERS_MAX} answers in a row announce another one")


async def _read_bounded(content: aiohttp.StreamReader) -> bytes:
    body = bytearray()
    async for chunk in content.iter_chunked(_CHUNK_BYTES):
        body += chunk
        if len(body) > ANSWER_BYTES_MAX:
            raise NoAnswer(f"the answer is longer than {ANSWER_BYTES_MAX} bytes")
    return bytes(body)
