"""Facts become notifications: each of them once for each person, those that belong together as one.

Lives here: `write_facts`. Not here: which facts there are, whom a channel tells (`deliveries`).
The caller's transaction carries it all, so a cursor that has moved on has its notifications, and none without.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.core.clock import Ids
from tradewright.core.ids import UserId, WorkspaceId
from tradewright.notify.model import CHANNEL, MERGE_FOR, MERGE_WITHIN, Fact, folded, folded_params, heavier
from tradewright.storage.bus import notify
from tradewright.storage.engine import encode_json


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A notification that is new, or stands for more than before."""

    id: UUID
    workspace_id: WorkspaceId
    user_id: UserId
    fact: Fact


# What else happens in the same transaction with what was written: the channels' part.
Carry = Callable[[AsyncConnection, Sequence[Written]], Awaitable[None]]


async def carry_nothing(_connection: AsyncConnection, _written: Sequence[Written]) -> None:
    """For who has no channels."""


_MEMBERS = text(
    "SELECT m.workspace_id, m.user_id FROM memberships m JOIN users u ON u.id = m.user_id"
    " WHERE m.workspace_id = ANY(:workspaces) AND u.disabled_at IS NULL ORDER BY m.workspace_id, m.user_id"
)
_NEW = text(
    "INSERT INTO notification_sources (workspace_id, user_id, source, at)"
    " SELECT :workspace, :user, s, clock_timestamp() FROM unnest(CAST(:sources AS text[])) s"
    " ON CONFLICT DO NOTHING RETURNING source"
)
_OPEN = text(
    "SELECT id, params, merged, severity FROM notifications WHERE workspace_id = :workspace AND user_id = :user"
    " AND merge_key = :key AND read_at IS NULL AND at > :within AND first_at > :since"
    " ORDER BY at DESC LIMIT 1 FOR UPDATE"
)
_MORE = text(
    "UPDATE notifications SET params = CAST(:params AS jsonb), link = CAST(:link AS jsonb), severity = :severity,"
    " merged = merged + :merged, at = greatest(at, :at) WHERE id = :id AND workspace_id = :workspace"
)
_INSERT = text(
    "INSERT INTO notifications (id, workspace_id, user_id, kind, severity, params, link, merge_key, merged, first_at,"
    " at) VALUES (:id, :workspace, :user, :kind, :severity, CAST(:params AS jsonb), CAST(:link AS jsonb), :key,"
    " :merged, :at, :at)"
)


async def write_facts(
    connection: AsyncConnection, facts: Sequence[Fact], ids: Ids, carry: Carry = carry_nothing
) -> Sequence[Written]:
    """Tells everybody whom the facts concern; the caller commits. Facts that a person was told of are passed over."""
    if not facts:
        return ()
    found = await connection.execute(_MEMBERS, {"workspaces": list({fact.workspace_id for fact in facts})})
    written: list[Written] = []
    for row in found.all():
        workspace_id, user_id = WorkspaceId(row.workspace_id), UserId(row.user_id)
        mine = [fact for fact in facts if fact.workspace_id == workspace_id and fact.user_id in (None, user_id)]
        written += await _tell(connection, workspace_id, user_id, mine, ids)
    if written:
        await carry(connection, written)
    for told in dict.fromkeys(f"{each.workspace_id}:{each.user_id}" for each in written):
        await notify(connection, CHANNEL, told)
    return written


async def _tell(
    connection: AsyncConnection, workspace_id: WorkspaceId, user_id: UserId, facts: Sequence[Fact], ids: Ids
) -> list[Written]:
    if not facts:
        return []
    key = {"workspace": workspace_id, "user": user_id}
    sources = list(dict.fromkeys(fact.source for fact in facts))
    new = set(await connection.scalars(_NEW, {**key, "sources": sources}))
    groups: dict[str, Fact] = {}
    for fact in facts:
        if fact.source in new:
            new.discard(fact.source)  # the same one twice in a batch is one
            known = groups.get(fact.merge_key)
            groups[fact.merge_key] = fact if known is None else folded(known, fact)
    return [await _write(connection, workspace_id, user_id, fact, ids) for fact in groups.values()]


async def _write(
    connection: AsyncConnection, workspace_id: WorkspaceId, user_id: UserId, fact: Fact, ids: Ids
) -> Written:
    key = {"workspace": workspace_id, "user": user_id, "key": fact.merge_key}
    times = {"within": fact.at - MERGE_WITHIN, "since": fact.at - MERGE_FOR}
    row = (await connection.execute(_OPEN, key | times)).first()
    values = {
        "workspace": workspace_id,
        "link": encode_json(dict(fact.link)),
        "merged": fact.merged,
        "at": fact.at,
    }
    if row is not None:
        params = folded_params(fact.kind, row.params, fact.params)
        severity = heavier(row.severity, fact.weight)
        await connection.execute(_MORE, values | {"id": row.id, "params": encode_json(params), "severity": severity})
        return Written(id=row.id, workspace_id=workspace_id, user_id=user_id, fact=fact)
    made = ids.new()
    await connection.execute(
        _INSERT,
        values
        | key
        | {"id": made, "kind": fact.kind, "severity": fact.weight, "params": encode_json(dict(fact.params))},
    )
    return Written(id=made, workspace_id=workspace_id, user_id=user_id, fact=fact)
