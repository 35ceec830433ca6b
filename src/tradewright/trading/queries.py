"""What may be read of trading: accounts, orders, positions, fills, balances, events. Every query names its workspace.

Lives here: reads for the API and the browser stream. Not here: one intent and what became of it (`intent_queries`), the
owner's writes (`store`), the JSON shapes (`views`).
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.core.clock import milliseconds
from tradewright.core.errors import InvalidInput, NotFound, Problem
from tradewright.core.ids import AccountId, WorkspaceId
from tradewright.core.instrument import InstrumentId
from tradewright.trading import views
from tradewright.trading.ownership import ACCOUNTS
from tradewright.trading.rows import FILL_ROWS, LIVE, ORDER_ROWS

SNAPSHOT_ORDERS = 200  # newest orders beside all live ones
SNAPSHOT_FILLS = 100
SNAPSHOT_PAGE = 1000  # live orders read at once
SYMBOL_FRESH = timedelta(seconds=60)


async def accounts(connection: AsyncConnection, workspace_id: WorkspaceId) -> list[dict[str, Any]]:
    """The accounts of a workspace whose exchange runs, oldest first."""
    found = await connection.execute(
        text(f"SELECT * FROM ({ACCOUNTS}) a WHERE workspace_id = :workspace AND NOT resting ORDER BY created_at, id"),  # noqa: S608
        {"workspace": workspace_id},
    )
    return [views.account_view(row) for row in found.mappings()]


async def require_account(connection: AsyncConnection, workspace_id: WorkspaceId, account_id: AccountId) -> views.Row:
    """The account's row; raises `NotFound` when it is not of this workspace, as if it did not exist."""
    found = await connection.execute(
        text(f"SELECT * FROM ({ACCOUNTS}) a WHERE id = :account AND workspace_id = :workspace"),  # noqa: S608
        {"account": account_id, "workspace": workspace_id},
    )
    row = found.mappings().one_or_none()
    if row is None:
        raise NotFound(f"there is no account {account_id} in this workspace")
    return row


def account_shown(row: views.Row) -> dict[str, Any]:
    """What `require_account` gave, as it is shown."""
    return views.account_view(row)


async def budget(connection: AsyncConnection, workspace_id: WorkspaceId, account_id: AccountId) -> dict[str, Any]:
    """The request budget as the account's owner told it last; while nobody has, nothing is used."""
    row = await require_account(connection, workspace_id, account_id)
    told = {} if row["budget"] is None else dict(row["budget"])
    nothing = {"endpoints": [], "address_used": 0, "address_limit": 0, "silent_until_ms": None}
    return {"told_ms": None if row["budget_at"] is None else milliseconds(row["budget_at"]), **nothing, **told}


async def database_now(connection: AsyncConnection) -> datetime:
    """The database's clock, by which intents expire and readings are dated."""
    now: datetime = await connection.scalar(text("SELECT clock_timestamp()"))
    return now


async def symbol_read_at(
    connection: AsyncConnection, account_id: AccountId, instrument: InstrumentId
) -> datetime | None:
    """When the exchange was last asked about a symbol, by the database's clock (for who already holds the account)."""
    moment: datetime | None = await connection.scalar(
        text(
            "SELECT read_at FROM account_symbols WHERE account_id = :account AND category = :category"
            " AND symbol = :symbol"
        ),
        {"account": account_id, "category": instrument.category, "symbol": instrument.symbol},
    )
    return moment


async def owned_accounts(
    connection: AsyncConnection, account_ids: Collection[AccountId]
) -> dict[AccountId, tuple[bool, dict[str, Any]]]:
    """Of each account: whether the owner that wrote its session's state is still there, and the account's view.

    For the browser stream, which has let its watchers in by workspace before.
    """
    found = await connection.execute(
        text(f"SELECT * FROM ({ACCOUNTS}) a WHERE id = ANY(:accounts)"),  # noqa: S608
        {"accounts": list(account_ids)},
    )
    return {AccountId(row["id"]): (row["is_owned"], views.account_view(row)) for row in found.mappings()}


