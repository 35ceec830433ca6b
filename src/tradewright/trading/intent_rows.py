"""Intents as their owner reads them: the row, and what else is known of the order or position it is about.

Lives here: the SQL and its reading into values. Not here: what moves an intent (`store`), what the API shows (`rows`).
"""

from __future__ import annotations

from typing import Any

from tradewright.core.ids import ExchangeOrderId, IntentId, LinkId
from tradewright.core.instrument import InstrumentId
from tradewright.core.money import ZERO
from tradewright.core.order import Exit, NewOrder, OrderChange, PositionExits, Trigger
from tradewright.trading.journal import ARRIVES_WITHIN, POSITION_DUE
from tradewright.trading.model import (
    AmendIntent,
    CancelIntent,
    ExitsIntent,
    Intent,
    LeverageIntent,
    MarginModeIntent,
    PlaceIntent,
    PositionModeIntent,
)
from tradewright.trading.views import Row

# What a reverse stands behind: another order of the symbol of which nobody knows yet what it does to the position, and
# one that has just moved it where the position itself was not told since.
_MOVES_POSITION = f"""(
     EXISTS (SELECT 1 FROM intents e LEFT JOIN orders eo ON eo.account_id = e.account_id AND eo.intent_id = e.id
              WHERE e.account_id = i.account_id AND e.kind = 'place' AND e.category = i.category
                AND e.symbol = i.symbol AND e.id <> i.id AND e.created_at > i.created_at - interval '7 days'
                AND (e.state IN ('sending', 'unknown')
                     OR (e.state = 'acknowledged'
                         AND (eo.id IS NULL
                              OR ((e.order_type = 'Market' OR e.time_in_force IN ('IOC', 'FOK'))
                                  AND eo.state IN ('working', 'partially_filled', 'unrecognised'))))))
     OR EXISTS (SELECT 1 FROM orders m WHERE m.account_id = i.account_id AND m.category = i.category
                   AND m.symbol = i.symbol AND m.filled_quantity > 0
                   AND m.updated_at > clock_timestamp() - interval '{POSITION_DUE.total_seconds()} seconds'
                   AND m.exchange_updated_at > p.exchange_updated_at))"""  # noqa: S608

# The target of a cancel or amend is an order row, a place that has none yet, or both. An earlier amend of the same
# order is ahead until it is read back, an earlier leverage or mode of the same thing until its outcome is known,
# earlier exits while they may still arrive.
INTENT_ROWS = f"""
SELECT i.*, coalesce(o.exchange_order_id, t.exchange_order_id) AS target_order,
       coalesce(o.link_id, t.link_id) AS target_link,
       coalesce(o.state IN ('filled', 'cancelled', 'rejected', 'expired'),
                t.state IN ('refused', 'expired', 'rejected', 'not_placed'), false) AS target_final,
       coalesce(o.quantity, t.quantity) AS held_quantity, coalesce(o.price, t.price) AS held_price,
       coalesce(o.trigger_price, t.trigger_price) AS held_trigger_price,
       CASE WHEN o.id IS NULL THEN t.take_profit ELSE o.take_profit END AS held_take_profit,
       CASE WHEN o.id IS NULL THEN t.stop_loss ELSE o.stop_loss END AS held_stop_loss,
       coalesce(t.state IN ('proposed', 'approved', 'sending', 'unknown') AND o.id IS NULL, false) AS target_early,
       i.body->>'kind' = 'reverse' AS turns,
       i.body->>'kind' = 'close' AND i.body->>'percent' = '100' AND i.order_type = 'Market' AS closes_all,
       CASE i.body->>'kind'
       WHEN 'reverse' THEN NOT coalesce(p.side <> i.side AND p.size * 2 = i.quantity, false)
       WHEN 'close' THEN coalesce(p.side = i.side, false)
       WHEN 'exits' THEN coalesce(p.side <> i.side, false)
       ELSE false END AS is_outdated,
       CASE i.kind
       WHEN 'place' THEN i.body->>'kind' = 'reverse' AND {_MOVES_POSITION}
       WHEN 'amend' THEN EXISTS (
            SELECT 1 FROM intents e WHERE e.account_id = i.account_id AND e.target_id = i.target_id AND e.kind = 'amend'
               AND e.id <> i.id AND (e.state IN ('sending', 'unknown')
                                     OR (e.state = 'acknowledged' AND e.applied_at IS NULL)))
       WHEN 'leverage' THEN EXISTS (
            SELECT 1 FROM intents e WHERE e.account_id = i.account_id AND e.kind = 'leverage' AND e.symbol = i.symbol
               AND e.category = i.category AND e.id <> i.id AND e.state IN ('sending', 'unknown'))
       WHEN 'position_mode' THEN EXISTS (
            SELECT 1 FROM intents e WHERE e.account_id = i.account_id AND e.kind = 'position_mode'
               AND e.symbol = i.symbol AND e.category = i.category AND e.id <> i.id
               AND e.state IN ('sending', 'unknown'))
       WHEN 'margin_mode' THEN EXISTS (
            SELECT 1 FROM intents e WHERE e.account_id = i.account_id AND e.kind = 'margin_mode' AND e.id <> i.id
               AND e.state IN ('sending', 'unknown'))
       WHEN 'exits' THEN EXISTS (
            SELECT 1 FROM intents e WHERE e.account_id = i.account_id AND e.kind = 'exits' AND e.symbol = i.symbol
               AND e.category = i.category AND e.id <> i.id
               AND (e.state = 'sending' OR (e.state = 'unknown' AND e.updated_at > clock_timestamp()
                                            - interval '{ARRIVES_WITHIN.total_seconds()} seconds')))
       ELSE false END AS is_behind
  FROM intents i
  LEFT JOIN intents t ON i.target_id IS NOT NULL AND t.account_id = i.account_id AND t.id = i.target_id
  LEFT JOIN orders o ON i.target_id IS NOT NULL AND o.account_id = i.account_id AND o.id = i.target_id
  LEFT JOIN positions p ON i.body->>'kind' IN ('reverse', 'close', 'exits') AND p.account_id = i.account_id
        AND p.category = i.category AND p.symbol = i.symbol AND p.position_index = i.position_index
 WHERE i.account_id = :account
"""  # noqa: S608


