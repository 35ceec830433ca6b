"""Who is asking and whether they may: the session cookie and the role checks.

Lives here: the cookie's name and attributes, `Reader` and `Trader` (dependencies of routes). Not here: what a session
is (`identity.sessions`). Foreign ids are not refused here: every query names the workspace and finds nothing.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from tradewright.identity import sessions
from tradewright.identity.commands import Caller
from tradewright.identity.model import OpenedSession, Principal, Role
from tradewright.web.errors import Forbidden, NotSignedIn
from tradewright.web.parts import WebParts, parts_of

TOKEN_LENGTH_MAX = 128


def cookie_name(connection: HTTPConnection, parts: WebParts) -> str:
    """Over https the `__Host-` prefix binds the cookie to this host. On plain http the port is in the name, because all
    ports of a host share their cookies."""
    return "__Host-tradewright" if is_secure(connection) else f"tradewright_{parts.settings.port}"


def is_secure(connection: HTTPConnection) -> bool:
    return str(connection.scope.get("scheme")) in ("https", "wss")


def token_of(connection: HTTPConnection, parts: WebParts) -> str | None:
    """The session token that the request carries, if any; nothing says yet that it is good."""
    token = connection.cookies.get(cookie_name(connection, parts))
    return token if token and len(token) <= TOKEN_LENGTH_MAX else None


def set_session_cookie(response: Response, request: Request, parts: WebParts, opened: OpenedSession) -> None:
    response.set_cookie(
        cookie_name(request, parts),
        opened.token,
        max_age=int(sessions.LIFETIME.total_seconds()),
        path="/",
        secure=is_secure(request),
        httponly=True,
        samesite="strict",
    )


def clear_session_cookie(response: Response, request: Request, parts: WebParts) -> None:
    response.delete_cookie(
        cookie_name(request, parts), path="/", secure=is_secure(request), httponly=True, samesite="strict"
    )


def caller_of(connection: HTTPConnection) -> Caller:
    return Caller(
        ip=connection.client.host if connection.client else None,
        user_agent=connection.headers.get("user-agent", ""),
    )


async def principal_or_none(connection: HTTPConnection) -> Principal | None:
    """Who the session cookie belongs to; None without one and for one that has ended."""
    parts = parts_of(connection)
    token = token_of(connection, parts)
    if token is None:
        return None
    async with parts.engine.begin() as database:
        principal = await sessions.resolve_session(database, token, parts.clock.now())
    parts.remembered.note(token, principal, parts.clock)
    return principal


async def _signed_in(request: Request) -> Principal:
    principal = await principal_or_none(request)
    if principal is None:
        raise NotSignedIn("no session, or it has ended; log in")
    return principal


def require_role(principal: Principal, needed: Role) -> Principal:
    if not principal.membership.allows(needed):
        role = principal.membership.role
        raise Forbidden(f"your role in this workspace is {role}; this needs {needed}; ask its owner")
    return principal


async def _reader(principal: Annotated[Principal, Depends(_signed_in)]) -> Principal:
    return require_role(principal, "viewer")


async def _trader(principal: Annotated[Principal, Depends(_signed_in)]) -> Principal:
    return require_role(principal, "trader")


Reader = Annotated[Principal, Depends(_reader)]
Trader = Annotated[Principal, Depends(_trader)]
