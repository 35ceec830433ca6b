"""Routes of the people in a workspace: members with their roles, and invitations, which an owner makes."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from tradewright.core.clock import milliseconds
from tradewright.core.ids import UserId
from tradewright.identity import invitations, joining, members
from tradewright.identity.invitations import Invitation
from tradewright.identity.members import Member
from tradewright.web.auth import AnyWorkspace, Owner, Reader, by_of, caller_of, principal_or_none
from tradewright.web.contract import problems
from tradewright.web.parts import Parts
from tradewright.web.responses import JsonAnswer, empty_answer
from tradewright.web.routes_identity import opened_answer, session_answer
from tradewright.web.schemas.identity import SessionState
from tradewright.web.schemas.people import (
    ChangeRole,
    Ended,
    InvitationList,
    JoinAsNew,
    MadeInvitation,
    MemberList,
    MemberShown,
    NewInvitation,
    Offer,
    ReadInvitation,
)
from tradewright.web.step_up import require_step_up, step_up_mark


def router() -> APIRouter:
    routes = APIRouter(prefix="/api/v1", tags=["people"])
    routes.add_api_route(
        "/workspace/members",
        read_members,
        methods=["GET"],
        response_model=MemberList,
        operation_id="readMembers",
        responses=problems(401),
    )
    routes.add_api_route(
        "/workspace/members/{user_id}/role",
        change_role,
        methods=["POST"],
        response_model=MemberShown,
        operation_id="changeRole",
        responses=problems(401, 403, 404, 409, 422),
        openapi_extra=step_up_mark(),
    )
    routes.add_api_route(
        "/workspace/members/{user_id}/remove",
        remove_member,
        methods=["POST"],
        status_code=204,
        response_class=Response,
        operation_id="removeMember",
        responses=problems(401, 403, 404, 409, 422),
    )
    routes.add_api_route(
        "/workspace/members/{user_id}/end-sessions",
        end_sessions,
        methods=["POST"],
        response_model=Ended,
        operation_id="endMemberSessions",
        responses=problems(401, 403, 404, 422),
    )
    routes.add_api_route(
        "/workspace/leave",
        leave,
        methods=["POST"],
        status_code=204,
        response_class=Response,
        operation_id="leaveWorkspace",
        responses=problems(401, 403, 404, 409),
    )
    routes.add_api_route(
        "/workspace/invitations",
        read_invitations,
        methods=["GET"],
        response_model=InvitationList,
        operation_id="readInvitations",
        responses=problems(401, 403),
    )
    routes.add_api_route(
        "/workspace/invitations",
        invite,
        methods=["POST"],
        status_code=201,
        response_model=MadeInvitation,
        operation_id="invite",
        responses=problems(401, 403, 409, 422),
        openapi_extra=step_up_mark(),
    )
    routes.add_api_route(
        "/workspace/invitations/{invitation_id}/revoke",
        revoke_invitation,
        methods=["POST"],
        status_code=204,
        response_class=Response,
        operation_id="revokeInvitation",
        responses=problems(401, 403, 404, 409, 422),
    )
    routes.add_api_route(
        "/invitations/read",
        read_offer,
        methods=["POST"],
        response_model=Offer,
        operation_id="readInvitation",
        responses=problems(403, 404, 409, 422),
    )
    routes.add_api_route(
        "/invitations/join",
        join_as_new,
        methods=["POST"],
        status_code=201,
        response_model=SessionState,
        operation_id="joinAsNew",
        responses=problems(403, 404, 409, 422),
    )
    routes.add_api_route(
        "/invitations/accept",
        accept,
        methods=["POST"],
        response_model=SessionState,
        operation_id="acceptInvitation",
        responses=problems(401, 403, 404, 409, 422),
    )
    return routes


async def read_members(parts: Parts, caller: Reader) -> Response:
    """Who is in the workspace, and in which role."""
    async with parts.engine.connect() as connection:
        found = await members.members_of(connection, caller.membership.workspace_id)
    return JsonAnswer({"members": [_member(each) for each in found]})


async def change_role(request: Request, parts: Parts, caller: Owner, user_id: UUID, body: ChangeRole) -> Response:
    """Gives a member another role, which holds for their next request. The last owner stays one."""
    await require_step_up(parts, caller)
    async with parts.engine.begin() as connection:
        member = await members.change_role(
            connection,
            caller.membership.workspace_id,
            UserId(user_id),
            body.role,
            by=by_of(request, parts, caller),
        )
    return JsonAnswer(_member(member))


async def remove_member(request: Request, parts: Parts, caller: Owner, user_id: UUID) -> Response:
    """Takes a member out at once. What they started here stays the workspace's."""
    async with parts.engine.begin() as connection:
        await members.remove_member(
            connection, caller.membership.workspace_id, UserId(user_id), by=by_of(request, parts, caller)
        )
    return empty_answer()


