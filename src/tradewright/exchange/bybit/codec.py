"""Private rows into what the core knows: orders, executions, positions, the wallet.

Lives here: one function a kind, each raising `Unreadable` and nothing else. Not here: market data (`market_codec`).
A word that we do not know (a new status, a new reason) is kept as text or becomes `unrecognised`; it is no error.
A row of a category that we do not trade is None.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Literal

from tradewright.core.clock import from_milliseconds
from tradewright.core.ids import ExchangeOrderId, ExecutionId
from tradewright.core.instrument import OrderType, Side
from tradewright.core.order import CoinBalance, Execution, OrderState, RemoteOrder, RemotePosition, Wallet
from tradewright.exchange.bybit.values import (
    Unreadable,
    amount,
    identifier,
    instrument_id,
    moment,
    number,
    number_or_none,
    number_or_zero,
    price,
    price_or_none,
    sequence,
    words,
)
from tradewright.exchange.bybit.wire import ExecutionRow, Millis, OrderRow, PositionRow, WalletRow

_STATES: Mapping[str, OrderState] = {
    "Created": "working",
    "New": "working",
    "PartiallyFilled": "partially_filled",
    "Untriggered": "waiting_trigger",
    "Triggered": "working",
    "Filled": "filled",
    "Cancelled": "cancelled",
    "PartiallyFilledCanceled": "cancelled",
    "Deactivated": "cancelled",
    "Rejected": "rejected",
}
_NO_REASON = ("EC_NoError", "UNKNOWN")


def order(row: OrderRow, category: str) -> RemoteOrder | None:
    """One report of an order; `category` is the page's, for rows that carry none."""
    instrument = instrument_id(row.category or category, row.symbol)
    if instrument is None:
        return None
    filled = amount(row.cumExecQty, "cumExecQty")
    limit_price = price_or_none(row.price, "price")
    order_type = _order_type(row.orderType, limit_price)
    return RemoteOrder(
        exchange_order_id=ExchangeOrderId(identifier(row.orderId, "orderId")),
        link_id=identifier(row.orderLinkId, "orderLinkId") if row.orderLinkId else "",
        instrument=instrument,
        side=_side(row.side),
        order_type=order_type,
        time_in_force=words(row.timeInForce),
        quantity=amount(row.qty, "qty"),
        # The price of a market order is the exchange's own protection limit, not something anybody asked for.
        price=None if order_type == "Market" else limit_price,
        state=_state(row.orderStatus, filled),
        filled_quantity=filled,
        average_price=price_or_none(row.avgPrice, "avgPrice"),
        reduce_only=row.reduceOnly,
        reject_reason="" if row.rejectReason in _NO_REASON else words(row.rejectReason),
        cancel_type="" if row.cancelType in _NO_REASON else words(row.cancelType),
        raw_status=words(row.orderStatus),
        created_at=moment(row.createdTime, "createdTime"),
        updated_at=moment(row.updatedTime, "updatedTime"),
    )


def execution(row: ExecutionRow, category: str) -> Execution | None:
    """One booking; `category` is the page's, for rows that carry none."""
    instrument = instrument_id(row.category or category, row.symbol)
    if instrument is None:
        return None
    return Execution(
        exec_id=ExecutionId(identifier(row.execId, "execId")),
        exchange_order_id=ExchangeOrderId(identifier(row.orderId, "orderId") if row.orderId else ""),
        link_id=identifier(row.orderLinkId, "orderLinkId") if row.orderLinkId else "",
        instrument=instrument,
        side=_side(row.side),
        price=price(row.execPrice, "execPrice"),
        quantity=amount(row.execQty, "execQty"),
        fee=number_or_zero(row.execFee, "execFee"),
        fee_coin=words(row.feeCurrency, 20),
        is_maker=row.isMaker,
        exec_type=words(row.execType),
        executed_at=moment(row.execTime, "execTime"),
        sequence=sequence(row.seq, "seq"),
    )


def position(row: PositionRow, category: str) -> RemotePosition | None:
    """One position; `category` is the page's, for rows that carry none. A flat one has no side and no entry price."""
    instrument = instrument_id(row.category or category, row.symbol)
    if instrument is None:
        return None
    if row.positionIdx not in (0, 1, 2):
        raise Unreadable(f"positionIdx: {row.positionIdx} is not one of 0, 1, 2")
    size = amount(row.size, "size")
    return RemotePosition(
        instrument=instrument,
        position_index=row.positionIdx,
        side=_side(row.side) if size else None,
        size=size,
        entry_price=price_or_none(row.entryPrice or row.avgPrice, "entryPrice") if size else None,
        mark_price=price_or_none(row.markPrice, "markPrice"),
        liquidation_price=price_or_none(row.liqPrice, "liqPrice"),
        leverage=price_or_none(row.leverage, "leverage"),
        unrealised_pnl=number_or_zero(row.unrealisedPnl, "unrealisedPnl"),
        realised_pnl=number_or_zero(row.cumRealisedPnl, "cumRealisedPnl"),
        initial_margin=number_or_zero(row.positionIM, "positionIM"),
        sequence=sequence(row.seq, "seq"),
        updated_at=moment(row.updatedTime, "updatedTime") if row.updatedTime != "" else from_milliseconds(0),
    )


def wallet(row: WalletRow, reported_at: Millis) -> Wallet:
    """The wallet; its row carries no time, so the reply's or the message's own is given, in Unix milliseconds."""
    coins: dict[str, CoinBalance] = {}
    for item in row.coin:
        coin = identifier(item.coin, "coin")
        coins[coin] = CoinBalance(
            coin=coin,
            wallet_balance=number(item.walletBalance, "walletBalance"),
            equity=number_or_zero(item.equity, "equity"),
            order_margin=number_or_zero(item.totalOrderIM, "totalOrderIM"),
            position_margin=number_or_zero(item.totalPositionIM, "totalPositionIM"),
            unrealised_pnl=number_or_zero(item.unrealisedPnl, "unrealisedPnl"),
        )
    return Wallet(
        total_equity=number_or_none(row.totalEquity, "totalEquity"),
        total_available=number_or_none(row.totalAvailableBalance, "totalAvailableBalance"),
        reported_at=moment(reported_at, "creationTime"),
        coins=coins,
    )


def _state(status: str, filled: Decimal) -> OrderState:
    state = _STATES.get(status, "unrecognised")
    # Seen on Bybit: `Rejected` with fills. What was filled is real, so it reads as cancelled after a part.
    return "cancelled" if state == "rejected" and filled else state


def _side(text: str) -> Side:
    if text == "Buy":
        return "Buy"
    if text == "Sell":
        return "Sell"
    raise Unreadable(f"side: {text[:40]!r} is neither Buy nor Sell")


def _order_type(text: str, limit_price: Decimal | None) -> OrderType:
    known: Mapping[str, Literal["Market", "Limit"]] = {"Market": "Market", "Limit": "Limit"}
    # We send these two only, so any other word is on a foreign order; whether it has a price decides how it is shown.
    return known.get(text, "Market" if limit_price is None else "Limit")
