"""What may be read of runs: a list with filters, one as it stands, its trades, its report. One function each, as the
API and the stream tell them.

Not here: a run's events (`event_queries`), what a queued one waits for (`admission`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.bots.admission import Slots, queue_of
from tradewright.bots.model import RunState
from tradewright.bots.pages import Place, page_of, place_of
from tradewright.core.clock import milliseconds
from tradewright.core.errors import Conflict, NotFound
from tradewright.core.ids import WorkspaceId

Row = dict[str, Any]
SHOWN_AFTER_END = timedelta(hours=24)  # in the snapshot of the stream
SNAPSHOT_RUNS = 500
TRADES_PAGE_MAX = 1_000

_RUN = (
    "SELECT r.id, r.bot_id, b.name AS bot_name, r.number, v.number AS bot_version, v.spec_version_id, s.strategy_id,"
    " s.number AS spec_number, s.name AS spec_name, s.sha256 AS spec_sha256, v.capital, v.limits, v.at_end,"
    " r.account_id, a.name AS account_name, r.environment, r.category, r.symbol, r.timeframe, r.state, r.reason,"
    " r.started_by, r.created_at, r.start_at, r.admitted_at, r.began_at, r.ended_at, r.began_market_ms, r.duration_ms,"
    " r.epoch, r.wish_paused, r.wish_paused_by, r.wish_stop, r.wish_stop_by, r.wish_stop_at,"
    " r.override IS NOT NULL AS is_override, r.event_seq, r.bar_open_ms, r.totals, r.report IS NOT NULL AS has_report,"
    " r.events_removed_at, r.version FROM runs r JOIN bots b ON b.id = r.bot_id AND b.workspace_id = :workspace"
    " JOIN bot_versions v ON v.id = r.bot_version_id AND v.workspace_id = :workspace"
    " JOIN spec_versions s ON s.id = v.spec_version_id AND s.workspace_id = :workspace"
    " LEFT JOIN accounts a ON a.id = r.account_id AND a.workspace_id = :workspace WHERE r.workspace_id = :workspace"
)
_FILTERS: Mapping[str, str] = {
    "states": " AND r.state = ANY(:states)",
    "bot_id": " AND r.bot_id = :bot_id",
    "account_id": " AND r.account_id = :account_id",
    "environment": " AND r.environment = :environment",
    "symbol": " AND r.symbol = :symbol",
}


class NoReport(Conflict):
    """There is a report only of a run that has ended."""

    code = "run.no_report"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFilter:
    """None: whatever."""

    states: Collection[RunState] | None = None
    bot_id: UUID | None = None
    account_id: UUID | None = None
    environment: str | None = None
    symbol: str | None = None

    def values(self) -> dict[str, Any]:
        said = {name: value for name in _FILTERS if (value := getattr(self, name)) is not None}
        return said | ({"states": sorted(said["states"])} if "states" in said else {})


@dataclass(frozen=True, slots=True)
class Mark:
    """Of a run's row: another one where it changed by a command (`version`) or by its owner (`event_seq`)."""

    version: int
    event_seq: int
    is_queued: bool


async def list_runs(
    connection: AsyncConnection,
    workspace_id: WorkspaceId,
    wanted: RunFilter,
    *,
    slots: Slots,
    limit: int,
    before: str | None,
) -> tuple[Sequence[Row], str | None]:
    """Newest first: (runs, cursor of the next page or None). Raises `InvalidInput` for a cursor that is none."""
    place, values = Place.of(before), wanted.values()
    where = "".join(_FILTERS[name] for name in values)
    found = await connection.execute(
        text(f"{_RUN}{where} {place_of('r', place)} ORDER BY r.created_at DESC, r.id DESC LIMIT :limit"),
        {"workspace": workspace_id, "limit": limit + 1, **values, **place.values()},
    )
    rows = list(found.mappings())
    runs, following = page_of(rows, limit, run_view)
    return await _with_places(connection, workspace_id, runs, slots), following


async def read_run(connection: AsyncConnection, workspace_id: WorkspaceId, run_id: UUID, slots: Slots) -> Row:
    """One as it stands. Raises `NotFound`."""
    found = await read_runs(connection, workspace_id, [run_id], slots)
    if not found:
        raise NotFound(f"there is no run {run_id} in this workspace")
    return found[0]


