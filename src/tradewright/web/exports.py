"""An account's tables as CSV files: the columns of the page's tables, read in pages, sent while they are read.

Lives here: which columns a table has, and the file's name. Not here: what makes a cell safe (`web.csv_text`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal
from urllib.parse import quote

from starlette.responses import StreamingResponse

from tradewright.core.clock import from_milliseconds
from tradewright.core.ids import AccountId, WorkspaceId
from tradewright.trading import queries
from tradewright.web.csv_text import BYTE_ORDER_MARK, csv_line
from tradewright.web.parts import WebParts

ExportTable = Literal["orders", "fills", "positions", "balances"]
PAGE_ROWS = 500

_Row = Mapping[str, Any]
_Columns = Mapping[str, Callable[[_Row], str | None]]


def _text(*path: str) -> Callable[[_Row], str | None]:
    """The value at a path as text; None where there is none."""

    def read(row: _Row) -> str | None:
        value: Any = row
        for name in path:
            value = None if value is None else value.get(name)
        return str(value).lower() if isinstance(value, bool) else None if value is None else str(value)

    return read


def _time(name: str) -> Callable[[_Row], str | None]:
    def read(row: _Row) -> str | None:
        value = row.get(name)
        return None if value is None else _moment(from_milliseconds(value))

    return read


def _moment(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


_COLUMNS: Mapping[ExportTable, _Columns] = {
    "orders": {
        "time_utc": _time("created_ms"),
        "symbol": _text("symbol"),
        "category": _text("category"),
        "side": _text("side"),
        "type": _text("order_type"),
        "price": _text("price"),
        "trigger_price": _text("trigger", "price"),
        "trigger_by": _text("trigger", "by"),
        "quantity": _text("quantity"),
        "quantity_unit": _text("quantity_unit"),
        "filled_quantity": _text("filled_quantity"),
        "average_price": _text("average_price"),
        "status": _text("status"),
        "reason": _text("reason", "code"),
        "time_in_force": _text("time_in_force"),
        "reduce_only": _text("reduce_only"),
        "take_profit": _text("take_profit"),
        "stop_loss": _text("stop_loss"),
        "stop_order_type": _text("stop_order_type"),
        "source": _text("source"),
        "note": _text("note"),
        "updated_utc": _time("updated_ms"),
        "order_id": _text("id"),
        "link_id": _text("link_id"),
        "exchange_order_id": _text("exchange_order_id"),
    },
    "fills": {
        "time_utc": _time("time_ms"),
        "symbol": _text("symbol"),
        "category": _text("category"),
        "side": _text("side"),
        "price": _text("price"),
        "quantity": _text("quantity"),
        "fee": _text("fee"),
        "fee_coin": _text("fee_coin"),
        "maker": _text("is_maker"),
        "kind": _text("exec_type"),
        "source": _text("source"),
        "order_id": _text("order_id"),
        "exchange_order_id": _text("exchange_order_id"),
        "fill_id": _text("id"),
    },
    "positions": {
        "symbol": _text("symbol"),
        "category": _text("category"),
        "side": _text("side"),
        "size": _text("size"),
        "entry_price": _text("entry_price"),
        "mark_price": _text("mark_price"),
        "liquidation_price": _text("liquidation_price"),
        "break_even_price": _text("break_even_price"),
        "value": _text("value"),
        "initial_margin": _text("initial_margin"),
        "maintenance_margin": _text("maintenance_margin"),
        "leverage": _text("leverage"),
        "unrealised_pnl": _text("unrealised_pnl"),
        "realised_pnl": _text("realised_pnl"),
        "take_profit": _text("take_profit"),
        "stop_loss": _text("stop_loss"),
        "stops_read_utc": _time("stops_read_ms"),
        "adl_rank": _text("adl_rank"),
        "updated_utc": _time("updated_ms"),
    },
    "balances": {
        "coin": _text("coin"),
        "wallet_balance": _text("wallet_balance"),
        "available": _text("available"),
        "locked": _text("locked"),
        "order_margin": _text("order_margin"),
        "position_margin": _text("position_margin"),
        "equity": _text("equity"),
        "unrealised_pnl": _text("unrealised_pnl"),
        "usd_value": _text("usd_value"),
    },
}


async def export(
    parts: WebParts, workspace_id: WorkspaceId, account_id: AccountId, table: ExportTable
) -> StreamingResponse:
    """The answer with the whole table. Raises `NotFound` for an account of another workspace, before anything is sent.

    What is added while it is read is not in it; a database that goes away in the middle breaks the answer off, so that
    a part is not taken for the whole.
    """
    async with parts.engine.connect() as connection:
        account = await queries.require_account(connection, workspace_id, account_id)
    pages = _pages(parts, workspace_id, account_id, table)
    first = await anext(pages)
    name = f"{account['name']} {table} {parts.clock.now():%Y-%m-%d}.csv"
    headers = {"cache-control": "no-store", "content-disposition": _attachment(name)}
    return StreamingResponse(_lines(table, first, pages), media_type="text/csv; charset=utf-8", headers=headers)


async def _lines(
    table: ExportTable, first: Sequence[_Row], others: AsyncIterator[Sequence[_Row]]
) -> AsyncIterator[bytes]:
    columns = _COLUMNS[table]
    yield (BYTE_ORDER_MARK + csv_line(list(columns))).encode()
    page: Sequence[_Row] | None = first
    while page is not None:
        text = "".join(csv_line([read(row) for read in columns.values()]) for row in page)
        yield text.encode(errors="replace")
        page = await anext(others, None)


async def _pages(
    parts: WebParts, workspace_id: WorkspaceId, account_id: AccountId, table: ExportTable
) -> AsyncIterator[Sequence[_Row]]:
    """At least one page. No connection is held while one is being sent, however slow its reader is."""
    cursor: str | None = None
    while True:
        async with parts.engine.connect() as connection:
            match table:
                case "orders":
                    rows, following = await queries.orders(
                        connection, workspace_id, account_id, limit=PAGE_ROWS, before=cursor
                    )
                case "fills":
                    rows, following = await queries.fills(
                        connection, workspace_id, account_id, limit=PAGE_ROWS, before=cursor
                    )
                case "positions":
                    rows, following = await queries.positions(connection, workspace_id, account_id), None
                case "balances":
                    rows, following = (await queries.balances(connection, workspace_id, account_id))["coins"], None
        yield rows
        if following is None:
            return
        assert following != cursor, "a page begins after the one before"
        cursor = following


def _attachment(name: str) -> str:
    """RFC 6266: a name in plain letters for old readers, the whole one beside it."""
    plain = "".join(each if each.isascii() and (each.isalnum() or each in " -_.") else "_" for each in name)
    return f"attachment; filename=\"{plain.replace(' ', '_')}\"; filename*=UTF-8''{quote(name, safe='')}"
