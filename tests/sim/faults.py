"""Which faults a run has, and how often: drawn from its seed, a different mixture each time.

Lives here: `Faults`. With fixed rates the interesting coincidences never happen, so each kind is switched off in about
half of the runs and rare to frequent in the others. Not here: what a fault does (`exchange_ports`, `world`).
"""

from __future__ import annotations

import random
from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """Shares of calls or events (0 to 1) that go wrong in one way each; spans in virtual seconds."""

    # Commands.
    request_not_sent: float = 0.0
    request_lost: float = 0.0
    reply_lost: float = 0.0  # it was carried out, soon
    accept_late: float = 0.0  # it is carried out up to the end of the window of validity; no reply
    server_error: float = 0.0  # 5xx or unreadable, carried out or not
    rate_limited: float = 0.0
    clock_rejected: float = 0.0
    # Reads.
    read_failed: float = 0.0
    # What an order shows.
    visible_late: float = 0.0
    visible_late_s_max: float = 15.0
    # Private events.
    event_lost: float = 0.0
    event_twice: float = 0.0
    event_delayed: float = 0.0
    event_delay_s_max: float = 3.0
    disconnects_a_minute: float = 0.0
    # Our own side.
    database_error: float = 0.0
    database_slow: float = 0.0


NONE = Faults()
_OFTEN: dict[str, float] = {
    "disconnects_a_minute": 12.0,
    "database_error": 0.01,
    "event_twice": 0.5,
    "event_delayed": 0.6,
    "database_slow": 0.5,
    "visible_late": 0.6,
}
_SPANS = ("visible_late_s_max", "event_delay_s_max")


def draw_faults(rng: random.Random) -> Faults:
    drawn = {}
    for one in fields(Faults):
        highest = _OFTEN.get(one.name, 0.3)
        share = rng.choice((0.05, 0.3, 1.0)) * highest
        if one.name not in _SPANS and rng.random() < 0.5:
            drawn[one.name] = share
    return Faults(**drawn)
