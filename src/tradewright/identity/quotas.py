"""Quotas: how much a workspace, and each person in it, may have or do, by default or by the operator's word.

Lives here: what is in force, how much of it is used, and setting it. Not here: which there are (`quota_model`),
counting what has a rate (`quota_spending`).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from sqlalchemy import delete, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.core.errors import InvalidInput, Problem
from tradewright.core.ids import UserId, WorkspaceId
from tradewright.core.money import plain
from tradewright.identity.audited import By, note
from tradewright.identity.quota_model import (
    NAMES,
    NOT_YET_HELD,
    SCOPES,
    VALUE_MAX,
    WHOLE,
    Key,
    QuotaDefaults,
    QuotaName,
    QuotaState,
    Scope,
)
from tradewright.identity.quota_spending import PERIODS
from tradewright.identity.tables import quotas

_USED = text(
    "SELECT scope, name, used FROM quota_uses WHERE workspace_id = :workspace"
    " AND (scope = 'workspace' OR scope_id = :user)"
    " AND since = date_trunc(CASE name WHEN 'orders_a_minute' THEN 'minute' ELSE 'day' END, clock_timestamp(), 'UTC')"
)
_COUNTED = text(
    "SELECT 'connections' AS name, count(*) AS workspace, count(*) FILTER (WHERE created_by = :user) AS person"
    " FROM connections WHERE workspace_id = :workspace AND state <> 'removed' UNION ALL"
    " SELECT 'bots_running', count(*), count(*) FILTER (WHERE started_by = :user) FROM runs"
    " WHERE workspace_id = :workspace AND state IN ('starting', 'running', 'paused', 'stopping')"
)


async def said(connection: AsyncConnection, workspace_id: WorkspaceId) -> dict[Key, Decimal]:
    """What the operator has set for a workspace."""
    found = await connection.execute(
        select(quotas.c.scope, quotas.c.name, quotas.c.value).where(quotas.c.workspace_id == workspace_id)
    )
    return {(row.scope, row.name): row.value for row in found}


async def in_force(
    connection: AsyncConnection, workspace_id: WorkspaceId, defaults: QuotaDefaults
) -> dict[Key, Decimal]:
    """Every quota of a workspace: what the operator set, else the default."""
    set_here = await said(connection, workspace_id)
    return {(scope, name): set_here.get((scope, name), defaults.of(scope, name)) for scope in SCOPES for name in NAMES}


async def states(
    connection: AsyncConnection, workspace_id: WorkspaceId, user_id: UserId | None, defaults: QuotaDefaults
) -> Sequence[QuotaState]:
    """What holds and what is used of it, by the workspace and by one person in it."""
    limits = await in_force(connection, workspace_id, defaults)
    named = {"workspace": workspace_id, "user": user_id}
    used: dict[tuple[str, str], Decimal] = {(scope, name): Decimal(0) for scope in SCOPES for name in PERIODS}
    used |= {(row.scope, row.name): row.used for row in await connection.execute(_USED, named)}
    for counted in await connection.execute(_COUNTED, named):
        used["workspace", counted.name] = Decimal(counted.workspace)
        used["user", counted.name] = Decimal(counted.person)
    return [
        QuotaState(
            scope=scope,
            name=name,
            limit=limit,
            default=defaults.of(scope, name),
            used=used.get((scope, name)),
            is_held=name not in NOT_YET_HELD,
        )
        for (scope, name), limit in limits.items()
    ]


async def set_quota(
    connection: AsyncConnection,
    workspace_id: WorkspaceId,
    scope: Scope,
    name: QuotaName,
    value: Decimal | None,
    *,
    defaults: QuotaDefaults,
    by: By,
) -> None:
    """The operator's word for one workspace; None takes it back. Raises `InvalidInput`."""
    if value is not None and not _is_sensible(name, value):
        params = {"minimum": "0", "maximum": plain(VALUE_MAX), "value": plain(value)}
        raise InvalidInput([Problem("quota.value", "value", params)])
    before = (await in_force(connection, workspace_id, defaults))[scope, name]
    if value is None:
        await connection.execute(
            delete(quotas).where(quotas.c.workspace_id == workspace_id, quotas.c.scope == scope, quotas.c.name == name)
        )
    else:
        await connection.execute(
            insert(quotas)
            .values(workspace_id=workspace_id, scope=scope, name=name, value=value)
            .on_conflict_do_update(index_elements=["workspace_id", "scope", "name"], set_={"value": value})
        )
    await note(
        connection,
        by,
        "quota.set",
        workspace_id=workspace_id,
        object_kind="quota",
        object_id=f"{scope}.{name}",
        before={"value": plain(before)},
        after={"value": None if value is None else plain(value)},
    )


def _is_sensible(name: QuotaName, value: Decimal) -> bool:
    if not value.is_finite() or not 0 <= value <= VALUE_MAX:
        return False
    return name not in WHOLE or value == value.to_integral_value()
