"""Workspaces: which ones a person is in, which one a session is about, making one and naming it.

Not here: who is in one (`members`), how many there may be of anything (`quotas`).
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.core.ids import UserId, WorkspaceId
from tradewright.identity.model import Membership, NotAMember, Principal
from tradewright.identity.sessions import set_workspace
from tradewright.identity.tables import memberships, workspaces


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
