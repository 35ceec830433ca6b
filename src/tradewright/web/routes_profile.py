"""Routes of a person's own: sessions, language, password; and a new password by a one-time link."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from tradewright.core.clock import milliseconds
from tradewright.identity import profile, session_list
from tradewright.web.auth import AnyWorkspace, by_of, caller_of, principal_or_none
from tradewright.web.contract import problems
from tradewright.web.parts import Parts
from tradewright.web.responses import JsonAnswer, empty_answer
from tradewright.web.routes_identity import session_answer
from tradewright.web.schemas.identity import SessionState
from tradewright.web.schemas.people import ChangePassword, Ended, PasswordByLink, ProfileBody, SessionList
from tradewright.web.step_up import require_step_up, step_up_mark


def router() -> APIRouter:
    routes = APIRouter(prefix="/api/v1", tags=["profile"])
    routes.add_api_route(
        "/sessions",
        read_sessions,
        methods=["GET"],
        response_model=SessionList,
        operation_id="readSessions",
        responses=problems(401),
    )
    routes.add_api_route(
        "/sessions/{session_id}/end",
        end_session,
        methods=["POST"],
        status_code=204,
        response_class=Response,
        operation_id="endSession",
        responses=problems(401, 403, 404, 422),
    )
    routes.add_api_route(
        "/sessions/end-others",
        end_others,
        methods=["POST"],
        response_model=Ended,
        operation_id="endOtherSessions",
        responses=problems(401, 403),
    )
    routes.add_api_route(
        "/profile",
        set_profile,
        methods=["PUT"],
        response_model=SessionState,
        operation_id="setProfile",
        responses=problems(401, 403, 422),
    )
    routes.add_api_route(
        "/profile/password",
        change_password,
        methods=["POST"],
        status_code=204,
        response_class=Response,
        operation_id="changePassword",
        responses=problems(401, 403, 422, 429),
        openapi_extra=step_up_mark(),
    )
    routes.add_api_route(
        "/password-link",
        set_password_by_link,
        methods=["POST"],
        status_code=204,
        response_class=Response,
        operation_id="setPasswordByLink",
        responses=problems(403, 404, 422),
    )
    return routes


async def read_sessions(parts: Parts, caller: AnyWorkspace) -> Response:
    """Where the caller is signed in."""
    limits = parts.session_limits
    async with parts.engine.connect() as connection:
        found = await session_list.sessions_of(connection, caller, parts.clock.now(), limits)
    return JsonAnswer(
        {
            "sessions": [
                {
                    "id": str(each.id),
                    "user_agent": each.user_agent,
                    "address": each.address,
                    "created_ms": milliseconds(each.created_at),
                    "last_seen_ms": milliseconds(each.last_seen_at),
                    "current": each.is_current,
                }
                for each in found
            ],
            "idle_s": int(limits.inactivity.total_seconds()),
            "lifetime_s": int(limits.lifetime.total_seconds()),
        }
    )


async def end_session(request: Request, parts: Parts, caller: AnyWorkspace, session_id: UUID) -> Response:
    """Ends one of the caller's sessions at once, in open streams too."""
    async with parts.engine.begin() as connection:
        await session_list.end_session(connection, caller, session_id, by=by_of(request, parts, caller))
    return empty_answer()


async def end_others(request: Request, parts: Parts, caller: AnyWorkspace) -> Response:
    """Ends every other session of the caller at once."""
    async with parts.engine.begin() as connection:
        ended = await session_list.end_other_sessions(connection, caller, by=by_of(request, parts, caller))
    return JsonAnswer({"ended": ended})


async def set_profile(request: Request, parts: Parts, caller: AnyWorkspace, body: ProfileBody) -> Response:
    """Sets the caller's language: what the page speaks where this person signs in."""
    async with parts.engine.begin() as connection:
        await profile.set_language(connection, caller, body.language, by=by_of(request, parts, caller))
    return await session_answer(parts, await principal_or_none(request))


async def change_password(request: Request, parts: Parts, caller: AnyWorkspace, body: ChangePassword) -> Response:
    """Sets another password, for who knows the old one; every other session of the caller ends."""
    await require_step_up(parts, caller)
    await profile.change_password(
        parts.engine,
        caller,
        old=body.old_password,
        new=body.new_password,
        passwords=parts.passwords,
        clock=parts.clock,
        ids=parts.ids,
        ip=caller_of(request).ip,
    )
    return empty_answer()


async def set_password_by_link(request: Request, parts: Parts, body: PasswordByLink) -> Response:
    """Sets a password with the token of a link that was made on the machine; every session of its user ends."""
    await profile.set_password_by_link(
        parts.engine,
        body.token,
        body.password,
        passwords=parts.passwords,
        clock=parts.clock,
        ids=parts.ids,
        ip=caller_of(request).ip,
    )
    return empty_answer()
