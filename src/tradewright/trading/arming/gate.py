"""Whether a live account may open anything now: asked before each send and up to the last moment, in memory.

Lives here: `ArmingRule`, one of the rules of a live account's session. Not here: what it knows and when that changes
(`keeper`), what ends an arming (`model`).
It fails closed: what was not read within the last seconds is not known, and an arming whose latches or limits have
moved since it was read waits or is refused before anybody has written down that it is over. What takes exposure off is
never asked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tradewright.core.clock import Clock
from tradewright.core.risk import Effective, Limits, loosened
from tradewright.trading.beside import Held
from tradewright.trading.model import Intent, Reason

KNOWN_FOR_S = 5.0


@dataclass(frozen=True, slots=True)
class Armed:
    """An arming that counts. `until_s` is by the monotonic clock, never later than the database's; `latches` is the
    version of the board of latches from before it was read."""

    until_s: float
    limits: Limits
    latches: int


class ArmingRule:
    """Of one live account. `limits` tells those in force, `latches` the board's version; `real_trading` is the
    installation's word."""

    def __init__(
        self,
        clock: Clock,
        *,
        real_trading: bool,
        limits: Callable[[], Effective | None],
        latches: Callable[[], int],
    ) -> None:
        self._clock = clock
        self._real_trading = real_trading
        self._limits = limits
        self._latches = latches
        self._armed: Armed | None = None
        self._read_s: float | None = None

    def know(self, armed: Armed | None, *, read_s: float) -> None:
        """What was found by a look that began at `read_s`, by the monotonic clock."""
        self._armed, self._read_s = armed, read_s

    def judge(self, intent: Intent) -> Reason | Held | None:
        if intent.reduces:
            return None
        if not self._real_trading:
            return Reason("account.real_trading_off")
        now_s, armed = self._clock.monotonic(), self._armed
        if self._read_s is None or now_s - self._read_s > KNOWN_FOR_S:
            return Held(Reason("account.arming_unread"))
        if armed is None or armed.until_s <= now_s:
            return Reason("account.not_armed")
        effective = self._limits()
        if effective is None or armed.latches != self._latches():
            return Held(Reason("account.arming_unread"))
        return Reason("account.not_armed") if loosened(armed.limits, effective.limits) else None
