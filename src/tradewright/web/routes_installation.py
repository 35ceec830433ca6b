"""Routes of the whole installation, for its operator: users, workspaces and their quotas.

They tell who there is and how much there may be of what, and nothing of what is in a workspace.
"""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from tradewright.core.clock import milliseconds
from tradewright.core.ids import UserId, WorkspaceId
from tradewright.identity import quotas, users, workspaces
from tradewright.identity.users import KnownUser
from tradewright.web.auth import Operator, by_of
from tradewright.web.contract import problems
from tradewright.web.parts import Parts
from tradewright.web.responses import JsonAnswer, empty_answer
from tradewright.web.routes_workspaces import quota_shown
from tradewright.web.schemas.people import Ended, InstallationUserList
from tradewright.web.schemas.workspaces import InstallationWorkspaceList, QuotaList, SetQuota
from tradewright.web.step_up import require_step_up, step_up_mark


def router() -> APIRouter:
    routes = APIRouter(prefix="/api/v1/installation", tags=["installation"])
    routes.add_api_route(
        "/users",
        read_users,
        methods=["GET"],
        response_model=InstallationUserList,
        operation_id="readUsers",
        responses=problems(401, 403),
    )
    for what, handler, operation_id in (("disable", disable, "disableUser"), ("enable", enable, "enableUser")):
        routes.add_api_route(
            f"/users/{{user_id}}/{what}",
            handler,
            methods=["POST"],
            status_code=204,
            response_class=Response,
            operation_id=operation_id,
            responses=problems(401, 403, 404, 409, 422),
        )
    routes.add_api_route(
        "/users/{user_id}/end-sessions",
        end_sessions,
        methods=["POST"],
        response_model=Ended,
        operation_id="endUserSessions",
        responses=problems(401, 403, 404, 422),
    )
    routes.add_api_route(
        "/workspaces",
        read_workspaces,
        methods=["GET"],
        response_model=InstallationWorkspaceList,
        operation_id="readInstallationWorkspaces",
        responses=problems(401, 403),
    )
    routes.add_api_route(
        "/workspaces/{workspace_id}/quota",
        set_quota,
        methods=["PUT"],
        response_model=QuotaList,
        operation_id="setQuota",
        responses=problems(401, 403, 404, 422),
        openapi_extra=step_up_mark("sometimes"),
    )
    return routes


async def read_users(parts: Parts, caller: Operator) -> Response:
    """The users of the installation."""
    async with parts.engine.connect() as connection:
        found = await users.all_users(connection)
    return JsonAnswer({"users": [_user(each) for each in found]})


async def disable(request: Request, parts: Parts, caller: Operator, user_id: UUID) -> Response:
    """The user cannot sign in, and their sessions end at once. What they did stays."""
    async with parts.engine.begin() as connection:
        await users.disable_user(connection, UserId(user_id), by=by_of(request, parts, caller))
    return empty_answer()


async def enable(request: Request, parts: Parts, caller: Operator, user_id: UUID) -> Response:
    """The user can sign in again."""
    async with parts.engine.begin() as connection:
        await users.enable_user(connection, UserId(user_id), by=by_of(request, parts, caller))
    return empty_answer()


async def end_sessions(request: Request, parts: Parts, caller: Operator, user_id: UUID) -> Response:
    """Signs the user out everywhere."""
    async with parts.engine.begin() as connection:
        ended = await users.end_sessions_of(connection, UserId(user_id), by=by_of(request, parts, caller))
    return JsonAnswer({"ended": ended})


async def read_workspaces(parts: Parts, caller: Operator) -> Response:
    """The workspaces of the installation, with their quotas."""
    shown = []
    async with parts.engine.connect() as connection:
        for each in await workspaces.all_workspaces(connection):
            found = await quotas.states(connection, each.id, None, parts.quotas)
            shown.append(
                {
                    "id": str(each.id),
                    "name": each.name,
                    "created_ms": milliseconds(each.created_at),
                    "members": each.members,
                    "quotas": [quota_shown(state) for state in found],
                }
            )
    return JsonAnswer({"workspaces": shown})


async def set_quota(request: Request, parts: Parts, caller: Operator, workspace_id: UUID, body: SetQuota) -> Response:
    """Sets a quota of one workspace, or takes it back to the installation's default. More needs a fresh proof."""
    wanted, value = WorkspaceId(workspace_id), None if body.value is None else Decimal(body.value)
    async with parts.engine.connect() as connection:
        await workspaces.require_workspace(connection, wanted)
        before = (await quotas.in_force(connection, wanted, parts.quotas))[body.scope, body.name]
    if (parts.quotas.of(body.scope, body.name) if value is None else value) > before:
        await require_step_up(parts, caller)
    async with parts.engine.begin() as connection:
        await quotas.set_quota(
            connection,
            wanted,
            body.scope,
            body.name,
            value,
            defaults=parts.quotas,
            by=by_of(request, parts, caller),
        )
        found = await quotas.states(connection, wanted, None, parts.quotas)
    return JsonAnswer({"quotas": [quota_shown(state) for state in found]})


def _user(user: KnownUser) -> dict[str, object]:
    return {
        "id": str(user.id),
        "username": user.username,
        "is_operator": user.is_operator,
        "created_ms": milliseconds(user.created_at),
        "disabled_ms": None if user.disabled_at is None else milliseconds(user.disabled_at),
        "last_seen_ms": None if user.last_seen_at is None else milliseconds(user.last_seen_at),
        "workspaces": user.workspaces,
    }
