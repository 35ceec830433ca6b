"""What the exchange told of an account's money, kept for ever: rows of transactions, closed profits, executions.

Lives here: their SQL, each inside the caller's transaction. Not here: entries and balances (`store`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import cast

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.core.ids import ExchangeOrderId, ExecutionId
from tradewright.core.instrument import Category, InstrumentId
from tradewright.core.order import Execution
from tradewright.core.transactions import ClosedPnl, Transaction
from tradewright.trading.fact_rows import execution_of
from tradewright.trading.ledger.books import LATE, UNSETTLED_MAX
from tradewright.trading.model import AccountRef
from tradewright.trading.views import Row

_UNTOLD_MAX = 500


async def executions(
    connection: AsyncConnection, account: AccountRef, ids: Sequence[ExecutionId]
) -> Mapping[ExecutionId, Execution]:
    found = await connection.execute(
        text("SELECT * FROM executions WHERE account_id = :account AND exec_id = ANY(:ids)"),
        {"account": account.id, "ids": list(ids)},
    )
    return {ExecutionId(row["exec_id"]): execution_of(row) for row in found.mappings()}


async def keep(
    connection: AsyncConnection,
    account: AccountRef,
    transactions: Sequence[Transaction],
    closed: Sequence[ClosedPnl],
) -> None:
    """Each row once; an order's closed profit as it stands, for it grows with its fills."""
    if transactions:
        await connection.execute(
            text(
                "INSERT INTO exchange_transactions (account_id, key, workspace_id, exchange_id, kind, coin, at,"
                " funding, fee, cash_flow, change, balance, category, symbol, traded_category, side, quantity, price,"
                " exec_id, exchange_order_id, recorded_at) VALUES (:account, :key, :workspace, :exchange_id, :kind,"
                " :coin, :at, :funding, :fee, :cash_flow, :change, :balance, :category, :symbol, :traded_category,"
                " :side, :quantity, :price, :exec_id, :exchange_order_id, clock_timestamp())"
                " ON CONFLICT (account_id, key) DO NOTHING"
            ),
            [
                {
                    "account": account.id,
                    "workspace": account.workspace_id,
                    "key": row.key,
                    "exchange_id": row.exchange_id,
                    "kind": row.kind,
                    "coin": row.coin,
                    "at": row.at,
                    "funding": row.funding,
                    "fee": row.fee,
                    "cash_flow": row.cash_flow,
                    "change": row.change,
                    "balance": row.balance,
                    "category": row.category,
                    "symbol": None if row.instrument is None else row.instrument.symbol,
                    "traded_category": None if row.instrument is None else row.instrument.category,
                    "side": row.side,
                    "quantity": row.quantity,
                    "price": row.price,
                    "exec_id": row.exec_id,
                    "exchange_order_id": row.exchange_order_id,
                }
                for row in transactions
            ],
        )
    if closed:
        await connection.execute(
            text(
                "INSERT INTO closed_pnls (account_id, exchange_order_id, workspace_id, category, symbol, side,"
                " closed_quantity, profit, open_fee, close_fee, created_at, updated_at) VALUES (:account, :order,"
                " :workspace, :category, :symbol, :side, :quantity, :profit, :open_fee, :close_fee, :created, :updated)"
                " ON CONFLICT (account_id, exchange_order_id) DO UPDATE SET closed_quantity = excluded.closed_quantity,"
                " profit = excluded.profit, open_fee = excluded.open_fee, close_fee = excluded.close_fee,"
                " updated_at = excluded.updated_at WHERE excluded.updated_at >= closed_pnls.updated_at"
            ),
            [
                {
                    "account": account.id,
                    "workspace": account.workspace_id,
                    "order": row.exchange_order_id,
                    "category": row.instrument.category,
                    "symbol": row.instrument.symbol,
                    "side": row.side,
                    "quantity": row.closed_quantity,
                    "profit": row.profit,
                    "open_fee": row.open_fee,
                    "close_fee": row.close_fee,
                    "created": row.created_at,
                    "updated": row.updated_at,
                }
                for row in closed
            ],
        )


