"""Routes of workspaces: which ones the caller is in, which one the session is about, their names and quotas."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from tradewright.core.ids import WorkspaceId
from tradewright.core.money import plain
from tradewright.identity import quotas, workspaces
from tradewright.identity.model import Membership
from tradewright.identity.quota_model import QuotaState
from tradewright.web.auth import AnyWorkspace, Owner, Reader, by_of, principal_or_none
from tradewright.web.contract import problems
from tradewright.web.parts import Parts
from tradewright.web.responses import JsonAnswer
from tradewright.web.routes_identity import session_answer
from tradewright.web.schemas.identity import SessionState, SessionWorkspace
from tradewright.web.schemas.workspaces import (
    ChooseWorkspace,
    NewWorkspace,
    QuotaList,
    RenameWorkspace,
    WorkspaceList,
)


def router() -> APIRouter:
    routes = APIRouter(prefix="/api/v1", tags=["workspaces"])
    routes.add_api_route(
        "/workspaces",
        read_workspaces,
        methods=["GET"],
        response_model=WorkspaceList,
        operation_id="readWorkspaces",
        responses=problems(401),
    )
    routes.add_api_route(
        "/session/workspace",
        choose_workspace,
        methods=["POST"],
        response_model=SessionState,
        operation_id="chooseWorkspace",
        responses=problems(401, 404, 422),
    )
    routes.add_api_route(
        "/workspaces",
        create_workspace,
        methods=["POST"],
        status_code=201,
        response_model=SessionWorkspace,
        operation_id="createWorkspace",
        responses=problems(401, 403, 409, 422),
    )
    routes.add_api_route(
        "/workspace",
        rename_workspace,
        methods=["PUT"],
        response_model=SessionWorkspace,
        operation_id="renameWorkspace",
        responses=problems(401, 403, 422),
    )
    routes.add_api_route(
        "/workspace/quotas",
        read_quotas,
        methods=["GET"],
        response_model=QuotaList,
        operation_id="readQuotas",
        responses=problems(401),
    )
    return routes


async def read_workspaces(parts: Parts, principal: AnyWorkspace) -> Response:
    """The workspaces that the caller is in."""
    async with parts.engine.connect() as connection:
        found = await workspaces.workspaces_of(connection, principal.user.id)
    return JsonAnswer({"workspaces": [membership_shown(each) for each in found]})


async def choose_workspace(request: Request, parts: Parts, principal: AnyWorkspace, body: ChooseWorkspace) -> Response:
    """What this session's requests are about from now on. Its open streams are closed within seconds."""
    async with parts.engine.begin() as connection:
        await workspaces.choose_workspace(connection, principal, WorkspaceId(body.workspace_id))
    return await session_answer(parts, await principal_or_none(request))


async def create_workspace(request: Request, parts: Parts, caller: AnyWorkspace, body: NewWorkspace) -> Response:
    """Makes an empty workspace whose owner the caller is. The session stays about the one it is about."""
    async with parts.engine.begin() as connection:
        made = await workspaces.create_workspace(
            connection,
            caller.user.id,
            WorkspaceId(body.id),
            body.name,
            most=parts.workspaces_of_user,
            by=by_of(request, parts, caller),
        )
    return JsonAnswer(membership_shown(made), 201)


async def rename_workspace(request: Request, parts: Parts, caller: Owner, body: RenameWorkspace) -> Response:
    """Gives the workspace another name."""
    here = caller.membership
    async with parts.engine.begin() as connection:
        await workspaces.rename_workspace(connection, here.workspace_id, body.name, by=by_of(request, parts, caller))
    return JsonAnswer(membership_shown(Membership(here.workspace_id, body.name, here.role)))


async def read_quotas(parts: Parts, caller: Reader) -> Response:
    """How much the workspace, and the caller in it, may have or do, and what of it is used."""
    async with parts.engine.connect() as connection:
        found = await quotas.states(connection, caller.membership.workspace_id, caller.user.id, parts.quotas)
    return JsonAnswer({"quotas": [quota_shown(state) for state in found]})


def membership_shown(membership: Membership) -> dict[str, object]:
    return {"id": str(membership.workspace_id), "name": membership.name, "role": membership.role}


def quota_shown(state: QuotaState) -> dict[str, object]:
    return {
        "scope": state.scope,
        "name": state.name,
        "limit": plain(state.limit),
        "default": plain(state.default),
        "used": None if state.used is None else plain(state.used),
        "held": state.is_held,
    }