async def read_runs(
    connection: AsyncConnection, workspace_id: WorkspaceId, run_ids: Collection[UUID], slots: Slots
) -> Sequence[Row]:
    """Those of the workspace among them, oldest first."""
    found = await connection.execute(
        text(f"{_RUN} AND r.id = ANY(CAST(:ids AS uuid[])) ORDER BY r.created_at, r.id"),
        {"workspace": workspace_id, "ids": list(run_ids)},
    )
    return await _with_places(connection, workspace_id, [run_view(row) for row in found.mappings()], slots)


async def snapshot(connection: AsyncConnection, workspace_id: WorkspaceId, slots: Slots) -> Sequence[Row]:
    """Every run that has not ended, and those that did within a day; of the latter as many as leave 500 in all."""
    found = await connection.execute(
        text(
            f"{_RUN} AND (r.ended_at IS NULL OR r.ended_at > clock_timestamp() - CAST(:shown AS interval))"
            " ORDER BY r.ended_at IS NOT NULL, r.created_at DESC, r.id DESC LIMIT :limit"
        ),
        {"workspace": workspace_id, "shown": SHOWN_AFTER_END, "limit": SNAPSHOT_RUNS},
    )
    return await _with_places(connection, workspace_id, [run_view(row) for row in found.mappings()], slots)


async def marks(connection: AsyncConnection, workspace_id: WorkspaceId) -> dict[str, Mark]:
    """What `snapshot` would tell, by the run's id: enough to see which of them changed."""
    found = await connection.execute(
        text(
            "SELECT id, version, event_seq, state FROM runs WHERE workspace_id = :workspace"
            " AND (ended_at IS NULL OR ended_at > clock_timestamp() - CAST(:shown AS interval))"
            " ORDER BY ended_at IS NOT NULL, created_at DESC, id DESC LIMIT :limit"
        ),
        {"workspace": workspace_id, "shown": SHOWN_AFTER_END, "limit": SNAPSHOT_RUNS},
    )
    return {str(row.id): Mark(row.version, row.event_seq, row.state == "queued") for row in found}


async def newest_runs(
    connection: AsyncConnection, workspace_id: WorkspaceId, bot_ids: Collection[UUID], slots: Slots
) -> dict[str, Row]:
    """The newest run of each bot that has one, by the bot's id."""
    if not bot_ids:
        return {}
    found = await connection.execute(
        text(
            f"{_RUN} AND r.bot_id = ANY(CAST(:bots AS uuid[])) AND r.number ="  # noqa: S608
            " (SELECT max(number) FROM runs n WHERE n.bot_id = r.bot_id AND n.workspace_id = :workspace)"
        ),
        {"workspace": workspace_id, "bots": list(bot_ids)},
    )
    runs = await _with_places(connection, workspace_id, [run_view(row) for row in found.mappings()], slots)
    return {run["bot_id"]: run for run in runs}


async def require_run(connection: AsyncConnection, workspace_id: WorkspaceId, run_id: UUID) -> RowMapping:
    """Its name, state and how far its events are; raises `NotFound` as if it did not exist."""
    found = await connection.execute(
        text(
            "SELECT r.id, r.number, r.state, r.event_seq, r.events_removed_at, b.name AS bot_name FROM runs r"
            " JOIN bots b ON b.id = r.bot_id WHERE r.id = :run AND r.workspace_id = :workspace"
        ),
        {"workspace": workspace_id, "run": run_id},
    )
    row = found.mappings().first()
    if row is None:
        raise NotFound(f"there is no run {run_id} in this workspace")
    return row


async def read_trades(
    connection: AsyncConnection, workspace_id: WorkspaceId, run_id: UUID, *, limit: int, after: int
) -> tuple[Sequence[Row], int | None]:
    """Trades by number from the one after `after`: (trades, `after` of the next page or None). Raises `NotFound`."""
    await require_run(connection, workspace_id, run_id)
    found = await connection.execute(
        text(
            "SELECT number, CAST(payload AS text) AS payload FROM run_trades"
            " WHERE run_id = :run AND workspace_id = :workspace AND number > :after ORDER BY number LIMIT :limit"
        ),
        {"workspace": workspace_id, "run": run_id, "after": after, "limit": limit + 1},
    )
    rows = list(found.mappings())
    page = rows[:limit]
    trades = [{"number": row["number"], "trade": msgspec.Raw(row["payload"].encode())} for row in page]
    return trades, page[-1]["number"] if len(rows) > limit else None


