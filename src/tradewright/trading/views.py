"""The one shape every row has outside: for the API, for the browser stream and for the events kept in the journal.

Lives here: row → JSON-ready dict (decimals as plain text, times in Unix milliseconds). Not here: SQL (`rows`).
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from typing import Any, get_args

from sqlalchemy import RowMapping

from tradewright.core.clock import milliseconds
from tradewright.core.instrument import TriggerBy
from tradewright.core.money import ZERO, plain
from tradewright.core.order import UNSEEN
from tradewright.core.order_status import Asked, OrderStatus, status_of
from tradewright.exchange.bybit.environments import capabilities_of
from tradewright.trading.model import Reason

Row = RowMapping  # a row of `rows.ORDER_ROWS`, of `rows.FILL_ROWS` or of one of our tables

# The exchange's words for "no reason".
_NO_REASON = frozenset({"", "EC_NoError", "EC_PerCancelRequest", "UNKNOWN"})


def _text(value: Decimal | None) -> str | None:
    return None if value is None else plain(value)


def _ms(moment: datetime | None) -> int | None:
    return None if moment is None else milliseconds(moment)


def order_status(row: Row) -> OrderStatus:
    """Status of one row of `rows.ORDER_ROWS`. An external order has no intent: the exchange's word is all there is."""
    asked: Asked = "amend" if row["amend_is_asked"] else "nothing"
    if row["cancel_state"] in _ASKED_STATES and not row["cancel_is_over"]:
        asked = "cancel"  # whatever else was asked: it may still fill, and then it is gone
    return status_of(row["intent_state"], row["order_state"], asked)


_ASKED_STATES = frozenset({"proposed", "approved", "sending", "acknowledged", "unknown"})


def order_view(row: Row) -> dict[str, Any]:
    cancel = None if row["cancel_id"] is None else {"intent_id": str(row["cancel_id"]), "state": row["cancel_state"]}
    return {
        "id": str(row["id"]),
        "account_id": str(row["account_id"]),
        "environment": row["environment"],
        "source": row["source"],
        "run_id": None if row["run_id"] is None else str(row["run_id"]),
        "category": row["category"],
        "symbol": row["symbol"],
        "side": row["side"],
        "order_type": row["order_type"],
        "time_in_force": row["time_in_force"],
        "quantity": _text(row["quantity"]),
        "quantity_unit": row["quantity_unit"],
        "price": _text(row["price"]),
        "reduce_only": row["reduce_only"],
        "position_index": row["position_index"],
        "trigger": trigger_view(row),
        "take_profit": _text(row["take_profit"]),
        "stop_loss": _text(row["stop_loss"]),
        "stop_order_type": row["stop_order_type"] or None,
        "parent_order_id": None if row["parent_order_id"] is None else str(row["parent_order_id"]),
        "slippage_percent": _text(row["slippage_percent"]),
        "filled_quantity": _text(row["filled_quantity"]),
        "average_price": _text(row["average_price"]),
        "status": order_status(row),
        "reason": _reason(row),
        "link_id": row["link_id"],
        "exchange_order_id": row["exchange_order_id"],
        "cancel": cancel,
        "amend": _amend(row),
        "valid_until_ms": _ms(row["valid_until"]),
        "note": row["note"],
        "created_ms": _ms(row["created_at"]),
        "updated_ms": _ms(row["updated_at"]),
        "version": int(row["version"]),
    }


def trigger_view(row: Row) -> dict[str, Any] | None:
    """Where an order placed elsewhere does not say which way its price comes, its side and kind do."""
    if row["trigger_price"] is None:
        return None
    rises = row["trigger_rises"]
    if rises is None:
        rises = (row["side"] == "Sell") == ("TakeProfit" in row["stop_order_type"])
    by = row["trigger_by"] if row["trigger_by"] in get_args(TriggerBy) else "LastPrice"
    return {"price": _text(row["trigger_price"]), "by": by, "rises": rises}


def _amend(row: Row) -> dict[str, Any] | None:
    if row["amend_id"] is None:
        return None
    return {
        "intent_id": str(row["amend_id"]),
        "state": row["amend_state"],
        "quantity": _text(row["amend_quantity"]),
        "price": _text(row["amend_price"]),
        "trigger_price": _text(row["amend_trigger_price"]),
        "take_profit": _text(row["amend_take_profit"]),
        "stop_loss": _text(row["amend_stop_loss"]),
        "reason": None if row["amend_reason"] is None else dict(row["amend_reason"]),
    }


def _reason(row: Row) -> dict[str, Any] | None:
    if row["reason"] is not None:
        return dict(row["reason"])
    if row["reject_reason"] == UNSEEN:
        return Reason("order.unseen").as_json()
    if row["order_state"] in ("rejected", "cancelled", "expired") and row["reject_reason"] not in _NO_REASON:
        return Reason("exchange.order_ended", exchange_text=row["reject_reason"]).as_json()
    if row["cancel_reason"] is not None:
        return dict(row["cancel_reason"])
    return None


