"""Counting what has a quota with a rate: orders a minute, notional a day.

Lives here: `Spend` and `spend`. Not here: what is in force (`quotas`), what is counted by its own rows (connections,
backtests): their commands ask `in_force` and look.

A minute and a day are the calendar's, in UTC by the database's clock. What is spent is counted in the row of the
workspace and in that of the person, in the transaction of the deed: of two at once the second waits for the first, so
the count is exact, and a deed that is not committed was not counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.core.ids import UserId, WorkspaceId
from tradewright.identity.quota_model import (
    SCOPES,
    NotionalQuotaReached,
    OrdersQuotaReached,
    QuotaDefaults,
    QuotaName,
    QuotaReached,
)

PERIODS: Mapping[QuotaName, tuple[str, timedelta]] = {
    "orders_a_minute": ("minute", timedelta(minutes=1)),
    "notional_usd_a_day": ("day", timedelta(days=1)),
}
# One statement, because it stands before every order. The workspace's rows come before the person's, always: two deeds
# cannot wait for each other. A transaction that waited for another may have taken the time before the minute turned: it
# counts in the newer one.
_SPEND = text(
    "WITH wanted AS (SELECT * FROM unnest(CAST(:scopes AS text[]), CAST(:ids AS uuid[]), CAST(:names AS text[]),"
    "  CAST(:units AS text[]), CAST(:amounts AS numeric[])) WITH ORDINALITY AS w (scope, id, name, unit, amount, nr)),"
    " spent AS (INSERT INTO quota_uses AS u (workspace_id, scope, scope_id, name, since, used)"
    "  SELECT :workspace, scope, id, name, date_trunc(unit, clock_timestamp(), 'UTC'), amount FROM wanted ORDER BY nr"
    "  ON CONFLICT (workspace_id, scope, scope_id, name) DO UPDATE SET"
    "  used = CASE WHEN u.since >= excluded.since THEN u.used + excluded.used ELSE excluded.used END,"
    "  since = greatest(u.since, excluded.since)"
    "  RETURNING scope, name, used, since)"
    " SELECT spent.*, wanted.amount, quotas.value, clock_timestamp() AS now FROM spent JOIN wanted USING (scope, name)"
    " LEFT JOIN quotas ON quotas.workspace_id = :workspace AND quotas.scope = spent.scope AND quotas.name = spent.name"
    " ORDER BY wanted.nr"
)

_REACHED: Mapping[QuotaName, type[QuotaReached]] = {
    "orders_a_minute": OrdersQuotaReached,
    "notional_usd_a_day": NotionalQuotaReached,
}


@dataclass(frozen=True, slots=True)
class Spend:
    """What a deed uses of the quotas with a rate. `notional` is in quote coin; zero where no price is known."""

    orders: int
    notional: Decimal


async def spend(
    connection: AsyncConnection,
    workspace_id: WorkspaceId,
    user_id: UserId,
    spent: Spend,
    defaults: QuotaDefaults,
) -> None:
    """Counts a deed in the caller's transaction. Raises `QuotaReached`: then the caller must not commit."""
    amounts: Mapping[QuotaName, Decimal] = {
        "orders_a_minute": Decimal(spent.orders),
        "notional_usd_a_day": spent.notional,
    }
    wanted = [(scope, name) for scope in SCOPES for name, amount in amounts.items() if amount > 0]
    if not wanted:
        return
    found = await connection.execute(
        _SPEND,
        {
            "workspace": workspace_id,
            "scopes": [scope for scope, _ in wanted],
            "ids": [workspace_id if scope == "workspace" else user_id for scope, _ in wanted],
            "names": [name for _, name in wanted],
            "units": [PERIODS[name][0] for _, name in wanted],
            "amounts": [amounts[name] for _, name in wanted],
        },
    )
    for row in found:
        limit = defaults.of(row.scope, row.name) if row.value is None else row.value
        if row.used > limit:
            left = row.since + PERIODS[row.name][1] - row.now
            raise _REACHED[row.name](
                row.name,
                row.scope,
                limit=limit,
                used=row.used - row.amount,
                asked=row.amount,
                retry_after_s=max(1, -(-left // timedelta(seconds=1))),
            )
