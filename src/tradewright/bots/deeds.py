"""Who does something to strategies, bots and runs, and the audit entry of it.

Lives here: `Actor`, `tell`. Not here: the trail (`audit`), who may do what (`web`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.audit.model import AuditEntry
from tradewright.audit.store import record
from tradewright.core.clock import Clock, Ids
from tradewright.core.ids import AccountId, UserId, WorkspaceId


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who asks, in which workspace, and what an audit entry needs beside."""

    workspace_id: WorkspaceId
    user_id: UserId
    ip: str | None
    clock: Clock
    ids: Ids


async def tell(
    connection: AsyncConnection,
    actor: Actor,
    action: str,
    kind: Literal["strategy", "bot", "run"],
    object_id: UUID,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    account_id: AccountId | None = None,
    outcome: str = "done",
) -> None:
    """Records the deed in the caller's transaction; of a run in the chain of its account."""
    await record(
        connection,
        AuditEntry(
            id=actor.ids.new(),
            workspace_id=actor.workspace_id,
            account_id=account_id,
            at=actor.clock.now(),
            actor_kind="user",
            actor_id=actor.user_id,
            action=action,
            object_kind=kind,
            object_id=str(object_id),
            before=before,
            after=after,
            ip=actor.ip,
            outcome=outcome,
        ),
    )
