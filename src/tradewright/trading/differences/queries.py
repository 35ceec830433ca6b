"""Differences as they are shown. Not here: the HTTP (`web`), the owner's writes (`store`)."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.core.clock import milliseconds
from tradewright.core.ids import AccountId, WorkspaceId
from tradewright.core.money import plain
from tradewright.trading.differences.model import BLOCKING, SIZE, State, choices
from tradewright.trading.queries import require_account
from tradewright.trading.views import Row

SHOWN_MAX = 200


async def differences(
    connection: AsyncConnection, workspace_id: WorkspaceId, account_id: AccountId, state: State | None
) -> list[dict[str, Any]]:
    """Those that wait first, then the newest. Raises `NotFound` for an account of another workspace."""
    await require_account(connection, workspace_id, account_id)
    found = await connection.execute(
        text(
            "SELECT * FROM differences WHERE account_id = :account AND workspace_id = :workspace"
            " AND (CAST(:state AS text) IS NULL OR state = :state)"
            " ORDER BY state = 'open' DESC, found_at DESC, id LIMIT :limit"
        ),
        {"account": account_id, "workspace": workspace_id, "state": state, "limit": SHOWN_MAX},
    )
    return [difference_view(row) for row in found.mappings()]


def difference_view(row: Row) -> dict[str, Any]:
    theirs = size_of(row["after"]) if row["kind"] == SIZE else None
    return {
        "id": str(row["id"]),
        "account_id": str(row["account_id"]),
        "kind": row["kind"],
        "subject": row["subject"],
        "category": row["category"],
        "symbol": row["symbol"],
        "position_index": row["position_index"],
        "order_id": None if row["order_id"] is None else str(row["order_id"]),
        "before": _side(row["before"]),
        "after": _side(row["after"]),
        "foreign": None if row["part"] is None else plain(row["part"]),
        "state": row["state"],
        "blocks": row["kind"] in BLOCKING and row["state"] in ("open", "closing") and row["symbol"] is not None,
        "choices": list(choices(row["kind"], row["state"], row["part"], theirs)),
        "always": row["always"],
        "why": row["why"],
        "decided_by": None if row["decided_by"] is None else str(row["decided_by"]),
        "decided_ms": None if row["decided_at"] is None else milliseconds(row["decided_at"]),
        "found_ms": milliseconds(row["found_at"]),
        "ended_ms": None if row["ended_at"] is None else milliseconds(row["ended_at"]),
        "version": row["version"],
    }


def size_of(side: Mapping[str, Any] | None) -> Decimal | None:
    return None if side is None or side.get("size") is None else Decimal(side["size"])


def _side(kept: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if kept is None:
        return None
    return {name: kept.get(name) for name in ("state", "size", "side", "quantity", "price")}
