"""A run's events and trades as files, CSV or JSON: read in pages, sent while they are read.

Lives here: what a file holds and its name. Not here: what makes a cell safe (`web.csv_text`), the pages
(`bots.event_queries`, `bots.run_queries`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Literal, cast
from uuid import UUID

import msgspec
from starlette.responses import StreamingResponse

from tradewright.bots.event_queries import PAGE_MAX, EventFilter, read_events
from tradewright.bots.run_queries import TRADES_PAGE_MAX, read_trades, require_run
from tradewright.core.clock import from_milliseconds
from tradewright.core.ids import WorkspaceId
from tradewright.storage.engine import decode_json
from tradewright.web.csv_text import BYTE_ORDER_MARK, csv_line
from tradewright.web.exports import attachment
from tradewright.web.parts import WebParts

RunTable = Literal["events", "trades"]
FileKind = Literal["csv", "json"]
_Row = Mapping[str, Any]

_EVENTS: tuple[str, ...] = ("seq", "time_utc", "market_utc", "kind", "level", "caused_by", "intent_id", "payload")
# The keys of a backtest's trade; what ends in `_time` is told as time, in UTC.
_TRADES: tuple[str, ...] = (
    "side",
    "qty",
    "entry_time",
    "entry_price",
    "entry_reason",
    "exit_time",
    "exit_price",
    "exit_reason",
    "fees",
    "funding",
    "pnl",
    "pnl_pct",
    "bars",
    "ambiguous",
)


async def export_run(
    parts: WebParts, workspace_id: WorkspaceId, run_id: UUID, table: RunTable, kind: FileKind
) -> StreamingResponse:
    """The answer with the whole table, oldest first. Raises `NotFound` before anything is sent.

    What is added while it is read is in it, for each page asks anew; a database that goes away in the middle breaks the
    answer off, so that a part is not taken for the whole.
    """
    async with parts.engine.connect() as connection:
        run = await require_run(connection, workspace_id, run_id)
    pages = _pages(parts, workspace_id, run_id, table)
    lines = _csv(table, pages) if kind == "csv" else _json(table, pages)
    name = f"{run['bot_name']} run {run['number']} {table}.{kind}"
    headers = {"cache-control": "no-store", "content-disposition": attachment(name)}
    media = "text/csv; charset=utf-8" if kind == "csv" else "application/json"
    return StreamingResponse(lines, media_type=media, headers=headers)


async def _pages(
    parts: WebParts, workspace_id: WorkspaceId, run_id: UUID, table: RunTable
) -> AsyncIterator[Sequence[_Row]]:
    """No connection is held while a page is being sent, however slow its reader is."""
    after: int | None = 0
    while after is not None:
        async with parts.engine.connect() as connection:
            rows: Sequence[_Row]
            if table == "events":
                page = await read_events(
                    connection, workspace_id, run_id, EventFilter(), after=after, before=None, limit=PAGE_MAX
                )
                rows, following = page.events, page.next
            else:
                rows, following = await read_trades(
                    connection, workspace_id, run_id, limit=TRADES_PAGE_MAX, after=after
                )
        yield rows
        assert following != after, "a page begins after the one before"
        after = following


async def _csv(table: RunTable, pages: AsyncIterator[Sequence[_Row]]) -> AsyncIterator[bytes]:
    columns = _EVENTS if table == "events" else ("number", *_TRADES)
    cells = _event_cells if table == "events" else _trade_cells
    yield (BYTE_ORDER_MARK + csv_line(list(columns))).encode()
    async for page in pages:
        yield "".join(csv_line(cells(row)) for row in page).encode(errors="replace")


async def _json(table: RunTable, pages: AsyncIterator[Sequence[_Row]]) -> AsyncIterator[bytes]:
    """One object with one list, a line for each row."""
    yield f'{{"{table}": ['.encode()
    before = b"\n"
    async for page in pages:
        if page:
            yield before + b",\n".join(msgspec.json.encode(row) for row in page)
            before = b",\n"
    yield b"\n]}\n"


def _event_cells(row: _Row) -> list[str | None]:
    payload = cast("msgspec.Raw", row["payload"])
    return [
        str(row["seq"]),
        _moment(row["at_ms"]),
        _moment(row["market_ms"]),
        row["kind"],
        row["level"],
        None if row["caused_by"] is None else str(row["caused_by"]),
        row["intent_id"],
        bytes(payload).decode(),
    ]


def _trade_cells(row: _Row) -> list[str | None]:
    trade = decode_json(bytes(row["trade"]))
    return [str(row["number"]), *(_trade_cell(name, trade.get(name)) for name in _TRADES)]


def _trade_cell(name: str, value: Any) -> str | None:
    if value is None:
        return None
    if name.endswith("_time"):
        return _moment(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _moment(value_ms: int | None) -> str | None:
    if value_ms is None:
        return None
    moment = from_milliseconds(value_ms)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
