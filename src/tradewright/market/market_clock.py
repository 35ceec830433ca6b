"""Market time: what bars and durations follow. On the simulated exchange it is not wall time.

Lives here: one shared, briefly cached reading. Not here: how it is read (`exchange.bybit.market_data`).
"""

from __future__ import annotations

import asyncio

from tradewright.core.clock import Clock
from tradewright.exchange.ports import MarketGateway

FRESH_FOR_S = 0.25  # short, because a replay may run at 60 market seconds a second


class MarketClock:
    """Reads market time at most four times a second, however many ask."""

    def __init__(self, market: MarketGateway, *, clock: Clock) -> None:
        self._market = market
        self._clock = clock
        self._lock = asyncio.Lock()
        self._value_ms = 0
        self._read_at: float | None = None

    async def now_ms(self) -> int:
        """Unix ms, at most a quarter of a second old. Raises `ExchangeUnavailable`."""
        async with self._lock:
            if self._read_at is None or self._clock.monotonic() - self._read_at > FRESH_FOR_S:
                self._value_ms = await self._market.market_now_ms()
                self._read_at = self._clock.monotonic()
            return self._value_ms
