"""Lists over REST: every page or nothing.

Lives here: following cursors, and a page's rows through a row function. Not here: what is listed (`orders`).
A page with one row that cannot be read is a page that was not read: half an answer must not look like a whole one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import msgspec
from structlog.typing import FilteringBoundLogger

from tradewright.core.errors import ExchangeUnavailable
from tradewright.exchange.bybit.rest import Params, Reply, RestClient, checked_cursor
from tradewright.exchange.bybit.values import Unreadable, decode
from tradewright.exchange.bybit.wire import Page

PAGES_MAX = 200  # 10,000 orders or 20,000 executions: beyond that something is wrong


class TooManyPages(ExchangeUnavailable):
    """The list did not end within `PAGES_MAX` pages: nothing of it counts. A shorter time may fit."""


_PAGE = msgspec.json.Decoder(Page)
_Row = TypeVar("_Row")
_Found = TypeVar("_Found")


async def read_pages(
    rest: RestClient,
    path: str,
    params: Params,
    decoder: msgspec.json.Decoder[_Row],
    convert: Callable[[_Row, str], _Found | None],
    log: FilteringBoundLogger,
    *,
    signed: bool,
    at_most_pages: int | None = None,
) -> list[_Found]:
    """All rows of all pages, in the exchange's order. `convert` gets a row and the page's category; None skips it.

    Raises `ExchangeUnavailable` if any page fails, `TooManyPages` if the cursor is not empty after `PAGES_MAX` pages.
    With `at_most_pages` the rest is not asked for.
    """
    found: list[_Found] = []
    seen: set[str] = set()
    cursor = ""
    for page_number in range(1, PAGES_MAX + 1):
        reply = await rest.read(path, (*params, ("cursor", cursor)) if cursor else params, signed=signed)
        rows, cursor, empty = _page(reply, path, decoder, convert, log)
        found += rows
        # A cursor that repeats itself would be followed for ever; Bybit's own clients stop at it as at the end.
        if not cursor or cursor in seen or empty or page_number == at_most_pages:
            return found
        seen.add(cursor)
    raise TooManyPages(f"{path}: more than {PAGES_MAX} pages; ask for a shorter time", reply.trace)


def read_rows(
    reply: Reply,
    path: str,
    decoder: msgspec.json.Decoder[_Row],
    convert: Callable[[_Row, str], _Found | None],
    log: FilteringBoundLogger,
) -> list[_Found]:
    """The rows of one reply. Raises `ExchangeUnavailable` if one of them cannot be read."""
    return _page(reply, path, decoder, convert, log)[0]


def _page(
    reply: Reply,
    path: str,
    decoder: msgspec.json.Decoder[_Row],
    convert: Callable[[_Row, str], _Found | None],
    log: FilteringBoundLogger,
) -> tuple[list[_Found], str, bool]:
    raw: bytes | msgspec.Raw = reply.result
    try:
        page = decode(_PAGE, raw)
        rows: list[_Found] = []
        for raw in page.rows:
            row = convert(decode(decoder, raw), page.category)
            if row is not None:
                rows.append(row)
        return rows, checked_cursor(page.nextPageCursor), not page.rows
    except Unreadable as problem:
        text = problem.raw or bytes(raw)[:2_000].decode("utf-8", "replace")
        log.error("rest.row_unreadable", path=path, error=str(problem), raw=text)
        raise ExchangeUnavailable(f"{path}: a row cannot be read: {problem}", reply.trace) from problem
