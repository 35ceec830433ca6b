"""Who is asking and whether they may: the session cookie or an API token, and the role checks.

Lives here: the cookie's name and attributes, `Reader`, `Trader`, `Owner` and `Operator` (dependencies of routes). Not
here: what a session is (`identity.sessions`), a token (`identity.api_tokens`), and which routes tokens may ask
(`web.token_scopes`). Foreign ids are not refused here: every query names the workspace and finds nothing.

A session is about one workspace at a time, and another tab may have changed which. The page therefore says with each
request which workspace it shows, and a request about another is refused: nothing meant for one reaches the other.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from tradewright.audit.model import acting_token
from tradewright.identity import sessions
from tradewright.identity.api_tokens import resolve_token
from tradewright.identity.audited import By
from tradewright.identity.model import Caller, OpenedSession, Principal, Role
from tradewright.identity.scopes import allows
from tradewright.identity.token_text import is_well_formed
from tradewright.web.errors import (
    Forbidden,
    NotForTokens,
    NotOperator,
    NotSignedIn,
    ScopeMissing,
    TokenRefused,
    TooManyRequests,
    WorkspaceChanged,
)
from tradewright.web.parts import WebParts, parts_of
from tradewright.web.token_scopes import TOKEN_SCOPES

TOKEN_LENGTH_MAX = 128
WORKSPACE_HEADER = "x-tradewright-workspace"


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
        max_age=int(parts.session_limits.lifetime.total_seconds()),
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


def bearer_of(connection: HTTPConnection) -> str | None:
    """What stands behind `Authorization: Bearer`. Other schemes are a proxy's affair and say nothing here."""
    scheme, _, credential = connection.headers.get("authorization", "").partition(" ")
    return credential.strip() if scheme.lower() == "bearer" else None


def credential_of(connection: HTTPConnection, parts: WebParts) -> str | None:
    """By what the caller is known, good or not: the API token, where there is one, and never the cookie beside it."""
    bearer = bearer_of(connection)
    return token_of(connection, parts) if bearer is None else bearer


def by_of(connection: HTTPConnection, parts: WebParts, principal: Principal) -> By:
    """Who does it, for the audit trail."""
    return By(user_id=principal.user.id, ip=caller_of(connection).ip, now=parts.clock.now(), ids=parts.ids)


async def principal_or_none(connection: HTTPConnection) -> Principal | None:
    """Who the API token or the session cookie belongs to; None without one, and for a session that has ended.

    Raises for a token that does not hold, and for one that may not ask this route: nothing that is asked with a token
    is answered as if it were asked by nobody.
    """
    parts = parts_of(connection)
    bearer = bearer_of(connection)
    if bearer is not None:
        principal = await _principal_of_token(connection, parts, bearer)
        act_as(connection, principal)
        return principal
    act_as(connection, None)
    token = token_of(connection, parts)
    if token is None:
        return None
    async with parts.engine.begin() as database:
        found = await sessions.resolve_session(database, token, parts.clock.now(), parts.session_limits)
    parts.remembered.note(token, found, parts.clock)
    return found


def act_as(connection: HTTPConnection, principal: Principal | None) -> None:
    """From here on the audit trail says by which token the request acts. Raises `NotForTokens` and `ScopeMissing`."""
    token = None if principal is None else principal.token
    acting_token.set(None if token is None else token.id)
    if token is None:
        return
    method = connection.scope.get("method", "WEBSOCKET")
    needed = TOKEN_SCOPES.get((method, connection.scope["route"].path))
    if needed is None:
        raise NotForTokens("this is not for API tokens; sign in, in a browser")
    if not allows(token.scopes, needed):
        raise ScopeMissing(f"this needs an API token with the scope {needed}; this one has {', '.join(token.scopes)}")


async def _principal_of_token(connection: HTTPConnection, parts: WebParts, bearer: str) -> Principal:
    refused = TokenRefused("this API token does not hold: it is misspelt, was revoked, or has ended")
    if not is_well_formed(bearer):
        raise refused
    ip = caller_of(connection).ip
    wait_s = parts.token_guard.wait_s(ip, parts.clock)
    if wait_s and parts.remembered.principal(bearer, parts.clock) is None:
        raise TooManyRequests(f"too many wrong API tokens from this address; wait {wait_s} s", retry_after_s=wait_s)
    async with parts.engine.begin() as database:
        principal = await resolve_token(database, bearer, parts.clock.now(), ip=ip)
    parts.remembered.note(bearer, principal, parts.clock)
    if principal is None:
        parts.token_guard.note_wrong(ip, parts.clock)
        raise refused
    return principal


async def _anywhere(request: Request) -> Principal:
    principal = await principal_or_none(request)
    if principal is None:
        raise NotSignedIn("no session, or it has ended; log in")
    return principal


async def shown_workspace(request: Request) -> str | None:
    """Which workspace the page shows; None where the caller does not say. Whatever depends on it may be refused by it,
    and the contract document says so (`web.contract`)."""
    return request.headers.get(WORKSPACE_HEADER)


Shown = Annotated[str | None, Depends(shown_workspace)]


async def _signed_in(request: Request, shown: Shown) -> Principal:
    """Raises `WorkspaceChanged` where the page shows another workspace than the session is about by now."""
    principal = await _anywhere(request)
    if shown is not None and shown != str(principal.membership.workspace_id):
        raise WorkspaceChanged("this session is about another workspace now; load the page again")
    return principal


def in_shown(shown: str | None, principal: Principal) -> Principal:
    """The caller in the workspace that their page shows, whatever the session is about by now: for what stops trading,
    which must work from a tab that stands open, and reaches what that tab shows.

    Raises `WorkspaceChanged` where they are not in it (any more).
    """
    found = principal if shown is None else principal.within(shown)
    if found is None:
        raise WorkspaceChanged("you are not in the workspace that this page shows; load the page again")
    return found


def require_role(principal: Principal, needed: Role) -> Principal:
    if not principal.membership.allows(needed):
        role = principal.membership.role
        raise Forbidden(f"your role in this workspace is {role}; this needs {needed}; ask its owner")
    return principal


async def _reader(principal: Annotated[Principal, Depends(_signed_in)]) -> Principal:
    return require_role(principal, "viewer")


async def _trader(principal: Annotated[Principal, Depends(_signed_in)]) -> Principal:
    return require_role(principal, "trader")


async def _owner(principal: Annotated[Principal, Depends(_signed_in)]) -> Principal:
    return require_role(principal, "owner")


async def _operator(principal: Annotated[Principal, Depends(_signed_in)]) -> Principal:
    """Who claimed the installation, whatever their role in a workspace: it gives no rights inside of one."""
    if not principal.user.is_operator:
        raise NotOperator("this is for the operator of the installation, who claimed it")
    return principal


# Whoever is signed in, whatever workspace their page shows: for what is about the person.
AnyWorkspace = Annotated[Principal, Depends(_anywhere)]
Reader = Annotated[Principal, Depends(_reader)]
Trader = Annotated[Principal, Depends(_trader)]
Owner = Annotated[Principal, Depends(_owner)]
Operator = Annotated[Principal, Depends(_operator)]
