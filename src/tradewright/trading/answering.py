"""The commit after an order's acknowledgement, in one statement: what nearly every order that was sent ends with.

Lives here: `ANSWERING` and what it is asked with. It holds for a place that was opened at once (`opening`) and that
nobody touched since: no report of the exchange came first, nobody asked to cancel or to change it. Whatever else it
meets, it writes nothing at all, and the journal takes the long way.
Not here: the long way and all other answers (`store`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from tradewright.core.errors import Trace
from tradewright.core.ids import ExchangeOrderId, RequestId
from tradewright.core.order_status import status_of
from tradewright.storage.engine import encode_json
from tradewright.storage.lines import Statement
from tradewright.trading.events import EVENTS_CHANNEL, IS_OURS
from tradewright.trading.intent_moves import action_of
from tradewright.trading.model import AccountRef, PlaceIntent
from tradewright.trading.opening import TYPES

# The entry of the audit trail is as `IntentMoves` writes it of any move.
ANSWERING = Statement.of(
    f"""
WITH moved AS (
     UPDATE intents i SET state = 'acknowledged', reason = NULL, exchange_order_id = :order, version = version + 1,
            updated_at = clock_timestamp()
      WHERE i.id = :id AND i.account_id = :account AND i.version = :version AND i.state = 'sending'
        AND NOT EXISTS (SELECT 1 FROM intents c WHERE c.target_id = :id)
        AND NOT EXISTS (SELECT 1 FROM orders o WHERE o.intent_id = :id)
        AND {IS_OURS}
  RETURNING i.updated_at),
closed AS (
     UPDATE requests SET outcome = 'acknowledged', signed_at = :signed, answered_at = :answered, http_status = :http,
            ret_code = :code, ret_msg = :message, trace_id = :trace
      WHERE account_id = :account AND req_id = :req AND outcome IS NULL AND EXISTS (SELECT 1 FROM moved)),
audited AS (
     INSERT INTO audit_entries (id, workspace_id, account_id, at, actor_kind, action, object_kind, object_id, outcome)
     SELECT :entry, :workspace, :account, :at, 'system', '{action_of("place")}', 'order', CAST(:id AS text),
            'acknowledged' FROM moved),
numbered AS (
     UPDATE accounts SET event_seq = event_seq + 1 WHERE id = :account AND EXISTS (SELECT 1 FROM moved)
  RETURNING event_seq),
told AS (
     INSERT INTO account_events (account_id, seq, workspace_id, kind, ref, source, payload, at)
     SELECT :account, n.event_seq, :workspace, 'order', :id, 'rest',
            jsonb_set(:payload, '{{order,updated_ms}}',
                      to_jsonb(CAST(floor(EXTRACT(EPOCH FROM m.updated_at) * 1000) AS bigint))),
            clock_timestamp() FROM moved m, numbered n
  RETURNING seq)
SELECT pg_notify('{EVENTS_CHANNEL}', CAST(:account AS text) || ':' || t.seq) FROM told t
""",  # noqa: S608
    {
        **TYPES,
        "answered": "timestamptz",
        "at": "timestamptz",
        "code": "int4",
        "entry": "uuid",
        "http": "int4",
        "message": "text",
        "order": "text",
        "signed": "timestamptz",
        "trace": "text",
    },
)


def asked(
    account: AccountRef,
    intent: PlaceIntent,
    shown: dict[str, Any],
    req_id: RequestId,
    order: ExchangeOrderId,
    trace: Trace,
    *,
    entry: UUID,
    at: datetime,
) -> dict[str, Any]:
    """The values of `ANSWERING`; `shown` is the order as its opening told it, `entry` and `at` are the audit's."""
    changed = {
        "status": status_of("acknowledged", None),
        "exchange_order_id": order,
        "version": shown["version"] + 1,
    }
    return {
        "id": intent.id,
        "account": account.id,
        "workspace": account.workspace_id,
        "epoch": account.epoch,
        "version": shown["version"],
        "req": req_id,
        "order": order,
        "signed": trace.signed_at,
        "answered": trace.answered_at,
        "http": trace.http_status,
        "code": trace.ret_code,
        "message": trace.ret_msg[:500],
        "trace": trace.trace_id[:100],
        "entry": entry,
        "at": at,
        "payload": encode_json({"kind": "order", "order": {**shown, **changed}}),
    }
