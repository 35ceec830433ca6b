"""What the API reads of the ledger: results over a period, entries, breaks, worth by day.

Lives here: one function a question; every statement names the workspace. Not here: writing (`store`).
A result is income less expenses. Realised profit is without fees; fees and interest are positive when paid, funding and
the rest when received.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.core.clock import milliseconds
from tradewright.core.errors import InvalidInput, Problem
from tradewright.core.holding import WIDE
from tradewright.core.ids import AccountId, WorkspaceId
from tradewright.core.money import plain
from tradewright.trading.ledger.telling import break_view
from tradewright.trading.queries import require_account

ResultBy = Literal["account", "symbol", "person", "day"]
RESULT_ROWS_MAX = 5_000
BREAKS_MAX = 200

_KEYS: Mapping[ResultBy, str] = {
    "account": "CAST(NULL AS text) AS category, CAST(NULL AS text) AS symbol, CAST(NULL AS uuid) AS person,"
    " CAST(NULL AS date) AS day",
    "symbol": "category, symbol, CAST(NULL AS uuid) AS person, CAST(NULL AS date) AS day",
    "person": "CAST(NULL AS text) AS category, CAST(NULL AS text) AS symbol, person_id AS person,"
    " CAST(NULL AS date) AS day",
    "day": "CAST(NULL AS text) AS category, CAST(NULL AS text) AS symbol, CAST(NULL AS uuid) AS person,"
    " CAST(at AT TIME ZONE 'UTC' AS date) AS day",
}
_RESULT = (
    "coalesce(-sum(amount) FILTER (WHERE book = 'income:realised'), 0) AS realised,"
    " coalesce(sum(amount) FILTER (WHERE book = 'expense:fees'), 0) AS fees,"
    " coalesce(-sum(amount) FILTER (WHERE book = 'income:funding'), 0) AS funding,"
    " coalesce(sum(amount) FILTER (WHERE book = 'expense:interest'), 0) AS interest,"
    " coalesce(-sum(amount) FILTER (WHERE book IN ('income:other', 'income:rounding')), 0) AS other,"
    " -sum(amount) AS net"
)
_FIGURES = ("realised", "fees", "funding", "interest", "other", "net")
_PLACES = Decimal(1).scaleb(-18)  # as many as an answer has; a product may have more


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """From `since` on and before `until`, by the exchange's clock."""

    since: datetime
    until: datetime


async def results(
    connection: AsyncConnection, workspace_id: WorkspaceId, account_id: AccountId, period: Period, by: ResultBy
) -> list[dict[str, Any]]:
    """By key and coin, in the order of the key. What belongs to no symbol or to nobody has a null there.

    Raises `InvalidInput` for a period that has more rows than one answer holds.
    """
    await require_account(connection, workspace_id, account_id)
    found = await connection.execute(
        text(
            f"SELECT {_KEYS[by]}, asset AS coin, {_RESULT} FROM ledger_entries"  # noqa: S608
            " WHERE account_id = :account AND workspace_id = :workspace AND at >= :since AND at < :until"
            " AND (book LIKE 'income:%' OR book LIKE 'expense:%')"
            " GROUP BY 1, 2, 3, 4, asset ORDER BY 4, 1, 2, 3, asset LIMIT :limit"
        ),
        {
            "account": account_id,
            "workspace": workspace_id,
            "since": period.since,
            "until": period.until,
            "limit": RESULT_ROWS_MAX + 1,
        },
    )
    rows = list(found.mappings())
    if len(rows) > RESULT_ROWS_MAX:
        raise InvalidInput([Problem("input.range", "from_ms", {"maximum": str(RESULT_ROWS_MAX)})])
    return [
        {
            "category": row["category"],
            "symbol": row["symbol"],
            "person_id": None if row["person"] is None else str(row["person"]),
            "day": None if row["day"] is None else row["day"].isoformat(),
            "coin": row["coin"],
            **{name: money(row[name]) for name in _FIGURES},
        }
        for row in rows
    ]


async def worth_by_day(
    connection: AsyncConnection, workspace_id: WorkspaceId, account_id: AccountId, period: Period
) -> list[dict[str, Any]]:
    """What the account was worth at the last look of each day (UTC) that the period touches, oldest first."""
    found = await connection.execute(
        text(
            "SELECT day, total_usd, coins, at FROM equity_days WHERE account_id = :account"
            " AND workspace_id = :workspace AND day >= CAST(:since AT TIME ZONE 'UTC' AS date)"
            " AND day <= CAST(:until AT TIME ZONE 'UTC' AS date) ORDER BY day DESC LIMIT :limit"
        ),
        {
            "account": account_id,
            "workspace": workspace_id,
            "since": period.since,
            "until": period.until,
            "limit": RESULT_ROWS_MAX,
        },
    )
    return [
        {
            "day": row["day"].isoformat(),
            "total_usd": None if row["total_usd"] is None else money(row["total_usd"]),
            "coins": {coin: money(Decimal(amount)) for coin, amount in row["coins"].items()},
            "at_ms": milliseconds(row["at"]),
        }
        for row in reversed(list(found.mappings()))
    ]


