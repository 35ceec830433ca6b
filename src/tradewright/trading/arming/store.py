"""Armings as stored: what stands, with everything that may end it, and the writing down of an end.

Lives here: `read_standing`, `end_arming`, and `PostgresArmings` for the account's owner. Not here: what a person may
ask (`commands`), what ends an arming (`model`).
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tradewright.audit.model import AuditEntry
from tradewright.audit.store import record
from tradewright.core.clock import Clock, Ids
from tradewright.core.ids import AccountId, UserId, WorkspaceId
from tradewright.storage.engine import reading
from tradewright.trading import views
from tradewright.trading.arming.model import (
    ASKED_ENDS,
    Arming,
    ArmingEnd,
    KeySeen,
    Standing,
    key_mark,
    limits_of_json,
)
from tradewright.trading.events import EventWriter
from tradewright.trading.model import AccountRef
from tradewright.trading.risk.store import stored_levels

# A latch that holds, or that was released after the arming was made: arming is refused while one holds.
_STANDING = """
SELECT r.*, CAST(EXTRACT(EPOCH FROM r.armed_until - clock_timestamp()) AS double precision) AS left_s,
       CASE WHEN u.disabled_at IS NULL THEN m.role END AS role, u.username,
       a.environment, a.read_only, c.id AS connection_id, c.name, c.state, c.key_shown,
       c.key_changed_at, c.facts,
       (SELECT string_agg(CAST(k.id AS text), ' ' ORDER BY k.id) FROM connection_keys k
         WHERE k.connection_id = c.id AND k.workspace_id = :workspace) AS key_id,
       EXISTS (SELECT 1 FROM kill_latches l
                WHERE (l.released_at IS NULL OR l.released_at > r.armed_at)
                  AND (l.workspace_id IS NULL OR l.workspace_id = :workspace)
                  AND (l.scope = 'installation' OR (l.scope = 'workspace' AND l.scope_id = :workspace)
                       OR (l.scope = 'account' AND l.scope_id = a.id))) AS is_killed
  FROM accounts a
  LEFT JOIN armings r ON r.account_id = a.id AND r.workspace_id = :workspace AND r.ended_at IS NULL
  LEFT JOIN memberships m ON m.workspace_id = :workspace AND m.user_id = r.armed_by
  LEFT JOIN users u ON u.id = m.user_id
  LEFT JOIN connections c ON c.id = a.connection_id AND c.workspace_id = :workspace
 WHERE a.id = :account AND a.workspace_id = :workspace
"""


async def read_standing(connection: AsyncConnection, workspace_id: WorkspaceId, account_id: AccountId) -> Standing:
    """Of an account that is the workspace's. The limits are read last: one that is loosened meanwhile is seen."""
    found = await connection.execute(text(_STANDING), {"workspace": workspace_id, "account": account_id})
    row = found.mappings().one()
    return Standing(
        arming=None if row["id"] is None else arming_of(row),
        left_s=row["left_s"] or 0.0,
        role=row["role"],
        armed_by_name=row["username"],
        key=None if row["connection_id"] is None else _key_of(row),
        is_killed=row["is_killed"],
        levels=await stored_levels(connection, workspace_id, account_id, row["environment"]),
    )


def arming_of(row: RowMapping) -> Arming:
    return Arming(
        id=row["id"],
        workspace_id=WorkspaceId(row["workspace_id"]),
        account_id=AccountId(row["account_id"]),
        armed_by=UserId(row["armed_by"]),
        armed_at=row["armed_at"],
        armed_until=row["armed_until"],
        confirm_above=row["confirm_above"],
        limits=limits_of_json(row["limits"]),
        key_mark=row["key_mark"],
        ended_at=row["ended_at"],
        ended_why=row["ended_why"],
    )


def _key_of(row: RowMapping) -> KeySeen:
    mark = key_mark(row["connection_id"], row["key_id"], row["key_changed_at"], row["key_shown"], row["facts"])
    return KeySeen(
        connection_id=row["connection_id"],
        name=row["name"],
        state=row["state"],
        mark=mark,
        is_read_only=row["read_only"],
    )


