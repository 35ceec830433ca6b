"""Candle intervals: their names, and where a candle of each starts and ends.

Lives here: Bybit's intervals and calendar arithmetic in UTC. Not here: aggregation (`candles`).
Weeks start on Monday and months on the first, as on Bybit.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 3_600_000
DAY_MS: Final = 86_400_000
WEEK_MS: Final = 7 * DAY_MS
_FIRST_MONDAY_MS: Final = 4 * DAY_MS  # 1970-01-05
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FIXED_MS: Final = {
    **{str(minutes): minutes * MINUTE_MS for minutes in (1, 3, 5, 15, 30, 60, 120, 240, 360, 720)},
    "D": DAY_MS,
    "W": WEEK_MS,
}
INTERVALS: Final = (*_FIXED_MS, "M")


def bucket_start(interval: str, ms: int) -> int:
    """Start of the candle that contains `ms`. Raises `ValueError` for an unknown interval."""
    if interval == "M":
        first = (_EPOCH + timedelta(milliseconds=ms)).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        return (first - _EPOCH) // timedelta(milliseconds=1)
    length = fixed_length_ms(interval)
    if interval == "W":
        return ms - (ms - _FIRST_MONDAY_MS) % WEEK_MS
    return ms - ms % length


def bucket_end(interval: str, start_ms: int) -> int:
    """Start of the following candle, i.e. the exclusive end of the one that starts at `start_ms`."""
    if interval == "M":
        return bucket_start("M", start_ms + 32 * DAY_MS)
    return start_ms + fixed_length_ms(interval)


def fixed_length_ms(interval: str) -> int:
    """Length of every interval but the month, which has none. Raises `ValueError` for other names."""
    length = _FIXED_MS.get(interval)
    if length is None:
        raise ValueError(f"interval is {interval!r}; it must be one of {' '.join(INTERVALS)}")
    return length


def adds_up(base_ms: int, interval: str) -> bool:
    """Whether bars of `base_ms` make whole candles of `interval`."""
    length = DAY_MS if interval == "M" else fixed_length_ms(interval)
    return length % base_ms == 0


def bar_start(base_ms: int, ms: int) -> int:
    """Start of the bar of `base_ms` that contains `ms`: on the grid from the epoch, weeks on Mondays."""
    return ms - (ms - (_FIRST_MONDAY_MS if base_ms == WEEK_MS else 0)) % base_ms


def is_aligned(base_ms: int, open_ms: int) -> bool:
    """Whether a bar of `base_ms` may open at `open_ms`; see `bar_start`."""
    return bar_start(base_ms, open_ms) == open_ms
