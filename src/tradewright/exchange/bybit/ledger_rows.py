"""Rows of the transaction log and of closed profits: their shapes, and what they mean.

Lives here: `TransactionRow`, `ClosedPnlRow` and their codecs. Not here: asking for them (`ledger_reads`).
"""

from __future__ import annotations

import msgspec

from tradewright.core.ids import ExchangeOrderId, ExecutionId
from tradewright.core.instrument import InstrumentId, Side
from tradewright.core.transactions import ClosedPnl, Transaction
from tradewright.exchange.bybit.values import (
    Unreadable,
    amount,
    identifier,
    instrument_id,
    moment,
    number,
    number_or_none,
    number_or_zero,
    words,
)
from tradewright.exchange.bybit.wire import Millis, Number, Text

_COIN_LENGTH = 20


class TransactionRow(msgspec.Struct, frozen=True, gc=False):
    id: Text
    type: Text
    currency: Text
    transactionTime: Millis
    change: Number
    cashBalance: Number
    symbol: Text = ""
    category: Text = ""
    side: Text = ""
    qty: Number = ""
    tradePrice: Number = ""
    funding: Number = ""
    fee: Number = ""
    cashFlow: Number = ""
    tradeId: Text = ""
    orderId: Text = ""


class ClosedPnlRow(msgspec.Struct, frozen=True, gc=False):
    symbol: Text
    orderId: Text
    side: Text
    closedSize: Number
    closedPnl: Number
    createdTime: Millis
    updatedTime: Millis
    openFee: Number = ""
    closeFee: Number = ""


def transaction(row: TransactionRow) -> Transaction:
    """One movement. What moved must be readable; of what it was, as much as is told."""
    instrument = instrument_id(row.category, row.symbol) if row.symbol else None
    return Transaction(
        exchange_id=identifier(row.id, "id"),
        kind=words(row.type, 60),
        coin=_coin(row.currency),
        at=moment(row.transactionTime, "transactionTime"),
        funding=number_or_zero(row.funding, "funding"),
        fee=number_or_zero(row.fee, "fee"),
        cash_flow=number_or_zero(row.cashFlow, "cashFlow"),
        change=number(row.change, "change"),
        balance=number(row.cashBalance, "cashBalance"),
        instrument=instrument,
        category=words(row.category, 20),
        side=_side(row.side),
        quantity=number_or_none(row.qty, "qty"),
        price=number_or_none(row.tradePrice, "tradePrice"),
        exec_id=ExecutionId(identifier(row.tradeId, "tradeId")) if row.tradeId else None,
        exchange_order_id=ExchangeOrderId(identifier(row.orderId, "orderId")) if row.orderId else None,
    )


def closed_pnl(row: ClosedPnlRow, category: str) -> ClosedPnl | None:
    """What one order closed; `category` is the page's. None for one that we do not trade."""
    instrument: InstrumentId | None = instrument_id(category, row.symbol)
    side = _side(row.side)
    if instrument is None:
        return None
    if side is None:
        raise Unreadable(f"side: {row.side[:20]!r} is neither Buy nor Sell")
    return ClosedPnl(
        instrument=instrument,
        exchange_order_id=ExchangeOrderId(identifier(row.orderId, "orderId")),
        side=side,
        closed_quantity=amount(row.closedSize, "closedSize"),
        profit=number(row.closedPnl, "closedPnl"),
        open_fee=number_or_none(row.openFee, "openFee"),
        close_fee=number_or_none(row.closeFee, "closeFee"),
        created_at=moment(row.createdTime, "createdTime"),
        updated_at=moment(row.updatedTime, "updatedTime"),
    )


def _side(text: str) -> Side | None:
    return "Buy" if text == "Buy" else "Sell" if text == "Sell" else None


def _coin(text: str) -> str:
    if not (0 < len(text) <= _COIN_LENGTH and text.isascii() and text.isalnum()):
        raise Unreadable(f"currency: {text[:40]!r} is not the name of a coin")
    return text
