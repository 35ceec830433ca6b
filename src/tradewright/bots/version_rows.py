"""Rows of bot versions: one is added, the current one is read, and what a version says as plain values.

Lives here: SQL of `bot_versions`, which are never changed. Not here: which bot gets one (`commands`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.bots.deeds import Actor
from tradewright.bots.model import BotSettings
from tradewright.core.money import plain


async def insert_version(
    connection: AsyncConnection, actor: Actor, bot_id: UUID, number: int, settings: BotSettings | Mapping[str, Any]
) -> None:
    values = values_of(settings) if isinstance(settings, BotSettings) else settings
    await connection.execute(
        text(
            "INSERT INTO bot_versions (id, workspace_id, bot_id, number, spec_version_id, params, account_id, category,"
            " symbol, capital, limits, duration_ms, at_end, created_by, created_at) VALUES (:id, :workspace, :bot,"
            " :number, CAST(:spec_version_id AS uuid), :params, CAST(:account_id AS uuid), :category, :symbol,"
            " CAST(:capital AS numeric), :limits, :duration_ms, :at_end, :user, clock_timestamp())"
        ).bindparams(bindparam("params", type_=JSONB), bindparam("limits", type_=JSONB)),
        {
            "id": actor.ids.new(),
            "workspace": actor.workspace_id,
            "bot": bot_id,
            "number": number,
            "user": actor.user_id,
            **values,
        },
    )


async def current_version(connection: AsyncConnection, actor: Actor, row: RowMapping) -> RowMapping | None:
    found = await connection.execute(
        text("SELECT * FROM bot_versions WHERE bot_id = :bot AND workspace_id = :workspace AND number = :number"),
        {"bot": row["id"], "workspace": actor.workspace_id, "number": row["current_version"]},
    )
    return found.mappings().first()


async def newest_number(connection: AsyncConnection, actor: Actor, bot_id: UUID) -> int:
    found = await connection.scalar(
        text("SELECT max(number) FROM bot_versions WHERE bot_id = :bot AND workspace_id = :workspace"),
        {"bot": bot_id, "workspace": actor.workspace_id},
    )
    return int(found or 0)


def values_of(settings: BotSettings) -> dict[str, Any]:
    """As the columns keep them, and as the audit trail shows them."""
    return {
        "spec_version_id": str(settings.spec_version_id),
        "params": {name: plain(value) for name, value in sorted(settings.params.items())},
        "account_id": str(settings.account_id),
        "category": settings.category,
        "symbol": settings.symbol,
        "capital": plain(settings.capital),
        "limits": settings.limits.row(),
        "duration_ms": settings.duration_ms,
        "at_end": settings.at_end,
    }


def values_of_row(row: RowMapping) -> dict[str, Any]:
    return {
        "spec_version_id": str(row["spec_version_id"]),
        "params": dict(row["params"]),
        "account_id": str(row["account_id"]),
        "category": row["category"],
        "symbol": row["symbol"],
        "capital": plain(row["capital"]),
        "limits": dict(row["limits"]),
        "duration_ms": row["duration_ms"],
        "at_end": row["at_end"],
    }
