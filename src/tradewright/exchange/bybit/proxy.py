"""The proxy that a connection goes through: HTTP(S) by CONNECT, or SOCKS5, signed in to where it wants that.

Lives here: `Proxy`: the address as it is used and as it may be shown. Not here: who uses it (`http`, `stream_link`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import quote, unquote, urlsplit

SCHEMES = ("http", "https", "socks5", "socks5h")
_HOST = re.compile(r"[A-Za-z0-9._-]{1,253}|[0-9A-Fa-f:.]{2,45}")
_ADDRESS_LENGTH_MAX = 1_000


class BadProxy(ValueError):
    """The text is no address of a proxy; the message repeats nothing of it, because it may hold a password."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """`shown` is the address without user and password, for people and logs; the rest stays with the connection."""

    scheme: str
    host: str
    port: int
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)

    @property
    def shown(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    @property
    def url(self) -> str:
        """The whole address, for the library that connects. The proxy looks host names up, so `socks5h` is `socks5`."""
        scheme = "socks5" if self.scheme == "socks5h" else self.scheme
        sign_in = "" if self.user is None else f"{quote(self.user, safe='')}:{quote(self.password or '', safe='')}@"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{sign_in}{host}:{self.port}"


def parse_proxy(text: str) -> Proxy:
    """Reads `scheme://[user:password@]host:port`. Raises `BadProxy`, which says what is allowed."""
    allowed = f"expected {', '.join(SCHEMES)} ://[user:password@]host:port"
    if len(text) > _ADDRESS_LENGTH_MAX or not text.isascii() or not text.isprintable():
        raise BadProxy(f"not a proxy's address of at most {_ADDRESS_LENGTH_MAX} visible characters; {allowed}")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise BadProxy(f"not a proxy's address; {allowed}") from None
    if parts.scheme not in SCHEMES:
        raise BadProxy(f"not a kind of proxy that is supported; {allowed}")
    if parts.hostname is None or not _HOST.fullmatch(parts.hostname) or not port:
        raise BadProxy(f"a proxy's address needs a host and a port; {allowed}")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise BadProxy(f"a proxy's address ends with its port; {allowed}")
    if (parts.username is None) != (parts.password is None):
        raise BadProxy(f"a proxy's user and password go together; {allowed}")
    user, password = (None if part is None else unquote(part) for part in (parts.username, parts.password))
    if user == "":
        raise BadProxy(f"a proxy's user is empty; {allowed}")
    return Proxy(parts.scheme, parts.hostname, port, user, password)


def proxy_or_none(text: str | None) -> Proxy | None:
    """None stays None: a direct connection. Raises as `parse_proxy` does."""
    return None if text is None else parse_proxy(text)
