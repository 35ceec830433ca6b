"""What an earlier run of the embedded PostgreSQL may have left: a living server, a pid file, a socket directory.

Lives here: telling ours from what is not, and ending or removing only ours. Not here: our running server
(`storage.embedded`). Whoever calls holds the server's lock, so no living run has it.
"""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

from tradewright.core.errors import StartError
from tradewright.process.inspect import is_alive, owner_of, started_at, working_directory
from tradewright.storage.embedded_place import TEMPORARY_PREFIX, Place

_FAST_S = 15.0  # a fast shutdown writes a checkpoint
_IMMEDIATE_S = 5.0
_SAME_START_S = 5.0  # how far a pid file's whole second and the kernel's start time may be apart
_POLL_S = 0.01


def pid_file_lines(data: Path) -> list[str]:
    """Lines of postmaster.pid: pid, data, start (Unix seconds), port, socket folder, address, memory key, state."""
    try:
        return (data / "postmaster.pid").read_text(errors="replace").splitlines()
    except OSError:
        return []


def end_left_over(place: Place, say: Callable[[str], None]) -> None:
    """End a postmaster of ours that outlived its run; forget a pid that now belongs to somebody else.

    A pid is believed only with its owner, and with its start time or the data folder as its working directory: after a
    reboot the number in the file is often another program's. Raises `StartError` (exit code 9) if it does not end.
    """
    lines = pid_file_lines(place.data)
    if not lines or not lines[0].isdigit():
        return
    pid = int(lines[0])
    if not is_alive(pid):
        return  # PostgreSQL itself sees that and replaces the file
    if not _is_postmaster_of(pid, lines, place):
        # PostgreSQL believes any living pid, and would not start.
        (place.data / "postmaster.pid").unlink(missing_ok=True)
        return
    say(f"PostgreSQL of an earlier run (process {pid}) is still there; stopping it first")
    if not any(_ends_by(pid, number, within_s) for number, within_s in _SIGNALS):
        raise StartError(
            f"PostgreSQL of an earlier run (process {pid}, data in {place.data}) does not end; end that process, "
            f"then start again",
            exit_code=9,
        )


def remove_temporary(directory: Path, place: Place) -> None:
    """Remove a socket directory that we made in a temporary folder; anything else is left alone."""
    try:
        found = directory.lstat()
    except OSError:
        return
    is_ours = directory.name.startswith(TEMPORARY_PREFIX) and found.st_uid == place.server_uid
    if is_ours and not directory.is_symlink():
        shutil.rmtree(directory, ignore_errors=True)


_SIGNALS = ((signal.SIGINT, _FAST_S), (signal.SIGQUIT, _IMMEDIATE_S))


def _ends_by(pid: int, number: signal.Signals, within_s: float) -> bool:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        if not is_alive(pid):
            return True
        time.sleep(_POLL_S)
    return False


def _is_postmaster_of(pid: int, lines: list[str], place: Place) -> bool:
    if owner_of(pid) not in {None, place.server_uid}:
        return False
    if working_directory(pid) == place.data.resolve():
        return True
    began = started_at(pid)
    if began is None or len(lines) < 3 or not lines[2].isdigit():
        return False
    return abs(began - int(lines[2])) <= _SAME_START_S
