"""The exchange's clock as we believe it: measured by its answer's midpoint, carried on by our monotonic clock.

Lives here: `ServerClock`. Not here: the request that reads the time (`rest`), what is signed with it (`rest`, streams).
Our wall clock plays no part, so that a step of it cannot spoil a signature.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

from structlog.typing import FilteringBoundLogger

from tradewright.core.clock import Clock, from_milliseconds
from tradewright.core.errors import ExchangeError

RESYNC_AFTER_S = 300.0
GOOD_ROUND_TRIP_S = 0.5  # the midpoint is wrong by at most half of it; Bybit refuses what is 1 s ahead
READS_MAX = 2


class ServerClock:
    """Measured when needed: at the first use, every 5 minutes of use, and when the exchange rejects a timestamp."""

    def __init__(self, read_ms: Callable[[], Awaitable[int]], *, clock: Clock, log: FilteringBoundLogger) -> None:
        self._read_ms = read_ms
        self._clock = clock
        self._log = log
        self._lock = asyncio.Lock()
        self._anchor: tuple[float, float] | None = None  # (monotonic s, server ms) of the last measurement

    async def now_ms(self) -> int:
        """Unix ms of the exchange. Raises what the reading raises when no measurement was ever made."""
        anchor = self._anchor
        if anchor is None or self._clock.monotonic() - anchor[0] > RESYNC_AFTER_S:
            try:
                await self.resync(older_than=anchor)
            except ExchangeError as problem:
                if anchor is None:
                    raise
                self._log.warning("clock.resync_failed", error=str(problem))  # the old offset still serves
        return self._reading()

    async def now(self) -> datetime:
        return from_milliseconds(await self.now_ms())

    def token(self) -> object:
        """Names the measurement in force; hand it to `resync` so that several rejections lead to one resync."""
        return self._anchor

    async def resync(self, *, older_than: object) -> None:
        """Measures anew unless that happened since `older_than` was taken; one request, a second one if it was slow."""
        async with self._lock:
            if self._anchor is not older_than:
                return
            best: tuple[float, tuple[float, float]] | None = None
            for _attempt in range(READS_MAX):
                sent_at = self._clock.monotonic()
                server_ms = await self._read_ms()
                received_at = self._clock.monotonic()
                measured = (received_at - sent_at, ((sent_at + received_at) / 2, float(server_ms)))
                if best is None or measured[0] < best[0]:
                    best = measured
                if best[0] <= GOOD_ROUND_TRIP_S:
                    break
            assert best is not None
            moved_ms = None if self._anchor is None else round(best[1][1] - self._at(best[1][0]))
            self._anchor = best[1]
            self._log.info("clock.synced", round_trip_ms=round(best[0] * 1000), moved_ms=moved_ms)

    def _reading(self) -> int:
        return int(self._at(self._clock.monotonic()))

    def _at(self, monotonic: float) -> float:
        assert self._anchor is not None
        return self._anchor[1] + (monotonic - self._anchor[0]) * 1000