async def end_sessions(request: Request, parts: Parts, caller: Owner, user_id: UUID) -> Response:
    """Signs a member out wherever their session is about this workspace."""
    async with parts.engine.begin() as connection:
        ended = await members.end_sessions_here(
            connection, caller.membership.workspace_id, UserId(user_id), by=by_of(request, parts, caller)
        )
    return JsonAnswer({"ended": ended})


async def leave(request: Request, parts: Parts, caller: Reader) -> Response:
    """Goes out of the workspace oneself; the session ends with it."""
    async with parts.engine.begin() as connection:
        await members.leave(connection, caller.membership.workspace_id, by=by_of(request, parts, caller))
    return empty_answer()


async def read_invitations(parts: Parts, caller: Owner) -> Response:
    """The invitations that would bring somebody in now."""
    async with parts.engine.connect() as connection:
        found = await invitations.open_invitations(connection, caller.membership.workspace_id, parts.clock.now())
    return JsonAnswer({"invitations": [_invitation(each) for each in found]})


async def invite(request: Request, parts: Parts, caller: Owner, body: NewInvitation) -> Response:
    """Makes a one-time link that brings one person into the workspace. Its token is told only now."""
    await require_step_up(parts, caller)
    async with parts.engine.begin() as connection:
        made, token = await invitations.invite(
            connection,
            caller.membership.workspace_id,
            role=body.role,
            note_text=body.note,
            days=body.days,
            by=by_of(request, parts, caller),
        )
    return JsonAnswer({"invitation": _invitation(made), "token": token}, 201)


async def revoke_invitation(request: Request, parts: Parts, caller: Owner, invitation_id: UUID) -> Response:
    """The link brings nobody in any more."""
    async with parts.engine.begin() as connection:
        await invitations.revoke(
            connection, caller.membership.workspace_id, invitation_id, by=by_of(request, parts, caller)
        )
    return empty_answer()


async def read_offer(parts: Parts, body: ReadInvitation) -> Response:
    """What an invitation offers, for whoever holds its link."""
    async with parts.engine.connect() as connection:
        offer = await invitations.read_offer(connection, body.token, parts.clock.now())
    return JsonAnswer(
        {
            "workspace": offer.workspace,
            "role": offer.role,
            "invited_by": offer.invited_by,
            "expires_ms": milliseconds(offer.expires_at),
        }
    )


async def join_as_new(request: Request, parts: Parts, body: JoinAsNew) -> Response:
    """Makes a user with the token of an invitation, a member of its workspace, and signs them in."""
    opened = await joining.join_as_new(
        parts.engine,
        joining.Newcomer(token=body.token, username=body.username, password=body.password, language=body.language),
        passwords=parts.passwords,
        limits=parts.session_limits,
        clock=parts.clock,
        ids=parts.ids,
        caller=caller_of(request),
    )
    return await opened_answer(request, parts, opened, status=201)


async def accept(request: Request, parts: Parts, caller: AnyWorkspace, body: ReadInvitation) -> Response:
    """Brings the caller into the invitation's workspace, which the session is about from then on."""
    async with parts.engine.begin() as connection:
        await joining.join_as(connection, caller, body.token, by=by_of(request, parts, caller))
    return await session_answer(parts, await principal_or_none(request))


def _member(member: Member) -> dict[str, object]:
    return {
        "user_id": str(member.user_id),
        "username": member.username,
        "role": member.role,
        "disabled": member.is_disabled,
    }


def _invitation(invitation: Invitation) -> dict[str, object]:
    return {
        "id": str(invitation.id),
        "role": invitation.role,
        "note": invitation.note,
        "invited_by": invitation.invited_by,
        "created_ms": milliseconds(invitation.created_at),
        "expires_ms": milliseconds(invitation.expires_at),
    }
