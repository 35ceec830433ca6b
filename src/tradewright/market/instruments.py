"""Instruments in memory: loaded at the start, read again every 15 minutes and when asked.

Lives here: `InstrumentCache` and its age. Not here: the rules themselves (`core.instrument`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from structlog.typing import FilteringBoundLogger

from tradewright.core.clock import Clock
from tradewright.core.errors import ExchangeUnavailable
from tradewright.core.instrument import Category, Instrument, InstrumentId
from tradewright.exchange.ports import MarketGateway

REFRESH_EVERY_S = 900.0
RETRY_FIRST_S = 0.25  # the exchange may be starting beside us
RETRY_MAX_S = 15.0


class InstrumentCache:
    """The newest complete list of each category. A failed refresh changes nothing but the age."""

    def __init__(
        self,
        market: MarketGateway,
        *,
        clock: Clock,
        log: FilteringBoundLogger,
        categories: Sequence[Category] = ("linear",),
    ) -> None:
        self._market = market
        self._clock = clock
        self._log = log.bind(component="market.instruments")
        self._categories = tuple(categories)
        self._by_id: dict[InstrumentId, Instrument] = {}
        self._read_at: dict[Category, float] = {}
        self._refreshing = asyncio.Lock()
        self._loaded = asyncio.Event()

    async def run(self) -> None:
        """Loads, retrying with a growing pause while the exchange is away, then refreshes every 15 minutes."""
        pause_s = RETRY_FIRST_S
        while True:
            try:
                await self.refresh()
            except ExchangeUnavailable as problem:
                self._log.warning("instruments.refresh_failed", error=str(problem), retry_in_s=pause_s)
                await self._clock.sleep(pause_s)
                pause_s = min(pause_s * 2, RETRY_MAX_S)
            else:
                pause_s = RETRY_FIRST_S
                await self._clock.sleep(REFRESH_EVERY_S)

    async def refresh(self) -> None:
        """Reads every category anew, now. Raises `ExchangeUnavailable`; what was known before then stays."""
        async with self._refreshing:
            for category in self._categories:
                rows = await self._market.instruments(category)
                kept = {key: value for key, value in self._by_id.items() if key.category != category}
                self._by_id = kept | {row.id: row for row in rows}
                self._read_at[category] = self._clock.monotonic()
                self._log.info("instruments.refreshed", category=category, count=len(rows))
        self._loaded.set()

    async def wait_loaded(self) -> None:
        """Returns once every category was read at least once."""
        await self._loaded.wait()

    def all(self, category: Category) -> list[Instrument]:
        """Every instrument of the category, by symbol; empty before the first load (`age_ms` is None then)."""
        rows = (row for row in self._by_id.values() if row.id.category == category)
        return sorted(rows, key=lambda row: row.id.symbol)

    def get(self, instrument: InstrumentId) -> Instrument | None:
        return self._by_id.get(instrument)

    def age_ms(self, category: Category) -> int | None:
        """Milliseconds since the category was last read; None if it never was."""
        read_at = self._read_at.get(category)
        return None if read_at is None else int((self._clock.monotonic() - read_at) * 1000)
