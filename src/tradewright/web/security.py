"""What protects the browser's side: response headers, and the two checks of where a request comes from.

Lives here: pure decisions over a scope. Not here: putting them in the way of every request (`web.edge`), sessions
(`web.auth`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from starlette.datastructures import Headers

Scope = Mapping[str, Any]

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)

_HEADERS: tuple[tuple[str, str], ...] = (
    ("content-security-policy", CONTENT_SECURITY_POLICY),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    (
        "permissions-policy",
        "accelerometer=(), camera=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), payment=(), usb=()",
    ),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("x-frame-options", "DENY"),  # for what does not know frame-ancestors
)
_OVER_HTTPS = (("strict-transport-security", "max-age=31536000"),)

LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_PLAIN_SCHEMES = {"http": "http", "https": "https", "ws": "http", "wss": "https"}


def security_headers(scope: Scope) -> list[tuple[bytes, bytes]]:
    """The headers that every answer carries, errors and files included."""
    chosen: Iterable[tuple[str, str]] = _HEADERS
    # Of localhost it would hold for every port, and shut other programs' pages on this machine for a year.
    hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
    is_local = any(_name_of(host) in LOCAL_NAMES for host in hosts)
    if _PLAIN_SCHEMES.get(scope["scheme"]) == "https" and not is_local:
        chosen = (*_HEADERS, *_OVER_HTTPS)
    return [(name.encode(), value.encode()) for name, value in chosen]


def host_is_ours(scope: Scope, names: frozenset[str]) -> bool:
    """Whether the request was meant for this server: the name in `Host` is one of ours, or the address that it came to,
    whatever the port.

    A page of another site can make its own name point to this machine (DNS rebinding); its name is not among ours.
    """
    given = Headers(raw=scope["headers"]).getlist("host")
    if len(given) != 1:
        return False
    name, own = _name_of(given[0]), str((scope.get("server") or ("",))[0])
    return name != "" and name in LOCAL_NAMES | names | {f"[{own}]" if ":" in own else own}


def origin_is_ours(scope: Scope, origins: frozenset[str]) -> bool:
    """Whether a write or a WebSocket comes from our own page, or from no page at all.

    Reads pass: they change nothing, and their answers are closed to other sites. Only a browser sends `Sec-Fetch-Site`,
    and it sends `Origin` with every write; a client that sends neither is a program of the user's.
    """
    if scope["type"] == "http" and scope["method"] in _SAFE_METHODS:
        return True
    headers = Headers(raw=scope["headers"])
    given = headers.getlist("origin")
    if not given:
        return "sec-fetch-site" not in headers
    scheme = _PLAIN_SCHEMES.get(scope["scheme"], "")
    own = f"{scheme}://{headers.get('host', '')}".lower()
    return len(given) == 1 and (given[0].lower() == own or given[0].lower() in origins)


def _name_of(host: str) -> str:
    """The name in a `Host` header without its port: `[::1]:8787` is `[::1]`. A trailing dot is not one of our names."""
    host = host.lower()
    if host.startswith("["):
        name, bracket, port = host.partition("]")
        return f"{name}{bracket}" if port == "" or _is_port(port) else ""
    name, colon, port = host.partition(":")
    return name if not colon or _is_port(f":{port}") else ""


def _is_port(text: str) -> bool:
    return text.startswith(":") and text[1:].isascii() and text[1:].isdigit()
