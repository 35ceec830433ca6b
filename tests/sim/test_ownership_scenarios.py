"""Scenes of owning: a session that is cancelled anywhere, one that stood still, what an owner before sent late."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from sim.checks import faults_found
from sim.virtual_time import in_virtual_time
from sim.world import World
from tradewright.core.fault import Fault
from tradewright.lab.virtual_loop import run_virtual
from tradewright.trading.session import AccountSession

_PIECE = 30  # steps in one test, so that several run side by side


async def _evening(cancel_at: int | None) -> tuple[int, list[str]]:
    """Orders of several kinds, changed and cancelled, while the session is cancelled at one step and follows itself."""
    world = World(7)
    process = world.start(cancel_at=cancel_at)

    async def owners() -> None:
        await asyncio.wait([process.task])
        assert process.task.cancelled(), "a cancel ends it, and nothing else does"
        world.start()

    successor = asyncio.create_task(owners())
    await world.ready()
    resting = world.place(price=Decimal(50000))
    await world.until_settled_or_s(3)
    world.market(quantity=Decimal("0.5"))
    if world.database.status(resting) == "working":
        world.amend(resting, price=Decimal(50500))
    await world.until_settled_or_s(3)
    world.exits(stop_loss=Decimal(40000))
    if world.database.status(resting) == "working":
        world.cancel(resting)
    await world.until_settled_or_s(40)
    await world.seconds(20)
    assert world.process is not None
    world.process.session.want_reconcile()
    await world.seconds(5)
    found = faults_found(world)
    if cancel_at is None:
        successor.cancel()
    else:
        assert successor.done(), f"step {cancel_at} was never reached"
        successor.result()
    return process.points, found


STEPS = 175  # of an evening, until only the poll of a quiet session is left; the next test holds it


def test_an_evening_has_these_steps_and_all_of_it_is_right() -> None:
    steps, found = run_virtual(_evening(None))
    assert found == []
    assert steps >= STEPS


@pytest.mark.parametrize("first", range(1, STEPS, _PIECE))
def test_a_session_that_is_cancelled_at_any_await_leaves_nothing_lost_and_nothing_twice(first: int) -> None:
    for step in range(first, min(first + _PIECE, STEPS + 1)):
        _steps, found = run_virtual(_evening(step))
        assert not found, f"cancelled at step {step}: {found}"


async def _ready_world() -> tuple[World, AccountSession]:
    world = World(1)
    process = world.start()
    await world.ready()
    await world.seconds(10)
    return world, process.session


@in_virtual_time
async def test_after_standing_still_nothing_opens_before_everything_was_read_again() -> None:
    world, session = await _ready_world()
    resting = world.place(price=Decimal(50000))
    await world.until_status(resting, "working")
    readings = world.readings
    stood_still_at, before = world.clock.now(), len(world.database.events)
    session.note_standstill()
    opening, cancel = world.place(price=Decimal(49000)), world.cancel(resting)
    await world.until(lambda: world.database.intents[opening].state != "proposed", "it leaves")
    assert world.readings > readings
    assert world.database.reconciled_at is not None
    assert world.database.reconciled_at >= stood_still_at
    told = [
        (event.payload["state"], event.payload["reason"])
        for event in world.database.events[before:]
        if event.kind == "session"
    ]
    assert told[0] == ("degraded", Fault("session.stood_still")), "the page says so"
    await world.until_status(opening, "working")
    await world.until_status(resting, "cancelled")
    assert world.database.intents[cancel].state == "acknowledged"
    assert world.database.session[0] == "ready"
    assert faults_found(world) == []


@in_virtual_time
async def test_one_window_after_a_takeover_everything_is_read_once_more() -> None:
    """The owner before had signed an order, and it is accepted only now; its event is lost on the way."""
    world = World(1)
    world.start()
    await world.ready()
    readings = world.readings
    await world.seconds(5)
    assert world.readings == readings
    await world.seconds(3)
    assert world.readings == readings + 1
    await world.seconds(60)
    assert world.readings == readings + 1, "once"
