"""Candle intervals: which exist, and where their candles open. All times are Unix milliseconds, UTC.

Lives here: the calendar of opens (weeks on Monday, months on the first). Not here: candles themselves.
"""

from __future__ import annotations

from datetime import UTC, datetime

from tradewright.core.clock import from_milliseconds, milliseconds
from tradewright.core.errors import InvalidInput, Problem

_MINUTE_MS = 60_000
_DAY_MS = 86_400_000
_WEEK_MS = 7 * _DAY_MS
_FIRST_MONDAY_MS = 4 * _DAY_MS  # 1970-01-05; day 0 was a Thursday
_FIXED_MS = {name: int(name) * _MINUTE_MS for name in ("1", "3", "5", "15", "30", "60", "120", "240", "360", "720")}
INTERVALS: tuple[str, ...] = (*_FIXED_MS, "D", "W", "M")
EARLIEST_MS = 1_230_768_000_000  # 2009-01-01: nothing was traded before
LATEST_MS = 4_102_444_800_000  # 2100-01-01


def check_interval(interval: str) -> None:
    """Raises `InvalidInput` (`candles.interval`) for an interval that the exchange does not have."""
    if interval not in INTERVALS:
        raise InvalidInput(
            [Problem("candles.interval", "interval", {"value": interval, "allowed": " ".join(INTERVALS)})]
        )


def open_at(moment_ms: int, interval: str) -> int:
    """Open time of the candle that `moment_ms` falls into."""
    if interval == "M":
        moment = from_milliseconds(moment_ms)
        return milliseconds(datetime(moment.year, moment.month, 1, tzinfo=UTC))
    if interval == "W":
        return moment_ms - (moment_ms - _FIRST_MONDAY_MS) % _WEEK_MS
    return moment_ms - moment_ms % _step_ms(interval)


def next_open(open_ms: int, interval: str) -> int:
    """Open time of the candle after the one that opens at `open_ms`."""
    if interval == "M":
        opened = from_milliseconds(open_ms)
        year, month = (opened.year + 1, 1) if opened.month == 12 else (opened.year, opened.month + 1)
        return milliseconds(datetime(year, month, 1, tzinfo=UTC))
    return open_ms + _step_ms(interval)


def back(open_ms: int, interval: str, count: int) -> int:
    """Open time `count` candles earlier, not before `EARLIEST_MS`."""
    if interval != "M":
        return max(open_at(EARLIEST_MS, interval), open_ms - count * _step_ms(interval))
    opened = from_milliseconds(open_ms)
    months = max(2009 * 12, opened.year * 12 + opened.month - 1 - count)
    return milliseconds(datetime(months // 12, months % 12 + 1, 1, tzinfo=UTC))


def forward(open_ms: int, interval: str, count: int) -> int:
    """Open time `count` candles later."""
    if interval != "M":
        return open_ms + count * _step_ms(interval)
    opened = from_milliseconds(open_ms)
    months = opened.year * 12 + opened.month - 1 + count
    return milliseconds(datetime(months // 12, months % 12 + 1, 1, tzinfo=UTC))


def first_open_from(moment_ms: int, interval: str) -> int:
    """The first open time that is not before `moment_ms`."""
    opened = open_at(moment_ms, interval)
    return opened if opened == moment_ms else next_open(opened, interval)


def _step_ms(interval: str) -> int:
    if interval == "D":
        return _DAY_MS
    if interval == "W":
        return _WEEK_MS
    return _FIXED_MS[interval]
