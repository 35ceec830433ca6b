"""Limits and days as stored, and the port by which the owner of an account reads them.

Lives here: `RiskStore` and its side on PostgreSQL, `stored_levels`, `set_limits` with its audit row. Not here: which
limit decides (`core.risk`), who may set one (`web`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Protocol, cast
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tradewright.audit.model import AuditEntry
from tradewright.audit.store import record
from tradewright.core.clock import Clock, Ids
from tradewright.core.environment import Environment
from tradewright.core.ids import AccountId, UserId, WorkspaceId
from tradewright.core.instrument import InstrumentId
from tradewright.core.risk import LIMIT_NAMES, Level, LimitName, Limits, default_limits, merged
from tradewright.storage.bus import notify
from tradewright.storage.engine import encode_json, reading
from tradewright.trading.model import AccountRef
from tradewright.trading.risk.exposure import Holdings
from tradewright.trading.risk.holdings import read_holdings
from tradewright.trading.risk.positions import DayStart

LIMITS_CHANNEL = "risk_limits"
INSTALLATION = UUID(int=0)
LimitValue = Decimal | frozenset[str] | None


class RiskStore(Protocol):
    """Of one account."""

    async def holdings(self) -> Holdings:
        """What counts as exposure, all of one moment."""
        ...

    async def levels(self) -> Sequence[tuple[Level, Limits]]:
        """What each level says now, the installation first."""
        ...

    async def day(self, day: date) -> DayStart | None:
        """How a day began; None while nobody has written it."""
        ...

    async def open_day(self, start: DayStart) -> DayStart:
        """Writes how a day began, or tells how it did: the first that wrote it stays. Symbols that it did not know are
        added."""
        ...


class PostgresRiskStore:
    def __init__(self, engine: AsyncEngine, account: AccountRef) -> None:
        self._engine = engine
        self._account = account

    async def holdings(self) -> Holdings:
        async with self._engine.connect() as connection:
            await connection.execution_options(isolation_level="REPEATABLE READ")
            return await read_holdings(connection, self._account.id)

    async def levels(self) -> Sequence[tuple[Level, Limits]]:
        async with reading(self._engine) as connection:
            return await stored_levels(
                connection, self._account.workspace_id, self._account.id, self._account.environment
            )

    async def day(self, day: date) -> DayStart | None:
        async with reading(self._engine) as connection:
            return await read_day(connection, self._account.id, day)

    async def open_day(self, start: DayStart) -> DayStart:
        key = {"account": self._account.id, "day": start.day}
        async with self._engine.begin() as connection:
            await connection.execute(
                text(
                    "INSERT INTO risk_days (account_id, day, workspace_id, equity, began_at)"
                    " VALUES (:account, :day, :workspace, :equity, clock_timestamp()) ON CONFLICT DO NOTHING"
                ),
                key | {"workspace": self._account.workspace_id, "equity": start.equity},
            )
            for instrument, realised in sorted(start.realised.items(), key=lambda one: one[0].symbol):
                await connection.execute(
                    text(
                        "INSERT INTO risk_day_symbols (account_id, day, category, symbol, workspace_id, realised)"
                        " VALUES (:account, :day, :category, :symbol, :workspace, :realised) ON CONFLICT DO NOTHING"
                    ),
                    key
                    | {
                        "category": instrument.category,
                        "symbol": instrument.symbol,
                        "workspace": self._account.workspace_id,
                        "realised": realised,
                    },
                )
            found = await read_day(connection, self._account.id, start.day)
        assert found is not None, "it was just written"
        return found


async def read_day(connection: AsyncConnection, account_id: AccountId, day: date) -> DayStart | None:
    """How a day began; None while nobody has written it."""
    found = await connection.execute(
        text(
            "SELECT d.equity, s.category, s.symbol, s.realised FROM risk_days d LEFT JOIN risk_day_symbols s"
            " ON s.account_id = d.account_id AND s.day = d.day WHERE d.account_id = :account AND d.day = :day"
        ),
        {"account": account_id, "day": day},
    )
    rows = found.all()
    if not rows:
        return None
    realised = {InstrumentId(one.category, one.symbol): one.realised for one in rows if one.symbol is not None}
    return DayStart(day, rows[0].equity, realised)


async def stored_levels(
    connection: AsyncConnection, workspace_id: WorkspaceId, account_id: AccountId, environment: Environment
) -> Sequence[tuple[Level, Limits]]:
    """What each level says: the installation stands on the defaults, the others say what was set and nothing else."""
    found = await connection.execute(
        text(
            "SELECT level, name, value, symbols FROM risk_limits"
            " WHERE (level = 'installation' AND subject_id = :installation)"
            " OR (level = 'workspace' AND subject_id = :workspace AND workspace_id = :workspace)"
            " OR (level = 'account' AND subject_id = :account AND workspace_id = :workspace)"
        ),
        {"installation": INSTALLATION, "workspace": workspace_id, "account": account_id},
    )
    said: dict[str, dict[LimitName, LimitValue]] = {"installation": {}, "workspace": {}, "account": {}}
    for row in found:
        if row.name in LIMIT_NAMES:
            symbols = None if row.symbols is None else frozenset(row.symbols)
            said[row.level][row.name] = symbols if row.name == "symbols" else row.value
    bases = {"installation": default_limits(environment), "workspace": Limits(), "account": Limits()}
    return [(cast(Level, level), merged(bases[level], own)) for level, own in said.items()]


async def set_limits(
    connection: AsyncConnection,
    *,
    level: Level,
    workspace_id: WorkspaceId,
    account_id: AccountId,
    values: Mapping[LimitName, LimitValue],
    removed: Sequence[LimitName],
    user_id: UserId,
    ip: str | None,
    clock: Clock,
    ids: Ids,
) -> None:
    """Writes what a level says from now on and what it says nothing of any more, with its audit row; the caller
    commits, and owners hear of it. Whether the values are allowed was checked before."""
    subject = {"installation": INSTALLATION, "workspace": workspace_id, "account": account_id}[level]
    own_workspace = None if level == "installation" else workspace_id
    before = await _own(connection, level, subject)
    for name in [*values, *removed]:
        await connection.execute(
            text("DELETE FROM risk_limits WHERE level = :level AND subject_id = :subject AND name = :name"),
            {"level": level, "subject": subject, "name": name},
        )
    for name, value in values.items():
        await connection.execute(
            text(
                "INSERT INTO risk_limits (level, subject_id, name, workspace_id, value, symbols, updated_at,"
                " updated_by) VALUES (:level, :subject, :name, :workspace, :value, CAST(:symbols AS jsonb),"
                " clock_timestamp(), :user)"
            ),
            {
                "level": level,
                "subject": subject,
                "name": name,
                "workspace": own_workspace,
                "value": value if isinstance(value, Decimal) else None,
                "symbols": encode_json(sorted(value)) if isinstance(value, frozenset) else None,
                "user": user_id,
            },
        )
    await record(
        connection,
        AuditEntry(
            id=ids.new(),
            workspace_id=own_workspace,
            account_id=account_id if level == "account" else None,
            at=clock.now(),
            actor_kind="user",
            actor_id=user_id,
            action="limits.set",
            object_kind=level,
            object_id=str(subject),
            before=before,
            after=await _own(connection, level, subject),
            ip=ip,
            outcome="done",
        ),
    )
    await notify(connection, LIMITS_CHANNEL, str(subject))


async def _own(connection: AsyncConnection, level: Level, subject: UUID) -> dict[str, object]:
    found = await connection.execute(
        text(
            "SELECT name, value, symbols FROM risk_limits WHERE level = :level AND subject_id = :subject ORDER BY name"
        ),
        {"level": level, "subject": subject},
    )
    return {row.name: row.symbols if row.name == "symbols" else row.value for row in found}
