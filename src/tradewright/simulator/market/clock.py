"""The market's own time: how it follows the wall clock, and how people write a moment.

Lives here: `MarketClock` and `parse_time`. Not here: reading the wall clock; wall time is always passed in.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

from tradewright.simulator.market.errors import MarketSpecError, MarketTimeError

SPEED_MAX = 100_000.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST_MS = 253_402_300_799_999  # the last millisecond of the year 9999


class MarketClock:
    """Market time as a straight line through (wall time, market time), `speed` market seconds per wall second.

    With `end_ms` it stands still from there on, and while `paused` it stands still anyway. `first_ms` is where a
    recording begins. Pause, speed and place are changed by hand through `control.motion` only, and not at all where
    `follows_real`: the market of others goes on whatever is wished here.
    """

    __slots__ = (
        "_anchor_market_ms",
        "_anchor_wall_ms",
        "by_hand",
        "end_ms",
        "first_ms",
        "follows_real",
        "given_speed",
        "paused",
        "speed",
    )

    def __init__(
        self, *, wall_ms: int, market_ms: int, speed: float, end_ms: int | None = None, follows_real: bool = False
    ) -> None:
        self._anchor_wall_ms = wall_ms
        self._anchor_market_ms = market_ms
        self.speed = self.given_speed = checked_speed(speed)
        self.first_ms: int | None = None
        self.end_ms = end_ms
        self.follows_real = follows_real
        self.paused = False
        self.by_hand = False  # somebody has changed its motion since the very first start

    @property
    def start_ms(self) -> int:
        """Market time at the wall time the line starts from."""
        return self._anchor_market_ms

    def market_ms(self, wall_ms: int) -> int:
        """Market time at a wall time, rounded down to the millisecond."""
        if self.paused:
            return self._anchor_market_ms
        now = self._anchor_market_ms + math.floor((wall_ms - self._anchor_wall_ms) * self.speed)
        return now if self.end_ms is None else min(now, self.end_ms)

    def wall_ms(self, market_ms: int) -> int:
        """The first wall millisecond at which the market has reached `market_ms` (for timers)."""
        return self._anchor_wall_ms + math.ceil((market_ms - self._anchor_market_ms) / self.speed)

    def start_from(self, market_ms: int) -> None:
        """Let the line start at another market time, at the same wall time: a restored market goes on from there."""
        self._anchor_market_ms = market_ms

    def go_on(self, *, wall_ms: int, market_ms: int, speed: float | None = None, paused: bool | None = None) -> None:
        """Start a new line at this moment; what is not named stays. Raises `MarketSpecError` for a speed."""
        fresh = self.speed if speed is None else checked_speed(speed)
        self._anchor_wall_ms, self._anchor_market_ms, self.speed = wall_ms, market_ms, fresh
        self.by_hand = True
        if paused is not None:
            self.paused = paused


def checked_speed(speed: float) -> float:
    """Raises `MarketSpecError` for what is no speed."""
    if not (math.isfinite(speed) and 0 < speed <= SPEED_MAX):
        raise MarketSpecError(f"speed is {speed:g}; it must be above 0 and at most {SPEED_MAX:g}")
    return speed


def parse_time(text: str) -> int:
    """Unix milliseconds of ISO 8601 text (UTC when it names no zone) or of Unix milliseconds in digits.

    Raises `MarketTimeError`.
    """
    cleaned = text.strip()
    if cleaned.isascii() and cleaned.isdigit():
        value = int(cleaned) if len(cleaned) <= 15 else _LATEST_MS + 1
        if value > _LATEST_MS:
            raise MarketTimeError(f"from is {text!r}, which is after the year 9999 in Unix milliseconds")
        return value
    try:
        moment = datetime.fromisoformat(cleaned)
    except ValueError:
        raise MarketTimeError(
            f"from is {text!r}; write ISO 8601 such as 2022-01-15T12:00:00Z, or Unix milliseconds"
        ) from None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    since_ms = (aware - _EPOCH) // timedelta(milliseconds=1)
    if not 0 <= since_ms <= _LATEST_MS:
        raise MarketTimeError(f"from is {text!r}; it must lie between the years 1970 and 9999")
    return since_ms


def time_text(ms: int) -> str:
    """ISO 8601 in UTC, to the second, or to the millisecond where there is a fraction."""
    moment = _EPOCH + timedelta(milliseconds=ms)
    return moment.isoformat(timespec="milliseconds" if ms % 1000 else "seconds").replace("+00:00", "Z")
