"""What runs beside a campaign: where it fails, the campaign ends at once, and is not left waiting for ever."""

from __future__ import annotations

import asyncio

import pytest

from campaigns.kill import beside


async def test_what_fails_beside_a_campaign_ends_it() -> None:
    async def fails() -> None:
        raise ValueError("the database was not started again")

    with pytest.raises(ExceptionGroup) as failed:
        async with asyncio.timeout(30), beside(asyncio.sleep(3600), fails()):
            await asyncio.Event().wait()
    assert [str(one) for one in failed.value.exceptions] == ["the database was not started again"]


async def test_what_goes_on_beside_a_campaign_ends_with_it() -> None:
    ended = asyncio.Event()

    async def goes_on() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with beside(goes_on()):
        await asyncio.sleep(0)
    assert ended.is_set()
