"""The exchange's clock is off, drifts and jumps, and ours is set: commands are signed inside the window all the same, a
rejection leads to one measurement and not to a loop (promise F1). Through the real client, in virtual time."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from sim.counting_exchange import CountingExchange
from sim.test_request_budgets import CREATE, ORDERS, World
from sim.virtual_time import in_virtual_time
from tradewright.core.errors import ClockRejected
from tradewright.exchange.bybit.address import Address
from tradewright.exchange.bybit.rest import RestClient
from tradewright.lab.virtual_loop import VirtualClock, run_virtual

TIME = "/v5/market/time"


async def trade(world: World, account: RestClient, orders: int, pause_s: float) -> int:
    """Orders one after another, as a submission sends them: signed anew after a rejection, three times at most.
    Returns how many were rejected for their time."""
    rejected = 0
    for _ in range(orders):
        for _attempt in range(3):
            try:
                await account.command(CREATE, {})
                break
            except ClockRejected:
                rejected += 1
        else:
            raise AssertionError("three times outside the window")
        await world.clock.sleep(pause_s)
    return rejected


def most_that_one_was_ahead_ms(exchange: CountingExchange) -> float:
    return max(exchange.ahead_ms)


@pytest.mark.parametrize("ahead_s", [-5.0, 5.0, -86_400.0, 86_400.0])
def test_any_skew_is_met_without_a_rejection(ahead_s: float) -> None:
    async def run() -> tuple[int, CountingExchange]:
        world = World()
        world.exchange.ahead_s = ahead_s
        account = world.client("uid", Address(world.clock))
        return await trade(world, account, 100, 10.0), world.exchange

    rejected, exchange = run_virtual(run())
    assert (rejected, exchange.wrong_window) == (0, 0)
    assert exchange.asked[TIME] <= 2 * 4, "measured every five minutes, with a second look where the first was slow"
    assert most_that_one_was_ahead_ms(exchange) < 500


@pytest.mark.parametrize("drift", [0.999, 1.001])
def test_a_clock_that_drifts_by_a_second_in_a_quarter_of_an_hour_is_followed(drift: float) -> None:
    async def run() -> tuple[int, CountingExchange]:
        world = World()
        world.exchange.drift = drift
        account = world.client("uid", Address(world.clock))
        return await trade(world, account, 400, 20.0), world.exchange

    rejected, exchange = run_virtual(run())
    assert rejected == 0
    assert most_that_one_was_ahead_ms(exchange) < 900, "an order lives at most so much longer than its window"


@pytest.mark.parametrize("jump_s", [-7.0, -1.5, 4.0, 7.0, 3_600.0, -3_600.0])
def test_a_jump_of_the_clock_is_followed_after_one_rejection_by_at_most_two_readings(jump_s: float) -> None:
    async def run() -> tuple[list[int], list[int]]:
        world = World()
        account = world.client("uid", Address(world.clock))
        rejections, readings = [], []
        for _ in range(20):
            await trade(world, account, 3, 1.0)
            world.exchange.ahead_s += jump_s
            before = world.exchange.asked[TIME]
            rejections.append(await trade(world, account, 5, 1.0))
            readings.append(world.exchange.asked[TIME] - before)
        return rejections, readings

    rejections, readings = run_virtual(run())
    assert max(rejections) <= 1
    assert max(readings) <= 2 + 2 * (abs(jump_s) < 5), "two for the rejection; a periodic one may fall between"


@in_virtual_time
async def test_many_commands_that_are_rejected_at_once_lead_to_one_measurement() -> None:
    world = World()
    account = world.client("uid", Address(world.clock), slow_s=0.0)
    await account.read(ORDERS, signed=True)
    world.exchange.ahead_s += 30.0
    before = world.exchange.asked[TIME]
    ended = await asyncio.gather(*(account.command(CREATE, {}) for _ in range(9)), return_exceptions=True)
    assert all(isinstance(end, ClockRejected) for end in ended)
    assert world.exchange.asked[TIME] - before <= 2
    await asyncio.gather(*(account.read(ORDERS, signed=True) for _ in range(9)))
    assert world.exchange.wrong_window == 9


@in_virtual_time
async def test_a_step_of_our_own_clock_changes_no_signature() -> None:
    world = World()
    account = world.client("uid", Address(world.clock))
    await trade(world, account, 3, 1.0)
    for step in (timedelta(hours=-1), timedelta(hours=2), timedelta(days=400)):
        world.clock._offset += step
        assert isinstance(world.clock, VirtualClock)
        assert await trade(world, account, 10, 5.0) == 0
    assert world.exchange.wrong_window == 0


@in_virtual_time
async def test_an_exchange_whose_clock_never_agrees_is_not_asked_in_a_loop() -> None:
    world = World()
    account = world.client("uid", Address(world.clock))
    await account.read(ORDERS, signed=True)
    world.exchange.ahead_s += 30.0
    world.exchange.shows_ahead_s = 60.0  # what it tells of its time is not what it judges by
    readings, rounds = world.exchange.asked[TIME], 10
    for _ in range(rounds):
        with pytest.raises(ClockRejected):
            await account.command(CREATE, {})
    assert world.exchange.asked[CREATE] == rounds
    assert world.exchange.asked[TIME] - readings <= 2 * rounds
