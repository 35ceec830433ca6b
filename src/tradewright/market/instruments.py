"""Instruments as a process knows them: loaded from the database, and again when they were read anew.

Lives here: `InstrumentCache`, one environment's lists with their age, and `InstrumentLists`, which keeps those of every
environment. Not here: the rules themselves (`core.instrument`), who reads them from the exchange
(`instrument_refresher`). So a process that has just started, and one whose exchange is away, knows them all the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tradewright.core.clock import Clock
from tradewright.core.environment import Environment
from tradewright.core.errors import NotFound, NotReady
from tradewright.core.instrument import Category, Instrument, InstrumentId
from tradewright.market.instrument_store import (
    INSTRUMENTS_CHANNEL,
    ListFacts,
    UnreadableRules,
    list_facts,
    read_instruments,
)
from tradewright.storage.bus import Bus

log = structlog.get_logger(__name__)

LOOK_AGAIN_S = 10.0  # a hint may be lost; then the change is found by looking


@dataclass(frozen=True, slots=True)
class _Known:
    version: int
    read_at: float  # monotonic s
    rows: Sequence[Instrument]


class InstrumentCache:
    """One environment's lists, as they were last loaded."""

    def __init__(self, environment: Environment, *, clock: Clock) -> None:
        self.environment: Environment = environment
        self._clock = clock
        self._known: dict[Category, _Known] = {}
        self._by_id: dict[InstrumentId, Instrument] = {}

    def all(self, category: Category) -> Sequence[Instrument]:
        """Every instrument of the category, by symbol; empty before the first reading (`age_ms` is None then)."""
        known = self._known.get(category)
        return () if known is None else known.rows

    def get(self, instrument: InstrumentId) -> Instrument | None:
        return self._by_id.get(instrument)

    def require(self, instrument: InstrumentId) -> Instrument:
        """Raises `NotReady` while the list has not been read, `NotFound` when the exchange has no such instrument."""
        found = self._by_id.get(instrument)
        if found is not None:
            return found
        if self.age_ms(instrument.category) is None:
            raise NotReady("the list of instruments has not been read from the exchange yet; try again shortly")
        raise NotFound(f"the exchange lists no {instrument.category} instrument {instrument.symbol}")

    def age_ms(self, category: Category) -> int | None:
        """Milliseconds since the exchange was asked for the category, by whichever process; None if it never was."""
        known = self._known.get(category)
        return None if known is None else int((self._clock.monotonic() - known.read_at) * 1000)

    def version(self, category: Category) -> int | None:
        """Of the list: the same version is the same rules, in every process and after a restart."""
        known = self._known.get(category)
        return None if known is None else known.version

    def put(self, category: Category, rows: Sequence[Instrument], *, version: int, age_s: float) -> None:
        """Takes a whole list, sorted by symbol."""
        self._known[category] = _Known(version, self._clock.monotonic() - age_s, tuple(rows))
        kept = {key: value for key, value in self._by_id.items() if key.category != category}
        self._by_id = kept | {row.id: row for row in rows}


class InstrumentLists:
    """Every environment's lists in this process. `run` must be running for them to follow what is read anew."""

    def __init__(self, engine: AsyncEngine, bus: Bus, *, clock: Clock) -> None:
        self._engine = engine
        self._bus = bus
        self._clock = clock
        self._caches: dict[Environment, InstrumentCache] = {}
        self._loaded_at: float | None = None

    def of(self, environment: Environment) -> InstrumentCache:
        """Always the same one; empty until the environment's instruments have been read."""
        cache = self._caches.get(environment)
        if cache is None:
            cache = self._caches[environment] = InstrumentCache(environment, clock=self._clock)
        return cache

    async def run(self) -> None:
        """Until cancelled. A database that is away is asked again at the next hint, which the bus gives each second."""
        subscription = self._bus.subscribe(INSTRUMENTS_CHANNEL)
        try:
            while True:
                hint = await subscription.get()
                if hint is None and not self._is_due():
                    continue
                try:
                    await self.load()
                except (SQLAlchemyError, OSError, TimeoutError) as error:
                    log.warning("instruments.unread", error=type(error).__name__)
        finally:
            subscription.close()

    async def load(self) -> None:
        """Reads which lists there are, and the rows of those that changed."""
        async with self._engine.connect() as connection:
            await connection.execution_options(isolation_level="REPEATABLE READ")
            for facts in await list_facts(connection):
                await self._take(connection, facts, self._clock.monotonic())
        self._loaded_at = self._clock.monotonic()

    async def _take(self, connection: AsyncConnection, facts: ListFacts, now: float) -> None:
        cache = self.of(facts.environment)
        rows = cache.all(facts.category)
        if cache.version(facts.category) != facts.version:
            try:
                rows = await read_instruments(connection, facts.environment, facts.category)
            except UnreadableRules as error:
                log.warning("instruments.rules_unreadable", error=str(error))
                return
            log.info("instruments.loaded", environment=facts.environment, category=facts.category, count=len(rows))
        cache.put(facts.category, rows, version=facts.version, age_s=facts.age_s + self._clock.monotonic() - now)

    def _is_due(self) -> bool:
        return self._loaded_at is None or self._clock.monotonic() - self._loaded_at >= LOOK_AGAIN_S
