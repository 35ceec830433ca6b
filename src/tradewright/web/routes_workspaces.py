"""Routes of workspaces: which ones the caller is in, and which one the session is about."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from tradewright.core.ids import WorkspaceId
from tradewright.identity import workspaces
from tradewright.identity.model import Membership
from tradewright.web.auth import AnyWorkspace, Reader, principal_or_none
from tradewright.web.contract import problems
from tradewright.web.parts import Parts
from tradewright.web.responses import JsonAnswer
from tradewright.web.routes_identity import session_answer
from tradewright.web.schemas.identity import SessionState
from tradewright.web.schemas.workspaces import ChooseWorkspace, WorkspaceList


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
    return routes


async def read_workspaces(parts: Parts, principal: Reader) -> Response:
    """The workspaces that the caller is in."""
    async with parts.engine.connect() as connection:
        found = await workspaces.workspaces_of(connection, principal.user.id)
    return JsonAnswer({"workspaces": [membership_shown(each) for each in found]})


async def choose_workspace(request: Request, parts: Parts, principal: AnyWorkspace, body: ChooseWorkspace) -> Response:
    """What this session's requests are about from now on. Its open streams are closed within seconds."""
    async with parts.engine.begin() as connection:
        await workspaces.choose_workspace(connection, principal, WorkspaceId(body.workspace_id))
    return await session_answer(parts, await principal_or_none(request))


def membership_shown(membership: Membership) -> dict[str, object]:
    return {"id": str(membership.workspace_id), "name": membership.name, "role": membership.role}
