"""Rounds of the worker: what waits in a table is taken up, each for itself, and put off with growing pauses.

Lives here: `Rounds`. Not here: what is asked (`checks`, `change_checks`, `top_up_rounds`). Whatever it was doing when
it died is done again by the next one, because the row still waits.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Generic, TypeVar
from uuid import UUID

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from tradewright.connections.rows import CHANNEL
from tradewright.connections.verdicts import NoAnswer
from tradewright.core.clock import Clock, Rng
from tradewright.core.fault import Fault
from tradewright.storage.bus import Bus

log = structlog.get_logger()

PAUSE_S_FIRST = 2.0
PAUSE_S_MAX = 300.0
Item = TypeVar("Item")


class Rounds(ABC, Generic[Item]):
    """Runs beside the sessions, in the process that owns the accounts."""

    what: str  # for the log

    def __init__(self, engine: AsyncEngine, bus: Bus, *, clock: Clock, rng: Rng) -> None:
        self._engine = engine
        self._bus = bus
        self._clock = clock
        self._rng = rng
        self._busy: set[UUID] = set()

    @abstractmethod
    async def waiting(self, busy: Sequence[UUID]) -> Sequence[Item]:
        """Those whose time has come, and that are not under way."""

    @abstractmethod
    def id_of(self, item: Item) -> UUID: ...

    @abstractmethod
    async def attend(self, item: Item) -> None:
        """One question and what follows."""

    @abstractmethod
    async def put_off(self, item: Item, nothing: NoAnswer) -> None:
        """It stays as it is and says why."""

    async def run(self) -> None:
        """Until cancelled. The bus wakes it at each notification and each second."""
        hints = self._bus.subscribe(CHANNEL)
        async with asyncio.TaskGroup() as tasks:
            while True:
                try:
                    waiting = await self.waiting(list(self._busy))
                except (SQLAlchemyError, OSError) as error:
                    log.warning("connections.unread", what=self.what, error=type(error).__name__)
                    waiting = []
                except Exception:  # a row that this version cannot read: it waits, sessions go on
                    log.exception("connections.unread", what=self.what)
                    waiting = []
                for each in waiting:
                    self._busy.add(self.id_of(each))
                    tasks.create_task(self._attend(each))
                await hints.get()

    def pause_s(self, failures: int, nothing: NoAnswer) -> float:
        """How long until it is asked again."""
        growing_s: float = min(PAUSE_S_MAX, PAUSE_S_FIRST * 2 ** min(failures, 16))
        jittered_s = growing_s * (0.5 + 0.5 * self._rng.random())
        return max(nothing.pause_s, jittered_s)

    async def _attend(self, item: Item) -> None:
        """The database's failures are logged: the row still waits, and comes again.

        A bug in one of them is written down in full and is no reason to end the worker of all accounts.
        """
        item_id = self.id_of(item)
        try:
            try:
                await self.attend(item)
            except (SQLAlchemyError, OSError):
                raise
            except Exception as error:
                log.exception("connection.check_failed", what=self.what, id=str(item_id))
                await self.put_off(item, NoAnswer(Fault("connection.check_failed", {"error": type(error).__name__})))
        except (SQLAlchemyError, OSError) as error:
            log.warning("connection.unwritten", what=self.what, id=str(item_id), error=type(error).__name__)
            await self._clock.sleep(PAUSE_S_FIRST)
        finally:
            self._busy.discard(item_id)
