"""A person's day: quiet hours and the minute of a daily message, in their own time zone. No I/O.

A day has hours twice or not at all where clocks are changed; a minute that does not come is the first one after it.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

DAY_MINUTES = 1_440


def zone_of(name: str) -> tzinfo | None:
    """None for a name that the system's tz database does not know. `UTC` is known everywhere."""
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def minute_of(now: datetime, zone: tzinfo) -> tuple[date, int]:
    """The day there, and the minute of it."""
    local = now.astimezone(zone)
    return local.date(), local.hour * 60 + local.minute


def is_quiet(now: datetime, zone: tzinfo, begins: int, ends: int) -> bool:
    """`begins` and `ends` are minutes of a day; over midnight where it ends before it begins; equal: never."""
    _, minute = minute_of(now, zone)
    if begins <= ends:
        return begins <= minute < ends
    return minute >= begins or minute < ends


def quiet_until(now: datetime, zone: tzinfo, begins: int, ends: int) -> datetime:
    """When something that comes now may be told (aware UTC): at once, or when the quiet hours are over."""
    if not is_quiet(now, zone, begins, ends):
        return now
    local = now.astimezone(zone)
    day = local.date()
    if local.hour * 60 + local.minute >= ends:
        day += timedelta(days=1)
    end = datetime.combine(day, time(ends // 60, ends % 60), tzinfo=zone).astimezone(UTC)
    return max(end, now)
