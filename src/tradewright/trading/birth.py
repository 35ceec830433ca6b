"""An own order is born with its first request, in one statement: the last thing before its first byte.

Lives here: `BIRTH`, which writes down intent, request, audit entry and event in one commit, and what it is asked with.
The order was judged before, in memory, so nothing is read again. It is as durable as one that was proposed first: known
by its id, fenced by the epoch, and left in `sending` for the evidence when its owner ends before it knows more.
Not here: `OwnOrder` (`own_orders`), the way of what was proposed (`opening`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast
from uuid import UUID

from tradewright.core.ids import RequestId
from tradewright.storage.engine import encode_json
from tradewright.storage.lines import Statement
from tradewright.trading import views
from tradewright.trading.events import EVENTS_CHANNEL, IS_OURS
from tradewright.trading.intent_moves import action_of
from tradewright.trading.model import AccountRef
from tradewright.trading.opening import NOTHING_ELSE, TYPES
from tradewright.trading.own_orders import OwnOrder, told_by
from tradewright.trading.views import Row

# The epoch is looked at first and held until the commit. What is written follows from the intent's row: where its id is
# known, nothing is.
BIRTH = Statement.of(
    f"""
WITH ours AS (SELECT clock_timestamp() AS at WHERE {IS_OURS}),
born AS (
     INSERT INTO intents (id, workspace_id, account_id, kind, body, category, symbol, side, order_type, time_in_force,
            quantity, price, quantity_unit, slippage_percent, position_index, note, link_id, trigger_price, trigger_by,
            trigger_rises, take_profit, take_profit_by, take_profit_limit, stop_loss, stop_loss_by, stop_loss_limit,
            reduces, state, verdict, valid_until, source, run_id, created_at, updated_at)
     SELECT :id, :workspace, :account, 'place', :body, :category, :symbol, :side, :kind, :lasts, :quantity, :price,
            :unit, :slippage, :leg, :note, :link, :trigger, :trigger_by, :rises, :profit, :profit_by, :profit_limit,
            :loss, :loss_by, :loss_limit, false, 'sending', :verdict, o.at + :validity, :source, :run, o.at,
            o.at FROM ours o
      WHERE NOT EXISTS (SELECT 1 FROM orders WHERE id = :id)
         ON CONFLICT DO NOTHING
  RETURNING valid_until, CAST(floor(EXTRACT(EPOCH FROM created_at) * 1000) AS bigint) AS created_ms,
            CAST(floor(EXTRACT(EPOCH FROM valid_until) * 1000) AS bigint) AS valid_until_ms),
request AS (
     INSERT INTO requests (req_id, workspace_id, account_id, intent_id, kind, attempt, created_at, epoch)
     SELECT :req, :workspace, :account, :id, 'place', 1, clock_timestamp(), :epoch FROM born),
audited AS (
     INSERT INTO audit_entries
            (id, workspace_id, account_id, at, actor_kind, action, object_kind, object_id, after, outcome)
     SELECT :entry, :workspace, :account, :at, 'system', '{action_of("place")}', 'order', CAST(:id AS text), :after,
            'asked' FROM born),
numbered AS (
     UPDATE accounts SET event_seq = event_seq + 1 WHERE id = :account AND EXISTS (SELECT 1 FROM born)
  RETURNING event_seq),
told AS (
     INSERT INTO account_events (account_id, seq, workspace_id, kind, ref, source, payload, at)
     SELECT :account, n.event_seq, :workspace, 'order', :id, 'owner',
            jsonb_build_object('kind', 'order', 'order', :payload || jsonb_build_object(
                'created_ms', b.created_ms, 'updated_ms', b.created_ms, 'valid_until_ms', b.valid_until_ms)),
            clock_timestamp() FROM born b, numbered n
  RETURNING seq)
SELECT b.created_ms, b.valid_until_ms,
       CAST(EXTRACT(EPOCH FROM b.valid_until - clock_timestamp()) AS double precision) AS left_s,
       pg_notify('{EVENTS_CHANNEL}', CAST(:account AS text) || ':' || t.seq)
  FROM born b, told t
