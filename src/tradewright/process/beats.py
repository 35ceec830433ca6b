"""The heartbeat of a child over a pipe: how it beats, and how its parent hears that it does not.

Lives here: `Beats` for the child, `Listener` for the parent. Standard library only. Not here: what becomes of a silent
child (`process.keeper`), when one beats (the child's event loop, so that a stuck one is silent too).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Callable

BEAT_FD = "TRADEWRIGHT_BEAT_FD"  # the number of the pipe's end, in the child's environment
BEAT_EVERY_S = 1.0
_LOOK_S = 0.5


class Beats:
    """`run` writes a byte each second until cancelled. Without a parent that listens it does nothing."""

    def __init__(self, descriptor: str | None) -> None:
        self._descriptor = int(descriptor) if descriptor is not None and descriptor.isdecimal() else None

    async def run(self) -> None:
        if self._descriptor is None:
            return
        os.set_blocking(self._descriptor, False)
        while True:
            # A full pipe means that nobody reads: then the parent has other cares than this child. A broken one, too.
            with contextlib.suppress(OSError):
                os.write(self._descriptor, b".")
            await asyncio.sleep(BEAT_EVERY_S)


class Listener:
    """The parent's side of one child's life. `writing` is what the child inherits; close it once the child has it."""

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._reading, self.writing = os.pipe()
        os.set_blocking(self._reading, False)
        self._monotonic = monotonic
        self._is_open = True

    async def silence(self, silent_s: float) -> None:
        """Returns once the child has beaten and then not for `silent_s`. One that never beats is not judged here.

        Only time in which this process itself ran counts, and none in which the machine slept: a parent that was
        stopped must not kill a child for it.
        """
        silent: float | None = None
        before = self._monotonic()
        while silent is None or silent < silent_s:
            await asyncio.sleep(_LOOK_S)
            now = self._monotonic()
            if self._has_beaten():
                silent = 0.0
            elif silent is not None:
                silent += min(now - before, 2 * _LOOK_S)
            before = now

    def close(self) -> None:
        if self._is_open:
            self._is_open = False
            os.close(self._reading)

    def _has_beaten(self) -> bool:
        try:
            return bool(os.read(self._reading, 4096))
        except OSError:  # nothing to read
            return False
