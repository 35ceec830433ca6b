"""Standing behind other processes where they all want the processor.

Lives here: `stand_behind`, for the process itself, and `lower_session`. Standard library only.

Where Linux shares the processor among sessions first (`sched_autogroup`, usual on desktops), a process's place counts
only within its own session, and our children lead one each: then the session's place has to be lowered as well.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

_TRIES = 10
_AGAIN_S = 0.11  # the system takes one such change in a tenth of a second, whoever asks for it


def stand_behind(steps: int) -> None:
    """Lowers the place of this process by so many steps of niceness, and its session's to the same."""
    os.nice(steps)
    lower_session(os.getpid(), os.getpriority(os.PRIO_PROCESS, 0), tries=_TRIES)


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
