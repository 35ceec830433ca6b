"""What may be read of backtests: one function each, as the API tells them. A report is text, told as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.backtests.model import NoReport
from tradewright.core.clock import milliseconds
from tradewright.core.errors import InvalidInput, NotFound, Problem
from tradewright.core.ids import WorkspaceId

Row = dict[str, Any]
_COLUMNS = (
    "id, user_id, name, spec_sha256, category, symbol, timeframe, origin, state, cancel_asked, bars_done, bars_total,"
    " reason, metrics, cpu_ms, created_at, started_at, ended_at"
)


async def list_backtests(
    connection: AsyncConnection, workspace_id: WorkspaceId, *, limit: int, before: str | None
) -> tuple[Sequence[Row], str | None]:
    """Newest first: (backtests, cursor of the next page or None). `before` is a cursor from an earlier answer."""
    values: dict[str, Any] = {"workspace": workspace_id, "limit": limit + 1}
    earlier = ""
    if before is not None:
        values["at"], values["id"] = _parsed(before)
        earlier = " AND (created_at, id) < (:at, :id)"
    found = await connection.execute(
        text(
            f"SELECT {_COLUMNS} FROM backtests WHERE workspace_id = :workspace AND removed_at IS NULL{earlier}"  # noqa: S608
            " ORDER BY created_at DESC, id DESC LIMIT :limit"
        ),
        values,
    )
    rows = list(found.mappings())
    page = rows[:limit]
    last = page[-1] if len(rows) > limit else None
    return [
        _view(dict(row)) for row in page
    ], None if last is None else f"{last['created_at'].isoformat()}~{last['id']}"


async def read_backtest(connection: AsyncConnection, workspace_id: WorkspaceId, backtest_id: UUID) -> Row:
    """One as it stands. Raises `NotFound`, also for one that was removed."""
    found = await connection.execute(
        text(
            f"SELECT {_COLUMNS} FROM backtests"  # noqa: S608
            " WHERE id = :id AND workspace_id = :workspace AND removed_at IS NULL"
        ),
        {"id": backtest_id, "workspace": workspace_id},
    )
    row = found.mappings().first()
    if row is None:
        raise NotFound(f"there is no backtest {backtest_id} in this workspace")
    return _view(dict(row))


async def read_report(connection: AsyncConnection, workspace_id: WorkspaceId, backtest_id: UUID) -> str:
    """The report's JSON. Raises `NotFound`, `NoReport` where it has not finished."""
    found = await connection.execute(
        text("SELECT state, report FROM backtests WHERE id = :id AND workspace_id = :workspace AND removed_at IS NULL"),
        {"id": backtest_id, "workspace": workspace_id},
    )
    row = found.first()
    if row is None:
        raise NotFound(f"there is no backtest {backtest_id} in this workspace")
    if row.report is None:
        raise NoReport(f"the backtest {backtest_id} is {row.state}; there is a report once it has finished")
    return str(row.report)


def _view(row: Mapping[str, Any]) -> Row:
    """As `web.schemas.backtests.Backtest`."""
    return {
        "id": str(row["id"]),
        "user_id": str(row["user_id"]),
        "name": row["name"],
        "spec_sha256": row["spec_sha256"],
        "category": row["category"],
        "symbol": row["symbol"],
        "timeframe": row["timeframe"],
        "origin": row["origin"],
        "state": row["state"],
        "cancel_asked": row["cancel_asked"],
        "bars_done": row["bars_done"],
        "bars_total": row["bars_total"],
        "reason": row["reason"],
        "metrics": None if row["metrics"] is None else msgspec.Raw(row["metrics"].encode()),
        "cpu_ms": row["cpu_ms"],
        "created_ms": milliseconds(row["created_at"]),
        "started_ms": None if row["started_at"] is None else milliseconds(row["started_at"]),
        "ended_ms": None if row["ended_at"] is None else milliseconds(row["ended_at"]),
    }


def _parsed(cursor: str) -> tuple[datetime, UUID]:
    moment, _, key = cursor.partition("~")
    try:
        at = datetime.fromisoformat(moment)
        if at.tzinfo is None or not 1970 < at.year < 2200:
            raise ValueError
        return at, UUID(key)
    except ValueError:
        raise InvalidInput([Problem("cursor.invalid", "before", {"value": cursor[:60]})]) from None
