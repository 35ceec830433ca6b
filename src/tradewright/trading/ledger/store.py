"""The books on PostgreSQL: each method one transaction, written only by the account's owner.

Lives here: `PostgresLedger`. Not here: rows of a posting (`posted_rows`) and of what the exchange told (`archive`),
breaks (`telling`), reads of the API (`queries`). Writing ends in `EventWriter.flush`, which refuses an owner that is
none any more.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from decimal import Decimal

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tradewright.core.ids import ExchangeOrderId, ExecutionId
from tradewright.core.instrument import InstrumentId
from tradewright.core.ledger import REALISED, Balances
from tradewright.core.money import ZERO
from tradewright.core.order import Execution, Wallet
from tradewright.core.tie_out import Break
from tradewright.core.transactions import ClosedPnl, Transaction
from tradewright.storage.engine import encode_json, reading
from tradewright.trading.events import EventWriter
from tradewright.trading.fact_rows import execution_of
from tradewright.trading.ledger import archive
from tradewright.trading.ledger.books import (
    LATE,
    UNPOSTED_MAX,
    Booked,
    Books,
    HoldingKey,
    Posting,
    Standing,
)
from tradewright.trading.ledger.posted_rows import claim, standing_of, write_lines, write_standings
from tradewright.trading.ledger.telling import tell_breaks
from tradewright.trading.model import AccountRef

# A transaction that began earlier may commit later, by as much as this at most.
_LATE = f"interval '{int(LATE.total_seconds())} seconds'"
_DATED_BEFORE_MAX = 20
_POSTED = "EXISTS (SELECT 1 FROM ledger_entries l WHERE l.account_id = e.account_id AND l.exec_id = e.exec_id)"
# Of a symbol in hedge mode, and its order, which says its leg, is not known yet.
_LEGLESS = (
    "(e.order_id IS NULL AND e.exec_type <> 'Funding' AND EXISTS (SELECT 1 FROM symbol_modes m WHERE m.hedge"
    " AND m.account_id = e.account_id AND m.category = e.category AND m.symbol = e.symbol))"
)


class PostgresLedger:
    """The books of one account."""

    def __init__(self, engine: AsyncEngine, account: AccountRef) -> None:
        self._engine = engine
        self._account = account

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[tuple[AsyncConnection, EventWriter]]:
        async with self._engine.begin() as connection:
            events = EventWriter(connection, self._account, "reconciliation")
            yield connection, events
            await events.flush()

    async def books(self) -> Books | None:
        async with reading(self._engine) as connection:
            found = await connection.execute(
                text("SELECT * FROM ledger_books WHERE account_id = :account"), {"account": self._account.id}
            )
            row = found.mappings().one_or_none()
        if row is None:
            return None
        return Books(
            version=row["version"],
            opened_at=row["opened_at"],
            transactions_until=row["transactions_until"],
            confirmed_until=row["confirmed_until"],
        )

    async def post(self, posting: Posting, version: int) -> None:
        async with self._transaction() as (connection, _):
            sequence = await claim(connection, self._account, posting, version)
            await write_lines(connection, self._account, posting.sets, sequence)
            await write_standings(connection, self._account, posting.standings)
            await archive.settle(connection, self._account, posting.settled)
            await archive.reopen(connection, self._account, posting.corrected)

    async def unposted(self) -> Sequence[Booked]:
        async with self._engine.begin() as connection:
            now = await connection.scalar(text("SELECT clock_timestamp()"))
            found = await connection.execute(
                text(
                    f"SELECT e.* FROM executions e JOIN ledger_books b ON b.account_id = e.account_id"  # noqa: S608
                    f" WHERE e.account_id = :account AND e.executed_at > b.opened_at AND NOT {_POSTED}"
                    f" AND (b.posted_until IS NULL OR e.recorded_at > b.posted_until - {_LATE})"
                    f" AND NOT {_LEGLESS} ORDER BY e.executed_at, e.sequence, e.exec_id LIMIT :limit"
                ),
                {"account": self._account.id, "limit": UNPOSTED_MAX},
            )
            waiting = [Booked(execution_of(row), row["position_index"]) for row in found.mappings()]
            if not waiting:  # only then is everything until now known to be posted
                await connection.execute(
                    text(
                        "UPDATE ledger_books SET posted_until = :now WHERE account_id = :account"
                        " AND (posted_until IS NULL OR posted_until < :now - interval '1 minute')"
                    ),
                    {"now": now, "account": self._account.id},
                )
        return waiting

    async def posted(self, key: HoldingKey) -> Sequence[Execution]:
        instrument, leg = key
        async with reading(self._engine) as connection:
            found = await connection.execute(
                text(
                    "SELECT e.* FROM executions e JOIN ledger_books b ON b.account_id = e.account_id"  # noqa: S608
                    " WHERE e.account_id = :account AND e.category = :category AND e.symbol = :symbol"
                    " AND e.position_index = :leg"
                    f" AND e.executed_at > b.opened_at AND {_POSTED}"
                ),
                {
                    "account": self._account.id,
                    "category": instrument.category,
                    "symbol": instrument.symbol,
                    "leg": leg,
                },
            )
            return [execution_of(row) for row in found.mappings()]

    async def standings(self) -> Mapping[HoldingKey, Standing]:
        async with reading(self._engine) as connection:
            found = await connection.execute(
                text("SELECT * FROM ledger_holdings WHERE account_id = :account ORDER BY category, symbol"),
                {"account": self._account.id},
            )
            return {
                (InstrumentId(row["category"], row["symbol"]), row["position_index"]): standing_of(row)
                for row in found.mappings()
            }

    async def balances(self) -> Balances:
        return await self._sums("SELECT book, asset, amount FROM ledger_balances WHERE account_id = :account")

    async def summed(self) -> Balances:
        return await self._sums(
            "SELECT book, asset, sum(amount) AS amount FROM ledger_entries WHERE account_id = :account"
            " GROUP BY book, asset"
        )

    async def realised(self) -> Mapping[str, Decimal]:
        async with reading(self._engine) as connection:
            found = await connection.execute(
                text(
                    "SELECT l.asset, sum(l.amount) AS amount FROM ledger_entries l JOIN ledger_books b"
                    " ON b.account_id = l.account_id WHERE l.account_id = :account AND l.book = :realised"
                    " AND l.at > b.opened_at GROUP BY l.asset"
                ),
                {"account": self._account.id, "realised": REALISED},
            )
            return {row.asset: row.amount for row in found}

    async def _sums(self, statement: str) -> Balances:
        async with reading(self._engine) as connection:
            found = await connection.execute(text(statement), {"account": self._account.id})
            return {(row.book, row.asset): row.amount for row in found}

    async def keep(self, transactions: Sequence[Transaction], closed: Sequence[ClosedPnl], until: datetime) -> None:
        async with self._transaction() as (connection, _):
            await archive.keep(connection, self._account, transactions, closed)
            await connection.execute(
                text(
                    "UPDATE ledger_books SET transactions_until = greatest(transactions_until, :until)"
                    " WHERE account_id = :account"
                ),
                {"until": until, "account": self._account.id},
            )

    async def unsettled(self) -> Sequence[Transaction]:
        async with reading(self._engine) as connection:
            return await archive.unsettled(connection, self._account)

    async def executions(self, ids: Sequence[ExecutionId]) -> Mapping[ExecutionId, Execution]:
        async with reading(self._engine) as connection:
            return await archive.executions(connection, self._account, ids)

    async def newest_execution_at(self) -> datetime | None:
        async with reading(self._engine) as connection:
            newest: datetime | None = await connection.scalar(
                text("SELECT max(executed_at) FROM executions WHERE account_id = :account"),
                {"account": self._account.id},
            )
            return newest

    async def dated_before(self) -> Sequence[ExecutionId]:
        async with reading(self._engine) as connection:
            found = await connection.scalars(
                text(
                    "SELECT e.exec_id FROM executions e JOIN ledger_books b ON b.account_id = e.account_id"
                    " WHERE e.account_id = :account AND e.executed_at <= b.opened_at AND e.recorded_at > ("
                    "SELECT max(l.recorded_at) FROM ledger_entries l WHERE l.account_id = :account"
                    " AND (l.source LIKE 'opening:%' OR l.source LIKE 'gap:%'))"
                    " ORDER BY e.executed_at, e.exec_id LIMIT :limit"
                ),
                {"account": self._account.id, "limit": _DATED_BEFORE_MAX},
            )
            return [ExecutionId(exec_id) for exec_id in found]

    async def untold(self, until: datetime) -> Sequence[Execution]:
        async with self._transaction() as (connection, _):
            return await archive.untold(connection, self._account, until)

    async def closed_since(self, since: datetime) -> Sequence[ClosedPnl]:
        async with reading(self._engine) as connection:
            return await archive.closed_since(connection, self._account, since)

    async def wallet_changes(self, ids: Sequence[ExecutionId]) -> Mapping[ExecutionId, Mapping[str, Decimal]]:
        async with reading(self._engine) as connection:
            found = await connection.execute(
                text(
                    "SELECT exec_id, asset, coalesce(sum(amount) FILTER (WHERE book = 'wallet:' || asset), 0) AS amount"
                    " FROM ledger_entries WHERE account_id = :account AND exec_id = ANY(:ids) GROUP BY exec_id, asset"
                ),
                {"account": self._account.id, "ids": list(ids)},
            )
            changes: dict[ExecutionId, dict[str, Decimal]] = defaultdict(dict)
            for row in found:
                changes[ExecutionId(row.exec_id)][row.asset] = row.amount
            return changes

    async def gross(self, orders: Sequence[ExchangeOrderId]) -> Mapping[ExchangeOrderId, tuple[Decimal, Decimal]]:
        async with reading(self._engine) as connection:
            found = await connection.execute(
                text(
                    "SELECT e.exchange_order_id, sum(e.quantity) AS quantity, coalesce(sum(-r.amount), 0) AS won"  # noqa: S608
                    " FROM executions e JOIN ledger_books b ON b.account_id = e.account_id"
                    " LEFT JOIN LATERAL (SELECT sum(l.amount) AS amount FROM ledger_entries l"
                    " WHERE l.account_id = e.account_id AND l.exec_id = e.exec_id AND l.book = :realised) r ON true"
                    " WHERE e.account_id = :account AND e.exchange_order_id = ANY(:orders)"
                    " GROUP BY e.exchange_order_id, b.opened_at"
                    f" HAVING min(e.executed_at) > b.opened_at AND bool_and({_POSTED})"
                ),
                {"account": self._account.id, "orders": list(orders), "realised": REALISED},
            )
            return {ExchangeOrderId(row.exchange_order_id): (row.won, row.quantity) for row in found}

    async def note_check(self, breaks: Sequence[Break], wallet: Wallet, once: Sequence[Break] = ()) -> None:
        async with self._transaction() as (connection, events):
            await tell_breaks(connection, self._account, breaks, once, events)
            await connection.execute(
                text(
                    "UPDATE ledger_books SET checked_at = clock_timestamp(),"
                    " tied_at = CASE WHEN :ties THEN clock_timestamp() ELSE tied_at END WHERE account_id = :account"
                ),
                {"ties": not breaks, "account": self._account.id},
            )
            equity = {coin: format(held.equity, "f") for coin, held in wallet.coins.items() if held.equity != ZERO}
            await connection.execute(
                text(
                    "INSERT INTO equity_days (account_id, day, workspace_id, total_usd, coins, at)"
                    " VALUES (:account, :day, :workspace, :total, CAST(:coins AS jsonb), :at)"
                    " ON CONFLICT (account_id, day) DO UPDATE SET total_usd = excluded.total_usd,"
                    " coins = excluded.coins, at = excluded.at"
                ),
                {
                    "account": self._account.id,
                    "workspace": self._account.workspace_id,
                    "day": wallet.reported_at.date(),
                    "total": wallet.total_equity,
                    "coins": encode_json(equity),
                    "at": wallet.reported_at,
                },
            )
