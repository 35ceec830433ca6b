"""One HTTP call to Bybit: keep-alive, time limit, size bound, no redirects, a proxy where one is set.

Lives here: `HttpTransport` on aiohttp, the last question before a command's bytes leave, and whether a failed call may
have reached the peer. Not here: what is said (`rest`), what an answer means (`errors`).
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import aiohttp
from aiohttp.abc import AbstractStreamWriter
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


class _Watched(aiohttp.BytesPayload):
    """A body that leaves, together with the headers before it, only on the last word. aiohttp keeps the headers back
    until the first bytes of a body come, and writes both without a pause."""

    def __init__(self, body: bytes, last_word: LastWord) -> None:
        super().__init__(body)
        self._last_word = last_word
        self.is_held_back = False

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        if not self._last_word.may_go():
            self.is_held_back = True
            raise HeldBack("it may not go any more")
        await super().write_with_length(writer, content_length)
        self._last_word.handed()


class HttpTransport:
    """A pool of keep-alive connections. The session is made at the first call, on the running loop."""

    def __init__(self, proxy: Proxy | None = None) -> None:
        self._proxy = proxy
        self._session: aiohttp.ClientSession | None = None
        self._closed = False

    async def call(
        self,
        method: Literal["GET", "POST"],
        url: str,
        headers: Mapping[str, str],
        body: bytes | None,
        last_word: LastWord | None = None,
    ) -> HttpAnswer:
        """Sends `url` as it is written. Raises `NotConnected` (`ProxyFailed` where the proxy is why, `HeldBack` on the
        last word) or `NoAnswer`; a cancelled call closes its connection."""
        watched = None if body is None or last_word is None else _Watched(body, last_word)
        try:
            async with self._open_session().request(
                method,
                URL(url, encoded=True),
                headers=headers,
                data=body if watched is None else watched,
                allow_redirects=False,
            ) as response:
                return HttpAnswer(response.status, response.headers, await _read_bounded(response))
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL) as problem:
            raise NotConnected(str(problem) or type(problem).__name__) from problem
        except (aiohttp.ClientError, HeldBack, TimeoutError, OSError, asyncio.IncompleteReadError) as problem:
            if watched is not None and watched.is_held_back:
                raise HeldBack("it may not go any more") from problem
            raise NoAnswer(f"{type(problem).__name__}: {problem}") from problem

    async def close(self) -> None:
        self._closed = True
        if self._session is not None:
            await self._session.close()
            self._session = None

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


async def _read_bounded(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
        body += chunk
        if len(body) > ANSWER_BYTES_MAX:
            response.close()
            raise NoAnswer(f"the answer is longer than {ANSWER_BYTES_MAX} bytes")
    return bytes(body)
