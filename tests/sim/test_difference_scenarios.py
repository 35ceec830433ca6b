"""Scenes of differences that wait for a person: what they block, and what adopting, ignoring and closing come to."""

from __future__ import annotations

from decimal import Decimal

import pytest

from sim.checks import faults_found
from sim.memory_differences import decide
from sim.virtual_time import in_virtual_time
from sim.world import BTC, World
from tradewright.core.ids import IntentId
from tradewright.lab.memory_database import DifferenceRow
from tradewright.lab.virtual_loop import run_virtual
from tradewright.trading.differences.model import Decision

KEY = ("linear", "BTCUSDT", 0)


async def deciding_world(seed: int = 1) -> World:
    world = World(seed, decides=True)
    world.start()
    await world.ready()
    return world


def last(world: World) -> DifferenceRow:
    return world.database.differences[-1]


def decided(world: World, decision: Decision, *, always: bool = False) -> DifferenceRow:
    row = last(world)
    return decide(world.database, row.id, decision, version=row.version, always=always)


async def is_blocked(world: World) -> None:
    assert world.process is not None
    keeper = world.process.keeper
    assert keeper is not None
    await world.until(lambda: keeper.blocked == {BTC}, "the symbol is blocked")


async def is_free(world: World) -> None:
    assert world.process is not None
    keeper = world.process.keeper
    assert keeper is not None
    await world.until(lambda: keeper.blocked == frozenset(), "nothing is blocked")


async def foreign_order(world: World) -> str:
    order_id = world.place_elsewhere()
    await is_blocked(world)
    return order_id


async def foreign_part(world: World, size: str = "0.2") -> None:
    """A position of ours of 0.5, and a part more of it that no fill explains."""
    buy = world.market()
    await world.until_status(buy, "filled")
    await world.until(lambda: world.database.positions[KEY].base_size is not None or world.readings > 1, "read", 400)
    await world.until(lambda: world.database.positions[KEY].position.size == Decimal("0.5"), "it is known")
    row = world.database.positions[KEY]
    if row.base_size is None:
        row.base_size = Decimal(0)
    row.base_size -= Decimal(size)
    await world.until(lambda: bool(world.database.differences), "it is missed", 400)
    await is_blocked(world)


def code(world: World, intent_id: IntentId) -> str | None:
    reason = world.database.intents[intent_id].reason
    return None if reason is None else reason.code


@in_virtual_time
async def test_a_foreign_order_blocks_what_opens_on_its_symbol_and_nothing_else_until_it_ends_by_itself() -> None:
    world = await deciding_world()
    buy = world.market()
    await world.until_status(buy, "filled")
    order_id = await foreign_order(world)
    opening = world.place()
    await world.until_status(opening, "refused")
    assert code(world, opening) == "difference.open"
    elsewhere = world.place(category="spot")
    await world.until_status(elsewhere, "working")
    close = world.close()
    assert close is not None
    await world.until_status(close, "filled")
    world.exchange.cancel(world.exchange.clock.now(), link_id=None, order_id=order_id)
    await is_free(world)
    assert (last(world).state, world.database.drift_count) == ("gone", 0)
    again = world.place()
    await world.until_status(again, "working")
    assert faults_found(world) == []


@in_virtual_time
async def test_a_foreign_order_is_found_at_the_start_and_nothing_opens_before_it_was_decided_on() -> None:
    world = World(1, decides=True)
    world.place_elsewhere()
    world.start()
    await world.seconds(0.01)
    opening = world.place()
    await world.until_status(opening, "refused")
    assert (code(world, opening), world.wire.sent) == ("difference.open", [])


@pytest.mark.parametrize("decision", ["adopt", "ignore"])
def test_adopted_or_ignored_it_blocks_no_more_and_stays_untouched(decision: Decision) -> None:
    async def scene() -> None:
        world = await deciding_world()
        order_id = await foreign_order(world)
        decided(world, decision)
        await is_free(world)
        opening = world.place()
        await world.until_status(opening, "working")
        await world.seconds(400)
        assert world.exchange.orders[order_id].status == "New"
        assert [sent.kind for sent in world.wire.sent] == ["place"]
        assert [event.payload["state"] for event in world.database.events if event.kind == "difference"] == [
            "adopted" if decision == "adopt" else "ignored"
        ]
        assert faults_found(world) == []

    run_virtual(scene())


@in_virtual_time
async def test_who_trades_beside_us_says_so_once_and_is_not_blocked_again() -> None:
    world = await deciding_world()
    await foreign_order(world)
    decided(world, "ignore", always=True)
    await is_free(world)
    order_id = world.place_elsewhere(price="49000")
    await world.until(lambda: order_id in world.database.orders, "it is shown")
    await world.seconds(5)
    opening = world.place()
    await world.until_status(opening, "working")
    assert world.database.drift_count == 0


