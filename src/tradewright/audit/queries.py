"""What may be read of the audit trail: its entries by filter, how its heads were exported.

Lives here: `Filter`, `entries`, `people`, `exports`, as the API tells them; every query names its workspace.
Not here: who may see what (`web`), the chains (`links`), the story of one order (`story`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.core.clock import milliseconds
from tradewright.core.errors import InvalidInput, Problem
from tradewright.core.ids import UserId, WorkspaceId

Row = dict[str, Any]

ENTRY_COLUMNS = (
    "e.id, e.at, e.actor_kind, e.actor_id, u.username, e.account_id, a.name AS account_name, a.environment, e.action,"
    " e.object_kind, e.object_id, e.before, e.after, e.ip, e.outcome, e.token_id"
)
_OWN_WORKSPACE = "e.workspace_id = :workspace"
ENTRIES_WITH_NAMES = (
    "audit_entries e LEFT JOIN users u ON u.id = e.actor_id LEFT JOIN accounts a ON a.id = e.account_id"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """None leaves it open. `actor` is a user's id, `system` or `exchange`; `action` is one, or what a dot follows."""

    since: datetime | None = None
    until: datetime | None = None
    actor: UUID | str | None = None
    action: str | None = None
    object_kind: str | None = None
    object_id: str | None = None
    account_id: UUID | None = None
    outcome: str | None = None


@dataclass(frozen=True, slots=True)
class Sight:
    """What somebody may see of the trail: a workspace whole or their own deeds in it; `with_installation`: also what
    concerns no workspace."""

    workspace_id: WorkspaceId
    only_of: UserId | None
    with_installation: bool = False


async def entries(
    connection: AsyncConnection, sight: Sight, wanted: Filter, *, limit: int, before: str | None
) -> tuple[Sequence[Row], str | None]:
    """Newest first: (entries, cursor of the next page or None). `before` is a cursor from an earlier answer."""
    where, values = _where(sight, wanted)
    if before is not None:
        values["before_at"], values["before_id"] = _parsed(before)
        where.append("(e.at, e.id) < (:before_at, :before_id)")
    found = await connection.execute(
        text(
            f"SELECT {ENTRY_COLUMNS} FROM {ENTRIES_WITH_NAMES} WHERE {' AND '.join(where)}"  # noqa: S608
            " ORDER BY e.at DESC, e.id DESC LIMIT :limit"
        ),
        {**values, "limit": limit + 1},
    )
    rows = list(found.mappings())
    page = rows[:limit]
    following = f"{page[-1]['at'].isoformat()}~{page[-1]['id']}" if len(rows) > limit else None
    return [entry_view(dict(row)) for row in page], following


async def people(connection: AsyncConnection, sight: Sight) -> Sequence[Row]:
    """Whom the entries may be of, for a filter: members, or oneself."""
    found = await connection.execute(
        text(
            "SELECT u.id, u.username FROM memberships m JOIN users u ON u.id = m.user_id"
            " WHERE m.workspace_id = :workspace AND u.id = coalesce(CAST(:only AS uuid), u.id)"
            " ORDER BY u.username, u.id"
        ),
        {"workspace": sight.workspace_id, "only": sight.only_of},
    )
    return [{"id": str(row.id), "name": row.username} for row in found]


async def exports(connection: AsyncConnection) -> Sequence[Row]:
    """How the chains' heads were last exported, by target."""
    found = await connection.execute(text("SELECT target, ok_at, failed_at, fault FROM audit_exports ORDER BY target"))
    return [
        {
            "target": row.target,
            "ok_ms": None if row.ok_at is None else milliseconds(row.ok_at),
            "failed_ms": None if row.failed_at is None else milliseconds(row.failed_at),
            "fault": row.fault,
        }
        for row in found
    ]


def entry_view(row: Row) -> Row:
    """As `web.schemas.audit.AuditEntry`."""
    return {
        "id": str(row["id"]),
        "at_ms": milliseconds(row["at"]),
        "actor": {
            "kind": row["actor_kind"],
            "id": None if row["actor_id"] is None else str(row["actor_id"]),
            "name": row["username"],
            "token_id": None if row["token_id"] is None else str(row["token_id"]),
        },
        "account_id": None if row["account_id"] is None else str(row["account_id"]),
        "account_name": row["account_name"],
        "environment": row["environment"],
        "action": row["action"],
        "object_kind": row["object_kind"],
        "object_id": row["object_id"],
        "before": row["before"],
        "after": row["after"],
        "ip": row["ip"],
        "outcome": row["outcome"],
    }


def _where(sight: Sight, wanted: Filter) -> tuple[list[str], Row]:
    """Conditions and their values; the workspace is always among them."""
    values: Row = {"workspace": sight.workspace_id}
    where = ["(e.workspace_id = :workspace OR e.workspace_id IS NULL)" if sight.with_installation else _OWN_WORKSPACE]

    def narrow(condition: str, **given: Any) -> None:
        where.append(condition)
        values.update(given)

    if sight.only_of is not None:
        narrow("e.actor_id = :only", only=sight.only_of)
    if wanted.since is not None:
        narrow("e.at >= :since", since=wanted.since)
    if wanted.until is not None:
        narrow("e.at < :until", until=wanted.until)
    if isinstance(wanted.actor, UUID):
        narrow("e.actor_id = :actor", actor=wanted.actor)
    elif wanted.actor is not None:
        narrow("e.actor_kind = :actor", actor=wanted.actor)
    if wanted.action is not None:
        narrow("(e.action = :action OR starts_with(e.action, :action || '.'))", action=wanted.action)
    if wanted.object_kind is not None:
        narrow("e.object_kind = :object_kind", object_kind=wanted.object_kind)
    if wanted.object_id is not None:
        narrow("e.object_id = :object_id", object_id=wanted.object_id)
    if wanted.account_id is not None:
        narrow("e.account_id = :account", account=wanted.account_id)
    if wanted.outcome is not None:
        narrow("e.outcome = :outcome", outcome=wanted.outcome)
    return where, values


def _parsed(cursor: str) -> tuple[datetime, UUID]:
    moment, _, key = cursor.partition("~")
    try:
        at = datetime.fromisoformat(moment)
        if at.tzinfo is None or not 1970 < at.year < 2200:
            raise ValueError
        return at, UUID(key)
    except ValueError:
        raise InvalidInput([Problem("cursor.invalid", "before", {"value": cursor[:60]})]) from None
