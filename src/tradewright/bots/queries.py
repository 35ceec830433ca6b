"""What may be read of bots: a list with filters, one with its versions. One function each, as the API tells them.

Not here: their runs (`run_queries`), but for the newest, which a bot is shown with.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.bots.admission import Slots
from tradewright.bots.model import BotState, RunState
from tradewright.bots.pages import Place, page_of, place_of
from tradewright.bots.run_queries import newest_runs
from tradewright.core.clock import milliseconds
from tradewright.core.errors import NotFound
from tradewright.core.ids import WorkspaceId
from tradewright.core.money import plain

Row = dict[str, Any]
VERSIONS_SHOWN_MAX = 200

_VERSION = (
    "v.id AS version_id, v.number, v.spec_version_id, v.params, v.account_id, v.category, v.symbol, v.capital,"
    " v.limits, v.duration_ms, v.at_end, v.created_by AS version_by, v.created_at AS version_at,"
    " a.name AS account_name, a.environment, s.strategy_id, s.number AS spec_number, s.name AS spec_name,"
    " s.sha256 AS spec_sha256, t.name AS strategy_name"
)
_JOINED = (
    " LEFT JOIN accounts a ON a.id = v.account_id AND a.workspace_id = :workspace"
    " LEFT JOIN spec_versions s ON s.id = v.spec_version_id AND s.workspace_id = :workspace"
    " LEFT JOIN strategies t ON t.id = s.strategy_id AND t.workspace_id = :workspace"
)
_BOT = (
    f"SELECT b.id, b.name, b.state, b.version, b.created_by, b.created_at, b.updated_at, b.archived_at, {_VERSION}"  # noqa: S608
    " FROM bots b LEFT JOIN bot_versions v ON v.bot_id = b.id AND v.number = b.current_version"
    f" AND v.workspace_id = :workspace{_JOINED}"
    " WHERE b.workspace_id = :workspace AND b.deleted_at IS NULL"
)
_FILTERS: Mapping[str, str] = {
    "state": " AND b.state = :state",
    "environment": " AND a.environment = :environment",
    "strategy_id": " AND s.strategy_id = :strategy_id",
    "account_id": " AND v.account_id = :account_id",
    "name": " AND position(lower(:name) IN lower(b.name)) > 0",
    "run_state": (
        " AND (SELECT r.state FROM runs r WHERE r.bot_id = b.id AND r.workspace_id = :workspace"
        " ORDER BY r.number DESC LIMIT 1) = :run_state"
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BotFilter:
    """None: whatever. `run_state` is that of the newest run, `name` a part of it in letters of either case. Archived
    bots are told only where `state` says so."""

    state: BotState | None = None
    run_state: RunState | None = None
    environment: str | None = None
    strategy_id: UUID | None = None
    account_id: UUID | None = None
    name: str | None = None

    def values(self) -> dict[str, Any]:
        return {name: value for name in _FILTERS if (value := getattr(self, name)) is not None}


async def list_bots(
    connection: AsyncConnection,
    workspace_id: WorkspaceId,
    wanted: BotFilter,
    *,
    slots: Slots,
    limit: int,
    before: str | None,
) -> tuple[Sequence[Row], str | None]:
    """Newest first, each with its newest run: (bots, cursor of the next page or None). Raises `InvalidInput` for a
    cursor that is none."""
    place, values = Place.of(before), wanted.values()
    where = "".join(_FILTERS[name] for name in values)
    if wanted.state is None:
        where += " AND b.state <> 'archived'"
    found = await connection.execute(
        text(f"{_BOT}{where} {place_of('b', place)} ORDER BY b.created_at DESC, b.id DESC LIMIT :limit"),
        {"workspace": workspace_id, "limit": limit + 1, **values, **place.values()},
    )
    bots, following = page_of(list(found.mappings()), limit, bot_view)
    runs = await newest_runs(connection, workspace_id, [UUID(bot["id"]) for bot in bots], slots)
    return [bot | {"newest_run": runs.get(bot["id"])} for bot in bots], following


async def read_bot(connection: AsyncConnection, workspace_id: WorkspaceId, bot_id: UUID, slots: Slots) -> Row:
    """One with its newest run. Raises `NotFound`."""
    found = await connection.execute(text(f"{_BOT} AND b.id = :bot"), {"workspace": workspace_id, "bot": bot_id})
    row = found.mappings().first()
    if row is None:
        raise NotFound(f"there is no bot {bot_id} in this workspace")
    runs = await newest_runs(connection, workspace_id, [bot_id], slots)
    return bot_view(row) | {"newest_run": runs.get(str(bot_id))}


async def read_versions(connection: AsyncConnection, workspace_id: WorkspaceId, bot_id: UUID) -> Sequence[Row]:
    """What its settings were, newest first; the last 200. Raises `NotFound`."""
    there = await connection.scalar(
        text("SELECT 1 FROM bots WHERE id = :bot AND workspace_id = :workspace AND deleted_at IS NULL"),
        {"workspace": workspace_id, "bot": bot_id},
    )
    if there is None:
        raise NotFound(f"there is no bot {bot_id} in this workspace")
    found = await connection.execute(
        text(
            f"SELECT {_VERSION} FROM bot_versions v{_JOINED}"  # noqa: S608
            " WHERE v.bot_id = :bot AND v.workspace_id = :workspace ORDER BY v.number DESC LIMIT :limit"
        ),
        {"workspace": workspace_id, "bot": bot_id, "limit": VERSIONS_SHOWN_MAX},
    )
    return [version_view(row) for row in found.mappings()]


def bot_view(row: RowMapping) -> Row:
    """As `web.schemas.bots.Bot`, but for its newest run."""
    return {
        "id": str(row["id"]),
        "name": row["name"],
        "state": row["state"],
        "version": row["version"],
        "created_by": str(row["created_by"]),
        "created_ms": milliseconds(row["created_at"]),
        "updated_ms": milliseconds(row["updated_at"]),
        "archived_ms": None if row["archived_at"] is None else milliseconds(row["archived_at"]),
        "current": None if row["version_id"] is None else version_view(row),
    }


def version_view(row: RowMapping) -> Row:
    """As `web.schemas.bots.BotVersion`."""
    limits = row["limits"]
    return {
        "id": str(row["version_id"]),
        "number": row["number"],
        "spec": {
            "version_id": str(row["spec_version_id"]),
            "strategy_id": str(row["strategy_id"]),
            "strategy_name": row["strategy_name"],
            "number": row["spec_number"],
            "name": row["spec_name"],
            "sha256": row["spec_sha256"],
        },
        "params": [{"name": name, "value": value} for name, value in row["params"].items()],
        "account_id": str(row["account_id"]),
        "account_name": row["account_name"],
        "environment": row["environment"],
        "category": row["category"],
        "symbol": row["symbol"],
        "capital": plain(row["capital"]),
        "limits": {
            "max_loss": limits["max_loss"],
            "max_position": limits["max_position"],
            "max_orders_a_minute": limits["max_orders_a_minute"],
        },
        "duration_ms": row["duration_ms"],
        "at_end": row["at_end"],
        "created_by": str(row["version_by"]),
        "created_ms": milliseconds(row["version_at"]),
    }
