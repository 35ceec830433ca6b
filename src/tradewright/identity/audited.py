"""The audit entry of a deed of identity, in short: who did it, from where, to what.

Lives here: `By` and `note`. Not here: the trail itself (`audit`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.audit.model import AuditEntry
from tradewright.audit.store import record
from tradewright.core.clock import Ids
from tradewright.core.ids import UserId, WorkspaceId


@dataclass(frozen=True, slots=True, kw_only=True)
class By:
    """Who does it, now. `user_id` None: the machine's own shell, or the program itself."""

    user_id: UserId | None
    ip: str | None
    now: datetime
    ids: Ids


async def note(
    connection: AsyncConnection,
    by: By,
    action: str,
    *,
    workspace_id: WorkspaceId | None,
    object_kind: str,
    object_id: object,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    outcome: str = "done",
) -> None:
    """Records the deed in the caller's transaction. `workspace_id` None: it concerns the installation."""
    await record(
        connection,
        AuditEntry(
            id=by.ids.new(),
            workspace_id=workspace_id,
            account_id=None,
            at=by.now,
            actor_kind="system" if by.user_id is None else "user",
            actor_id=by.user_id,
            action=action,
            object_kind=object_kind,
            object_id=str(object_id),
            before=before,
            after=after,
            ip=by.ip,
            outcome=outcome,
        ),
    )
