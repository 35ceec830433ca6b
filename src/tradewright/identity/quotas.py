"""Quotas: how much a workspace, and each person in it, may have or do, by default or by the operator's word.

Lives here: which quotas there are, what is in force, setting them, and `spend`, which counts what has a rate. Not here:
what is counted by its own rows (connections, backtests): their commands ask `quota_in_force` and look.

A minute and a day are the calendar's, in UTC by the database's clock. What is spent is counted in the row of the
workspace and in that of the person, in the transaction of the deed: of two at once the second waits for the first, so
the count is exact, and a deed that is not committed was not counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Literal

from sqlalchemy import delete, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.core.errors import AppError, InvalidInput, Problem
from tradewright.core.ids import UserId, WorkspaceId
from tradewright.core.money import plain
from tradewright.identity.audited import By, note
from tradewright.identity.tables import quotas

Scope = Literal["workspace", "user"]
QuotaName = Literal[
    "connections",
    "orders_a_minute",
    "notional_usd_a_day",
    "backtests_waiting",
    "backtest_cpu_s_a_day",
    "bots_running",
    "assistant_usd_a_month",
]
SCOPES: tuple[Scope, ...] = ("workspace", "user")
NAMES: tuple[QuotaName, ...] = (
    "connections",
    "orders_a_minute",
    "notional_usd_a_day",
    "backtests_waiting",
    "backtest_cpu_s_a_day",
    "bots_running",
    "assistant_usd_a_month",
)
# Declared, and held once there is something to hold: bots and the assistant.
NOT_YET_HELD: frozenset[QuotaName] = frozenset({"bots_running", "assistant_usd_a_month"})
WHOLE: frozenset[QuotaName] = frozenset({"connections", "orders_a_minute", "backtests_waiting", "bots_running"})
VALUE_MAX = Decimal(10) ** 12

_PERIODS: Mapping[QuotaName, tuple[str, timedelta]] = {
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
_USED = text(
    "SELECT scope, name, used FROM quota_uses WHERE workspace_id = :workspace"
    " AND (scope = 'workspace' OR scope_id = :user)"
    " AND since = date_trunc(CASE name WHEN 'orders_a_minute' THEN 'minute' ELSE 'day' END, clock_timestamp(), 'UTC')"
)
_COUNTED = text(
    "SELECT count(*) AS workspace, count(*) FILTER (WHERE created_by = :user) AS person FROM connections"
    " WHERE workspace_id = :workspace AND state <> 'removed'"
)


@dataclass(frozen=True, slots=True)
class QuotaDefaults:
    """What holds where the operator has set nothing, for a workspace and for each person in one."""

    workspace: Mapping[QuotaName, Decimal] = field(
        default_factory=lambda: {
            "connections": Decimal(50),
            "orders_a_minute": Decimal(3_000),
            "notional_usd_a_day": Decimal(100_000_000),
            "backtests_waiting": Decimal(20),
            "backtest_cpu_s_a_day": Decimal(14_400),
            "bots_running": Decimal(20),
            "assistant_usd_a_month": Decimal(50),
        }
    )
    user: Mapping[QuotaName, Decimal] = field(
        default_factory=lambda: {
            "connections": Decimal(50),
            "orders_a_minute": Decimal(3_000),
            "notional_usd_a_day": Decimal(100_000_000),
            "backtests_waiting": Decimal(5),
            "backtest_cpu_s_a_day": Decimal(3_600),
            "bots_running": Decimal(20),
            "assistant_usd_a_month": Decimal(50),
        }
    )

    def of(self, scope: Scope, name: QuotaName) -> Decimal:
        return (self.workspace if scope == "workspace" else self.user)[name]


USUAL = QuotaDefaults()


class QuotaReached(AppError):
    """A quota with a rate is used up; nothing was done."""

    def __init__(
        self, name: QuotaName, scope: Scope, *, limit: Decimal, used: Decimal, asked: Decimal, retry_after_s: int
    ) -> None:
        whose = "this workspace" if scope == "workspace" else "you in this workspace"
        super().__init__(
            f"{name} of {whose}: {plain(used)} of {plain(limit)} are used and this asks for {plain(asked)}; it begins"
            f" anew in {retry_after_s} s. Reducing orders and cancels are never counted. The operator can change it"
        )
        self.retry_after_s = retry_after_s
        self.params = {
            "scope": scope,
            "limit": plain(limit),
            "used": plain(used),
            "asked": plain(asked),
            "retry_after_s": str(retry_after_s),
        }


class OrdersQuotaReached(QuotaReached):
    """So many orders were placed within the minute."""

    code = "quota.orders_a_minute"


class NotionalQuotaReached(QuotaReached):
    """Orders of so much were placed within the day."""

    code = "quota.notional_a_day"


_REACHED: Mapping[QuotaName, type[QuotaReached]] = {
    "orders_a_minute": OrdersQuotaReached,
    "notional_usd_a_day": NotionalQuotaReached,
}


@dataclass(frozen=True, slots=True)
class Spend:
    """What a deed uses of the quotas with a rate. `notional` is in quote coin; zero where no price is known."""

    orders: int
    notional: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaState:
    """One quota as it is in force. `used` None: nothing counts it yet, or nothing here."""

    scope: Scope
    name: QuotaName
    limit: Decimal
    default: Decimal
    used: Decimal | None
    is_held: bool


Key = tuple[Scope, QuotaName]


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
    used: dict[tuple[str, str], Decimal] = {(scope, name): Decimal(0) for scope in SCOPES for name in _PERIODS}
    used |= {(row.scope, row.name): row.used for row in await connection.execute(_USED, named)}
    counted = (await connection.execute(_COUNTED, named)).one()
    used |= {
        ("workspace", "connections"): Decimal(counted.workspace),
        ("user", "connections"): Decimal(counted.person),
    }
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
            "units": [_PERIODS[name][0] for _, name in wanted],
            "amounts": [amounts[name] for _, name in wanted],
        },
    )
    for row in found:
        limit = defaults.of(row.scope, row.name) if row.value is None else row.value
        if row.used > limit:
            left = row.since + _PERIODS[row.name][1] - row.now
            raise _REACHED[row.name](
                row.name,
                row.scope,
                limit=limit,
                used=row.used - row.amount,
                asked=row.amount,
                retry_after_s=max(1, -(-left // timedelta(seconds=1))),
            )


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
