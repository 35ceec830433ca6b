"""All tickers of a category over REST, shared by everyone who asks within two seconds.

Lives here: `TickerCache`. Not here: the live ticker of one instrument (`market.hub`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from tradewright.core.clock import Clock
from tradewright.core.instrument import Category
from tradewright.exchange.ports import MarketGateway, Ticker

FRESH_FOR_S = 2.0


@dataclass(frozen=True, slots=True)
class TickerList:
    rows: Sequence[Ticker]
    age_ms: int


class TickerCache:
    """Asks the exchange at most once in two seconds for each category."""

    def __init__(self, market: MarketGateway, *, clock: Clock) -> None:
        self._market = market
        self._clock = clock
        self._lock = asyncio.Lock()
        self._known: dict[Category, tuple[float, Sequence[Ticker]]] = {}

    async def all(self, category: Category) -> TickerList:
        """Every ticker of the category with the age of the reading. Raises `ExchangeUnavailable`."""
        async with self._lock:
            known = self._known.get(category)
            if known is None or self._clock.monotonic() - known[0] > FRESH_FOR_S:
                rows = await self._market.tickers(category)
                known = (self._clock.monotonic(), rows)
                self._known[category] = known
            return TickerList(known[1], int((self._clock.monotonic() - known[0]) * 1000))