""",  # noqa: S608
    {
        **TYPES,
        "after": "jsonb",
        "at": "timestamptz",
        "body": "jsonb",
        "category": "text",
        "entry": "uuid",
        "kind": "text",
        "lasts": "text",
        "leg": "int4",
        "link": "text",
        "loss": "numeric",
        "loss_by": "text",
        "loss_limit": "numeric",
        "note": "text",
        "price": "numeric",
        "profit": "numeric",
        "profit_by": "text",
        "profit_limit": "numeric",
        "quantity": "numeric",
        "rises": "bool",
        "run": "uuid",
        "side": "text",
        "slippage": "numeric",
        "source": "text",
        "symbol": "text",
        "trigger": "numeric",
        "trigger_by": "text",
        "unit": "text",
        "validity": "interval",
    },
)


def asked(
    account: AccountRef, own: OwnOrder, req_id: RequestId, verdict: str | None, *, entry: UUID, at: datetime
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The values of `BIRTH`, and the order as it stands after it but for its times, which the statement fills in.
    `entry` and `at` are the audit's."""
    body = own.body
    canonical = body.canonical()
    profit, loss, trigger = body.take_profit, body.stop_loss, body.trigger
    shown = _shown(account, own)
    values = {
        "id": body.id,
        "account": account.id,
        "workspace": account.workspace_id,
        "epoch": account.epoch,
        "req": req_id,
        "body": encode_json(canonical),
        "category": body.category,
        "symbol": body.symbol,
        "side": body.side,
        "kind": body.order_type,
        "lasts": body.time_in_force,
        "quantity": body.quantity,
        "price": body.price,
        "unit": body.quantity_unit,
        "slippage": body.slippage_percent,
        "leg": body.position_index,
        "note": body.note,
        "link": shown["link_id"],
        "trigger": None if trigger is None else trigger.price,
        "trigger_by": None if trigger is None else trigger.by,
        "rises": None if trigger is None else trigger.rises,
        "profit": None if profit is None else profit.trigger_price,
        "profit_by": None if profit is None else profit.trigger_by,
        "profit_limit": None if profit is None else profit.limit_price,
        "loss": None if loss is None else loss.trigger_price,
        "loss_by": None if loss is None else loss.trigger_by,
        "loss_limit": None if loss is None else loss.limit_price,
        "verdict": verdict,
        "validity": own.validity,
        "source": own.source,
        "run": own.run_id,
        "entry": entry,
        "at": at,
        "after": encode_json({**canonical, **told_by(own.source, own.run_id, own.reason)}),
        "payload": encode_json(shown),
    }
    return values, shown


def _shown(account: AccountRef, own: OwnOrder) -> dict[str, Any]:
    """As `ORDER_ROWS` would show it right after."""
    body, order = own.body, own.body.order
    row = {
        **NOTHING_ELSE,
        "id": body.id,
        "account_id": account.id,
        "environment": account.environment,
        "source": own.source,
        "run_id": own.run_id,
        "category": body.category,
        "symbol": body.symbol,
        "side": body.side,
        "order_type": body.order_type,
        "time_in_force": body.time_in_force,
        "quantity": body.quantity,
        "quantity_unit": body.quantity_unit,
        "price": body.price,
        "reduce_only": False,
        "position_index": body.position_index,
        "trigger_price": None if body.trigger is None else body.trigger.price,
        "trigger_by": None if body.trigger is None else body.trigger.by,
        "trigger_rises": None if body.trigger is None else body.trigger.rises,
        "take_profit": None if body.take_profit is None else body.take_profit.trigger_price,
        "stop_loss": None if body.stop_loss is None else body.stop_loss.trigger_price,
        "slippage_percent": body.slippage_percent,
        "note": body.note,
        "intent_state": "sending",
        "reason": None,
        "link_id": order.link_id,
        "exchange_order_id": None,
        "valid_until": None,
        "created_at": None,
        "updated_at": None,
        "version": 1,
    }
    return views.order_view(cast(Row, row))
