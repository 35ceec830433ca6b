"""Invitations: a one-time link `/invite#<token>` that brings one person into a workspace with a role.

Lives here: making, listing and revoking them, and using one up, with their SQL. What is stored is the token's hash; the
token is shown once. Not here: what a new person needs (`joining`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.core.errors import InvalidInput, Problem
from tradewright.core.ids import UserId, WorkspaceId
from tradewright.identity.audited import By, note
from tradewright.identity.model import (
    AlreadyMember,
    InvitationUnknown,
    InvitationUsed,
    Role,
    TooManyInvitations,
)
from tradewright.identity.tables import invitations, memberships, users, workspaces
from tradewright.identity.tokens import new_token, token_hash

LIFETIME_DAYS = 7
LIFETIME_DAYS_MAX = 30
OPEN_MAX = 50  # of a workspace
NOTE_LENGTH_MAX = 64
_HOLD = text("SELECT 1 FROM workspaces WHERE id = :workspace FOR NO KEY UPDATE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """One that still brings somebody in, as an owner sees it."""

    id: UUID
    role: Role
    note: str
    invited_by: str
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What the holder of a link is told before accepting."""

    id: UUID
    workspace_id: WorkspaceId
    workspace: str
    role: Role
    invited_by: str
    expires_at: datetime


async def invite(
    connection: AsyncConnection,
    workspace_id: WorkspaceId,
    *,
    role: Role,
    note_text: str,
    days: int,
    by: By,
) -> tuple[Invitation, str]:
    """(the invitation, its token, which is told only now). Raises `InvalidInput`, `TooManyInvitations`."""
    if not 1 <= days <= LIFETIME_DAYS_MAX:
        params = {"minimum": "1", "maximum": str(LIFETIME_DAYS_MAX), "value": str(days)}
        raise InvalidInput([Problem("input.range", "days", params)])
    assert by.user_id is not None, "only a person invites"
    await connection.execute(_HOLD, {"workspace": workspace_id})
    open_now = await connection.scalar(
        select(func.count()).where(invitations.c.workspace_id == workspace_id, *_open(by.now))
    )
    if (open_now or 0) >= OPEN_MAX:
        raise TooManyInvitations(f"{OPEN_MAX} invitations to this workspace are open; revoke one first")
    token, invitation_id, expires_at = new_token(), by.ids.new(), by.now + timedelta(days=days)
    await connection.execute(
        insert(invitations).values(
            id=invitation_id,
            workspace_id=workspace_id,
            token_hash=token_hash(token),
            role=role,
            note=note_text,
            created_by=by.user_id,
            created_at=by.now,
            expires_at=expires_at,
        )
    )
    await note(
        connection,
        by,
        "invitation.create",
        workspace_id=workspace_id,
        object_kind="invitation",
        object_id=invitation_id,
        after={"role": role, "note": note_text, "expires_at": expires_at.isoformat()},
    )
    name = await connection.scalar(select(users.c.username).where(users.c.id == by.user_id))
    made = Invitation(
        id=invitation_id,
        role=role,
        note=note_text,
        invited_by=str(name),
        created_at=by.now,
        expires_at=expires_at,
    )
    return made, token


async def open_invitations(
    connection: AsyncConnection, workspace_id: WorkspaceId, now: datetime
) -> Sequence[Invitation]:
    """Those that would bring somebody in now, the newest first."""
    found = await connection.execute(
        select(invitations, users.c.username)
        .join(users, users.c.id == invitations.c.created_by)
        .where(invitations.c.workspace_id == workspace_id, *_open(now))
        .order_by(invitations.c.created_at.desc(), invitations.c.id)
        .limit(OPEN_MAX)
    )
    return [
        Invitation(
            id=row.id,
            role=row.role,
            note=row.note,
            invited_by=row.username,
            created_at=row.created_at,
            expires_at=row.expires_at,
        )
        for row in found
    ]


async def revoke(connection: AsyncConnection, workspace_id: WorkspaceId, invitation_id: UUID, *, by: By) -> None:
    """Its link brings nobody in any more. Harmless twice. Raises `InvitationUnknown`, `InvitationUsed`."""
    found = await connection.execute(
        select(invitations.c.used_at, invitations.c.revoked_at)
        .where(invitations.c.id == invitation_id, invitations.c.workspace_id == workspace_id)
        .with_for_update()
    )
    row = found.one_or_none()
    if row is None:
        raise InvitationUnknown("there is no such invitation")
    if row.used_at is not None:
        raise InvitationUsed("somebody has come in by this invitation already; remove the member instead")
    if row.revoked_at is not None:
        return
    await connection.execute(
        update(invitations)
        .where(invitations.c.id == invitation_id, invitations.c.workspace_id == workspace_id)
        .values(revoked_at=by.now)
    )
    await note(
        connection,
        by,
        "invitation.revoke",
        workspace_id=workspace_id,
        object_kind="invitation",
        object_id=invitation_id,
    )


async def read_offer(connection: AsyncConnection, token: str, now: datetime, *, hold: bool = False) -> Offer:
    """What the token offers. With `hold` nobody else can use it until the caller's transaction ends.

    Raises `InvitationUnknown` (made up, too old, revoked) or `InvitationUsed`.
    """
    wanted = (
        select(invitations, workspaces.c.name, users.c.username, users.c.disabled_at)
        .join(workspaces, workspaces.c.id == invitations.c.workspace_id)
        .join(users, users.c.id == invitations.c.created_by)
        .where(invitations.c.token_hash == token_hash(token))
    )
    if hold:
        wanted = wanted.with_for_update(of=invitations)
    row = (await connection.execute(wanted)).one_or_none()
    if row is not None and row.used_at is not None:
        raise InvitationUsed("this invitation has been used; ask whoever sent it for another")
    if row is None or row.revoked_at is not None or row.expires_at <= now or row.disabled_at is not None:
        raise InvitationUnknown("there is no such invitation, or it has ended; ask whoever sent it for another")
    return Offer(
        id=row.id,
        workspace_id=WorkspaceId(row.workspace_id),
        workspace=row.name,
        role=row.role,
        invited_by=row.username,
        expires_at=row.expires_at,
    )


async def take_up(connection: AsyncConnection, offer: Offer, user_id: UserId, *, by: By) -> None:
    """Uses a held offer up: the user is a member from now on. Raises `AlreadyMember`, and then it stays good."""
    known = select(memberships.c.role).where(
        memberships.c.workspace_id == offer.workspace_id, memberships.c.user_id == user_id
    )
    if (await connection.execute(known)).first() is not None:
        raise AlreadyMember(f"you are in {offer.workspace} already")
    await connection.execute(
        insert(memberships).values(workspace_id=offer.workspace_id, user_id=user_id, role=offer.role)
    )
    await connection.execute(
        update(invitations)
        .where(invitations.c.id == offer.id, invitations.c.workspace_id == offer.workspace_id)
        .values(used_at=by.now, used_by=user_id)
    )
    await note(
        connection,
        by,
        "invitation.accept",
        workspace_id=offer.workspace_id,
        object_kind="user",
        object_id=user_id,
        after={"role": offer.role, "invitation": str(offer.id)},
    )


def _open(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return invitations.c.used_at.is_(None), invitations.c.revoked_at.is_(None), invitations.c.expires_at > now
