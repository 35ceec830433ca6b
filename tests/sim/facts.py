"""Reports of an exchange, made by hand: an order, a fill, a position and a wallet with plain defaults.

Lives here: builders for tests. Times are given in seconds after a fixed moment, so that earlier and later can be read.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from tradewright.core.ids import ExchangeOrderId, ExecutionId
from tradewright.core.instrument import InstrumentId, Side
from tradewright.core.order import CoinBalance, Execution, OrderState, RemoteOrder, RemotePosition, Wallet

BTC = InstrumentId("linear", "BTCUSDT")
START = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)

_RAW: dict[OrderState, str] = {
    "waiting_trigger": "Untriggered",
    "working": "New",
    "partially_filled": "PartiallyFilled",
    "filled": "Filled",
    "cancelled": "Cancelled",
    "rejected": "Rejected",
    "expired": "Deactivated",
    "unrecognised": "Something",
}


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def order_report(
    state: OrderState = "working", *, at: float = 1, filled: str = "0", order_id: str = "x-1", **changes: Any
) -> RemoteOrder:
    fields: dict[str, Any] = {
        "exchange_order_id": ExchangeOrderId(order_id),
        "link_id": "",
        "instrument": BTC,
        "side": "Buy",
        "order_type": "Limit",
        "time_in_force": "GTC",
        "quantity": Decimal("0.5"),
        "price": Decimal(60000),
        "state": state,
        "filled_quantity": Decimal(filled),
        "average_price": Decimal(60000) if Decimal(filled) else None,
        "reduce_only": False,
        "reject_reason": "EC_NoError",
        "cancel_type": "UNKNOWN",
        "raw_status": _RAW[state],
        "created_at": after(0),
        "updated_at": after(at),
    }
    return RemoteOrder(**(fields | changes))


def fill(
    exec_id: str, quantity: str = "0.5", *, side: Side = "Buy", order_id: str = "x-1", **changes: Any
) -> Execution:
    fields: dict[str, Any] = {
        "exec_id": ExecutionId(exec_id),
        "exchange_order_id": ExchangeOrderId(order_id),
        "link_id": "",
        "instrument": BTC,
        "side": side,
        "price": Decimal(60000),
        "quantity": Decimal(quantity),
        "fee": Decimal("0.03"),
        "fee_coin": "USDT",
        "is_maker": False,
        "exec_type": "Trade",
        "executed_at": after(1),
        "sequence": 1,
    }
    return Execution(**(fields | changes))


def position(
    size: str, *, side: Side | None = "Buy", sequence: int = 1, at: float = 1, **changes: Any
) -> RemotePosition:
    fields: dict[str, Any] = {
        "instrument": BTC,
        "position_index": 0,
        "side": side,
        "size": Decimal(size),
        "entry_price": Decimal(60000),
        "mark_price": Decimal(60000),
        "liquidation_price": None,
        "leverage": Decimal(10),
        "unrealised_pnl": Decimal(0),
        "realised_pnl": Decimal(0),
        "initial_margin": Decimal(3000),
        "sequence": sequence,
        "updated_at": after(at),
    }
    return RemotePosition(**(fields | changes))


def wallet(balance: str = "100000", *, at: float = 1) -> Wallet:
    value = Decimal(balance)
    zero = Decimal(0)
    usdt = CoinBalance(
        coin="USDT", wallet_balance=value, equity=value, order_margin=zero, position_margin=zero, unrealised_pnl=zero
    )
    return Wallet(total_equity=value, total_available=value, reported_at=after(at), coins={"USDT": usdt})