@in_virtual_time
async def test_a_foreign_order_that_is_closed_is_cancelled_and_the_symbol_free() -> None:
    world = await deciding_world()
    order_id = await foreign_order(world)
    row = decided(world, "close")
    await world.until(lambda: row.state == "closed", "it is closed")
    await is_free(world)
    assert world.exchange.orders[order_id].status == "Cancelled"
    [cancel] = world.database.intents.values()
    assert (cancel.kind, cancel.source, cancel.id) == ("cancel", "drift", row.close_id)


@in_virtual_time
async def test_of_a_position_the_foreign_part_alone_is_taken_off_and_fills_add_up_again() -> None:
    world = await deciding_world()
    await foreign_part(world)
    row = last(world)
    assert (row.kind, row.ours, row.theirs, row.part) == ("position.size", "0.3", "0.5", Decimal("0.2"))
    decided(world, "close")
    await world.until(lambda: row.state == "closed", "it is closed")
    await is_free(world)
    assert world.exchange.size_of(BTC) == Decimal("0.3")
    await world.seconds(400)
    assert (len(world.database.differences), world.database.drift_count) == (1, 0)


@in_virtual_time
async def test_of_a_position_the_adopted_part_is_ours_from_then_on() -> None:
    world = await deciding_world()
    await foreign_part(world)
    row = decided(world, "adopt")
    await is_free(world)
    await world.seconds(400)
    close = world.close()
    assert close is not None
    await world.until_status(close, "filled")
    await world.seconds(400)
    assert (row.state, len(world.database.differences), world.exchange.size_of(BTC)) == ("adopted", 1, 0)


@in_virtual_time
async def test_a_size_that_comes_right_by_itself_is_gone() -> None:
    world = await deciding_world()
    await foreign_part(world)
    base = world.database.positions[KEY].base_size
    assert base is not None
    world.database.positions[KEY].base_size = base + Decimal("0.2")
    await world.until(lambda: last(world).state == "gone", "it is gone", 400)
    await is_free(world)


@in_virtual_time
async def test_a_close_that_never_arrives_is_tried_five_times_and_then_handed_back_with_the_reason() -> None:
    """The part stays, as one of ours, and a person is told that it was not closed."""
    world = await deciding_world()
    await foreign_part(world)
    before = len(world.wire.sent)
    world.wire.next_command = ["request_lost"] * 100
    row = decided(world, "close")
    await world.until(lambda: row.state != "closing", "it is given up", 2000)
    assert (row.state, row.why) == ("adopted", "difference.not_closed")
    assert [sent.kind for sent in world.wire.sent[before:]] == ["place"] * 5
    assert world.exchange.size_of(BTC) == Decimal("0.5")
    await is_free(world)


async def killed_while_closing(kill_at: int | None, *, of_position: bool) -> int:
    """Everything is as it is wanted, with one act, however the owner is killed meanwhile; the points it took."""
    world = await deciding_world()
    await (foreign_part(world) if of_position else foreign_order(world))
    row = decided(world, "close")
    process = world.process
    assert process is not None
    began = process.points
    if kill_at is not None:
        process._kill_at = began + kill_at
        await world.until(lambda: process.is_dead or row.state == "closed", "it is killed", 100)
        await world.kill()
        world.start()
    await world.until(lambda: row.state == "closed", "it is closed", 400)
    await is_free(world)
    took = process.points - began
    intents = world.database.intents
    await world.until(lambda: all(one.state != "unknown" for one in intents.values()), "what became of it is known", 10)
    acted = [one for one in intents.values() if one.source == "drift" and one.state == "acknowledged"]
    assert len(acted) == 1
    if of_position:
        assert world.exchange.size_of(BTC) == Decimal("0.3")
        closes = [one for one in world.exchange.orders.values() if one.asked.reduce_only]
        assert len(closes) == 1
    else:
        assert all(one.status == "Cancelled" for one in world.exchange.orders.values())
        assert faults_found(world) == []
    assert world.violations == []
    return took


@pytest.mark.parametrize("of_position", [False, True])
def test_an_owner_that_is_killed_at_any_step_of_a_close_leaves_one_act_of_it(of_position: bool) -> None:
    steps = run_virtual(killed_while_closing(None, of_position=of_position))
    assert steps > 10
    for kill_at in range(1, min(steps, 40) + 1):
        run_virtual(killed_while_closing(kill_at, of_position=of_position))
