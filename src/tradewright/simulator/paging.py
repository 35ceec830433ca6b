"""Pages of lists, newest first, with cursors made of letters and digits only.

Lives here: limit, cursor and time window as Bybit's list endpoints take them. Not here: what is listed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import unquote

from tradewright.simulator.errors import ApiError, RetCode, bad_parameter
from tradewright.simulator.fields import Body, text

WHOLE_MAX = 253_402_300_799_999  # the last millisecond of the year 9999
DAY_MS = 24 * 3_600_000
WEEK_MS = 7 * DAY_MS
CURSOR = re.compile(r"p([0-9]{1,18})")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page:
    """`before` is the place (a number that grows with age reversed) that the last page ended at; None on the first."""

    limit: int
    before: int | None


@dataclass(frozen=True, slots=True)
class Window:
    """Inclusive bounds in wall milliseconds."""

    start_ms: int
    end_ms: int


def whole(query: Body, name: str) -> int | None:
    """A field as a non-negative whole number, None when absent. Raises `ApiError` 10001."""
    value = text(query, name)
    if not value:
        return None
    if not (value.isascii() and value.isdigit() and len(value) <= 15 and int(value) <= WHOLE_MAX):
        raise bad_parameter(f"params error: {name} [{value}] is not a whole number")
    return int(value)


def read_limit(query: Body, *, highest: int, default: int) -> int:
    limit = whole(query, "limit")
    if limit is None:
        return default
    if not 1 <= limit <= highest:
        raise bad_parameter(f"params error: limit [{limit}] must be between 1 and {highest}")
    return limit


def read_page(query: Body, *, highest: int, default: int) -> Page:
    # One client encodes the cursor it was given once more, so a percent sign can only come from that.
    cursor = unquote(text(query, "cursor"))
    found = CURSOR.fullmatch(cursor)
    if cursor and not found:
        raise bad_parameter("params error: cursor is invalid")
    return Page(read_limit(query, highest=highest, default=default), int(found[1]) if found else None)


def read_window(query: Body, *, now_ms: int, default_ms: int = WEEK_MS, longest_ms: int = WEEK_MS) -> Window:
    """Bybit's rule: nothing = the last seven days; one bound = seven days from or to it; both = at most seven days.

    `default_ms` replaces the seven days where less than both bounds is given, `longest_ms` where both are. Raises
    `ApiError`: 181009 for bounds the wrong way round, 181010 for more than that, 10001 for what is no time.
    """
    start, end = whole(query, "startTime"), whole(query, "endTime")
    if start is None and end is None:
        return Window(now_ms - default_ms, now_ms + WEEK_MS)
    if start is None:
        assert end is not None, "one of the two is given here"
        return Window(end - default_ms, end)
    if end is None:
        return Window(start, start + default_ms)
    if end < start:
        raise ApiError(RetCode.TIME_RANGE_MISORDERED, "startTime must be before endTime")
    if end - start > longest_ms:
        raise ApiError(
            RetCode.TIME_RANGE_TOO_LONG,
            f"The time range between startTime and endTime cannot exceed {longest_ms // DAY_MS} days",
        )
    return Window(start, end)


def cut(newest_first: Sequence[T], page: Page, place: Callable[[T], int]) -> tuple[list[T], str]:
    """One page and the cursor of the next, "" at the end. `place` is unique and falls along the list."""
    rest = [item for item in newest_first if page.before is None or place(item) < page.before]
    shown = rest[: page.limit]
    return shown, f"p{place(shown[-1])}" if len(rest) > page.limit else ""
