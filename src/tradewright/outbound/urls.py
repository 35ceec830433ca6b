"""An address that somebody gave us, read strictly: what is not plainly an https address of a host is none.

Lives here: `GivenUrl`, `read_url`. Not here: where a name leads (`client`, at the moment of connecting).
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field

from yarl import URL

from tradewright.core.errors import AppError
from tradewright.outbound.addresses import Allowed, refusal_of

LENGTH_MAX = 2_000
_NAME = re.compile(r"(?=.{1,253}\Z)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)*[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")


class UrlRefused(AppError):
    """The address is none that anything is sent to. The text repeats nothing of it but the host."""

    code = "outbound.refused"


@dataclass(frozen=True, slots=True)
class GivenUrl:
    """`shown` names the host alone: path, query and sign-in of a webhook are as good as a password."""

    shown: str
    host: str
    port: int
    is_named: bool  # by the operator
    url: URL = field(repr=False)

    def __str__(self) -> str:
        return self.shown


def read_url(text: str, allowed: Allowed) -> GivenUrl:
    """Raises `UrlRefused`. https, or http to what the operator has named; no fragment; a host that is a plain name or a
    plain address. Names are not looked up here, so one that leads inside is refused when something is to be sent."""
    if len(text) > LENGTH_MAX or not text.isascii() or any(letter <= " " or letter in '\\"<>^`{|}' for letter in text):
        raise UrlRefused("this is no address: it is too long, or has letters that an address cannot have")
    try:
        url = URL(text)
        host, port = (url.host or "").lower(), url.port
    except ValueError:
        raise UrlRefused("this is no address") from None
    if url.scheme not in ("http", "https") or not host or not port:
        raise UrlRefused("an address begins with https:// and names a host")
    if url.fragment or "#" in text:
        raise UrlRefused("an address for requests has no part behind #")
    address = _literal(host)
    is_named = allowed.names(host, port)
    if address is None and not _NAME.fullmatch(host):
        # `127.1`, `2130706433`, `0x7f.1`, `localhost.`: other spellings, which only some programs read as addresses.
        raise UrlRefused(f"{host[:100]!r} is neither a host's name nor an address in its plain form")
    if address is not None and (why := refusal_of(address, allowed, is_named=is_named)) is not None:
        raise UrlRefused(inside(host, why))
    is_allowed = is_named or (address is not None and allowed.holds(address))
    if url.scheme == "http" and not is_allowed:
        raise UrlRefused("an address begins with https://; http:// is only for hosts that the operator has named")
    shown = f"[{host}]" if ":" in host else host
    return GivenUrl(f"{url.scheme}://{shown}{'' if url.is_default_port() else f':{port}'}", host, port, is_named, url)


def inside(host: str, why: str) -> str:
    if why == "never":
        return f"{host} is an address that nothing is ever sent to"
    return (
        f"{host} is in a private network, where nothing is sent for others; its operator can allow it in"
        " TRADEWRIGHT_OUTBOUND_ALLOW"
    )


def _literal(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
