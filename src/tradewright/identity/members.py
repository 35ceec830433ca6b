"""Who is in a workspace and in which role: listing, changing a role, removing, leaving.

Lives here: these commands with their SQL. A workspace always keeps an owner who can sign in: whatever changes members
holds the workspace's row first, so that two owners who remove each other come one after the other, and the second is
no owner any more. Not here: how somebody comes in (`invitations`).

Every person is in at least one workspace: who is removed from the last one gets an empty one of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import delete, func, insert, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.core.ids import UserId, WorkspaceId
from tradewright.identity.audited import By, note
from tradewright.identity.model import LastOwner, MemberUnknown, Role, RoleLost
from tradewright.identity.tables import invitations, memberships, sessions, users, workspaces

_HOLD = text("SELECT 1 FROM workspaces WHERE id = :workspace FOR NO KEY UPDATE")


@dataclass(frozen=True, slots=True)
class Member:
    user_id: UserId
    username: str
    role: Role
    is_disabled: bool


async def members_of(connection: AsyncConnection, workspace_id: WorkspaceId) -> Sequence[Member]:
    """All of them, by name."""
    found = await connection.execute(
        select(users.c.id, users.c.username, memberships.c.role, users.c.disabled_at)
        .join(memberships, memberships.c.user_id == users.c.id)
        .where(memberships.c.workspace_id == workspace_id)
        .order_by(users.c.username_key)
    )
    return [Member(UserId(row.id), row.username, row.role, row.disabled_at is not None) for row in found]


async def change_role(
    connection: AsyncConnection, workspace_id: WorkspaceId, user_id: UserId, role: Role, *, by: By
) -> Member:
    """Holds for the next request. Raises `RoleLost`, `MemberUnknown`, `LastOwner`."""
    member = await _held(connection, workspace_id, user_id, by)
    if member.role == role:
        return member
    if member.role == "owner":
        await _require_another_owner(connection, workspace_id, user_id)
        await _withdraw_invitations(connection, workspace_id, user_id, by)
    await connection.execute(
        update(memberships)
        .where(memberships.c.workspace_id == workspace_id, memberships.c.user_id == user_id)
        .values(role=role)
    )
    await note(
        connection,
        by,
        "member.role",
        workspace_id=workspace_id,
        object_kind="user",
        object_id=user_id,
        before={"role": member.role},
        after={"role": role},
    )
    return Member(user_id, member.username, role, member.is_disabled)


async def remove_member(connection: AsyncConnection, workspace_id: WorkspaceId, user_id: UserId, *, by: By) -> None:
    """They are out at once: their sessions in this workspace end. What they started stays the workspace's.

    Raises `RoleLost`, `MemberUnknown`, `LastOwner`.
    """
    member = await _held(connection, workspace_id, user_id, by)
    await _take_out(connection, workspace_id, member, by, "member.remove")


async def leave(connection: AsyncConnection, workspace_id: WorkspaceId, *, by: By) -> None:
    """Goes oneself. Raises `LastOwner`; `MemberUnknown` for who is out already."""
    assert by.user_id is not None, "only a person can leave"
    await connection.execute(_HOLD, {"workspace": workspace_id})
    member = await _member(connection, workspace_id, by.user_id)
    await _take_out(connection, workspace_id, member, by, "member.leave")


async def end_sessions_here(connection: AsyncConnection, workspace_id: WorkspaceId, user_id: UserId, *, by: By) -> int:
    """Signs a member out wherever they are in this workspace; how many sessions ended. Raises as `remove_member`."""
    member = await _held(connection, workspace_id, user_id, by)
    ended = await _end_sessions(connection, workspace_id, member.user_id)
    await note(
        connection,
        by,
        "member.end_sessions",
        workspace_id=workspace_id,
        object_kind="user",
        object_id=user_id,
        after={"ended": ended},
    )
    return ended


async def ensure_a_workspace(connection: AsyncConnection, user_id: UserId, username: str, by: By) -> None:
    """Makes an empty workspace for who is in none."""
    is_in_one = select(memberships.c.user_id).where(memberships.c.user_id == user_id).limit(1)
    if (await connection.execute(is_in_one)).first() is not None:
        return
    own = WorkspaceId(by.ids.new())
    await connection.execute(insert(workspaces).values(id=own, name=username, created_at=by.now, created_by=user_id))
    await connection.execute(insert(memberships).values(workspace_id=own, user_id=user_id, role="owner"))
    await note(
        connection,
        by,
        "workspace.create",
        workspace_id=own,
        object_kind="workspace",
        object_id=own,
        after={"name": username, "owner": str(user_id)},
    )


async def _held(connection: AsyncConnection, workspace_id: WorkspaceId, user_id: UserId, by: By) -> Member:
    """The member, whom nobody else changes until the caller's transaction ends, once it is sure that who asks may."""
    await connection.execute(_HOLD, {"workspace": workspace_id})
    asking = await connection.execute(
        select(memberships.c.role).where(
            memberships.c.workspace_id == workspace_id, memberships.c.user_id == by.user_id
        )
    )
    if asking.scalar_one_or_none() != "owner":
        raise RoleLost("you are no owner of this workspace any more")
    return await _member(connection, workspace_id, user_id)


