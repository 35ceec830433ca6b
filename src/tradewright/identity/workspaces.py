"""Workspaces: which ones a person is in, which one a session is about, making one and naming it.

Not here: who is in one (`members`), how many there may be of anything (`quotas`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.core.ids import UserId, WorkspaceId
from tradewright.identity.audited import By, note
from tradewright.identity.model import Membership, NotAMember, Principal, TooManyWorkspaces, WorkspaceIdUsed
from tradewright.identity.sessions import set_workspace
from tradewright.identity.tables import memberships, workspaces

LISTED_MAX = 500


async def workspaces_of(connection: AsyncConnection, user_id: UserId) -> Sequence[Membership]:
    """Those that the user is in, the oldest first."""
    found = await connection.execute(
        select(workspaces.c.id, workspaces.c.name, memberships.c.role)
        .join(memberships, memberships.c.workspace_id == workspaces.c.id)
        .where(memberships.c.user_id == user_id)
        .order_by(workspaces.c.created_at, workspaces.c.id)
    )
    return [Membership(WorkspaceId(row.id), row.name, row.role) for row in found]


async def choose_workspace(connection: AsyncConnection, principal: Principal, workspace_id: WorkspaceId) -> None:
    """What the session's requests are about from now on. Raises `NotAMember`, also for one that never was."""
    if not await set_workspace(connection, principal, workspace_id):
        raise NotAMember("there is no such workspace, or you are not in it")


async def create_workspace(
    connection: AsyncConnection, user_id: UserId, workspace_id: WorkspaceId, name: str, *, most: int, by: By
) -> Membership:
    """An empty one, whose owner the user is. The same id and name again is the same one.

    It begins without an account: the simulated exchange's own account is one exchange account, and one workspace has
    it. Raises `WorkspaceIdUsed`, `TooManyWorkspaces`.
    """
    # One at a time for a person: two that come together must not both see the last free place.
    await connection.execute(text("SELECT 1 FROM users WHERE id = :id FOR NO KEY UPDATE"), {"id": user_id})
    made = await connection.execute(
        insert(workspaces)
        .values(id=workspace_id, name=name, created_at=by.now, created_by=user_id)
        .on_conflict_do_nothing(index_elements=["id"])
        .returning(workspaces.c.id)
    )
    if made.first() is None:
        for known in await workspaces_of(connection, user_id):
            if (known.workspace_id, known.name) == (workspace_id, name):
                return known
        raise WorkspaceIdUsed(f"the id {workspace_id} was used for another workspace; make a new one")
    count = await connection.scalar(select(func.count()).where(workspaces.c.created_by == user_id))
    if (count or 0) > most:
        raise TooManyWorkspaces(f"you have made {most} workspaces, as many as this installation allows a person")
    await connection.execute(insert(memberships).values(workspace_id=workspace_id, user_id=user_id, role="owner"))
    await note(
        connection,
        by,
        "workspace.create",
        workspace_id=workspace_id,
        object_kind="workspace",
        object_id=workspace_id,
        after={"name": name},
    )
    return Membership(workspace_id, name, "owner")


async def rename_workspace(connection: AsyncConnection, workspace_id: WorkspaceId, name: str, *, by: By) -> None:
    found = await connection.execute(
        select(workspaces.c.name).where(workspaces.c.id == workspace_id).with_for_update(key_share=True)
    )
    before = found.scalar_one()
    if before == name:
        return
    await connection.execute(update(workspaces).where(workspaces.c.id == workspace_id).values(name=name))
    await note(
        connection,
        by,
        "workspace.rename",
        workspace_id=workspace_id,
        object_kind="workspace",
        object_id=workspace_id,
        before={"name": before},
        after={"name": name},
    )


@dataclass(frozen=True, slots=True)
class KnownWorkspace:
    id: WorkspaceId
    name: str
    created_at: datetime
    members: int


async def all_workspaces(connection: AsyncConnection) -> Sequence[KnownWorkspace]:
    """Every one of the installation, the oldest first: for its operator, who sees that it is there and no more."""
    people = select(func.count()).where(memberships.c.workspace_id == workspaces.c.id).scalar_subquery()
    found = await connection.execute(
        select(workspaces.c.id, workspaces.c.name, workspaces.c.created_at, people.label("members"))
        .order_by(workspaces.c.created_at, workspaces.c.id)
        .limit(LISTED_MAX)
    )
    return [KnownWorkspace(WorkspaceId(row.id), row.name, row.created_at, row.members) for row in found]


async def require_workspace(connection: AsyncConnection, workspace_id: WorkspaceId) -> None:
    """Raises `NotAMember`, the same as for one that the caller is not in."""
    known = select(workspaces.c.id).where(workspaces.c.id == workspace_id)
    if (await connection.execute(known)).first() is None:
        raise NotAMember("there is no such workspace")
