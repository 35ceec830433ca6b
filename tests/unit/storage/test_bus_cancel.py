"""A reader of the bus that is cancelled ends, also in the moment in which a hint arrives for it."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from tradewright.storage.bus import Bus, Subscription


async def test_a_reader_cancelled_as_a_hint_arrives_ends_and_leaves_the_hint() -> None:
    subscription = Subscription("accounts", cast(Bus, None))
    reader = asyncio.create_task(subscription.get(timeout=60))
    await asyncio.sleep(0)
    subscription._put("a hint")
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    assert await subscription.get(timeout=0) == "a hint"
