"""A person's notification centre: the list, how many are unread, and marking them read.

Lives here: reads and the two commands, each naming workspace and user. Not here: writing notifications (`writing`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.core.clock import from_milliseconds, milliseconds
from tradewright.core.errors import InvalidInput, NotFound, Problem
from tradewright.core.ids import UserId, WorkspaceId
from tradewright.notify.model import CHANNEL
from tradewright.storage.bus import notify

PAGE = 50
UNREAD_COUNTED = 1_000

_ROWS = (
    "SELECT id, kind, severity, params, link, merged, first_at, at, read_at FROM notifications"
    " WHERE workspace_id = :workspace AND user_id = :user"
)
_UNREAD = text(
    "SELECT count(*) FROM (SELECT 1 FROM notifications WHERE workspace_id = :workspace AND user_id = :user"
    " AND read_at IS NULL LIMIT :most) n"
)
_READ_ONE = text(
    "UPDATE notifications SET read_at = coalesce(read_at, clock_timestamp()) WHERE id = :id"
    " AND workspace_id = :workspace AND user_id = :user RETURNING id, kind, severity, params, link, merged, first_at,"
    " at, read_at"
)
_READ_ALL = text(
    "UPDATE notifications SET read_at = clock_timestamp() WHERE workspace_id = :workspace AND user_id = :user"
    " AND read_at IS NULL AND at <= :until"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Whose:
    workspace_id: WorkspaceId
    user_id: UserId

    @property
    def values(self) -> dict[str, Any]:
        return {"workspace": self.workspace_id, "user": self.user_id}

    @property
    def payload(self) -> str:
        """What the bus is told."""
        return f"{self.workspace_id}:{self.user_id}"


async def read_page(
    connection: AsyncConnection,
    whose: Whose,
    *,
    unread: bool = False,
    kind: str | None = None,
    before: str | None = None,
    limit: int = PAGE,
) -> tuple[list[dict[str, Any]], str | None]:
    """Newest first: (notifications, cursor of the next page or None). Raises `InvalidInput` for another's cursor."""
    statement, values = _ROWS, {**whose.values, "limit": limit + 1}
    if unread:
        statement += " AND read_at IS NULL"
    if kind is not None:
        statement += " AND kind = :kind"
        values["kind"] = kind
    if before is not None:
        values["before_at"], values["before_id"] = _parted(before)
        statement += " AND (at, id) < (:before_at, :before_id)"
    found = await connection.execute(text(f"{statement} ORDER BY at DESC, id DESC LIMIT :limit"), values)
    rows = found.mappings().all()
    cursor = None
    if len(rows) > limit:
        last = rows[limit - 1]
        cursor = f"{last['at'].isoformat()}~{last['id']}"
    return [view(row) for row in rows[:limit]], cursor


async def count_unread(connection: AsyncConnection, whose: Whose) -> int:
    """At most 1,000: beyond it nobody counts."""
    return int(await connection.scalar(_UNREAD, {**whose.values, "most": UNREAD_COUNTED}) or 0)


async def standing(connection: AsyncConnection, whose: Whose, *, limit: int = 20) -> dict[str, Any]:
    """What the page shows at once: how many are unread, and the newest of them."""
    newest, _ = await read_page(connection, whose, limit=limit)
    return {"kind": "notifications", "unread": await count_unread(connection, whose), "newest": newest}


async def mark_read(connection: AsyncConnection, whose: Whose, notification_id: UUID) -> dict[str, Any]:
    """The notification as it is then. Raises `NotFound`."""
    found = await connection.execute(_READ_ONE, {**whose.values, "id": notification_id})
    row = found.mappings().one_or_none()
    if row is None:
        raise NotFound(f"you have no notification {notification_id} in this workspace")
    await notify(connection, CHANNEL, whose.payload)
    return view(row)


async def mark_all_read(connection: AsyncConnection, whose: Whose, until: datetime) -> None:
    """All up to a moment: one that came while the page was looking the other way stays unread."""
    changed = await connection.execute(_READ_ALL, {**whose.values, "until": until})
    if changed.rowcount:
        await notify(connection, CHANNEL, whose.payload)


def view(row: RowMapping) -> dict[str, Any]:
    return {
        "id": str(row["id"]),
        "kind": row["kind"],
        "severity": row["severity"],
        "params": dict(row["params"]),
        "link": dict(row["link"]),
        "merged": row["merged"],
        "first_ms": milliseconds(row["first_at"]),
        "at_ms": milliseconds(row["at"]),
        "read_ms": None if row["read_at"] is None else milliseconds(row["read_at"]),
    }


def until_of(at_ms: int) -> datetime:
    """The last moment that is shown as this millisecond."""
    return from_milliseconds(at_ms + 1)


def _parted(cursor: str) -> tuple[datetime, UUID]:
    at, _, key = cursor.partition("~")
    try:
        moment, found = datetime.fromisoformat(at), UUID(key)
        if moment.tzinfo is None or not 1970 < moment.year < 2200:
            raise ValueError
    except ValueError:
        raise InvalidInput([Problem("cursor.invalid", "before", {"value": cursor[:60]})]) from None
    return moment, found


def whose_of(payload: str) -> Whose | None:
    """Of what the bus told; None when it cannot be read."""
    workspace, _, user = payload.partition(":")
    try:
        return Whose(workspace_id=WorkspaceId(UUID(workspace)), user_id=UserId(UUID(user)))
    except ValueError:
        return None
