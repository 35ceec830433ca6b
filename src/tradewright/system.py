"""The real clock, chance and ids behind the ports of `core.clock`. Only the composition root and tests build them."""

from __future__ import annotations

import asyncio
import random
import secrets
import time
from datetime import UTC, datetime
from uuid import UUID

from tradewright.core.ids import uuid7


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        if hasattr(time, "CLOCK_BOOTTIME"):
            return time.clock_gettime(time.CLOCK_BOOTTIME)
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class SystemRng:
    def __init__(self) -> None:
        self._random = random.SystemRandom()

    def random(self) -> float:
        return self._random.random()


class SystemIds:
    def new(self) -> UUID:
        return uuid7(time.time_ns() // 1_000_000, secrets.randbits(74))
