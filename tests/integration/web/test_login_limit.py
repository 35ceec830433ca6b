"""The limit of tried passwords over hours, on the real tables."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tradewright.identity.model import TooManyTries
from tradewright.identity.throttle import TRIES_MAX, admit, keys_of, tries_in_window
from tradewright.system import SystemIds

START = datetime(2026, 1, 1, tzinfo=UTC)


async def test_hours_of_guessing_try_at_most_twenty_in_any_hour(engine: AsyncEngine) -> None:
    """A guess every 40 s for three hours, from a new address each time: what counts is the name."""
    tried: list[datetime] = []
    waits: list[int] = []
    for n in range(270):
        now = START + timedelta(seconds=40 * n)
        keys = keys_of("ann", f"10.0.{n // 200}.{n % 200}")
        try:
            async with engine.begin() as connection:
                await admit(connection, keys, now=now, ids=SystemIds())
        except TooManyTries as refused:
            waits.append(refused.retry_after_s)
        else:
            tried.append(now)
    for first in tried:
        within = [moment for moment in tried if first <= moment < first + timedelta(hours=1)]
        assert len(within) <= TRIES_MAX
    assert 0 < min(waits) <= max(waits) <= 3600
    assert len(tried) == 3 * TRIES_MAX
    async with engine.connect() as connection:
        # What is older than the window has been swept.
        assert await connection.scalar(text("SELECT count(*) FROM login_attempts")) <= 2 * TRIES_MAX


async def test_waiting_as_long_as_told_is_enough(engine: AsyncEngine) -> None:
    keys = keys_of("ann", "10.0.0.1")
    now = START
    for n in range(TRIES_MAX):
        async with engine.begin() as connection:
            await admit(connection, keys, now=START + timedelta(seconds=n), ids=SystemIds())
    try:
        async with engine.begin() as connection:
            await admit(connection, keys, now=START + timedelta(seconds=30), ids=SystemIds())
    except TooManyTries as refused:
        now = START + timedelta(seconds=30 + refused.retry_after_s)
    assert now > START
    async with engine.begin() as connection:
        assert await tries_in_window(connection, keys[0], now) == TRIES_MAX - 1
        await admit(connection, keys, now=now, ids=SystemIds())
