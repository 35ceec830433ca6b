"""Routes of identity: who am I, claim, login, logout."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter, Request
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from tradewright.core.clock import milliseconds
from tradewright.core.ids import WorkspaceId
from tradewright.identity import commands, logins
from tradewright.identity.claims import is_claimed
from tradewright.identity.commands import Provision
from tradewright.identity.half_open import find_half
from tradewright.identity.model import OpenedSession, Principal
from tradewright.identity.second_factors import read_factors
from tradewright.identity.sessions import resolve_session
from tradewright.trading.provision import create_sim_account
from tradewright.web.auth import (
    Reader,
    caller_of,
    clear_session_cookie,
    principal_or_none,
    set_session_cookie,
    token_of,
)
from tradewright.web.contract import problems
from tradewright.web.login_cookie import arriving, clear_login_cookie, login_token_of, set_login_cookie
from tradewright.web.parts import Parts, WebParts
from tradewright.web.passkey_site import rp_id_of
from tradewright.web.responses import JsonAnswer
from tradewright.web.schemas.identity import ClaimBody, LoginBody, SessionState


def router() -> APIRouter:
    routes = APIRouter(prefix="/api/v1", tags=["identity"])
    routes.add_api_route(
        "/session", read_session, methods=["GET"], response_model=SessionState, operation_id="readSession"
    )
    routes.add_api_route(
        "/claim",
        claim,
        methods=["POST"],
        response_model=SessionState,
        status_code=201,
        operation_id="claim",
        responses=problems(403, 404, 409, 422, 503),
    )
    routes.add_api_route(
        "/login",
        login,
        methods=["POST"],
        response_model=SessionState,
        operation_id="login",
        responses=problems(401, 403, 422, 429),
    )
    routes.add_api_route(
        "/logout",
        logout,
        methods=["POST"],
        status_code=204,
        response_class=Response,
        operation_id="logout",
        responses=problems(401, 403),
    )
    return routes


async def read_session(request: Request, parts: Parts) -> Response:
    """Who is asking, whether a login of theirs awaits its second step, and whether the installation has been claimed.
    Open to everybody."""
    principal = await principal_or_none(request)
    second = (
        None if principal is not None else await awaited_second_step(request, parts, login_token_of(request, parts))
    )
    return await session_answer(parts, principal, second=second)


async def claim(request: Request, parts: Parts, body: ClaimBody) -> Response:
    """Makes the first user, with the token of a one-time link: operator, and owner of the first workspace."""
    opened = await commands.claim(
        parts.engine,
        commands.Claim(token=body.token, username=body.username, password=body.password, language=body.language),
        passwords=parts.passwords,
        provision=await _provision(parts),
        clock=parts.clock,
        ids=parts.ids,
        caller=caller_of(request),
        limits=parts.session_limits,
    )
    return await opened_answer(request, parts, opened, status=201)


async def login(request: Request, parts: Parts, body: LoginBody) -> Response:
    """Opens a session; the one that the caller had ends. For who has a second factor it opens none yet: `second_step`
    says by what the login is ended, within five minutes and from the same browser."""
    opened = await logins.login(
        parts.engine, body.username, body.password, passwords=parts.passwords, arriving=arriving(request, parts)
    )
    if isinstance(opened, OpenedSession):
        return await opened_answer(request, parts, opened, status=200)
    response = await session_answer(parts, None, second=await awaited_second_step(request, parts, opened.token))
    set_login_cookie(response, request, parts, opened.token)
    return response


async def logout(request: Request, parts: Parts, principal: Reader) -> Response:
    """Ends the session at once, in open streams too."""
    token = token_of(request, parts)
    if token is not None:
        parts.remembered.forget(token)
    await commands.logout(parts.engine, principal, clock=parts.clock, ids=parts.ids, caller=caller_of(request))
    response = Response(status_code=204, headers={"cache-control": "no-store"})
    clear_session_cookie(response, request, parts)
    return response


async def _provision(parts: WebParts) -> Provision:
    """What a new workspace starts with. The account is asked first: no transaction waits for the simulated exchange."""
    sim = None if parts.sim_account is None else await parts.sim_account()

    async def provision(connection: AsyncConnection, workspace_id: WorkspaceId, now: datetime) -> None:
        if sim is not None:
            await create_sim_account(
                connection, workspace_id=workspace_id, uid=sim.uid, name=sim.name, now=now, ids=parts.ids
            )

    return provision


async def opened_answer(request: Request, parts: WebParts, opened: OpenedSession, *, status: int) -> Response:
    """The state of a session just opened, with its cookie."""
    async with parts.engine.begin() as connection:
        principal = await resolve_session(connection, opened.token, parts.clock.now(), parts.session_limits)
    response = await session_answer(parts, principal, status=status)
    set_session_cookie(response, request, parts, opened)
    if login_token_of(request, parts) is not None:
        clear_login_cookie(response, request, parts)
    return response


async def awaited_second_step(request: Request, parts: WebParts, token: str | None) -> dict[str, object] | None:
    """What ends the login of the token; None where none is under way."""
    if token is None:
        return None
    async with parts.engine.connect() as connection:
        half = await find_half(connection, token, parts.clock.now())
        if half is None:
            return None
        factors = await read_factors(connection, half.user_id, rp_id_of(request, parts))
    return {"ways": factors.ways(), "expires_ms": milliseconds(half.expires_at)}


async def session_answer(
    parts: WebParts,
    principal: Principal | None,
    *,
    status: int = 200,
    second: dict[str, object] | None = None,
) -> Response:
    """Who is asking, as the page keeps it."""
    if principal is None:
        async with parts.engine.connect() as connection:
            claimed = await is_claimed(connection)
    else:
        claimed = True
    return JsonAnswer(
        {
            "claimed": claimed,
            "user": None if principal is None else _user(principal),
            "workspace": None if principal is None else _workspace(principal),
            "second_step": second,
            "version": parts.settings.version,
            "insecure": parts.settings.is_insecure,
            "server_time_ms": milliseconds(parts.clock.now()),
        },
        status,
    )


def _user(principal: Principal) -> dict[str, object]:
    user = principal.user
    return {
        "id": str(user.id),
        "username": user.username,
        "language": user.language,
        "is_operator": user.is_operator,
    }


def _workspace(principal: Principal) -> dict[str, object]:
    membership = principal.membership
    return {"id": str(membership.workspace_id), "name": membership.name, "role": membership.role}
