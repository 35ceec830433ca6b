"""What waits to be written to one browser: bounded, in order, nothing dropped."""

from __future__ import annotations

import asyncio
from collections import deque

WAITING_MAX = 1_000


class Outbox:
    """One writer takes; many put. More than 1,000 waiting means a reader that is too slow: `put` then says so and keeps
    nothing more, because what follows a hole in an account's events is worth nothing."""

    def __init__(self, *, limit: int = WAITING_MAX) -> None:
        self._limit = limit
        self._waiting: deque[str] = deque()
        self._arrived = asyncio.Event()
        self._drained = asyncio.Event()
        self._drained.set()
        self.is_overflown = False

    def put(self, message: str) -> bool:
        """False when the message was not taken, for the reader is too slow."""
        if self.is_overflown:
            return False
        if len(self._waiting) >= self._limit:
            self.is_overflown = True
            self._waiting.clear()
            return False
        self._waiting.append(message)
        self._drained.clear()
        self._arrived.set()
        return True

    async def get(self) -> str:
        """The oldest message. It counts as waiting until `wrote` says that it has been written."""
        while not self._waiting:
            self._arrived.clear()
            await self._arrived.wait()
        return self._waiting[0]

    def wrote(self) -> None:
        """The message that `get` gave has been written."""
        if self._waiting:
            self._waiting.popleft()
        if not self._waiting:
            self._drained.set()

    async def drained(self) -> None:
        """Returns when nothing waits: the moment for data of which only the newest counts."""
        await self._drained.wait()