async def realised_since(
    connection: AsyncConnection, workspace_id: WorkspaceId, account_id: AccountId, since: datetime
) -> dict[str, Decimal]:
    """By coin, the net result since then: profits, fees, funding and interest that are in the books by now."""
    found = await connection.execute(
        text(
            "SELECT asset, -sum(amount) AS net FROM ledger_entries WHERE account_id = :account"
            " AND workspace_id = :workspace AND at >= :since AND (book LIKE 'income:%' OR book LIKE 'expense:%')"
            " GROUP BY asset ORDER BY asset"
        ),
        {"account": account_id, "workspace": workspace_id, "since": since},
    )
    return {row.asset: row.net for row in found}


async def entries(
    connection: AsyncConnection,
    workspace_id: WorkspaceId,
    account_id: AccountId,
    *,
    limit: int,
    before: int | None = None,
) -> tuple[list[dict[str, Any]], int | None]:
    """Sets of entries, newest first, each with its lines; and the sequence to go on before, None at the end."""
    await require_account(connection, workspace_id, account_id)
    found = await connection.execute(
        text(
            "SELECT l.* FROM ledger_entries l JOIN (SELECT DISTINCT sequence FROM ledger_entries"
            " WHERE account_id = :account AND workspace_id = :workspace"
            " AND (CAST(:before AS bigint) IS NULL OR sequence < :before) ORDER BY sequence DESC LIMIT :limit) s"
            " ON s.sequence = l.sequence WHERE l.account_id = :account AND l.workspace_id = :workspace"
            " ORDER BY l.sequence DESC, l.line"
        ),
        {"account": account_id, "workspace": workspace_id, "before": before, "limit": limit + 1},
    )
    sets: dict[int, dict[str, Any]] = {}
    for row in found.mappings():
        made = sets.get(row["sequence"])
        if made is None:
            made = sets[row["sequence"]] = {
                "sequence": row["sequence"],
                "source": row["source"],
                "at_ms": milliseconds(row["at"]),
                "category": row["category"],
                "symbol": row["symbol"],
                "execution_id": row["exec_id"],
                "exchange_order_id": row["exchange_order_id"],
                "intent_id": None if row["intent_id"] is None else str(row["intent_id"]),
                "person_id": None if row["person_id"] is None else str(row["person_id"]),
                "run_id": None if row["run_id"] is None else str(row["run_id"]),
                "lines": [],
            }
        line = {name: row[name] for name in ("kind", "book", "asset")}
        made["lines"].append({**line, "amount": money(row["amount"])})
    rows = list(sets.values())
    page = rows[:limit]
    return page, page[-1]["sequence"] if len(rows) > limit else None


async def breaks(connection: AsyncConnection, workspace_id: WorkspaceId, account_id: AccountId) -> dict[str, Any]:
    """Those that are open, then the newest of those that ended, at most `BREAKS_MAX`; and when it was last looked."""
    await require_account(connection, workspace_id, account_id)
    key = {"account": account_id, "workspace": workspace_id}
    books = await connection.execute(
        text("SELECT * FROM ledger_books WHERE account_id = :account AND workspace_id = :workspace"), key
    )
    row = books.mappings().one_or_none()
    found = await connection.execute(
        text(
            "SELECT * FROM ledger_breaks WHERE account_id = :account AND workspace_id = :workspace"
            " ORDER BY cleared_at IS NOT NULL, number DESC LIMIT :limit"
        ),
        key | {"limit": BREAKS_MAX},
    )

    def moment(name: str) -> int | None:
        return None if row is None or row[name] is None else milliseconds(row[name])

    return {
        "opened_ms": moment("opened_at"),
        "checked_ms": moment("checked_at"),
        "tied_ms": moment("tied_at"),
        "breaks": [break_view(each) for each in found.mappings()],
    }


def money(amount: Decimal) -> str:
    """A plain decimal with at most 18 places, half to even: a product of quantity, price and rate may have more."""
    if int(amount.as_tuple().exponent) < -18:
        amount = amount.quantize(_PLACES, context=WIDE)
    return plain(amount)
