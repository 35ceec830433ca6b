"""Where passkeys work: on a host name, over https or on localhost; never on an IP address.

Lives here: `site_of` with its refusals, and `why_not`, for the page to say it before anybody tries. It is the
browsers' own rule: they hand no passkey to a page at an IP address or over plain http. Not here: passkeys (`identity`).
"""

from __future__ import annotations

import ipaddress
from typing import Literal
from urllib.parse import urlsplit

from starlette.requests import Request

from tradewright.core.errors import Conflict
from tradewright.identity.passkeys import Site
from tradewright.web.parts import WebParts

WhyNot = Literal["address", "insecure"]


class NoPasskeysAtAddress(Conflict):
    """The page was opened at an IP address, and passkeys belong to a host name."""

    code = "passkey.at_address"


class NoPasskeysInsecure(Conflict):
    """The page came over plain http from elsewhere than localhost."""

    code = "passkey.insecure"


def site_of(request: Request, parts: WebParts) -> Site:
    """The page's host name and origin. Raises `NoPasskeysAtAddress`, `NoPasskeysInsecure`."""
    origin = page_origin(request, parts)
    why = why_not(origin)
    if why == "address":
        raise NoPasskeysAtAddress("passkeys belong to a host name, and this is an IP address; open it as localhost")
    if why == "insecure":
        raise NoPasskeysInsecure(
            "browsers use passkeys over https or on localhost only; this page came over plain http"
        )
    return Site(rp_id=str(urlsplit(origin).hostname), origin=origin)


def page_origin(request: Request, parts: WebParts) -> str:
    """Of the page that asks: what the browser says, when it is ours (`web.edge` has seen to that for writes), else what
    the request was sent to."""
    host = request.headers.get("host", "").lower()
    given = request.headers.get("origin", "").lower()
    for known in sorted(each.lower() for each in parts.settings.origins):
        if given == known or (not given and urlsplit(known).netloc == host):
            return known
    return f"{request.url.scheme}://{host}".lower()


def why_not(origin: str) -> WhyNot | None:
    """Why a page of this origin cannot use passkeys; None where it can."""
    parted = urlsplit(origin)
    name = parted.hostname or ""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return None if parted.scheme == "https" or name == "localhost" else "insecure"
    return "address"


def rp_id_of(request: Request, parts: WebParts) -> str | None:
    """The host name that passkeys of this page belong to; None where they do not work."""
    origin = page_origin(request, parts)
    return None if why_not(origin) is not None else urlsplit(origin).hostname