def intent_of_row(row: Row) -> Intent:
    """One row of `INTENT_ROWS`."""
    if row["kind"] == "margin_mode":
        return MarginModeIntent(
            id=IntentId(row["id"]),
            state=row["state"],
            mode=row["margin_mode"],
            valid_until=row["valid_until"],
            is_behind=row["is_behind"],
        )
    instrument = InstrumentId(row["category"], row["symbol"])
    match row["kind"]:
        case "place":
            return PlaceIntent(
                id=IntentId(row["id"]),
                state=row["state"],
                order=_new_order(row, instrument),
                valid_until=row["valid_until"],
                turns=row["turns"],
                closes_all=row["closes_all"],
                is_outdated=row["is_outdated"],
                is_behind=row["is_behind"],
            )
        case "cancel":
            return CancelIntent(**_target(row, instrument), is_early=row["target_early"])
        case "amend":
            asked = OrderChange(
                quantity=row["quantity"],
                price=row["price"],
                trigger_price=row["trigger_price"],
                take_profit=row["take_profit"],
                stop_loss=row["stop_loss"],
            )
            grows = row["reduces"] and asked.quantity is not None and asked.quantity > row["held_quantity"]
            return AmendIntent(
                **_target(row, instrument),
                asked=asked,
                change=_differing(asked, row),
                reduces=row["reduces"] and not grows,
                valid_until=row["valid_until"],
                is_behind=row["is_behind"],
                is_outdated=grows,
            )
        case "leverage":
            return LeverageIntent(
                id=IntentId(row["id"]),
                state=row["state"],
                instrument=instrument,
                leverage=row["leverage"],
                valid_until=row["valid_until"],
                is_behind=row["is_behind"],
            )
        case "exits":
            exits = PositionExits(
                take_profit=row["take_profit"],
                stop_loss=row["stop_loss"],
                take_profit_by=row["take_profit_by"],
                stop_loss_by=row["stop_loss_by"],
                trailing_stop=row["trailing_stop"],
                trailing_active_price=row["trailing_active_price"],
                position_index=row["position_index"],
            )
            return ExitsIntent(
                id=IntentId(row["id"]),
                state=row["state"],
                instrument=instrument,
                exits=exits,
                reduces=row["reduces"],
                valid_until=row["valid_until"],
                is_behind=row["is_behind"],
                is_outdated=row["is_outdated"],
            )
        case "position_mode":
            return PositionModeIntent(
                id=IntentId(row["id"]),
                state=row["state"],
                instrument=instrument,
                hedge=row["hedge"],
                valid_until=row["valid_until"],
                is_behind=row["is_behind"],
            )
        case kind:
            raise AssertionError(f"intent {row['id']} has the kind {kind!r}, which nobody writes")


def _new_order(row: Row, instrument: InstrumentId) -> NewOrder:
    trigger = None
    if row["trigger_price"] is not None:
        trigger = Trigger(price=row["trigger_price"], by=row["trigger_by"], rises=row["trigger_rises"])
    return NewOrder(
        link_id=LinkId(row["link_id"]),
        instrument=instrument,
        side=row["side"],
        order_type=row["order_type"],
        quantity=row["quantity"],
        price=row["price"],
        time_in_force=row["time_in_force"],
        reduce_only=row["reduce_only"],
        quantity_unit=row["quantity_unit"],
        trigger=trigger,
        take_profit=_exit(row, "take_profit"),
        stop_loss=_exit(row, "stop_loss"),
        slippage_percent=row["slippage_percent"],
        position_index=row["position_index"],
    )


def _exit(row: Row, leg: str) -> Exit | None:
    if row[leg] is None:
        return None
    return Exit(trigger_price=row[leg], trigger_by=row[f"{leg}_by"], limit_price=row[f"{leg}_limit"])


def _target(row: Row, instrument: InstrumentId) -> dict[str, Any]:
    return {
        "id": IntentId(row["id"]),
        "state": row["state"],
        "target_id": row["target_id"],
        "instrument": instrument,
        "target_link_id": LinkId(row["target_link"]) if row["target_link"] else None,
        "target_exchange_order_id": ExchangeOrderId(row["target_order"]) if row["target_order"] else None,
        "target_final": row["target_final"],
    }


def _differing(asked: OrderChange, row: Row) -> OrderChange:
    """Without what the order has already: the exchange refuses a change that changes nothing."""
    return OrderChange(
        quantity=None if asked.quantity == row["held_quantity"] else asked.quantity,
        price=None if asked.price == row["held_price"] else asked.price,
        trigger_price=None if asked.trigger_price == row["held_trigger_price"] else asked.trigger_price,
        take_profit=None if asked.take_profit == (row["held_take_profit"] or ZERO) else asked.take_profit,
        stop_loss=None if asked.stop_loss == (row["held_stop_loss"] or ZERO) else asked.stop_loss,
    )
