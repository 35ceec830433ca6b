"""The gate: whether commands may leave, asked without waiting between a signature and the socket.

Lives here: `Gate`, and `Timing` with the relation that makes an old owner harmless. Not here: the lock or lease whose
good look opens it (`single`), who asks (`exchange.bybit.rest`).

Whoever takes over waits `lease_s` since the owner before was last seen, unless that one is known to have ended. The old
owner's gate shuts `gate_s` after the *start* of its last good look, and what it signed until then is accepted by the
exchange for `RECV_WINDOW_S` more. So with `gate + recv window + skew <= lease` nothing of the old one arrives after the
new one has begun. The clock is one that goes on while the machine sleeps.
"""

from __future__ import annotations

from dataclasses import dataclass

from tradewright.core.clock import Clock
from tradewright.core.errors import StartError
from tradewright.trading.ownership import ShutReason

RECV_WINDOW_S = 5.0
SKEW_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Seconds. Raises `StartError` (exit code 2) where an old owner's request could arrive after a takeover."""

    gate_s: float = 6.0
    lease_s: float = 12.0
    check_s: float = 1.0  # between looks at the lock

    def __post_init__(self) -> None:
        if self.gate_s + RECV_WINDOW_S + SKEW_S > self.lease_s:
            raise StartError(
                f"TRADEWRIGHT_GATE_S is {self.gate_s:g} and TRADEWRIGHT_LEASE_S {self.lease_s:g}: the lease must be at"
                f" least {self.gate_s + RECV_WINDOW_S + SKEW_S:g} (the gate, {RECV_WINDOW_S:g} s in which the exchange"
                f" still takes a request, {SKEW_S:g} s for clocks that differ); raise the lease or lower the gate",
                exit_code=2,
            )
        if not 0 < self.check_s * 2 <= self.gate_s:
            raise StartError(
                f"TRADEWRIGHT_GATE_S is {self.gate_s:g}: it must be at least {self.check_s * 2:g}, twice the"
                f" {self.check_s:g} s between two looks at the lock, or it would shut between them",
                exit_code=2,
            )


class Gate:
    """Shut at first. `seen` opens it for `open_s`; `shut` shuts it at once, until it is seen again.

    That the database is away from everybody here holds for `away_s` after the look that found it so: whoever stood
    still for longer may have been replaced meanwhile, whatever it finds now.
    """

    def __init__(self, clock: Clock, open_s: float, away_s: float = 12.0) -> None:
        self._clock = clock
        self._open_s = open_s
        self._away_s = away_s
        self._seen_s = 0.0
        self._why: ShutReason | None = "not_held"
        self._stands_still = False

    @property
    def is_open(self) -> bool:
        return self.why_shut is None

    @property
    def why_shut(self) -> ShutReason | None:
        if self._why == "database_away":
            return "unseen" if self._is_too_old(self._away_s) else self._why
        if self._why is not None:
            return self._why
        if self._stands_still:
            return "slept"
        return "unseen" if self._is_too_old(self._open_s) else None

    def seen(self, began_s: float) -> None:
        """A good look at the lock began then, by the monotonic clock: later nobody knows, so the bound counts from its
        start."""
        if self._why != "dispossessed":
            self._seen_s, self._why = began_s, None

    def away(self, began_s: float) -> None:
        """A look that began then found that the database answers nobody here. After a pause between looks in which
        another may have become the owner it does not matter any more: only a good look opens the gate again."""
        if self._why != "dispossessed":
            self._why = "unseen" if self._is_too_old(self._away_s) else "database_away"
            if self._why == "database_away":
                self._seen_s = max(self._seen_s, began_s)

    def shut(self, why: ShutReason) -> None:
        if self._why != "dispossessed":  # for good
            self._why = why

    def _is_too_old(self, bound_s: float) -> bool:
        return self._clock.monotonic() - self._seen_s >= bound_s

    def stand_still(self) -> None:
        """This process has stood still: shut until `go_on`, also when the lock is seen to be held."""
        self._stands_still = True

    def go_on(self) -> None:
        self._stands_still = False
