"""The SQL that joins what is known of an order (its intent, the exchange's order, what was asked since) or of a fill.

Lives here: `ORDER_ROWS` and `FILL_ROWS`, read by the API's queries and by the owner's journal alike, so that both show
the same row. Not here: the row's shape outside (`views`).
"""

from __future__ import annotations

from tradewright.core.order import ATTACHED_TYPES

_TYPES = ", ".join(f"'{name}'" for name in sorted(ATTACHED_TYPES))
_IS_ATTACHED = f"(o.parent_link_id <> '' OR o.stop_order_type IN ({_TYPES}))"  # as `RemoteOrder.is_attached`


# An amend is still asked until it is read back: the exchange's acknowledgement is not the change.
_ASKED_SINCE = """
  LEFT JOIN LATERAL (
       SELECT c.id, c.state, c.reason, c.updated_at, c.applied_at, sum(c.version) OVER () AS versions
         FROM intents c WHERE c.account_id = {order}.account_id AND c.target_id = {order}.id AND c.kind = 'cancel'
        ORDER BY c.created_at DESC, c.id DESC LIMIT 1
       ) c ON true
  LEFT JOIN LATERAL (
       SELECT m.id, m.state, m.reason, m.updated_at, m.quantity, m.price, m.trigger_price, m.take_profit, m.stop_loss,
              sum(m.version) OVER () AS versions,
              bool_or(m.state IN ('proposed', 'approved', 'sending', 'unknown')
                      OR (m.state = 'acknowledged' AND m.applied_at IS NULL)) OVER () AS is_asked
         FROM intents m WHERE m.account_id = {order}.account_id AND m.target_id = {order}.id AND m.kind = 'amend'
        ORDER BY m.created_at DESC, m.id DESC LIMIT 1
       ) m ON true
"""
_ASKED_COLUMNS = """
       c.id AS cancel_id, c.state AS cancel_state, c.reason AS cancel_reason,
       c.applied_at IS NOT NULL AS cancel_is_over,
       m.id AS amend_id, m.state AS amend_state, m.reason AS amend_reason, m.quantity AS amend_quantity,
       m.price AS amend_price, m.trigger_price AS amend_trigger_price, m.take_profit AS amend_take_profit,
       m.stop_loss AS amend_stop_loss, coalesce(m.is_asked, false) AS amend_is_asked
"""

# One row per place intent, and one per order that was placed elsewhere. `version` grows with every change of any part.
# The price of a market order is the exchange's own bound, so the one that was asked for (none) stays.
ORDER_ROWS = f"""
SELECT i.id, i.workspace_id, i.account_id, a.environment, i.source, i.run_id, i.category, i.symbol, i.side,
       i.order_type,
       i.time_in_force, coalesce(o.quantity, i.quantity) AS quantity, i.quantity_unit,
       CASE WHEN i.order_type = 'Market' THEN i.price ELSE coalesce(o.price, i.price) END AS price, i.reduce_only,
       i.position_index,
       coalesce(o.trigger_price, i.trigger_price) AS trigger_price, i.trigger_by, i.trigger_rises,
       CASE WHEN o.id IS NULL THEN i.take_profit ELSE o.take_profit END AS take_profit,
       CASE WHEN o.id IS NULL THEN i.stop_loss ELSE o.stop_loss END AS stop_loss,
       coalesce(o.stop_order_type, '') AS stop_order_type, CAST(NULL AS uuid) AS parent_order_id, i.slippage_percent,
       i.note, i.state AS intent_state, i.reason, i.link_id, i.valid_until, i.created_at,
       coalesce(o.exchange_order_id, i.exchange_order_id) AS exchange_order_id, o.state AS order_state,
       coalesce(o.filled_quantity, 0) AS filled_quantity, o.average_price,
       coalesce(o.reject_reason, '') AS reject_reason, {_ASKED_COLUMNS},
       greatest(i.updated_at, o.updated_at, c.updated_at, m.updated_at) AS updated_at,
       i.version + coalesce(o.version, 0) + coalesce(c.versions, 0) + coalesce(m.versions, 0) AS version
  FROM intents i
  JOIN accounts a ON a.id = i.account_id
  LEFT JOIN orders o ON o.account_id = i.account_id AND o.intent_id = i.id
  {_ASKED_SINCE.format(order="i")}
 WHERE i.kind = 'place'
UNION ALL
SELECT o.id, o.workspace_id, o.account_id, a.environment,
       CASE WHEN {_IS_ATTACHED} THEN 'attached' WHEN o.adopted_by IS NOT NULL THEN 'adopted' ELSE 'external' END,
       p.run_id, o.category, o.symbol, o.side, o.order_type,
       o.time_in_force, o.quantity, o.quantity_unit,
       o.price, o.reduce_only, o.position_index,
       o.trigger_price, o.trigger_by, o.trigger_rises,
       o.take_profit,
       o.stop_loss,
       o.stop_order_type, p.id, NULL,
       NULL, 'acknowledged', NULL, o.link_id, NULL, o.exchange_created_at,
       o.exchange_order_id, o.state, o.filled_quantity, o.average_price,
       o.reject_reason, {_ASKED_COLUMNS},
       greatest(o.updated_at, c.updated_at, m.updated_at),
       o.version + coalesce(c.versions, 0) + coalesce(m.versions, 0)
  FROM orders o
  JOIN accounts a ON a.id = o.account_id
  LEFT JOIN intents p ON o.parent_link_id <> '' AND p.account_id = o.account_id AND p.link_id = o.parent_link_id
  {_ASKED_SINCE.format(order="o")}
 WHERE o.intent_id IS NULL
"""  # noqa: S608

# Not final: the intent is on its way or unknown, or the exchange's order is live (or acknowledged and not yet seen).
LIVE = """(intent_state IN ('proposed', 'approved', 'sending', 'unknown')
           OR (intent_state = 'acknowledged'
               AND (order_state IS NULL OR order_state NOT IN ('filled', 'cancelled', 'rejected', 'expired'))))"""

# A fill belongs to an order that was asked for here, to one that the exchange made, or to one placed elsewhere.
FILL_ROWS = f"""
SELECT e.*, CASE WHEN i.id IS NOT NULL THEN i.source
                 WHEN {_IS_ATTACHED} THEN 'attached'
                 WHEN o.adopted_by IS NOT NULL THEN 'adopted'
                 ELSE 'external' END AS source
  FROM executions e
  LEFT JOIN orders o ON o.account_id = e.account_id AND o.id = e.order_id
  LEFT JOIN intents i ON i.account_id = e.account_id AND i.id = e.order_id AND i.kind = 'place'
"""  # noqa: S608
