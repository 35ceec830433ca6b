"""What a request through a proxy is: who asks and by which scheme, by the word of a proxy that was named.

Lives here: `as_told_by_proxy`, over a scope. Not here: which proxies there are (the composition root), what follows
for cookies, origins and limits (`web.auth`, `web.security`), which read the scope as it comes out here.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.types import Scope

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_SECURE = {"http": "https", "ws": "wss"}


def as_told_by_proxy(scope: Scope, proxies: Sequence[Network]) -> Scope | None:
    """The scope with the client's own address and scheme; None: this request may not be answered.

    Only https counts: a proxy that was asked in plain http would hand a session's cookie on in the open. Somebody on
    this machine may also ask directly, without any proxy's words. What others say of themselves is nobody's word.
    """
    headers = Headers(raw=scope["headers"])
    peer = _address(scope["client"][0]) if scope.get("client") else None
    schemes = [each.strip().lower() for each in ",".join(headers.getlist("x-forwarded-proto")).split(",")]
    if peer is None:
        return None
    if schemes == [""] and "x-forwarded-for" not in headers and "forwarded" not in headers:
        return scope if peer.is_loopback else None
    if not _is_among(peer, proxies) or schemes[-1] != "https":
        return None
    client = _client(headers.getlist("x-forwarded-for"), proxies) or str(peer)
    return {**scope, "scheme": _SECURE.get(scope["scheme"], scope["scheme"]), "client": (client, 0)}


def _client(lines: Sequence[str], proxies: Sequence[Network]) -> str | None:
    """The last address that is no proxy's: what stands before it was written by whoever asked."""
    for text in reversed(",".join(lines).split(",")):
        address = _address(text.strip())
        if address is None:
            return None
        if not _is_among(address, proxies):
            return str(address)
    return None


def _is_among(address: Address, proxies: Sequence[Network]) -> bool:
    return any(address.version == network.version and address in network for network in proxies)


def _address(text: str) -> Address | None:
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
