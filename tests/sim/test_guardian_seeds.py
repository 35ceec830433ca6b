"""Drawn runs of the guardian: orders that open carry a stop, stops get lost, and everything else goes wrong too.

By the exchange's own word no position stands without its stop for longer than was promised, and what is closed for
want of one is closed once."""

from __future__ import annotations

import asyncio
import random
from decimal import Decimal

import pytest

from sim.checks import faults_found
from sim.faults import draw_faults
from sim.protection_checks import QUIET_MARGIN_S, Moment, StopWatch, naked_beyond
from sim.seeded import Keeper
from sim.world import BTC, World
from tradewright.core.order import Exit
from tradewright.lab.virtual_loop import run_virtual
from tradewright.trading.guardian.model import GuardSettings

SETTINGS = GuardSettings()
_SAFETY_S = 90.0
_SETTLED_WITHIN_S = 60.0
_BATCHES, _OF_EACH = 4, 10


async def _run(seed: int) -> tuple[list[str], StopWatch, World]:
    rng = random.Random(f"{seed}:guard")
    world = World(seed, guard=SETTINGS)
    world.set_faults(draw_faults(rng))
    keeper = Keeper(world, rng, kills=rng.choice((0, 1, 2)))
    loud, quiet = StopWatch(), StopWatch()
    tasks = [
        asyncio.create_task(keeper.run()),
        asyncio.create_task(_people(world, rng)),
        asyncio.create_task(_market(world)),
        asyncio.create_task(loud.run(lambda: _moment(world))),
    ]
    await asyncio.sleep(_SAFETY_S)
    world.set_faults()
    keeper.kills = 0
    assert world.process is not None, "the keeper started one"
    world.process.spare()
    world.wire.drop_streams("faults are over")
    tasks[2].cancel()
    await asyncio.sleep(_SETTLED_WITHIN_S)
    found = [*naked_beyond(loud, SETTINGS), *faults_found(world)]
    # A tail without faults, in which the stop is lost once more.
    tasks.append(asyncio.create_task(quiet.run(lambda: _moment(world))))
    world.exchange.lose_stop(BTC)
    await asyncio.sleep(45)
    found += [*naked_beyond(quiet, SETTINGS, QUIET_MARGIN_S), *faults_found(world), *_still_naked(world)]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await world.kill()
    return found, loud, world


def _moment(world: World) -> Moment:
    process = world.process
    is_served = (
        process is not None
        and not process.is_dead
        and not process.task.done()
        and process.session.state in ("ready", "degraded")
        and not world.wire.down
    )
    return Moment(
        at_s=world.clock.monotonic(),
        size=world.exchange.size_of(BTC),
        stop=world.exchange.stop_of(BTC),
        is_planned=True,
        is_served=is_served,
    )


def _still_naked(world: World) -> list[str]:
    size, stop = world.exchange.size_of(BTC), world.exchange.stop_of(BTC)
    return [f"{size} stands without a stop at the end"] if size and stop is None else []


async def _people(world: World, rng: random.Random) -> None:
    """Opens on one side and the other, always with a stop, and moves it now and then; stops get lost meanwhile."""
    for _ in range(rng.randrange(4, 10)):
        await asyncio.sleep(rng.expovariate(1 / 8.0))
        choice, price = rng.random(), world.exchange.price
        if choice < 0.5:
            side = rng.choice(("Buy", "Sell"))
            away = Decimal(rng.randrange(5, 40)) * 100 * (-1 if side == "Buy" else 1)
            world.exchange.legs_dropped = rng.choice((0, 0, 1, 3))
            world.market(
                side=side,
                quantity=Decimal(rng.randrange(1, 900)) / 1000,
                stop_loss=Exit(trigger_price=price + away, trigger_by=rng.choice(("LastPrice", "MarkPrice"))),
            )
        elif choice < 0.65:
            size = world.exchange.size_of(BTC)
            world.exits(stop_loss=price + Decimal(rng.randrange(5, 40)) * 100 * (-1 if size > 0 else 1))
        elif choice < 0.9:
            world.exchange.refuse_exits = [10001] * rng.choice((0, 0, 1, 5))
            world.exchange.lose_stop(BTC)
        else:
            world.close()
    world.exchange.legs_dropped = 0


async def _market(world: World) -> None:
    rng = world.random_of("market")
    while True:
        await asyncio.sleep(0.5)
        world.exchange.move_price(world.exchange.price + Decimal(rng.randrange(-30, 31)) * 10)


@pytest.mark.parametrize("first", range(0, _BATCHES * _OF_EACH, _OF_EACH))
def test_no_position_stands_without_its_stop_for_longer_than_was_promised(first: int) -> None:
    seen = 0
    for seed in range(first, first + _OF_EACH):
        found, watch, world = run_virtual(_run(seed))
        assert found == [], f"seed {seed}"
        seen += len(watch.spans_s)
        assert world.violations == []
    assert seen > 0, "no stop was ever missing: these runs show nothing"


def test_the_watch_finds_a_position_that_nobody_looks_after() -> None:
    async def run() -> StopWatch:
        world = World(3)  # without a guardian
        watch = StopWatch()
        world.start()
        await world.ready()
        world.exchange.legs_dropped = 100
        task = asyncio.create_task(watch.run(lambda: _moment(world)))
        world.market(quantity=Decimal("0.5"), stop_loss=Exit(trigger_price=Decimal(57000)))
        await asyncio.sleep(90)
        task.cancel()
        await world.kill()
        return watch

    assert len(naked_beyond(run_virtual(run()), SETTINGS)) == 1
