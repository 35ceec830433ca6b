"""A person's notifications as they change: how many are unread, and the newest. Each time whole.

Lives here: `NewsFeed`, with one subscription to the bus for the whole process. A hint says only "read".
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from tradewright.core.clock import Clock
from tradewright.notify.centre import Whose, standing, whose_of
from tradewright.notify.model import CHANNEL
from tradewright.storage.bus import Bus

log = structlog.get_logger(__name__)

PAUSE_S = 0.25  # between two messages: a burst is one
LOOK_S = 10.0  # without a hint: one may be lost


class NewsFeed:
    def __init__(self, engine: AsyncEngine, bus: Bus, clock: Clock) -> None:
        self._engine, self._bus, self._clock = engine, bus, clock
        self._waiting: dict[Whose, set[asyncio.Event]] = {}

    async def run(self) -> None:
        """Until cancelled: wakes whoever follows."""
        subscription = self._bus.subscribe(CHANNEL)
        looked_s = self._clock.monotonic()
        try:
            while True:
                hint = await subscription.get()
                if hint is not None and (whose := whose_of(hint)) is not None:
                    self._wake(whose)
                elif self._clock.monotonic() - looked_s >= LOOK_S:
                    looked_s = self._clock.monotonic()
                    for each in list(self._waiting):
                        self._wake(each)
        finally:
            subscription.close()

    def _wake(self, whose: Whose) -> None:
        for event in self._waiting.get(whose, ()):
            event.set()

    async def follow(self, whose: Whose) -> AsyncGenerator[dict[str, Any], None]:
        """What stands now, and again whenever it is another; until it is closed."""
        changed, told = asyncio.Event(), None
        self._waiting.setdefault(whose, set()).add(changed)
        try:
            while True:
                changed.clear()
                try:
                    async with self._engine.connect() as connection:
                        found = await standing(connection, whose)
                except (TimeoutError, SQLAlchemyError, OSError) as error:
                    log.warning("stream.news_unread", error=type(error).__name__)
                    changed.set()  # again after the pause, however long the database is away
                    await self._clock.sleep(1.0)
                else:
                    if found != told:
                        told = found
                        yield found
                await self._clock.sleep(PAUSE_S)
                await changed.wait()
        finally:
            waiting = self._waiting[whose]
            waiting.discard(changed)
            if not waiting:
                del self._waiting[whose]
