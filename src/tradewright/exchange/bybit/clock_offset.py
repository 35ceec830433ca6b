"""The exchange's clock as we believe it: measured by its answer's midpoint, carried on by our monotonic clock.

Lives here: `ServerClock`. Not here: the request that reads the time (`rest`), what is signed with it (`rest`, streams).
Our wall clock plays no part, so that a step of it cannot spoil a signature.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from structlog.typing import FilteringBoundLogger

from tradewright.core.clock import Clock, from_milliseconds
from tradewright.core.errors import ExchangeError

RESYNC_AFTER_S = 300.0
GOOD_ROUND_TRIP_S = 0.5  # the midpoint is wrong by at most half of it; Bybit refuses what is 1 s ahead
READS_MAX = 2


@dataclass(frozen=True, slots=True)
class _Measured:
    """The exchange showed `server_ms` when our monotonic clock showed `at_s`, give or take half of `round_trip_s`."""

    at_s: float
    server_ms: int
    round_trip_s: float

    def server_ms_at(self, monotonic_s: float) -> int:
        return self.server_ms + round((monotonic_s - self.at_s) * 1000)


class ServerClock:
    """Measured when needed: at the first use, every 5 minutes of use, and when the exchange rejects a timestamp."""

    def __init__(self, read_ms: Callable[[], Awaitable[int]], *, clock: Clock, log: FilteringBoundLogger) -> None:
        self._read_ms = read_ms
        self._clock = clock
        self._log = log
        self._lock = asyncio.Lock()
        self._measured: _Measured | None = None

    async def now_ms(self) -> int:
        """Unix ms of the exchange. Raises what the reading raises when no measurement was ever made."""
        known = self._measured
        if known is None or self._clock.monotonic() - known.at_s > RESYNC_AFTER_S:
            try:
                await self.resync(older_than=known)
            except ExchangeError as problem:
                if known is None:
                    raise
                self._log.warning("clock.resync_failed", error=str(problem))  # the old offset still serves
        assert self._measured is not None
        return self._measured.server_ms_at(self._clock.monotonic())

    async def now(self) -> datetime:
        return from_milliseconds(await self.now_ms())

    def token(self) -> object:
        """Names the measurement in force; hand it to `resync` so that several rejections lead to one resync."""
        return self._measured

    async def resync(self, *, older_than: object) -> None:
        """Measures anew unless that happened since `older_than` was taken; one request, a second one if it was slow."""
        async with self._lock:
            before = self._measured
            if before is not older_than:
                return
            best = await self._measure()
            for _again in range(READS_MAX - 1):
                if best.round_trip_s > GOOD_ROUND_TRIP_S:
                    best = min(best, await self._measure(), key=lambda measured: measured.round_trip_s)
            self._measured = best
            moved_ms = None if before is None else best.server_ms - before.server_ms_at(best.at_s)
            self._log.info("clock.synced", round_trip_ms=round(best.round_trip_s * 1000), moved_ms=moved_ms)

    async def _measure(self) -> _Measured:
        sent_s = self._clock.monotonic()
        server_ms = await self._read_ms()
        received_s = self._clock.monotonic()
        return _Measured((sent_s + received_s) / 2, server_ms, received_s - sent_s)