async def end_arming(
    connection: AsyncConnection,
    arming: Arming,
    why: ArmingEnd,
    *,
    by: UserId | None,
    ip: str | None,
    clock: Clock,
    ids: Ids,
) -> RowMapping | None:
    """Writes that it is over, with its audit row; the account's row then, and None where it was over already."""
    ended = await connection.execute(
        text(
            "UPDATE armings SET ended_at = clock_timestamp(), ended_why = :why"
            " WHERE id = :id AND workspace_id = :workspace AND ended_at IS NULL RETURNING id"
        ),
        {"why": why, "id": arming.id, "workspace": arming.workspace_id},
    )
    if ended.first() is None:
        return None
    entry = AuditEntry(
        id=ids.new(),
        workspace_id=arming.workspace_id,
        account_id=arming.account_id,
        at=clock.now(),
        actor_kind="system" if by is None else "user",
        actor_id=by,
        action="account.disarm" if why in ASKED_ENDS else "account.arming_lapsed",
        object_kind="account",
        object_id=str(arming.account_id),
        before=as_audited(arming),
        after={"armed_until": None, "why": why},
        ip=ip,
        outcome="done",
    )
    await record(connection, entry)
    updated = await connection.execute(
        text(
            "UPDATE accounts SET armed_until = NULL, confirm_above = NULL"
            " WHERE id = :account AND workspace_id = :workspace RETURNING *"
        ),
        {"account": arming.account_id, "workspace": arming.workspace_id},
    )
    return updated.mappings().one()


def as_audited(arming: Arming) -> dict[str, Any]:
    return {
        "arming": str(arming.id),
        "armed_by": str(arming.armed_by),
        "armed_until": arming.armed_until.isoformat(),
        "confirm_above": arming.confirm_above,
    }


class PostgresArmings:
    """Of one account, for its owner. Raises what the engine raises, and `Dispossessed`: then nothing was written."""

    def __init__(self, engine: AsyncEngine, account: AccountRef, *, clock: Clock, ids: Ids) -> None:
        self._engine = engine
        self._account = account
        self._clock = clock
        self._ids = ids

    async def standing(self) -> Standing:
        async with reading(self._engine) as connection:
            return await read_standing(connection, self._account.workspace_id, self._account.id)

    async def lapse(self, arming: Arming, why: ArmingEnd) -> None:
        async with self._engine.begin() as connection:
            events = EventWriter(connection, self._account, "owner")
            row = await end_arming(connection, arming, why, by=None, ip=None, clock=self._clock, ids=self._ids)
            if row is not None:
                events.add("session", {"kind": "session", "account": views.account_view(row)})
            await events.flush()

    async def tell(self) -> None:
        async with self._engine.begin() as connection:
            events = EventWriter(connection, self._account, "owner")
            found = await connection.execute(
                text("SELECT * FROM accounts WHERE id = :account AND workspace_id = :workspace"),
                {"account": self._account.id, "workspace": self._account.workspace_id},
            )
            events.add("session", {"kind": "session", "account": views.account_view(found.mappings().one())})
            await events.flush()


async def last_ended(connection: AsyncConnection, workspace_id: WorkspaceId, account_id: AccountId) -> Arming | None:
    """The arming that was over last; None: there was none, or only one that stands."""
    found = await connection.execute(
        text(
            "SELECT * FROM armings WHERE account_id = :account AND workspace_id = :workspace AND ended_at IS NOT NULL"
            " ORDER BY ended_at DESC, id DESC LIMIT 1"
        ),
        {"account": account_id, "workspace": workspace_id},
    )
    row = found.mappings().first()
    return None if row is None else arming_of(row)


async def confirm_above(connection: AsyncConnection, workspace_id: WorkspaceId, account_id: AccountId) -> Any:
    """Above which value an order by hand is typed once more (quote coin); None where the account is not armed."""
    return await connection.scalar(
        text("SELECT confirm_above FROM accounts WHERE id = :account AND workspace_id = :workspace"),
        {"account": account_id, "workspace": workspace_id},
    )


async def known_arming(connection: AsyncConnection, arming_id: UUID) -> tuple[WorkspaceId, AccountId] | None:
    """Whose arming has this id, of whatever workspace: an id is used once."""
    found = await connection.execute(
        text("SELECT workspace_id, account_id FROM armings WHERE id = :id"), {"id": arming_id}
    )
    row = found.first()
    return None if row is None else (WorkspaceId(row.workspace_id), AccountId(row.account_id))
