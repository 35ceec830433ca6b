"""Ports for time, chance and ids, so that a seed replays any night of trading.

Lives here: the protocols. Not here: the real ones (`tradewright.system`) nor the tests' virtual ones.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol
from uuid import UUID

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class Clock(Protocol):
    def now(self) -> datetime:
        """Aware UTC, for records."""
        ...

    def monotonic(self) -> float:
        """Seconds, for intervals; never steps back, and goes on while the machine sleeps where the system can tell."""
        ...

    async def sleep(self, seconds: float) -> None: ...


class Rng(Protocol):
    def random(self) -> float:
        """Uniform in [0, 1), for jitter and other things that need no secrecy."""
        ...


class Ids(Protocol):
    def new(self) -> UUID:
        """A fresh UUIDv7: ordered by time to the millisecond."""
        ...


def milliseconds(moment: datetime) -> int:
    """Unix milliseconds of an aware time, rounded down; exact (no float on the way)."""
    return (moment - _EPOCH) // _MILLISECOND


def from_milliseconds(value: int) -> datetime:
    """Aware UTC time of Unix milliseconds."""
    return _EPOCH + timedelta(milliseconds=value)
