"""Standing behind other processes where they all want the processor.

Lives here: `stand_behind` and `stand_last`, for the process itself, and `lower_session`. Standard library only.

Where Linux shares the processor among sessions first (`sched_autogroup`, usual on desktops), a process's place counts
only within its own session, and our children lead one each: then the session's place has to be lowered as well.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from pathlib import Path

_TRIES = 10
_AGAIN_S = 0.11  # the system takes one such change in a tenth of a second, whoever asks for it


def stand_behind(steps: int) -> None:
    """Lowers the place of this process by so many steps of niceness, and its session's to the same."""
    os.nice(steps)
    lower_session(os.getpid(), os.getpriority(os.PRIO_PROCESS, 0), tries=_TRIES)


def stand_last() -> None:
    """From now on this process has the processor only while nobody else wants it, and gives it up at once when somebody
    does; twenty of them leave as much to the others as one. Its disk requests follow. Where the system knows no such
    place, nothing changes. May be called between fork and exec.

    Niceness alone does not do: a nice process that has just begun its slice keeps it for some milliseconds, and of two
    cores twenty hold both.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError):  # a container may forbid it
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def lower_session(pid: int, place: int, *, tries: int = 1) -> bool:
    """Whether the session of a process has this place now. False where the system knows no such place."""
    for number in range(tries):
        try:
            Path(f"/proc/{pid}/autogroup").write_text(str(place))
        except BlockingIOError:
            if number + 1 < tries:
                time.sleep(_AGAIN_S)
        except OSError:
            return False
        else:
            return True
    return False
