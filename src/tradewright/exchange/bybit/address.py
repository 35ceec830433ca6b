"""The address that requests come from: Bybit counts and blocks an address, not a key, so all who share it share this.

Lives here: `Address` (the budget of 600 calls in 5 seconds, the silence after HTTP 403) and `Addresses`, all of a
process's, by proxy. Not here: budgets of single endpoints (`limits`), sending (`rest`), where a silence is kept over a
restart (`silence_file`).

Several processes share one address and cannot see each other's calls, so each has a share of the 600. Within a share
each class of call may fill only a part: what is left free is kept for those before it, so that a cancel finds room
however much is being read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol

from tradewright.core.clock import Clock
from tradewright.exchange.bybit.priority import Priority
from tradewright.exchange.bybit.proxy import Proxy
from tradewright.exchange.bybit.rolling import RollingWindow, Turn

ADDRESS_CALLS: Final = 600
ADDRESS_WINDOW_S: Final = 5.0
_WINDOW_S = ADDRESS_WINDOW_S + 0.25  # a little more than Bybit's, for clocks that round
# Together less than Bybit's 600: the rest is for what we do not count, such as opening sockets and other programs.
OWNER_SHARE: Final = 380  # the worker: orders, cancels, reconciliation of all accounts
PAGE_SHARE: Final = 150  # a process that only reads the market
# Bybit takes 500 new sockets of one address in 5 minutes on each of its stream hosts; a share of that, over all hosts.
CONNECTS_WINDOW_S: Final = 300.0
_CONNECT_PART: Final = 0.8  # of as many as a share has calls: 304 for the worker, 120 for a process that reads
IP_BAN: Final = timedelta(minutes=10)  # after HTTP 403 Bybit wants silence for so long

_PART_RATIO: Mapping[Priority, float] = {
    Priority.KILL: 1.0,
    Priority.CANCEL: 0.97,
    Priority.REDUCE: 0.94,
    Priority.PLACE: 0.88,
    Priority.SAFETY: 0.8,
    Priority.READ: 0.6,
}


def part_of(priority: Priority) -> float:
    """How much of its address's share a class of calls may fill."""
    return _PART_RATIO[priority]


class SilenceKeeper(Protocol):
    """Where a silence outlives the process, and is seen by others who come from the same address."""

    def until(self, address: str) -> datetime | None:
        """By the wall clock; None when there is none. Never raises."""
        ...

    def keep(self, address: str, until: datetime) -> None:
        """Never raises: a silence that cannot be written is kept in memory all the same."""
        ...


class Address:
    """Shared by every client of a process that reaches Bybit from one address. `name` is for people."""

    def __init__(
        self, clock: Clock, *, share: int = OWNER_SHARE, name: str = "direct", keeper: SilenceKeeper | None = None
    ) -> None:
        self.name = name
        self.share = share
        self.window = RollingWindow(_WINDOW_S)
        self._connects = RollingWindow(CONNECTS_WINDOW_S + 1.0)
        self._clock = clock
        self._keeper = keeper
        self._silent_until_s: float | None = None

    def room_for(self, priority: Priority) -> int:
        """How much may be counted in a window when a call of this class goes."""
        return max(1, int(self.share * _PART_RATIO[priority]))

    def wait_s(self, priority: Priority) -> float:
        """How long until the next look, at most; 0 when a call of this class fits now."""
        return self.window.wait_s(self.room_for(priority), self._clock.monotonic())

    def used(self) -> int:
        self.window.first_end_s(self._clock.monotonic())
        return self.window.used

    def take_at_once(self) -> Turn:
        """Counts a call that must not wait, such as a reading of the exchange's clock: there are few, one by one."""
        turn = Turn(self._clock.monotonic(), windows=(self.window,))
        self.window.begin(turn)
        return turn

    def connect_wait_s(self) -> float:
        """How long until another socket may be opened; 0 when it may be now. After a 403 none is."""
        silent_s = self.silent_for_s()
        if silent_s > 0:
            return silent_s
        return self._connects.wait_s(int(self.share * _CONNECT_PART), self._clock.monotonic())

    def connects(self) -> None:
        """Another socket is being opened."""
        now_s = self._clock.monotonic()
        turn = Turn(now_s)
        self._connects.begin(turn)
        self._connects.answered(turn, now_s)

    def block(self) -> None:
        """HTTP 403: from now on nothing is sent from here for ten minutes."""
        self._silent_until_s = self._clock.monotonic() + IP_BAN.total_seconds()
        if self._keeper is not None:
            self._keeper.keep(self.name, self._clock.now() + IP_BAN)

    def silent_for_s(self) -> float:
        """For how many more seconds nothing may be sent; 0 when something may."""
        now_s = self._clock.monotonic()
        left_s = 0.0 if self._silent_until_s is None else self._silent_until_s - now_s
        if left_s <= 0:
            self._silent_until_s = None
            left_s = self._kept_for_s()
            if left_s > 0:
                self._silent_until_s = now_s + left_s
        return max(left_s, 0.0)

    def _kept_for_s(self) -> float:
        """What another process, or this one in its last life, has noted. Never more than a whole ban from now: the
        wall clock may have been set back since."""
        until = None if self._keeper is None else self._keeper.until(self.name)
        if until is None:
            return 0.0
        left_s = (until - self._clock.now()).total_seconds()
        return left_s if left_s <= IP_BAN.total_seconds() else 0.0


@dataclass(slots=True)
class Addresses:
    """One for each proxy, and one without: Bybit counts an address over all its hosts together."""

    clock: Clock
    share: int = OWNER_SHARE
    keeper: SilenceKeeper | None = None
    _known: dict[Proxy | None, Address] = field(default_factory=dict)

    def of(self, proxy: Proxy | None) -> Address:
        if proxy not in self._known:
            name = "direct" if proxy is None else proxy.shown
            self._known[proxy] = Address(self.clock, share=self.share, name=name, keeper=self.keeper)
        return self._known[proxy]