def account_view(row: Row) -> dict[str, Any]:
    return {
        "id": str(row["id"]),
        "name": row["name"],
        "environment": row["environment"],
        "exchange": "bybit",
        "connection_id": None if row["connection_id"] is None else str(row["connection_id"]),
        "capabilities": asdict(capabilities_of(row["environment"], row["categories"])),
        "read_only": row["read_only"],
        "margin_mode": row["margin_mode"],
        "position_mode": "by_symbol" if row["hedged_count"] else "one_way",
        "session": {
            "state": row["session_state"],
            "reason": row["session_reason"],
            "since_ms": _ms(row["session_since"]),
        },
        "stopped": row["stopped"],
        "armed": _armed(row),
        "drift_count": row["drift_count"],
        "reconciled_ms": _ms(row["reconciled_at"]),
    }


def _armed(row: Row) -> dict[str, Any] | None:
    if row["armed_until"] is None:
        return None
    return {"until_ms": _ms(row["armed_until"]), "confirm_above": _text(row["confirm_above"])}


def position_view(row: Row) -> dict[str, Any]:
    return {
        "account_id": str(row["account_id"]),
        "category": row["category"],
        "symbol": row["symbol"],
        "position_index": row["position_index"],
        "side": row["side"],
        "size": _text(row["size"]),
        "entry_price": _text(row["entry_price"]),
        "mark_price": _text(row["mark_price"]),
        "liquidation_price": _text(row["liquidation_price"]),
        "leverage": _text(row["leverage"]),
        "unrealised_pnl": _text(row["unrealised_pnl"]),
        "realised_pnl": _text(row["realised_pnl"]),
        "initial_margin": _text(row["initial_margin"]),
        "maintenance_margin": _text(row["maintenance_margin"]),
        "value": _text(row["value"]),
        "take_profit": _text(row["take_profit"]),
        "stop_loss": _text(row["stop_loss"]),
        "trailing_stop": _text(row["trailing_stop"]),
        "stops_read_ms": _ms(row["stops_read_at"]),
        "break_even_price": _text(row["break_even_price"]),
        "adl_rank": row["adl_rank"],
        "protection": _protection(row),
        "updated_ms": _ms(row["updated_at"]),
    }


def _protection(row: Row) -> dict[str, Any] | None:
    """As the guardian kept it; of a position that has turned or gone since, nothing is known yet."""
    kept = row["protection"]
    if kept is None or not row["size"] or kept["side"] != row["side"]:
        return None
    return {name: value for name, value in kept.items() if name != "side"}


def fill_view(row: Row) -> dict[str, Any]:
    return {
        "id": row["exec_id"],
        "account_id": str(row["account_id"]),
        "category": row["category"],
        "symbol": row["symbol"],
        "side": row["side"],
        "price": _text(row["price"]),
        "quantity": _text(row["quantity"]),
        "fee": _text(row["fee"]),
        "fee_coin": row["fee_coin"],
        "is_maker": row["is_maker"],
        "exec_type": row["exec_type"],
        "order_id": None if row["order_id"] is None else str(row["order_id"]),
        "exchange_order_id": row["exchange_order_id"],
        "source": row["source"],
        "time_ms": _ms(row["executed_at"]),
    }


def balances_view(account: Row, coins: list[Row]) -> dict[str, Any]:
    return {
        "total_equity": _text(account["total_equity"]),
        "total_available": _text(account["total_available"]),
        "coins": [
            {
                "coin": coin["coin"],
                "wallet_balance": _text(coin["wallet_balance"]),
                "equity": _text(coin["equity"]),
                "order_margin": _text(coin["order_margin"]),
                "position_margin": _text(coin["position_margin"]),
                "unrealised_pnl": _text(coin["unrealised_pnl"]),
                "locked": _text(coin["locked"]),
                "available": _text(available_of(coin)),
                "usd_value": _text(coin["usd_value"]),
            }
            for coin in coins
        ],
        "updated_ms": _ms(account["balances_at"]),
    }


def available_of(coin: Row) -> Decimal:
    """What of a coin is neither locked by spot orders nor margin of positions and orders; never below zero."""
    taken: Decimal = coin["locked"] + coin["order_margin"] + coin["position_margin"]
    return max(ZERO, Decimal(coin["wallet_balance"]) - taken)


def symbol_view(
    category: str, symbol: str, row: Row | None, margin_mode: str | None, hedge: bool | None
) -> dict[str, Any]:
    """What is known of a symbol; `row` and `hedge` are None while nobody has asked the exchange."""
    return {
        "category": category,
        "symbol": symbol,
        "leverage": None if row is None else _text(row["leverage"]),
        "maker_rate": None if row is None else _text(row["maker_rate"]),
        "taker_rate": None if row is None else _text(row["taker_rate"]),
        "fees_assumed": False if row is None else row["fees_assumed"],
        "margin_mode": margin_mode,
        "position_mode": None if hedge is None else ("hedge" if hedge else "one_way"),
        "read_ms": None if row is None else _ms(row["read_at"]),
    }
