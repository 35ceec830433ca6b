"""A strategy's own brakes: entries a day, cooldown, daily loss, hours and days (contract, 3.8).

They are judged at a bar's close.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Protocol

from tradewright.core.money import ZERO, plain
from tradewright.strategy.model import Limits, Weekday
from tradewright.strategy.prices import HUNDRED
from tradewright.strategy.timeframe import DAY_MS, MINUTE_MS

_WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_FIRST_WEEKDAY = 3  # 1970-01-01 was a Thursday
_FAR_MS = 2**62
_DAY_MINUTES = 1440


class Valued(Protocol):
    """Whose equity is watched: a backtest's books, or a run's."""

    def equity(self, close: float) -> Decimal: ...
    def is_at_most(self, least: Decimal, close: float) -> bool: ...


class Brakes:
    """`opened_ms`: when the first bar opened; its day's opening equity is the capital."""

    def __init__(self, limits: Limits, opened_ms: int, capital: Decimal) -> None:
        self._limits = limits
        self._keep_ratio = None if limits.max_daily_loss_pct is None else 1 - limits.max_daily_loss_pct / HUNDRED
        # Without a daily loss no day has to be noticed.
        self.next_day_ms = _FAR_MS if self._keep_ratio is None else _next_day_ms(opened_ms)
        self.least = ZERO if self._keep_ratio is None else capital * self._keep_ratio
        self.is_tripped = False
        self._entry_day = -1
        self._entries = 0
        self._free_from = -1

    @property
    def watches_equity(self) -> bool:
        return self._keep_ratio is not None

    def look(self, book: Valued, time_ms: int, close: float) -> None:
        """At each close at which the equity may differ from the one before: a new day, and the day's loss."""
        if self._keep_ratio is None:
            return
        if time_ms >= self.next_day_ms:
            self.next_day_ms = _next_day_ms(time_ms)
            self.is_tripped = False
            self.least = book.equity(close) * self._keep_ratio
        if not self.is_tripped and book.is_at_most(self.least, close):
            self.is_tripped = True

    def entered(self, time_ms: int) -> None:
        """A position was opened."""
        day = time_ms // DAY_MS
        self._entries = self._entries + 1 if day == self._entry_day else 1
        self._entry_day = day

    def exited(self, bar: int) -> None:
        """A position was closed in this bar."""
        self._free_from = bar + self._limits.cooldown_bars

    def hold(self, bar: int, time_ms: int, *, is_exit_decided: bool) -> bool:
        """Whether no entry may be decided at this close."""
        limits = self._limits
        if self.is_tripped or bar < self._free_from or (is_exit_decided and limits.cooldown_bars):
            return True
        if limits.max_entries_per_day is not None and (
            time_ms // DAY_MS == self._entry_day and self._entries >= limits.max_entries_per_day
        ):
            return True
        if limits.trade_minutes is not None:
            begin, end = limits.trade_minutes
            minute = time_ms // MINUTE_MS % _DAY_MINUTES
            is_open = begin <= minute < end if begin < end else minute >= begin or minute < end
            if not is_open:
                return True
        return limits.trade_days is not None and weekday(time_ms) not in limits.trade_days

    def memory(self) -> dict[str, Any]:
        """As a run keeps it between two processes."""
        return {
            "next_day_ms": self.next_day_ms,
            "least": plain(self.least),
            "is_tripped": self.is_tripped,
            "entry_day": self._entry_day,
            "entries": self._entries,
            "free_from": self._free_from,
        }

    def restore(self, kept: Mapping[str, Any]) -> None:
        self.next_day_ms, self.least = int(kept["next_day_ms"]), Decimal(kept["least"])
        self.is_tripped = bool(kept["is_tripped"])
        self._entry_day, self._entries = int(kept["entry_day"]), int(kept["entries"])
        self._free_from = int(kept["free_from"])


def weekday(time_ms: int) -> Weekday:
    return _WEEKDAYS[(time_ms // DAY_MS + _FIRST_WEEKDAY) % 7]


def _next_day_ms(time_ms: int) -> int:
    return (time_ms // DAY_MS + 1) * DAY_MS
