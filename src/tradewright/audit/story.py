"""The story of one order in one query: who, what, when, why, by which strategy's version and which model's answer.

Lives here: `story_of_order`, as the API tells it. Not here: lists of entries (`queries`), who may see it (`web`).

The entry that asked for a bot's order names its run, and a run keeps its versions for good: the strategy's is read from
there. Of an order without a run, `spec_version` and `model_answer` may stand in the `after` of that entry: reserved
names, for whoever proposes it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.audit.queries import ENTRIES_WITH_NAMES, ENTRY_COLUMNS, Row, entry_view
from tradewright.core.clock import milliseconds
from tradewright.core.errors import NotFound
from tradewright.core.ids import AccountId, WorkspaceId

# An order that was asked for here is its intent; one placed elsewhere has a row of orders alone.
_STORY = f"""
WITH it AS (
    SELECT i.id, i.account_id, i.workspace_id, i.source, i.body, i.note, i.reason, i.verdict, i.created_by,
           i.created_at, i.state, i.run_id, coalesce(o.exchange_order_id, i.exchange_order_id) AS exchange_order_id
      FROM intents i LEFT JOIN orders o ON o.account_id = i.account_id AND o.intent_id = i.id
     WHERE i.id = :order AND i.account_id = :account AND i.workspace_id = :workspace AND i.kind = 'place'
    UNION ALL
    SELECT o.id, o.account_id, o.workspace_id, CASE WHEN o.adopted_by IS NULL THEN 'external' ELSE 'adopted' END,
           jsonb_build_object('category', o.category, 'symbol', o.symbol, 'side', o.side, 'order_type', o.order_type,
               'quantity', CAST(o.quantity AS text), 'price', CAST(o.price AS text)),
           NULL, NULL, NULL, o.adopted_by, o.exchange_created_at, o.state, CAST(NULL AS uuid), o.exchange_order_id
      FROM orders o
     WHERE o.id = :order AND o.account_id = :account AND o.workspace_id = :workspace AND o.intent_id IS NULL)
SELECT it.*, p.username AS asked_by, a.name AS account_name, a.environment,
       (SELECT s.name || ' v' || s.number || ' ' || s.sha256
          FROM runs r
          JOIN bot_versions v ON v.id = r.bot_version_id AND v.workspace_id = r.workspace_id
          JOIN spec_versions s ON s.id = v.spec_version_id AND s.workspace_id = r.workspace_id
         WHERE r.id = it.run_id AND r.workspace_id = it.workspace_id) AS spec_version,
       (SELECT coalesce(jsonb_agg(to_jsonb(told) ORDER BY told.at, told.id), '[]')
          FROM (SELECT {ENTRY_COLUMNS}
                  FROM {ENTRIES_WITH_NAMES}
                 WHERE e.account_id = it.account_id AND e.workspace_id = it.workspace_id AND e.object_kind = 'order'
                   AND e.object_id = CAST(it.id AS text)) told) AS entries,
       (SELECT coalesce(jsonb_agg(to_jsonb(sent) ORDER BY sent.created_at, sent.req_id), '[]')
          FROM (SELECT r.req_id, r.kind, r.attempt, r.created_at, r.answered_at, r.outcome, r.ret_code, r.ret_msg
                  FROM requests r JOIN intents c ON c.id = r.intent_id
                 WHERE r.account_id = it.account_id AND r.workspace_id = it.workspace_id
                   AND (c.id = it.id OR c.target_id = it.id)) sent) AS requests,
       (SELECT count(*) FROM executions x WHERE x.account_id = it.account_id AND x.order_id = it.id) AS fills
  FROM it JOIN accounts a ON a.id = it.account_id LEFT JOIN users p ON p.id = it.created_by
"""  # noqa: S608


async def story_of_order(
    connection: AsyncConnection, workspace_id: WorkspaceId, account_id: AccountId, order_id: UUID
) -> Row:
    """Who wanted the order, what, when and why, by which version of a strategy and which answer of a model, and all
    that was done about it since. One query. Raises `NotFound`.

    `spec_version` and `model_answer` are None for what no bot's run and no assistant had a part in.
    """
    found = await connection.execute(
        text(_STORY), {"order": order_id, "account": account_id, "workspace": workspace_id}
    )
    row = found.mappings().one_or_none()
    if row is None:
        raise NotFound(f"there is no order {order_id} on this account")
    told = [entry_view({**each, "at": datetime.fromisoformat(each["at"])}) for each in row["entries"]]
    asked = next((each["after"] or {} for each in told if each["outcome"] == "asked"), {})
    return {
        "order_id": str(row["id"]),
        "account_id": str(row["account_id"]),
        "account_name": row["account_name"],
        "environment": row["environment"],
        "exchange_order_id": row["exchange_order_id"],
        "who": _asked_by(row),
        "what": row["body"],
        "asked_ms": milliseconds(row["created_at"]),
        "why": {
            "source": row["source"],
            "reason": asked.get("reason"),
            "note": row["note"],
            "ended": row["reason"],
            "verdict": row["verdict"],
        },
        "spec_version": row["spec_version"] or asked.get("spec_version"),
        "model_answer": asked.get("model_answer"),
        "state": row["state"],
        "fills": row["fills"],
        "requests": [_request_view(each) for each in row["requests"]],
        "entries": told,
    }


def _asked_by(row: Any) -> Row:
    """A person by hand, the owner's own parts (the guardian, a kill without a person, a bot), or somebody elsewhere."""
    if row["created_by"] is not None:
        return {"kind": "user", "id": str(row["created_by"]), "name": row["asked_by"]}
    return {"kind": "elsewhere" if row["source"] == "external" else "system", "id": None, "name": row["source"]}


def _request_view(row: Row) -> Row:
    answered = row["answered_at"]
    return {
        "req_id": row["req_id"],
        "kind": row["kind"],
        "attempt": row["attempt"],
        "created_ms": milliseconds(datetime.fromisoformat(row["created_at"])),
        "answered_ms": None if answered is None else milliseconds(datetime.fromisoformat(answered)),
        "outcome": row["outcome"],
        "exchange_code": row["ret_code"],
        "exchange_text": row["ret_msg"],
    }
