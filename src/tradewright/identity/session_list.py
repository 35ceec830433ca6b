"""The sessions that a person has: listing them, ending one or all others.

Ending deletes the row, which holds at once for every request, and for open streams within seconds (`web.stream`).
Not here: opening and resolving (`sessions`), what an owner may end (`members`), the operator (`users`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.identity.audited import By, note
from tradewright.identity.model import Principal, SessionId, SessionUnknown
from tradewright.identity.sessions import SessionLimits, is_alive
from tradewright.identity.tables import sessions


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownSession:
    id: SessionId
    user_agent: str
    address: str | None
    created_at: datetime
    last_seen_at: datetime
    is_current: bool


async def sessions_of(
    connection: AsyncConnection, principal: Principal, now: datetime, limits: SessionLimits
) -> Sequence[KnownSession]:
    """Those that have not ended: the caller's first, then the last used."""
    found = await connection.execute(
        select(sessions)
        .where(sessions.c.user_id == principal.user.id, is_alive(now, limits))
        .order_by((sessions.c.id == principal.session_id).desc(), sessions.c.last_seen_at.desc(), sessions.c.id)
    )
    return [
        KnownSession(
            id=SessionId(row.id),
            user_agent=row.user_agent,
            address=row.address,
            created_at=row.created_at,
            last_seen_at=row.last_seen_at,
            is_current=row.id == principal.session_id,
        )
        for row in found
    ]


async def end_session(connection: AsyncConnection, principal: Principal, session_id: UUID, *, by: By) -> None:
    """Raises `SessionUnknown`, also for one of somebody else."""
    ended = await connection.execute(
        delete(sessions)
        .where(sessions.c.id == session_id, sessions.c.user_id == principal.user.id)
        .returning(sessions.c.id)
    )
    if ended.first() is None:
        raise SessionUnknown("there is no such session of yours, or it has ended")
    await _note(connection, principal, by, {"session": str(session_id)})


async def end_other_sessions(connection: AsyncConnection, principal: Principal, *, by: By) -> int:
    """How many ended: all but the one that asks."""
    ended = await connection.execute(
        delete(sessions).where(sessions.c.user_id == principal.user.id, sessions.c.id != principal.session_id)
    )
    await _note(connection, principal, by, {"others": ended.rowcount})
    return ended.rowcount


async def _note(connection: AsyncConnection, principal: Principal, by: By, what: dict[str, object]) -> None:
    await note(
        connection,
        by,
        "session.end",
        workspace_id=principal.membership.workspace_id,
        object_kind="user",
        object_id=principal.user.id,
        before=what,
    )
