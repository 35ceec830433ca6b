"""The SQL that joins what is known of an order: its intent, the exchange's order and the newest cancel asked of it.

Lives here: `ORDER_ROWS`, read by the API's queries and by the owner's journal alike, so that both show the same row.
"""

from __future__ import annotations

# One row per place intent, and one per order that was placed elsewhere. `version` grows with every change of any part.
ORDER_ROWS = """
SELECT i.id, i.workspace_id, i.account_id, a.environment, i.source, i.category, i.symbol, i.side, i.order_type,
       i.time_in_force, coalesce(o.quantity, i.quantity) AS quantity, i.price, i.reduce_only,
       i.note, i.state AS intent_state, i.reason, i.link_id, i.valid_until, i.created_at,
       coalesce(o.exchange_order_id, i.exchange_order_id) AS exchange_order_id, o.state AS order_state,
       coalesce(o.filled_quantity, 0) AS filled_quantity, o.average_price,
       coalesce(o.reject_reason, '') AS reject_reason,
       c.id AS cancel_id, c.state AS cancel_state, c.reason AS cancel_reason,
       greatest(i.updated_at, o.updated_at, c.updated_at) AS updated_at,
       i.version + coalesce(o.version, 0) + coalesce(c.versions, 0) AS version
  FROM intents i
  JOIN accounts a ON a.id = i.account_id
  LEFT JOIN orders o ON o.account_id = i.account_id AND o.intent_id = i.id
  LEFT JOIN LATERAL (
       SELECT c.id, c.state, c.reason, c.updated_at, sum(c.version) OVER () AS versions
         FROM intents c WHERE c.account_id = i.account_id AND c.target_id = i.id AND c.kind = 'cancel'
        ORDER BY c.created_at DESC, c.id DESC LIMIT 1
       ) c ON true
 WHERE i.kind = 'place'
UNION ALL
SELECT o.id, o.workspace_id, o.account_id, a.environment, 'external', o.category, o.symbol, o.side, o.order_type,
       o.time_in_force, o.quantity, o.price, o.reduce_only,
       NULL, 'acknowledged', NULL, o.link_id, NULL, o.exchange_created_at,
       o.exchange_order_id, o.state, o.filled_quantity, o.average_price,
       o.reject_reason,
       c.id, c.state, c.reason,
       greatest(o.updated_at, c.updated_at),
       o.version + coalesce(c.versions, 0)
  FROM orders o
  JOIN accounts a ON a.id = o.account_id
  LEFT JOIN LATERAL (
       SELECT c.id, c.state, c.reason, c.updated_at, sum(c.version) OVER () AS versions
         FROM intents c WHERE c.account_id = o.account_id AND c.target_id = o.id AND c.kind = 'cancel'
        ORDER BY c.created_at DESC, c.id DESC LIMIT 1
       ) c ON true
 WHERE o.intent_id IS NULL
"""

# Not final: the intent is on its way or unknown, or the exchange's order is live (or acknowledged and not yet seen).
LIVE = """(intent_state IN ('proposed', 'approved', 'sending', 'unknown')
           OR (intent_state = 'acknowledged'
               AND (order_state IS NULL OR order_state NOT IN ('filled', 'cancelled', 'rejected', 'expired'))))"""
