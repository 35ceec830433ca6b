"""The commit before the first byte of an order, in one statement: the way of nearly every order to the wire.

Lives here: `OPENING`, what it is asked with, and the order as it is told. It holds for a place that opens and that
nobody touched since its owner read it; then everything that `PostgresJournal.open_request` writes is known beforehand.
Whatever else it meets, it writes nothing at all, and the journal takes the long way, step by step.
Not here: the long way (`store`), the commit of the answer (`answering`).
"""

from __future__ import annotations

from typing import Any, cast

from tradewright.core.ids import RequestId
from tradewright.core.money import ZERO
from tradewright.storage.engine import encode_json
from tradewright.storage.lines import Statement
from tradewright.trading import views
from tradewright.trading.events import EVENTS_CHANNEL, IS_OURS
from tradewright.trading.model import AccountRef, PlaceIntent
from tradewright.trading.views import Row

TYPES = {
    "account": "uuid",
    "epoch": "int8",
    "id": "uuid",
    "payload": "jsonb",
    "req": "uuid",
    "verdict": "jsonb",
    "version": "int4",
    "workspace": "uuid",
}

# The owner's row is locked first and until the commit, as in every transaction of the journal (`events`). The account's
# sequence moves on only with an intent that moved, so that it has no gap.
OPENING = Statement.of(
    f"""
WITH moved AS (
     UPDATE intents i SET state = 'sending', version = version + 1, updated_at = clock_timestamp(),
            verdict = coalesce(:verdict, verdict)
      WHERE i.id = :id AND i.account_id = :account AND i.version = :version AND i.state IN ('proposed', 'approved')
        AND (i.valid_until IS NULL OR i.valid_until > clock_timestamp())
        AND NOT EXISTS (SELECT 1 FROM intents c WHERE c.target_id = :id)
        AND NOT EXISTS (SELECT 1 FROM orders o WHERE o.intent_id = :id)
        AND {IS_OURS}
  RETURNING CAST(EXTRACT(EPOCH FROM i.valid_until - clock_timestamp()) AS double precision) AS left_s, i.updated_at),
request AS (
     INSERT INTO requests (req_id, workspace_id, account_id, intent_id, kind, attempt, created_at, epoch)
     SELECT :req, :workspace, :account, :id, 'place',
            (SELECT coalesce(max(attempt), 0) + 1 FROM requests WHERE account_id = :account AND intent_id = :id),
            clock_timestamp(), :epoch FROM moved
  RETURNING attempt),
numbered AS (
     UPDATE accounts SET event_seq = event_seq + 1 WHERE id = :account AND EXISTS (SELECT 1 FROM moved)
  RETURNING event_seq),
told AS (
     INSERT INTO account_events (account_id, seq, workspace_id, kind, ref, source, payload, at)
     SELECT :account, n.event_seq, :workspace, 'order', :id, 'owner',
            jsonb_set(:payload, '{{order,updated_ms}}',
                      to_jsonb(CAST(floor(EXTRACT(EPOCH FROM m.updated_at) * 1000) AS bigint))),
            clock_timestamp() FROM moved m, numbered n
  RETURNING seq)
SELECT m.left_s, r.attempt, pg_notify('{EVENTS_CHANNEL}', CAST(:account AS text) || ':' || t.seq)
  FROM moved m, request r, told t
""",  # noqa: S608
    TYPES,
)


def asked(
    account: AccountRef, intent: PlaceIntent, row: Row, req_id: RequestId, verdict: str | None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The values of `OPENING`, and the order as it stands after it but for when it was updated, which the statement
    fills in; `row` is the intent's as its owner read it (`INTENT_ROWS`)."""
    shown = _order_told(account, row)
    values = {
        "id": intent.id,
        "account": account.id,
        "workspace": account.workspace_id,
        "epoch": account.epoch,
        "version": row["version"],
        "req": req_id,
        "verdict": verdict,
        "payload": encode_json({"kind": "order", "order": shown}),
    }
    return values, shown


def _order_told(account: AccountRef, row: Row) -> dict[str, Any]:
    """As `ORDER_ROWS` would show it right after: on its way, without anything of the exchange's."""
    moved = {"intent_state": "sending", "version": row["version"] + 1, "environment": account.environment}
    return views.order_view(cast(Row, {**row, **NOTHING_ELSE, **moved}))  # read by name alone, as a row is


# What `ORDER_ROWS` says of an intent without an order, a cancel or an amend.
NOTHING_ELSE: dict[str, Any] = {
    "stop_order_type": "",
    "parent_order_id": None,
    "order_state": None,
    "filled_quantity": ZERO,
    "average_price": None,
    "reject_reason": "",
    "cancel_id": None,
    "cancel_state": None,
    "cancel_reason": None,
    "cancel_is_over": False,
    "amend_id": None,
    "amend_state": None,
    "amend_reason": None,
    "amend_quantity": None,
    "amend_price": None,
    "amend_trigger_price": None,
    "amend_take_profit": None,
    "amend_stop_loss": None,
    "amend_is_asked": False,
}
