"""The one shape every row has outside: for the API, for the browser stream and for the events kept in the journal.

Lives here: row → JSON-ready dict (decimals as plain text, times in Unix milliseconds). Not here: SQL (`rows`).
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import RowMapping

from tradewright.core.clock import milliseconds
from tradewright.core.money import plain
from tradewright.core.order_status import Asked, OrderStatus, status_of
from tradewright.trading.model import Reason

Row = RowMapping  # a row of `rows.ORDER_ROWS` or of one of our tables

# The exchange's words for "no reason".
_NO_REASON = frozenset({"", "EC_NoError", "EC_PerCancelRequest", "UNKNOWN"})


def _text(value: Decimal | None) -> str | None:
    return None if value is None else plain(value)


def _ms(moment: datetime | None) -> int | None:
    return None if moment is None else milliseconds(moment)


def order_status(row: Row) -> OrderStatus:
    """Status of one row of `rows.ORDER_ROWS`. An external order has no intent: the exchange's word is all there is."""
    asked: Asked = "cancel" if row["cancel_state"] in _ASKED_STATES else "nothing"
    return status_of(row["intent_state"], row["order_state"], asked)


_ASKED_STATES = frozenset({"proposed", "approved", "sending", "acknowledged", "unknown"})


def order_view(row: Row) -> dict[str, Any]:
    cancel = None if row["cancel_id"] is None else {"intent_id": str(row["cancel_id"]), "state": row["cancel_state"]}
    return {
        "id": str(row["id"]),
        "account_id": str(row["account_id"]),
        "environment": row["environment"],
        "source": row["source"],
        "category": row["category"],
        "symbol": row["symbol"],
        "side": row["side"],
        "order_type": row["order_type"],
        "time_in_force": row["time_in_force"],
        "quantity": _text(row["quantity"]),
        "price": _text(row["price"]),
        "reduce_only": row["reduce_only"],
        "filled_quantity": _text(row["filled_quantity"]),
        "average_price": _text(row["average_price"]),
        "status": order_status(row),
        "reason": _reason(row),
        "link_id": row["link_id"],
        "exchange_order_id": row["exchange_order_id"],
        "cancel": cancel,
        "valid_until_ms": _ms(row["valid_until"]),
        "note": row["note"],
        "created_ms": _ms(row["created_at"]),
        "updated_ms": _ms(row["updated_at"]),
        "version": int(row["version"]),
    }


def _reason(row: Row) -> dict[str, Any] | None:
    if row["reason"] is not None:
        return dict(row["reason"])
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
        "session": {
            "state": row["session_state"],
            "reason": row["session_reason"],
            "since_ms": _ms(row["session_since"]),
        },
        "drift_count": row["drift_count"],
    }


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
        "updated_ms": _ms(row["updated_at"]),
    }


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
            }
            for coin in coins
        ],
        "updated_ms": _ms(account["balances_at"]),
    }