async def orders(
    connection: AsyncConnection,
    workspace_id: WorkspaceId,
    account_id: AccountId,
    *,
    scope: Literal["open", "all"] = "all",
    limit: int = SNAPSHOT_ORDERS,
    before: str | None = None,
) -> tuple[list[dict[str, Any]], str | None]:
    """Newest first: (orders, cursor of the next page or None). `before` is a cursor from an earlier answer."""
    await require_account(connection, workspace_id, account_id)
    where = "account_id = :account AND workspace_id = :workspace"
    if scope == "open":
        where += f" AND {LIVE}"
    parameters: dict[str, Any] = {"account": account_id, "workspace": workspace_id, "limit": limit + 1}
    if before is not None:
        parameters["before_at"], key = _parse_cursor(before)
        parameters["before_id"] = _uuid_of(before, key)
        where += " AND (created_at, id) < (:before_at, CAST(:before_id AS uuid))"
    found = await connection.execute(
        text(f"SELECT * FROM ({ORDER_ROWS}) r WHERE {where} ORDER BY created_at DESC, id DESC LIMIT :limit"),  # noqa: S608
        parameters,
    )
    rows = list(found.mappings())
    page = rows[:limit]
    following = _cursor(page[-1]["created_at"], str(page[-1]["id"])) if len(rows) > limit else None
    return [views.order_view(row) for row in page], following


async def order_row_of(connection: AsyncConnection, account_id: AccountId, order_id: UUID) -> views.Row | None:
    """One row of the table of orders, by its id (for who already holds the account)."""
    found = await connection.execute(
        text(f"SELECT * FROM ({ORDER_ROWS}) r WHERE account_id = :account AND id = :id"),  # noqa: S608
        {"account": account_id, "id": order_id},
    )
    return found.mappings().one_or_none()


async def order_view_of(connection: AsyncConnection, account_id: AccountId, order_id: UUID) -> dict[str, Any] | None:
    """The same as it is shown."""
    row = await order_row_of(connection, account_id, order_id)
    return None if row is None else views.order_view(row)


async def positions(
    connection: AsyncConnection, workspace_id: WorkspaceId, account_id: AccountId
) -> list[dict[str, Any]]:
    """Positions that are not flat, by symbol."""
    await require_account(connection, workspace_id, account_id)
    found = await connection.execute(
        text(
            "SELECT * FROM positions WHERE account_id = :account AND workspace_id = :workspace AND size <> 0"
            " ORDER BY category, symbol, position_index"
        ),
        {"account": account_id, "workspace": workspace_id},
    )
    return [views.position_view(row) for row in found.mappings()]


async def fills(
    connection: AsyncConnection,
    workspace_id: WorkspaceId,
    account_id: AccountId,
    *,
    limit: int = SNAPSHOT_FILLS,
    before: str | None = None,
) -> tuple[list[dict[str, Any]], str | None]:
    """Executions, newest first: (fills, cursor of the next page or None)."""
    await require_account(connection, workspace_id, account_id)
    where = "e.account_id = :account AND e.workspace_id = :workspace"
    parameters: dict[str, Any] = {"account": account_id, "workspace": workspace_id, "limit": limit + 1}
    if before is not None:
        parameters["before_at"], parameters["before_id"] = _parse_cursor(before)
        where += " AND (e.executed_at, e.exec_id) < (:before_at, :before_id)"
    found = await connection.execute(
        text(f"{FILL_ROWS} WHERE {where} ORDER BY e.executed_at DESC, e.exec_id DESC LIMIT :limit"),
        parameters,
    )
    rows = list(found.mappings())
    page = rows[:limit]
    following = _cursor(page[-1]["executed_at"], page[-1]["exec_id"]) if len(rows) > limit else None
    return [views.fill_view(row) for row in page], following


async def balances(connection: AsyncConnection, workspace_id: WorkspaceId, account_id: AccountId) -> dict[str, Any]:
    account = await require_account(connection, workspace_id, account_id)
    found = await connection.execute(
        text("SELECT * FROM balances WHERE account_id = :account AND workspace_id = :workspace ORDER BY coin"),
        {"account": account_id, "workspace": workspace_id},
    )
    return views.balances_view(account, list(found.mappings()))


