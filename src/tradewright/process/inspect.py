"""What the system knows of another process: whether it lives, when it started, where it stands.

Lives here: reading, on Linux from /proc, elsewhere through `ps`. Not here: any signal to it.
"""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path


def is_alive(pid: int) -> bool:
    """Whether a process with this pid exists and has not ended; a zombie, which only waits to be collected, has."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    fields = _stat_fields(pid)
    return fields is None or fields[0] not in {"Z", "X"}


def started_at(pid: int) -> float | None:
    """Unix seconds at which the process started, to about a second; None if it cannot be told."""
    fields = _stat_fields(pid)
    if fields is not None:
        ticks = int(fields[19])  # field 22 of the line, counted after the command's closing bracket
        return _booted_at() + ticks / os.sysconf("SC_CLK_TCK")
    return _started_at_by_ps(pid)


def birth_of(pid: int) -> str:
    """What its start is called by the system: equal for the same process, another one for a later one of its number.
    "" if it cannot be told."""
    fields = _stat_fields(pid)
    if fields is not None:
        return fields[19]  # ticks since the boot
    at = _started_at_by_ps(pid)
    return "" if at is None else f"{at:.0f}"


def owner_of(pid: int) -> int | None:
    """The uid it runs as; None if it cannot be told (no /proc)."""
    try:
        return os.stat(f"/proc/{pid}").st_uid
    except OSError:
        return None


def working_directory(pid: int) -> Path | None:
    """Where the process stands; None if it cannot be told (another user's process, or no /proc)."""
    try:
        return Path(os.readlink(f"/proc/{pid}/cwd"))
    except OSError:
        return None


def _stat_fields(pid: int) -> list[str] | None:
    try:
        line = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None
    return line.rpartition(")")[2].split()  # the command before it may hold blanks and brackets


def _booted_at() -> float:
    """Unix seconds of the boot, by the wall clock of now: the same clock that a pid file's time was taken from."""
    return time.clock_gettime(time.CLOCK_REALTIME) - time.clock_gettime(time.CLOCK_BOOTTIME)


def _started_at_by_ps(pid: int) -> float | None:
    try:
        shown = subprocess.run(  # noqa: S603
            ["/bin/ps", "-o", "lstart=", "-p", str(pid)],
            env={"LC_ALL": "C"},
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        ).stdout.strip()
        return time.mktime(time.strptime(shown, "%a %b %d %H:%M:%S %Y"))
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
