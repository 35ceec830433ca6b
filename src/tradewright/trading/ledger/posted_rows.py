"""One posting's rows: the claim on the books, the entries with their sums, and where each holding stands now.

Lives here: `claim`, `write_lines`, `write_standings`, `standing_of`, in the caller's transaction. Not here: the
transaction, and everything that is read (`store`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal, localcontext

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.core.holding import WIDE, Holding
from tradewright.core.ledger import EntrySet
from tradewright.storage.engine import encode_json
from tradewright.trading.ledger.books import BooksMoved, HoldingKey, Posting, Standing
from tradewright.trading.model import AccountRef
from tradewright.trading.views import Row


async def claim(connection: AsyncConnection, account: AccountRef, posting: Posting, version: int) -> int:
    """The sequence of the newest set before these. Raises `BooksMoved`."""
    values = {
        "account": account.id,
        "workspace": account.workspace_id,
        "version": version,
        "sets": len(posting.sets),
        "opens": posting.opens,
    }
    if version == 0:
        claimed = await connection.execute(
            text(
                "INSERT INTO ledger_books (account_id, workspace_id, version, sequence, opened_at,"
                " transactions_until, confirmed_until) VALUES (:account, :workspace, 1, :sets, :opens, :opens,"
                " :opens) ON CONFLICT (account_id) DO NOTHING RETURNING sequence"
            ),
            values,
        )
    else:
        claimed = await connection.execute(
            text(
                "UPDATE ledger_books SET version = version + 1, sequence = sequence + :sets,"
                " opened_at = coalesce(:opens, opened_at),"
                " transactions_until = greatest(transactions_until, coalesce(:opens, transactions_until)),"
                " confirmed_until = greatest(confirmed_until, coalesce(:opens, confirmed_until))"
                " WHERE account_id = :account AND version = :version RETURNING sequence"
            ),
            values,
        )
    sequence = claimed.scalar()
    if sequence is None:
        raise BooksMoved(f"the books of account {account.id} are not at version {version} any more")
    return int(sequence) - len(posting.sets)


async def write_lines(
    connection: AsyncConnection, account: AccountRef, sets: Sequence[EntrySet], sequence: int
) -> None:
    """All in one statement: the database looks at each statement whether its sets sum to zero."""
    lines = [
        {
            "sequence": sequence + place,
            "line": number,
            "source": entries.source,
            "kind": line.kind,
            "book": line.book,
            "asset": line.asset,
            "amount": format(line.amount, "f"),
            "category": None if entries.instrument is None else entries.instrument.category,
            "symbol": None if entries.instrument is None else entries.instrument.symbol,
            "exec_id": entries.exec_id,
            "exchange_order_id": entries.exchange_order_id,
            "at": entries.at.isoformat(),
        }
        for place, entries in enumerate(sets, 1)
        for number, line in enumerate(entries.lines, 1)
    ]
    if not lines:
        return
    await connection.execute(
        text(
            "INSERT INTO ledger_entries (account_id, sequence, line, workspace_id, source, kind, book, asset,"
            " amount, category, symbol, exec_id, exchange_order_id, intent_id, person_id, run_id, at,"
            " recorded_at)"
            " SELECT :account, l.sequence, l.line, :workspace, l.source, l.kind, l.book, l.asset, l.amount,"
            " l.category, l.symbol, l.exec_id, l.exchange_order_id, coalesce(own.id, parent.id),"
            " coalesce(own.created_by, parent.created_by, adopted.adopted_by), coalesce(own.run_id, parent.run_id),"
            " l.at, clock_timestamp()"
            " FROM jsonb_to_recordset(CAST(:lines AS jsonb)) AS l(sequence bigint, line int, source text,"
            " kind text, book text, asset text, amount numeric, category text, symbol text, exec_id text,"
            " exchange_order_id text, at timestamptz)"
            " LEFT JOIN executions e ON e.account_id = :account AND e.exec_id = l.exec_id"
            " LEFT JOIN intents own ON own.account_id = :account AND own.id = e.order_id AND own.kind = 'place'"
            # What the exchange did for an order that was asked for here (its exits) is on whoever asked for that.
            " LEFT JOIN orders o ON o.account_id = :account AND o.exchange_order_id = l.exchange_order_id"
            " AND o.parent_link_id <> ''"
            # Placed elsewhere, and taken as ours since.
            " LEFT JOIN orders adopted ON adopted.account_id = :account"
            " AND adopted.exchange_order_id = l.exchange_order_id AND adopted.adopted_by IS NOT NULL"
            " LEFT JOIN intents parent ON parent.account_id = :account AND parent.link_id = o.parent_link_id"
        ),
        {"account": account.id, "workspace": account.workspace_id, "lines": encode_json(lines)},
    )
    sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    with localcontext(WIDE):
        for entries in sets:
            for line in entries.lines:
                sums[line.book, line.asset] += line.amount
    await connection.execute(
        text(
            "INSERT INTO ledger_balances AS b (account_id, book, asset, workspace_id, amount)"
            " VALUES (:account, :book, :asset, :workspace, CAST(:amount AS numeric))"
            " ON CONFLICT (account_id, book, asset) DO UPDATE SET amount = b.amount + excluded.amount"
        ),
        [
            {
                "account": account.id,
                "workspace": account.workspace_id,
                "book": book,
                "asset": asset,
                "amount": format(amount, "f"),
            }
            for (book, asset), amount in sorted(sums.items())
        ],
    )


async def write_standings(
    connection: AsyncConnection, account: AccountRef, standings: Mapping[HoldingKey, Standing]
) -> None:
    if not standings:
        return
    await connection.execute(
        text(
            "INSERT INTO ledger_holdings (account_id, category, symbol, position_index, workspace_id, is_long,"
            " base_size, base_cost, closed, opening_is_long, opening_size, opening_cost, last_at, last_sequence,"
            " last_exec_id) VALUES (:account, :category, :symbol, :leg, :workspace, :is_long, :size, :cost,"
            " :closed, :opening_is_long, :opening_size, :opening_cost, :last_at, :last_sequence, :last_exec_id)"
            " ON CONFLICT (account_id, category, symbol, position_index) DO UPDATE SET is_long = excluded.is_long,"
            " base_size = excluded.base_size, base_cost = excluded.base_cost, closed = excluded.closed,"
            " opening_is_long = excluded.opening_is_long, opening_size = excluded.opening_size,"
            " opening_cost = excluded.opening_cost, last_at = excluded.last_at,"
            " last_sequence = excluded.last_sequence, last_exec_id = excluded.last_exec_id"
        ),
        [
            {
                "account": account.id,
                "workspace": account.workspace_id,
                "category": instrument.category,
                "symbol": instrument.symbol,
                "leg": leg,
                "is_long": standing.now.is_long,
                "size": standing.now.base_size,
                "cost": standing.now.base_cost,
                "closed": standing.now.closed,
                "opening_is_long": standing.opening.is_long,
                "opening_size": standing.opening.base_size,
                "opening_cost": standing.opening.base_cost,
                "last_at": None if standing.last is None else standing.last[1],
                "last_sequence": None if standing.last is None else standing.last[0],
                "last_exec_id": None if standing.last is None else standing.last[2],
            }
            for (instrument, leg), standing in standings.items()
        ],
    )


def standing_of(row: Row) -> Standing:
    return Standing(
        now=Holding(
            is_long=row["is_long"],
            base_size=row["base_size"],
            base_cost=row["base_cost"],
            closed=row["closed"],
        ),
        opening=Holding(is_long=row["opening_is_long"], base_size=row["opening_size"], base_cost=row["opening_cost"]),
        last=None if row["last_at"] is None else (row["last_sequence"], row["last_at"], row["last_exec_id"]),
    )
