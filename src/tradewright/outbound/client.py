"""Asks an address that somebody gave us, and reaches nothing inside by it.

Lives here: `OutboundClient`. Not here: what an address may look like (`urls`), which ones are inside (`addresses`).
A name is looked up once, every address that it has must be allowed, and the connection goes to one of exactly these:
what the name says a moment later (rebinding) is not asked. The socket's own address is judged once more when it is
made. No redirect is followed, no proxy of the environment is used, no cookie is kept; size and time are limited.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from tradewright.core.errors import AppError
from tradewright.outbound.addresses import Allowed, refusal_of
from tradewright.outbound.urls import GivenUrl, UrlRefused, inside

TIMEOUT_S = 10.0
ANSWER_BYTES_MAX = 65_536
_CONNECTIONS_MAX = 20

# The addresses of a name; the system's way unless a test brings another.
Lookup = Callable[[str, int], Awaitable[Sequence[str]]]


class OutboundFailed(AppError):
    """Nothing came back that can be used: no connection, too slow, too large, a redirect. It may have arrived."""

    code = "outbound.failed"


@dataclass(frozen=True, slots=True)
class OutboundAnswer:
    status: int
    body: bytes


class OutboundClient:
    def __init__(self, allowed: Allowed, *, lookup: Lookup | None = None, ssl: Any = True) -> None:
        """`ssl` is aiohttp's, for a test's own certificate."""
        self._allowed = allowed
        self._lookup = lookup or _system_lookup
        self._ssl = ssl

    async def send(
        self,
        method: str,
        url: GivenUrl,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = TIMEOUT_S,
        answer_bytes_max: int = ANSWER_BYTES_MAX,
    ) -> OutboundAnswer:
        """One request on a connection of its own. Raises `UrlRefused` (nothing was sent) and `OutboundFailed`."""
        judging = _Judging(self._allowed, url, self._lookup)
        connector = aiohttp.TCPConnector(
            resolver=judging,
            socket_factory=judging.socket_of,
            use_dns_cache=False,
            force_close=True,
            limit=_CONNECTIONS_MAX,
            ssl=self._ssl,
        )
        try:
            async with (
                asyncio.timeout(timeout_s),
                aiohttp.ClientSession(
                    connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False, auto_decompress=False
                ) as session,
                session.request(
                    method,
                    url.url,
                    data=body,
                    headers={"user-agent": "tradewright", "accept-encoding": "identity", **(headers or {})},
                    allow_redirects=False,
                ) as response,
            ):
                if 300 <= response.status < 400:
                    raise OutboundFailed(f"{url.shown} answers with a redirect ({response.status}), which is not taken")
                return OutboundAnswer(response.status, await _whole(response, url, answer_bytes_max))
        except TimeoutError:
            raise OutboundFailed(f"{url.shown} did not answer within {timeout_s:g} s") from None
        except (aiohttp.ClientError, OSError) as error:
            if judging.refused is not None:
                raise judging.refused from None
            # Its own text may repeat the address.
            raise OutboundFailed(f"{url.shown} cannot be asked ({type(error).__name__})") from None


class _Judging(AbstractResolver):
    """The resolver of one request, and the last look at each socket."""

    def __init__(self, allowed: Allowed, url: GivenUrl, lookup: Lookup) -> None:
        self._allowed, self._url, self._lookup = allowed, url, lookup
        self.refused: UrlRefused | None = None

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await self._lookup(host, port)
        for address in found:
            self._require(address)
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
            for address in found
        ]

    def socket_of(self, info: tuple[Any, ...]) -> socket.socket:
        family, kind, protocol, _, place = info
        self._require(place[0])
        return socket.socket(family, kind, protocol)

    def _require(self, address: str) -> None:
        try:
            why = refusal_of(ipaddress.ip_address(address), self._allowed, is_named=self._url.is_named)
        except ValueError:
            why = "never"
        if why is not None:
            self.refused = UrlRefused(inside(self._url.host, why))
            raise OSError("refused")

    async def close(self) -> None: ...


async def _system_lookup(host: str, port: int) -> Sequence[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(place[0]) for *_, place in found))


async def _whole(response: aiohttp.ClientResponse, url: GivenUrl, most: int) -> bytes:
    parts, size = [], 0
    async for part in response.content.iter_chunked(16_384):
        size += len(part)
        if size > most:
            raise OutboundFailed(f"{url.shown} answers with more than {most} bytes")
        parts.append(part)
    return b"".join(parts)
