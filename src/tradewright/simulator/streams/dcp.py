"""Disconnect-cancel-all: who has armed it, and when an account has been away for too long.

Lives here: the watch over armed connections. Not here: the time windows (`rest.dcp`), cancelling (`matching`).
Arming is not remembered over a restart of the exchange, which ends all connections itself.
A connection that subscribed a `dcp.*` topic is alive until it closes, or until its next ping is overdue. When all
armed connections of an account and product have been dead for longer than its window, its active orders of that
product go, once; the next subscription or ping arms it again. Conditional orders and exits stay: the documentation
only speaks of active orders (not verified).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from tradewright.simulator.rest.dcp import DcpSettings
from tradewright.simulator.streams.sockets import Connection

log = structlog.get_logger()

TOPICS = {"dcp.future": "DERIVATIVES", "dcp.spot": "SPOT", "dcp.option": "OPTIONS"}
# Clients are told to ping every twenty seconds, which is longer than the usual window: only from then on a connection
# that stays silent counts as gone (the documentation gives no number).
PING_DUE_MS = 20_000


@dataclass(slots=True)
class _Pulse:
    """Of one armed connection: the last ping that was seen, and how many there were by then."""

    at_ms: int
    pings: int


@dataclass(slots=True)
class _Guard:
    """One account's arming of one product."""

    pulses: dict[Connection, _Pulse] = field(default_factory=dict)
    gone_ms: int = 0  # when the last of those that left was last alive
    fired_ms: int | None = None  # the end of life that has been acted on


class DcpWatch:
    """`cancel(uid, product)` cancels the active orders of a product; `check` must be called about once a second."""

    def __init__(self, settings: DcpSettings, cancel: Callable[[str, str], None]) -> None:
        self._settings = settings
        self._cancel = cancel
        self._guards: dict[tuple[str, str], _Guard] = {}

    def arm(self, uid: str, topic: str, connection: Connection, *, now_ms: int) -> None:
        """A subscription counts as a ping."""
        guard = self._guards.setdefault((uid, TOPICS[topic]), _Guard())
        guard.pulses[connection] = _Pulse(now_ms, connection.pings)

    def disarm(self, uid: str, topic: str, connection: Connection) -> None:
        """Unsubscribed on purpose: this connection no longer counts, neither alive nor dead."""
        key = (uid, TOPICS[topic])
        guard = self._guards.get(key)
        if guard is not None:
            guard.pulses.pop(connection, None)
            if not guard.pulses and not guard.gone_ms:
                del self._guards[key]

    def left(self, connection: Connection, *, now_ms: int) -> None:
        """The connection has closed."""
        for guard in self._guards.values():
            pulse = guard.pulses.pop(connection, None)
            if pulse is not None:
                _listen(connection, pulse, now_ms)
                guard.gone_ms = max(guard.gone_ms, min(now_ms, pulse.at_ms + PING_DUE_MS))

    def check(self, *, now_ms: int) -> None:
        """Cancel for whoever has been away for longer than the window."""
        for (uid, product), guard in tuple(self._guards.items()):
            for connection, pulse in guard.pulses.items():
                _listen(connection, pulse, now_ms)
            alive_ms = max([guard.gone_ms, *(pulse.at_ms + PING_DUE_MS for pulse in guard.pulses.values())])
            window_ms = 1_000 * self._settings.window_s(uid, product, now_ms=now_ms)
            if alive_ms == guard.fired_ms or now_ms - alive_ms <= window_ms:
                continue
            guard.fired_ms = alive_ms
            if not guard.pulses:
                del self._guards[uid, product]
            log.info("exchange.dcp_fired", uid=uid, product=product, dead_ms=now_ms - alive_ms)
            self._cancel(uid, product)


def _listen(connection: Connection, pulse: _Pulse, now_ms: int) -> None:
    if connection.pings != pulse.pings:
        pulse.at_ms, pulse.pings = now_ms, connection.pings
