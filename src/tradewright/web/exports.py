"""An account's tables as CSV files: the columns of the page's tables, read in pages, sent while they are read.

Lives here: which columns a table has, and the file's name. Not here: what makes a cell safe (`web.csv_text`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
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
_Path = tuple[str, ...]

# A column's name in the file, and where its value is in a row of the API. What ends in `_ms` is told as time, in UTC.
COLUMNS: Mapping[ExportTable, Mapping[str, _Path]] = {
    "orders": {
        "time_utc": ("created_ms",),
        "symbol": ("symbol",),
        "category": ("category",),
        "position_index": ("position_index",),
        "side": ("side",),
        "type": ("order_type",),
        "price": ("price",),
        "trigger_price": ("trigger", "price"),
        "trigger_by": ("trigger", "by"),
        "quantity": ("quantity",),
        "quantity_unit": ("quantity_unit",),
        "filled_quantity": ("filled_quantity",),
        "average_price": ("average_price",),
        "status": ("status",),
        "reason": ("reason", "code"),
        "time_in_force": ("time_in_force",),
        "reduce_only": ("reduce_only",),
        "take_profit": ("take_profit",),
        "stop_loss": ("stop_loss",),
        "stop_order_type": ("stop_order_type",),
        "source": ("source",),
        "run_id": ("run_id",),
        "note": ("note",),
        "updated_utc": ("updated_ms",),
        "order_id": ("id",),
        "link_id": ("link_id",),
        "exchange_order_id": ("exchange_order_id",),
    },
    "fills": {
        "time_utc": ("time_ms",),
        "symbol": ("symbol",),
        "category": ("category",),
        "side": ("side",),
        "price": ("price",),
        "quantity": ("quantity",),
        "fee": ("fee",),
        "fee_coin": ("fee_coin",),
        "maker": ("is_maker",),
        "kind": ("exec_type",),
        "source": ("source",),
        "order_id": ("order_id",),
        "exchange_order_id": ("exchange_order_id",),
        "fill_id": ("id",),
    },
    "positions": {
        "symbol": ("symbol",),
        "category": ("category",),
        "position_index": ("position_index",),
        "side": ("side",),
        "size": ("size",),
        "entry_price": ("entry_price",),
        "mark_price": ("mark_price",),
        "liquidation_price": ("liquidation_price",),
        "break_even_price": ("break_even_price",),
        "value": ("value",),
        "initial_margin": ("initial_margin",),
        "maintenance_margin": ("maintenance_margin",),
        "leverage": ("leverage",),
        "unrealised_pnl": ("unrealised_pnl",),
        "realised_pnl": ("realised_pnl",),
        "take_profit": ("take_profit",),
        "stop_loss": ("stop_loss",),
        "trailing_stop": ("trailing_stop",),
        "protection": ("protection", "state"),
        "stops_read_utc": ("stops_read_ms",),
        "adl_rank": ("adl_rank",),
        "updated_utc": ("updated_ms",),
    },
    "balances": {
        "coin": ("coin",),
        "wallet_balance": ("wallet_balance",),
        "available": ("available",),
        "locked": ("locked",),
        "order_margin": ("order_margin",),
        "position_margin": ("position_margin",),
        "equity": ("equity",),
        "unrealised_pnl": ("unrealised_pnl",),
        "usd_value": ("usd_value",),
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
    headers = {"cache-control": "no-store", "content-disposition": attachment(name)}
    return StreamingResponse(_lines(table, first, pages), media_type="text/csv; charset=utf-8", headers=headers)


async def _lines(
    table: ExportTable, first: Sequence[_Row], others: AsyncIterator[Sequence[_Row]]
) -> AsyncIterator[bytes]:
    columns = COLUMNS[table]
    yield (BYTE_ORDER_MARK + csv_line(list(columns))).encode()
    page: Sequence[_Row] | None = first
    while page is not None:
        text = "".join(csv_line([_cell(row, path) for path in columns.values()]) for row in page)
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


def _cell(row: _Row, path: _Path) -> str | None:
    """A value as text, decimals as they are; None where there is none."""
    value: Any = row
    for name in path:
        value = None if value is None else value[name]
    if value is None:
        return None
    if path[-1].endswith("_ms"):
        moment = from_milliseconds(value)
        return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
    return str(value).lower() if isinstance(value, bool) else str(value)


def attachment(name: str) -> str:
    """RFC 6266: a name in plain letters for old readers, the whole one beside it."""
    plain = "".join(each if each.isascii() and (each.isalnum() or each in " -_.") else "_" for each in name)
    return f"attachment; filename=\"{plain.replace(' ', '_')}\"; filename*=UTF-8''{quote(name, safe='')}"
