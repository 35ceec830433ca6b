"""Timeframes of a spec: the twelve, their lengths, and where longer bars begin. Unix milliseconds, UTC.

Not here: the exchange's own names of intervals (`market.intervals`).
"""

from __future__ import annotations

from typing import Literal, get_args

Timeframe = Literal["1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "12h", "1d", "1w"]
TIMEFRAMES: tuple[Timeframe, ...] = get_args(Timeframe)

MINUTE_MS = 60_000
DAY_MS = 86_400_000
WEEK_MS = 7 * DAY_MS
_FIRST_MONDAY_MS = 4 * DAY_MS  # 1970-01-05: weeks begin on Mondays, the epoch was a Thursday
_UNITS_MS = {"m": MINUTE_MS, "h": 60 * MINUTE_MS, "d": DAY_MS, "w": WEEK_MS}


def length_ms(timeframe: Timeframe) -> int:
    """How long a bar lasts."""
    return int(timeframe[:-1]) * _UNITS_MS[timeframe[-1]]


def is_multiple(longer: Timeframe, base: Timeframe) -> bool:
    """Whether bars of `longer` can be built from those of `base`: the same, or a whole multiple of it."""
    return length_ms(longer) % length_ms(base) == 0


def open_of(moment_ms: int, timeframe: Timeframe) -> int:
    """When the bar opened in which `moment_ms` lies (at its open: itself). Weeks open on Mondays, 00:00."""
    origin = _FIRST_MONDAY_MS if timeframe == "1w" else 0
    return moment_ms - (moment_ms - origin) % length_ms(timeframe)
