"""What runs beside a campaign: where it fails, the campaign ends at once, and is not left waiting for ever. And what a
campaign of stops holds its spans against."""

from __future__ import annotations

import asyncio

import pytest

from campaigns.kill import beside
from campaigns.stops import BACK_MAX_S, DOWN_MAX_S, Measured


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


def test_a_stop_or_a_return_that_takes_longer_than_promised_is_a_finding() -> None:
    within = Measured(down={"up": [0.4, DOWN_MAX_S]}, back=[BACK_MAX_S, 12.0], load=[0.5, 1.5])
    assert within.problems() == []
    assert within.line().startswith("stops rounds=2 down_s_max: up=5.0 back_s_max=30.0 load=1.5 ")
    late = Measured(down={"up": [0.4], "api_dead": [5.2]}, back=[30.1], load=[0.5])
    assert [problem[:22] for problem in late.problems()] == ["with api_dead it took ", "the next worker was re"]
