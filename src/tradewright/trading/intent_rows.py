"""Intents as their owner reads them: the row, and for a cancel how its order is named to the exchange.

Lives here: the SQL and its reading into values. Not here: what moves an intent (`store`), what the API shows (`rows`).
"""

from __future__ import annotations

from uuid import UUID

from tradewright.core.ids import ExchangeOrderId, IntentId, LinkId
from tradewright.core.instrument import InstrumentId
from tradewright.trading.model import CancelIntent, Intent, PlaceIntent
from tradewright.trading.views import Row

# The target of a cancel is an order row, a place that has none yet, or both.
INTENT_ROWS = """
SELECT i.*, coalesce(o.exchange_order_id, t.exchange_order_id) AS target_order,
       coalesce(o.link_id, t.link_id) AS target_link,
       coalesce(o.state IN ('filled', 'cancelled', 'rejected', 'expired'),
                t.state IN ('refused', 'expired', 'rejected', 'not_placed'), false) AS target_final
  FROM intents i
  LEFT JOIN intents t ON i.kind = 'cancel' AND t.account_id = i.account_id AND t.id = i.target_id
  LEFT JOIN orders o ON i.kind = 'cancel' AND o.account_id = i.account_id AND o.id = i.target_id
 WHERE i.account_id = :account
"""


def intent_of_row(row: Row) -> Intent:
    """One row of `INTENT_ROWS`."""
    instrument = InstrumentId(row["category"], row["symbol"])
    if row["kind"] == "cancel":
        return CancelIntent(
            id=IntentId(row["id"]),
            state=row["state"],
            target_id=row["target_id"],
            instrument=instrument,
            target_link_id=LinkId(row["target_link"]) if row["target_link"] else None,
            target_exchange_order_id=ExchangeOrderId(row["target_order"]) if row["target_order"] else None,
            target_final=row["target_final"],
        )
    return PlaceIntent(
        id=IntentId(row["id"]),
        state=row["state"],
        link_id=LinkId(row["link_id"]),
        instrument=instrument,
        side=row["side"],
        order_type=row["order_type"],
        quantity=row["quantity"],
        price=row["price"],
        time_in_force=row["time_in_force"],
        reduce_only=row["reduce_only"],
        valid_until=row["valid_until"],
    )


def order_id_of(intent: Intent) -> UUID:
    """The id of the row in the table of orders that an intent is about."""
    return intent.target_id if isinstance(intent, CancelIntent) else intent.id
