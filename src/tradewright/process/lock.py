"""A lock that a process holds on a file until it ends, however it ends.

Lives here: `FileLock` on flock, which the kernel frees even after SIGKILL; the file names the holder for people.
The file itself stays: removing it would let two processes hold two files of the same name.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


class FileLock:
    """Not re-entrant; one object, one holder. The descriptor is not inherited by children."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def take(self) -> int | None:
        """Take it at once and return None; or return the holder's pid (0 if it cannot be read). Raises `OSError`."""
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 32).decode(errors="replace").strip()
            os.close(descriptor)
            return int(holder) if holder.isdigit() else 0
        except OSError:
            os.close(descriptor)
            raise
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._descriptor = descriptor
        return None

    def release(self) -> None:
        """Give it back; nothing happens if it is not held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