async def _member(connection: AsyncConnection, workspace_id: WorkspaceId, user_id: UserId) -> Member:
    found = await connection.execute(
        select(users.c.username, users.c.disabled_at, memberships.c.role)
        .join(memberships, memberships.c.user_id == users.c.id)
        .where(memberships.c.workspace_id == workspace_id, memberships.c.user_id == user_id)
    )
    row = found.one_or_none()
    if row is None:
        raise MemberUnknown("there is no such member in this workspace")
    return Member(user_id, row.username, row.role, row.disabled_at is not None)


async def _take_out(
    connection: AsyncConnection, workspace_id: WorkspaceId, member: Member, by: By, action: str
) -> None:
    if member.role == "owner":
        await _require_another_owner(connection, workspace_id, member.user_id)
        await _withdraw_invitations(connection, workspace_id, member.user_id, by)
    await connection.execute(
        delete(memberships).where(memberships.c.workspace_id == workspace_id, memberships.c.user_id == member.user_id)
    )
    await _end_sessions(connection, workspace_id, member.user_id)
    await note(
        connection,
        by,
        action,
        workspace_id=workspace_id,
        object_kind="user",
        object_id=member.user_id,
        before={"role": member.role},
    )
    await ensure_a_workspace(connection, member.user_id, member.username, by)


async def _require_another_owner(connection: AsyncConnection, workspace_id: WorkspaceId, user_id: UserId) -> None:
    others = await connection.scalar(
        select(func.count())
        .select_from(memberships.join(users, users.c.id == memberships.c.user_id))
        .where(
            memberships.c.workspace_id == workspace_id,
            memberships.c.role == "owner",
            memberships.c.user_id != user_id,
            users.c.disabled_at.is_(None),
        )
    )
    if not others:
        raise LastOwner("this is the workspace's last owner; make somebody else an owner first")


async def _withdraw_invitations(
    connection: AsyncConnection, workspace_id: WorkspaceId, user_id: UserId, by: By
) -> None:
    """A link in the pocket of who was an owner must not bring anybody in."""
    await connection.execute(
        update(invitations)
        .where(
            invitations.c.workspace_id == workspace_id,
            invitations.c.created_by == user_id,
            invitations.c.used_at.is_(None),
            invitations.c.revoked_at.is_(None),
        )
        .values(revoked_at=by.now)
    )


async def _end_sessions(connection: AsyncConnection, workspace_id: WorkspaceId, user_id: UUID) -> int:
    """Those about this workspace, and those from before sessions said which one they are about."""
    ended = await connection.execute(
        delete(sessions).where(
            sessions.c.user_id == user_id,
            or_(sessions.c.workspace_id == workspace_id, sessions.c.workspace_id.is_(None)),
        )
    )
    return ended.rowcount
