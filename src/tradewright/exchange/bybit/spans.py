"""Long stretches of time over REST: Bybit takes at most seven days in one question, and a page count has a bound.

Lives here: cutting a time into spans, and reading one span, in halves where it is more than can be read at once.
Not here: which list is asked (`orders`, `ledger_reads`), pages (`pages`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from tradewright.core.clock import milliseconds
from tradewright.exchange.bybit.pages import TooManyPages
from tradewright.exchange.bybit.rest import Params

SPAN_MAX = timedelta(days=7)  # the longest that Bybit takes in one question
SPAN_MIN = timedelta(minutes=1)  # what does not fit into that is no account of a person
# Our reading of the exchange's clock may be behind: by less than the recv window, or it would refuse us. What happened
# in that time would be missing, and a position that its fill has moved would look as if nothing had.
_CLOCK_BEHIND_MAX = timedelta(seconds=6)
HISTORY_MAX = timedelta(days=730)  # it keeps no more
_Found = TypeVar("_Found")

Span = tuple[datetime, datetime]


def spans(since: datetime, now: datetime) -> Sequence[Span]:
    """They cover [since, now], each of at most seven days, oldest first."""
    until = now + _CLOCK_BEHIND_MAX
    start = max(since, until - HISTORY_MAX)
    found: list[Span] = []
    while start < until:
        end = min(start + SPAN_MAX, until)
        found.append((start, end))
        start = end
    return found


async def read_span(span: Span, read: Callable[[Params], Awaitable[list[_Found]]]) -> list[_Found]:
    """What is in one span; in halves where that is more than can be read at once, oldest half first."""
    start, end = span
    times = (("startTime", str(milliseconds(start))), ("endTime", str(milliseconds(end))))
    try:
        return await read(times)
    except TooManyPages:
        if end - start <= SPAN_MIN:
            raise
    middle = start + (end - start) / 2
    earlier = await read_span((start, middle), read)
    return earlier + await read_span((middle, end), read)
