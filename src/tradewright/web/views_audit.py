"""The audit trail as a CSV file, read in pages and sent while it is read.

Lives here: its columns. Not here: what makes a cell safe (`web.csv_text`), who may see what (`web.routes_audit`).
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.responses import StreamingResponse

from tradewright.audit.queries import Filter, Sight, entries
from tradewright.core.clock import from_milliseconds
from tradewright.storage.engine import encode_json
from tradewright.web.csv_text import BYTE_ORDER_MARK, csv_line

PAGE_ROWS = 500
COLUMNS = (
    "time_utc",
    "who_kind",
    "who",
    "who_id",
    "ip",
    "action",
    "object",
    "object_id",
    "account",
    "environment",
    "before",
    "after",
    "outcome",
    "entry_id",
)
_Row = Mapping[str, Any]


async def csv_of(engine: AsyncEngine, sight: Sight, wanted: Filter, *, name: str) -> StreamingResponse:
    """The answer with every entry of the filter. A database that goes away in the middle breaks it off, so that a part
    is not taken for the whole."""
    pages = _pages(engine, sight, wanted)
    first = await anext(pages)
    headers = {
        "cache-control": "no-store",
        "content-disposition": f'attachment; filename="{name.replace(" ", "_")}"',
    }
    return StreamingResponse(_lines(first, pages), media_type="text/csv; charset=utf-8", headers=headers)


async def _lines(first: Sequence[_Row], others: AsyncIterator[Sequence[_Row]]) -> AsyncIterator[bytes]:
    yield (BYTE_ORDER_MARK + csv_line(list(COLUMNS))).encode()
    page: Sequence[_Row] | None = first
    while page is not None:
        yield "".join(csv_line(list(map(_visible, _cells(row)))) for row in page).encode(errors="replace")
        page = await anext(others, None)


async def _pages(engine: AsyncEngine, sight: Sight, wanted: Filter) -> AsyncIterator[Sequence[_Row]]:
    """At least one page. No connection is held while one is being sent, however slow its reader is."""
    cursor: str | None = None
    while True:
        async with engine.connect() as connection:
            rows, following = await entries(connection, sight, wanted, limit=PAGE_ROWS, before=cursor)
        yield rows
        if following is None:
            return
        cursor = following


def _visible(cell: str | None) -> str | None:
    r"""One entry is one line, also for who reads lines and no CSV: what is not seen is escaped as in JSON (`\n`)."""
    if cell is None or cell.isprintable():
        return cell
    return "".join(each if each.isprintable() else json.dumps(each)[1:-1] for each in cell)


def _cells(row: _Row) -> list[str | None]:
    moment = from_milliseconds(row["at_ms"])
    actor = row["actor"]
    return [
        f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z",
        actor["kind"],
        actor["name"],
        actor["id"],
        row["ip"],
        row["action"],
        row["object_kind"],
        row["object_id"],
        row["account_name"],
        row["environment"],
        None if row["before"] is None else encode_json(row["before"]),
        None if row["after"] is None else encode_json(row["after"]),
        row["outcome"],
        row["id"],
    ]
