"""One intent and what became of it, as it is answered and as its history is told. Every query names its workspace.

Lives here: `intent`. Not here: the tables of orders and positions (`queries`), writing intents (`commands`).
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.core.clock import milliseconds
from tradewright.core.ids import AccountId, IntentId, WorkspaceId
from tradewright.core.order_status import UNSETTLED_INTENT_STATES, status_of
from tradewright.trading import views
from tradewright.trading.queries import order_view_of

# About a symbol or the account: there is no order.
_SETTINGS = ("leverage", "exits", "position_mode", "margin_mode")
_SOURCES = {"refused": "owner", "expired": "owner", "not_placed": "reconciliation"}  # who ended it; else the answer did


async def intent(
    connection: AsyncConnection, workspace_id: WorkspaceId, account_id: AccountId, intent_id: IntentId
) -> dict[str, Any] | None:
    """An intent with what it is about and its history; None if this workspace has no such intent. Run it in a
    REPEATABLE READ transaction: else its reason may be of another moment than the status of its order.

    `status` of a cancel or amend is the status of the order it is about. `settled` is False while the answer is still
    awaited; of a setting also while it was not read back; `position` shows it (of a margin mode the account does).
    """
    found = await connection.execute(
        text(
            "SELECT id, kind, state, reason, verdict, target_id, category, symbol, position_index, applied_at,"
            " created_at, updated_at"
            " FROM intents WHERE id = :id AND account_id = :account AND workspace_id = :workspace"
        ),
        {"id": intent_id, "account": account_id, "workspace": workspace_id},
    )
    row = found.mappings().one_or_none()
    if row is None:
        return None
    if row["kind"] in _SETTINGS:
        answer = await _setting(connection, workspace_id, account_id, row)
        return {**answer, "requests": await _requests(connection, workspace_id, intent_id)}
    order_id = row["id"] if row["kind"] == "place" else row["target_id"]
    order = await order_view_of(connection, account_id, order_id)
    history = await connection.execute(
        text(
            "SELECT payload->'order'->>'status' AS status, at, source FROM account_events"
            " WHERE account_id = :account AND ref = :ref AND workspace_id = :workspace ORDER BY seq"
        ),
        {"account": account_id, "ref": order_id, "workspace": workspace_id},
    )
    steps = [
        _step("sending", row["created_at"], "manual"),
        *(_step(step["status"], step["at"], step["source"]) for step in history.mappings()),
    ]
    answer = _answer(row, order["status"] if order else "not_sent", steps, order=order)
    return {**answer, "requests": await _requests(connection, workspace_id, intent_id)}


async def _requests(
    connection: AsyncConnection, workspace_id: WorkspaceId, intent_id: IntentId
) -> list[dict[str, Any]]:
    found = await connection.execute(
        text(
            "SELECT attempt, created_at, signed_at, answered_at, outcome, ret_code, ret_msg FROM requests"
            " WHERE intent_id = :intent AND workspace_id = :workspace ORDER BY attempt"
        ),
        {"intent": intent_id, "workspace": workspace_id},
    )
    return [
        {
            "attempt": row["attempt"],
            "created_ms": milliseconds(row["created_at"]),
            "signed_ms": None if row["signed_at"] is None else milliseconds(row["signed_at"]),
            "answered_ms": None if row["answered_at"] is None else milliseconds(row["answered_at"]),
            "outcome": row["outcome"],
            "exchange_code": row["ret_code"],
            "exchange_text": row["ret_msg"],
        }
        for row in found.mappings()
    ]


async def _setting(
    connection: AsyncConnection, workspace_id: WorkspaceId, account_id: AccountId, row: views.Row
) -> dict[str, Any]:
    """Of a setting there are no events: the row itself tells when it was asked and how it ended.

    The position is the leg that exits are of; of leverage and position mode it is the one that the mode has now.
    """
    status = status_of(row["state"], None)
    steps = [_step("sending", row["created_at"], "manual")]
    if row["state"] not in ("proposed", "approved", "sending"):
        steps.append(_step(status, row["updated_at"], _SOURCES.get(row["state"], "rest")))
    position = None
    if row["applied_at"] is not None:
        found = await connection.execute(
            text(
                "SELECT * FROM positions WHERE account_id = :account AND workspace_id = :workspace"
                " AND category = :category AND symbol = :symbol AND position_index = CASE WHEN :kind = 'exits'"
                " THEN :index WHEN EXISTS (SELECT 1 FROM symbol_modes m WHERE m.account_id = :account"
                " AND m.category = :category AND m.symbol = :symbol AND m.hedge) THEN 1 ELSE 0 END"
            ),
            {
                "account": account_id,
                "workspace": workspace_id,
                "category": row["category"],
                "symbol": row["symbol"],
                "kind": row["kind"],
                "index": row["position_index"],
            },
        )
        held = found.mappings().one_or_none()
        position = None if held is None else views.position_view(held)
    answer = _answer(row, status, steps, position=position)
    if row["state"] == "acknowledged" and row["applied_at"] is None:
        answer["settled"] = False
    return answer


def _answer(
    row: views.Row,
    status: str,
    steps: list[dict[str, Any]],
    *,
    order: dict[str, Any] | None = None,
    position: dict[str, Any] | None = None,
) -> dict[str, Any]:
    return {
        "intent_id": str(row["id"]),
        "kind": row["kind"],
        "state": row["state"],
        "verdict": row["verdict"],
        "settled": row["state"] not in UNSETTLED_INTENT_STATES,
        "status": status,
        "order": order,
        "position": position,
        "reason": row["reason"],
        "history": [
            step for index, step in enumerate(steps) if index == 0 or step["status"] != steps[index - 1]["status"]
        ],
    }


def _step(status: str, at: Any, source: str) -> dict[str, Any]:
    return {"status": status, "time_ms": milliseconds(at), "source": source}