async def read_report(connection: AsyncConnection, workspace_id: WorkspaceId, run_id: UUID) -> Any:
    """What its owner wrote at its end. Raises `NotFound`, `NoReport`."""
    found = await connection.execute(
        text("SELECT state, CAST(report AS text) AS report FROM runs WHERE id = :run AND workspace_id = :workspace"),
        {"workspace": workspace_id, "run": run_id},
    )
    row = found.first()
    if row is None:
        raise NotFound(f"there is no run {run_id} in this workspace")
    if row.report is None:
        raise NoReport(f"the run is {row.state}; it has no report")
    return msgspec.Raw(row.report.encode())


def run_view(row: RowMapping) -> Row:
    """As `web.schemas.runs.Run`, but for its place in the queue."""

    def moment(name: str) -> int | None:
        return None if row[name] is None else milliseconds(row[name])

    began, reason = row["began_market_ms"], row["reason"]
    return {
        "id": str(row["id"]),
        "bot_id": str(row["bot_id"]),
        "bot_name": row["bot_name"],
        "bot_version": row["bot_version"],
        "number": row["number"],
        "spec": {
            "version_id": str(row["spec_version_id"]),
            "strategy_id": str(row["strategy_id"]),
            "number": row["spec_number"],
            "name": row["spec_name"],
            "sha256": row["spec_sha256"],
        },
        "account_id": str(row["account_id"]),
        "account_name": row["account_name"],
        "environment": row["environment"],
        "category": row["category"],
        "symbol": row["symbol"],
        "timeframe": row["timeframe"],
        "capital": str(row["capital"]),
        "max_loss": row["limits"]["max_loss"],
        "at_end": row["at_end"],
        "state": row["state"],
        "reason": None if reason is None else {"detail": None, "params": {}, **reason},
        "started_by": str(row["started_by"]),
        "created_ms": milliseconds(row["created_at"]),
        "start_at_ms": moment("start_at"),
        "admitted_ms": moment("admitted_at"),
        "began_ms": moment("began_at"),
        "ended_ms": moment("ended_at"),
        "began_market_ms": began,
        "duration_ms": row["duration_ms"],
        "deadline_market_ms": None if began is None else began + row["duration_ms"],
        "epoch": row["epoch"],
        "wishes": {
            "paused": row["wish_paused"],
            "paused_by": None if row["wish_paused_by"] is None else str(row["wish_paused_by"]),
            "stop": row["wish_stop"],
            "stop_by": None if row["wish_stop_by"] is None else str(row["wish_stop_by"]),
            "stop_ms": moment("wish_stop_at"),
        },
        "untested": row["is_override"],
        "event_seq": row["event_seq"],
        "bar_open_ms": row["bar_open_ms"],
        "totals": None if row["totals"] is None else _totals(row["totals"]),
        "has_report": row["has_report"],
        "events_removed_ms": moment("events_removed_at"),
        "version": row["version"],
    }


def _totals(row: Mapping[str, Any]) -> Row:
    """What each kind of strategy says of a position is told in one shape; what it does not say is null."""
    names = ("direction", "quantity", "entry_price", "stop", "target", "bars", "cells")
    position = row.get("position")
    return {**row, "position": None if position is None else {name: position.get(name) for name in names}}


async def _with_places(
    connection: AsyncConnection, workspace_id: WorkspaceId, runs: Sequence[Row], slots: Slots
) -> Sequence[Row]:
    waiting = await queue_of(
        connection, workspace_id, [UUID(run["id"]) for run in runs if run["state"] == "queued"], slots
    )
    told = {
        str(run_id): {"held_by": each.held_by, "ahead": each.ahead, "limit": each.limit}
        for run_id, each in waiting.items()
    }
    return [run | {"queue": told.get(run["id"])} for run in runs]