async def symbol(
    connection: AsyncConnection, workspace_id: WorkspaceId, account_id: AccountId, instrument: InstrumentId
) -> tuple[dict[str, Any], bool]:
    """(leverage and fees of one symbol, whether the exchange should be asked): not known, or older than a minute."""
    account = await require_account(connection, workspace_id, account_id)
    found = await connection.execute(
        text(
            # Each report of a position tells its symbol's leverage, so its row is never older.
            "SELECT coalesce(p.leverage, s.leverage) AS leverage, s.maker_rate, s.taker_rate, s.fees_assumed,"
            " s.read_at,"
            " s.read_at < clock_timestamp() - CAST(:fresh AS interval) AS is_old FROM account_symbols s"
            " LEFT JOIN symbol_modes m ON m.account_id = s.account_id AND m.category = s.category"
            " AND m.symbol = s.symbol"
            " LEFT JOIN positions p ON p.account_id = s.account_id AND p.category = s.category AND p.symbol = s.symbol"
            " AND p.position_index = CASE WHEN m.hedge THEN 1 ELSE 0 END"
            " WHERE s.account_id = :account AND s.workspace_id = :workspace AND s.category = :category"
            " AND s.symbol = :symbol"
        ),
        {
            "account": account_id,
            "workspace": workspace_id,
            "category": instrument.category,
            "symbol": instrument.symbol,
            "fresh": SYMBOL_FRESH,
        },
    )
    row = found.mappings().one_or_none()
    hedge = await hedged(connection, account_id, instrument)
    view = views.symbol_view(instrument.category, instrument.symbol, row, account["margin_mode"], hedge)
    return view, row is None or row["is_old"]


async def hedged(connection: AsyncConnection, account_id: AccountId, instrument: InstrumentId) -> bool | None:
    """Whether two legs of the contract are held, as it was last read; None while nobody has looked."""
    found: bool | None = await connection.scalar(
        text(
            "SELECT hedge FROM symbol_modes WHERE account_id = :account AND category = :category AND symbol = :symbol"
        ),
        {"account": account_id, "category": instrument.category, "symbol": instrument.symbol},
    )
    return found


async def account_snapshot(
    connection: AsyncConnection, workspace_id: WorkspaceId, account_id: AccountId
) -> tuple[int, dict[str, Any]]:
    """(sequence of the last event in it, the browser stream's snapshot). Run it in a REPEATABLE READ transaction."""
    account = await require_account(connection, workspace_id, account_id)
    live = await _live_orders(connection, workspace_id, account_id)
    newest, _ = await orders(connection, workspace_id, account_id, scope="all", limit=SNAPSHOT_ORDERS)
    seen = {order["id"] for order in live}
    page, _ = await fills(connection, workspace_id, account_id, limit=SNAPSHOT_FILLS)
    snapshot = {
        "account": views.account_view(account),
        "orders": live + [order for order in newest if order["id"] not in seen],
        "positions": await positions(connection, workspace_id, account_id),
        "fills": page,
        "balances": await balances(connection, workspace_id, account_id),
    }
    return account["event_seq"], snapshot


async def _live_orders(
    connection: AsyncConnection, workspace_id: WorkspaceId, account_id: AccountId
) -> list[dict[str, Any]]:
    """All of them: one that is not shown cannot be cancelled by whoever looks."""
    live: list[dict[str, Any]] = []
    before: str | None = None
    while True:
        page, before = await orders(
            connection, workspace_id, account_id, scope="open", limit=SNAPSHOT_PAGE, before=before
        )
        live += page
        if before is None:
            return live


async def events_after(
    connection: AsyncConnection, workspace_id: WorkspaceId, account_id: AccountId, seq: int, limit: int
) -> list[tuple[int, dict[str, Any]]]:
    """Events with a sequence above `seq`, oldest first, at most `limit`: (sequence, the browser stream's delta)."""
    found = await connection.execute(
        text(
            "SELECT seq, payload FROM account_events"
            " WHERE account_id = :account AND workspace_id = :workspace AND seq > :seq ORDER BY seq LIMIT :limit"
        ),
        {"account": account_id, "workspace": workspace_id, "seq": seq, "limit": limit},
    )
    return [(row.seq, row.payload) for row in found]


def _cursor(moment: datetime, key: str) -> str:
    return f"{moment.isoformat()}~{key}"


def _parse_cursor(cursor: str) -> tuple[datetime, str]:
    moment, _, key = cursor.partition("~")
    try:
        parsed = datetime.fromisoformat(moment)
        if parsed.tzinfo is None or not 1970 < parsed.year < 2200 or not key.isprintable() or not 0 < len(key) <= 100:
            raise ValueError
    except ValueError:
        raise _not_a_cursor(cursor) from None
    return parsed, key


def _uuid_of(cursor: str, key: str) -> UUID:
    try:
        return UUID(key)
    except ValueError:
        raise _not_a_cursor(cursor) from None


def _not_a_cursor(cursor: str) -> InvalidInput:
    return InvalidInput([Problem("cursor.invalid", "before", {"value": cursor[:60]})])
