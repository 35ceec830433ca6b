"""One reader's bounded, conflating queue.

Lives here: `Subscription`, used by every fan-out of the hub.
Not here: which topics exist and who is counted (`market.hub`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from typing import Generic, Literal, TypeVar

T = TypeVar("T")


class SubscriptionClosed(Exception):
    """The subscription has ended; `reason` says why: closed by its reader, the hub has stopped, or too slow."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Subscription(Generic[T]):
    """A queue for one reader: an item replaces the waiting one with the same key, so a slow reader sees the newest.

    At most `limit` items wait. Beyond that the oldest is dropped and counted in `dropped`, or, where no item may be
    lost, the subscription is closed. Iterate over it or call `get`; end it with `close`, also after a failure.
    """

    def __init__(
        self,
        *,
        key_of: Callable[[T], Hashable],
        limit: int,
        overflow: Literal["drop_oldest", "close"],
        on_close: Callable[[Subscription[T]], None],
    ) -> None:
        self._key_of = key_of
        self._limit = limit
        self._overflow = overflow
        self._on_close = on_close
        self._waiting: dict[Hashable, T] = {}
        self._arrived = asyncio.Event()
        self._closed: str | None = None
        self.dropped = 0

    def push(self, item: T) -> None:
        """Called by the hub; never blocks."""
        if self._closed is not None:
            return
        self._waiting[self._key_of(item)] = item
        if len(self._waiting) > self._limit:
            if self._overflow == "close":
                self.close(f"too slow: more than {self._limit} items were waiting")
                return
            self._waiting.pop(next(iter(self._waiting)))
            self.dropped += 1
        self._arrived.set()

    async def get(self) -> T:
        """The next item, oldest key first. Raises `SubscriptionClosed` when closed and drained."""
        while not self._waiting:
            if self._closed is not None:
                raise SubscriptionClosed(self._closed)
            self._arrived.clear()
            await self._arrived.wait()
        return self._waiting.pop(next(iter(self._waiting)))

    def poll(self) -> T | None:
        """The next item if one is waiting."""
        return self._waiting.pop(next(iter(self._waiting))) if self._waiting else None

    def close(self, reason: str = "closed by its reader") -> None:
        """Stops the deliveries and gives the topic back; what waits can still be read. Closing twice is harmless."""
        if self._closed is not None:
            return
        self._closed = reason
        self._arrived.set()
        self._on_close(self)

    def __aiter__(self) -> Subscription[T]:
        return self

    async def __anext__(self) -> T:
        try:
            return await self.get()
        except SubscriptionClosed:
            raise StopAsyncIteration from None