async def unsettled(connection: AsyncConnection, account: AccountRef) -> Sequence[Transaction]:
    found = await connection.execute(
        text(
            "SELECT * FROM exchange_transactions WHERE account_id = :account AND NOT settled"
            " ORDER BY at, key LIMIT :limit"
        ),
        {"account": account.id, "limit": UNSETTLED_MAX},
    )
    return [_transaction_of(row) for row in found.mappings()]


async def settle(connection: AsyncConnection, account: AccountRef, settled: Mapping[str, ExecutionId | None]) -> None:
    if settled:
        await connection.execute(
            text(
                "UPDATE exchange_transactions SET settled = true, exec_id = coalesce(:exec, exec_id)"
                " WHERE account_id = :account AND key = :key"
            ),
            [{"account": account.id, "key": key, "exec": exec_id} for key, exec_id in settled.items()],
        )


async def reopen(connection: AsyncConnection, account: AccountRef, corrected: Sequence[ExecutionId]) -> None:
    if corrected:
        await connection.execute(
            text(
                "UPDATE exchange_transactions SET settled = false WHERE account_id = :account AND settled"
                " AND exec_id = ANY(:ids)"
            ),
            {"account": account.id, "ids": list(corrected)},
        )


async def untold(connection: AsyncConnection, account: AccountRef, until: datetime) -> Sequence[Execution]:
    """Executions after the mark and until then of which no transaction tells. The mark moves on to the first of them,
    and no further than what may still be listed late."""
    found = await connection.execute(
        text(
            "SELECT e.* FROM executions e JOIN ledger_books b ON b.account_id = e.account_id"
            " WHERE e.account_id = :account AND e.executed_at > b.confirmed_until AND e.executed_at <= :until"
            " AND NOT EXISTS (SELECT 1 FROM exchange_transactions t WHERE t.account_id = e.account_id"
            " AND t.exec_id = e.exec_id) ORDER BY e.executed_at, e.exec_id LIMIT :limit"
        ),
        {"account": account.id, "until": until, "limit": _UNTOLD_MAX},
    )
    rows = [execution_of(row) for row in found.mappings()]
    await connection.execute(
        text(
            "UPDATE ledger_books SET confirmed_until = greatest(confirmed_until,"
            " least(:until - CAST(:late AS interval), CAST(:first AS timestamptz) - interval '1 millisecond'))"
            " WHERE account_id = :account"
        ),
        {"first": rows[0].executed_at if rows else None, "until": until, "late": LATE, "account": account.id},
    )
    return rows


async def closed_since(connection: AsyncConnection, account: AccountRef, since: datetime) -> Sequence[ClosedPnl]:
    found = await connection.execute(
        text("SELECT * FROM closed_pnls WHERE account_id = :account AND updated_at >= :since ORDER BY updated_at"),
        {"account": account.id, "since": since},
    )
    return [
        ClosedPnl(
            instrument=InstrumentId(row["category"], row["symbol"]),
            exchange_order_id=ExchangeOrderId(row["exchange_order_id"]),
            side=row["side"],
            closed_quantity=row["closed_quantity"],
            profit=row["profit"],
            open_fee=row["open_fee"],
            close_fee=row["close_fee"],
            created_at=row["created_at"],
            updated_at=row["updated_at"],
        )
        for row in found.mappings()
    ]


def _transaction_of(row: Row) -> Transaction:
    category = row["traded_category"]
    return Transaction(
        exchange_id=row["exchange_id"],
        kind=row["kind"],
        coin=row["coin"],
        at=row["at"],
        funding=row["funding"],
        fee=row["fee"],
        cash_flow=row["cash_flow"],
        change=row["change"],
        balance=row["balance"],
        instrument=None if category is None else InstrumentId(cast(Category, category), row["symbol"]),
        category=row["category"],
        side=row["side"],
        quantity=row["quantity"],
        price=row["price"],
        exec_id=None if row["exec_id"] is None else ExecutionId(row["exec_id"]),
        exchange_order_id=None if row["exchange_order_id"] is None else ExchangeOrderId(row["exchange_order_id"]),
    )
