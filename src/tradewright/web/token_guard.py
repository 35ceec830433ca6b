"""How often a wrong API token may be sent from one address before the database is no longer asked about it.

Lives here: `TokenGuard`, in the memory of one API process. A token has 256 random bits, so this does not keep guesses
out, of which none will ever be right; it keeps whoever sends them, or a program whose token has ended, from asking the
database each time. A token that was good here lately is never held up: others may share the address.
"""

from __future__ import annotations

from collections import OrderedDict

from tradewright.core.clock import Clock
from tradewright.identity.throttle import network_of

WRONG_MAX = 20  # in one window
WINDOW_S = 60.0
_ADDRESSES_MAX = 10_000


class TokenGuard:
    def __init__(self) -> None:
        self._wrong: OrderedDict[str, tuple[float, int]] = OrderedDict()  # when the window began, and how many since

    def wait_s(self, address: str | None, clock: Clock) -> int:
        """For how long nothing is looked up for this address; 0: it is."""
        began, count = self._wrong.get(network_of(address), (0.0, 0))
        left_s = began + WINDOW_S - clock.monotonic()
        return max(1, int(left_s + 0.999)) if count >= WRONG_MAX and left_s > 0 else 0

    def note_wrong(self, address: str | None, clock: Clock) -> None:
        key, now = network_of(address), clock.monotonic()
        began, count = self._wrong.pop(key, (now, 0))
        self._wrong[key] = (began, count + 1) if now - began < WINDOW_S else (now, 1)
        while len(self._wrong) > _ADDRESSES_MAX:
            self._wrong.popitem(last=False)
