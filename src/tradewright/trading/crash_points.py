"""Named moments at which a process may be made to end, so that tests can kill it exactly there.

Lives here: the names, and `Reach`, which is told when one is reached. By default that does nothing.
Not here: who ends the process (`app.crash`, and the simulation's world).
A moment is reached between two effects: whatever was done before it is done, and nothing of what follows. A new one is
added to `CRASH_POINTS`, and reached where it happens; the campaigns count that each is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal, get_args

CrashPoint = Literal[
    "takeover.begun",  # the session is about to judge what the owner before left
    "takeover.done",
    "intent.taken",  # read from the journal, not yet judged
    "intent.judged",  # approved in memory, nothing of it committed
    "request.committed",  # the intent is `sending`, no byte has left
    "request.signed",  # the gate has not been asked yet
    "request.passed",  # the gate said yes, nothing is written yet
    "request.handed",  # the bytes are the kernel's
    "answer.received",  # the exchange's word is known to this process alone
    "answer.committed",
    "facts.taken",  # reports of the stream have left its queue and are not booked
    "facts.booked",
    "reading.begun",  # nothing is read yet
    "reading.half_applied",  # its reports are booked, what is missing is not looked for yet
    "reading.applied",
    "unknown.asked",  # an outcome is about to be looked for
    "unknown.resolved",
    "kill.latched",  # the latch is durable, nothing is done about it yet
    "kill.cancelled",  # the cancels of a pass have left
    "kill.closing",  # a close is written down, no byte of it has left
]
CRASH_POINTS: Final[tuple[CrashPoint, ...]] = get_args(CrashPoint)

# Of the life of a bot's run, which `bots.runner` reaches: beside the others, since only an installation with bots does.
RunPoint = Literal[
    "run.taken",  # its row is read, nothing of it is written under this owner
    "run.begun",  # it is written down as begun or taken over, nothing is decided yet
    "run.bar",  # a bar was decided on in memory alone
    "run.decided",  # what was decided is committed, nothing is asked
    "run.asked",  # it is on its way, or written down for the session to send
    "run.fill",  # a fill came, and no event of the run tells it
    "run.told",  # one does
    "run.ending",  # it is about to write down that it has ended
]
RUN_POINTS: Final[tuple[RunPoint, ...]] = get_args(RunPoint)

# Settings that wish for it; see `app.crash`.
CRASH_AT: Final = "TRADEWRIGHT_CRASH_AT"
STOP_AT: Final = "TRADEWRIGHT_STOP_AT"

# Takes any name, because the floors below know theirs as plain text; see `RestClient`.
Reach = Callable[[str], None]


def nowhere(_point: str) -> None:
    """What is done at each point outside of tests."""
