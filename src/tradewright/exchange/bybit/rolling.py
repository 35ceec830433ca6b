"""Calls counted as Bybit counts them, from the side that does not see them arrive: a rolling window of turns.

Lives here: `Turn`, one call's place in it, and `RollingWindow`. Not here: who waits for room (`limits`), how much there
is of it (`limits`, `address`).
Bybit counts a call when it arrives, some time between its sending and its answer. So a call counts here from its
sending until a window after its answer, and those that bunch up on their way are no more than were allowed.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field

FLIGHT_S_MAX = 2.0  # a call without an answer has arrived by then, or never will: one that hangs must not close all
_LOOK_S = 0.02  # between looks whether an answer has come


@dataclass(slots=True, eq=False)
class Turn:
    """One call: when its turn came, by the monotonic clock, and where it counts."""

    begun_s: float
    windows: tuple[RollingWindow, ...] = ()
    has_waited: bool = False


@dataclass(slots=True)
class RollingWindow:
    """How much was used within the last `length_s` seconds, as far as anybody outside can know."""

    length_s: float
    used: int = 0
    _flying: dict[Turn, int] = field(default_factory=dict)  # how much, in the order of their sending
    _ends_s: list[tuple[float, int]] = field(default_factory=list)  # a heap: until when, how much

    def begin(self, turn: Turn, units: int = 1) -> None:
        self._flying[turn] = units
        self.used += units

    def leaves(self, turn: Turn) -> None:
        """It leaves only now, some time after its turn came."""
        if turn in self._flying:
            self._flying[turn] = self._flying.pop(turn)  # to the end: they are in the order of their sending

    def answered(self, turn: Turn, now_s: float) -> None:
        """It was answered, failed, or was not made after all. Harmless twice."""
        units = self._flying.pop(turn, None)
        if units is not None:
            heapq.heappush(self._ends_s, (min(now_s, turn.begun_s + FLIGHT_S_MAX) + self.length_s, units))

    def wait_s(self, most: int, now_s: float, units: int = 1) -> float:
        """How long until the next look, at most; 0 when so much more fits within `most` now. A call that is larger than
        the whole window goes when nothing else is counted."""
        self._forget(now_s)
        if self.used == 0 or self.used + units <= most:
            return 0.0
        ends_s = self.first_end_s(now_s)
        return min(ends_s, _LOOK_S) if self._flying else ends_s

    def first_end_s(self, now_s: float) -> float:
        """In how many seconds something stops counting, as far as is known; 0 when nothing counts."""
        self._forget(now_s)
        ends = [self._ends_s[0][0]] if self._ends_s else []
        if self._flying:
            ends.append(next(iter(self._flying)).begun_s + FLIGHT_S_MAX + self.length_s)
        return min(ends) - now_s if ends else 0.0

    def _forget(self, now_s: float) -> None:
        while self._ends_s and self._ends_s[0][0] <= now_s:
            self.used -= heapq.heappop(self._ends_s)[1]
        while self._flying:
            oldest = next(iter(self._flying))
            if oldest.begun_s + FLIGHT_S_MAX + self.length_s > now_s:
                break
            self.used -= self._flying.pop(oldest)
