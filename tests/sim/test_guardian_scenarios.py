"""Scenes of the guardian: stops that never show, get lost, are moved elsewhere, and positions that are closed for want
of one; in virtual time against the twins."""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from sim.checks import faults_found
from sim.faults import Faults
from sim.virtual_time import in_virtual_time
from sim.world import BTC, Process, World
from tradewright.core.ids import IntentId, LinkId
from tradewright.core.order import Execution, Exit, NewOrder, PositionExits
from tradewright.lab.virtual_loop import run_virtual
from tradewright.trading.guardian.model import Guarded, GuardSettings

SETTINGS = GuardSettings(grace_s=2.0, flatten_after_s=30.0)
STOP = Exit(trigger_price=Decimal(57000))
KEY = ("linear", "BTCUSDT", 0)
REFUSED = 10001


async def guarded_world(seed: int = 1) -> World:
    world = World(seed, guard=SETTINGS)
    world.start()
    await world.ready()
    return world


async def bought(world: World, size: str = "0.5", **changes: Any) -> IntentId:
    """A position with a stop in its plan, as we hold it; its stop may be there or not."""
    buy = world.market(quantity=Decimal(size), **({"stop_loss": STOP} | changes))
    await world.until_status(buy, "filled")
    await world.until(lambda: held(world) == Decimal(size), "the position is known")
    return buy


async def bought_naked(world: World) -> None:
    """A position whose planned stop the exchange never made."""
    world.exchange.legs_dropped = 100
    await bought(world)
    world.exchange.legs_dropped = 0


def held(world: World) -> Decimal:
    row = world.database.positions.get(KEY)
    return Decimal(0) if row is None else row.position.size


def kept(world: World) -> Guarded | None:
    return world.database.protections.get(KEY)


def news(world: World) -> list[str]:
    return [what for _, what, _ in world.database.protection_news]


def asked_by_guardian(world: World) -> list[tuple[str, str]]:
    """(kind, state) of what the guardian wanted, in its order."""
    return [(row.kind, row.state) for row in world.database.intents.values() if row.source == "guardian"]


def closes_accepted(world: World) -> int:
    return sum(1 for order in world.exchange.orders.values() if order.asked.reduce_only and not order.stop_order_type)


async def is_protected(world: World, within_s: float = 60) -> None:
    def so() -> bool:
        guarded = kept(world)
        return guarded is not None and guarded.state == "protected" and guarded.confirmed

    await world.until(so, "the position is protected", within_s)


async def is_restored(world: World) -> None:
    """Its stop is gone, and comes back."""
    await world.until(lambda: news(world)[-1] == "naked", "it is seen to be naked")
    await world.until(lambda: news(world)[-1] == "restored", "its stop is back")


async def all_is_settled(world: World) -> None:
    """Every outcome is known, and read back."""
    await world.seconds(40)
    assert faults_found(world) == []


async def is_flat(world: World, within_s: float = 60) -> None:
    await world.until(
        lambda: world.exchange.size_of(BTC) == 0 and held(world) == 0 and kept(world) is None, "it is flat", within_s
    )


@in_virtual_time
async def test_a_stop_that_shows_with_its_fill_is_measured_and_nothing_is_asked() -> None:
    world = await guarded_world()
    await bought(world)
    await is_protected(world)
    await world.seconds(5)
    guarded = kept(world)
    assert guarded is not None
    assert (guarded.price, guarded.state, guarded.naked_since) == (Decimal(57000), "protected", None)
    assert guarded.naked_ms_total < 2000
    assert asked_by_guardian(world) == []
    assert faults_found(world) == []


@in_virtual_time
async def test_a_stop_that_never_showed_is_asked_for_again_and_the_time_without_it_is_kept() -> None:
    world = await guarded_world()
    await bought_naked(world)
    await world.until(lambda: "naked" in news(world), "it is seen to be naked")
    assert asked_by_guardian(world) == []
    await is_protected(world)
    assert world.exchange.stop_of(BTC) == Decimal(57000)
    guarded = kept(world)
    assert guarded is not None
    assert 2000 <= guarded.naked_ms_total <= 4000
    assert guarded.naked_ms_longest == guarded.naked_ms_total
    assert asked_by_guardian(world) == [("exits", "acknowledged")]
    assert news(world) == ["planned", "naked", "repairing", "restored"]
    assert faults_found(world) == []


@in_virtual_time
async def test_a_stop_that_the_exchange_does_not_take_again_leads_to_one_close_after_the_stated_time() -> None:
    world = await guarded_world()
    world.exchange.refuse_exits = [REFUSED] * 3
    await bought_naked(world)
    began_s = world.clock.monotonic()
    await world.until(lambda: "flattening" in news(world), "it is being closed")
    assert 29 <= world.clock.monotonic() - began_s <= 32
    await is_flat(world)
    assert asked_by_guardian(world) == [("exits", "rejected")] * 3 + [("place", "acknowledged")]
    assert closes_accepted(world) == 1
    assert news(world)[-1] == "flat"
    assert faults_found(world) == []


@in_virtual_time
async def test_a_price_beyond_the_stop_closes_without_waiting() -> None:
    world = await guarded_world()
    await bought_naked(world)
    world.exchange.price = Decimal(56900)
    began_s = world.clock.monotonic()
    await is_flat(world, within_s=15)
    assert world.clock.monotonic() - began_s < 10
    assert closes_accepted(world) == 1
    assert faults_found(world) == []


@in_virtual_time
async def test_a_refusal_that_says_the_price_has_passed_closes_without_waiting() -> None:
    world = await guarded_world()
    world.exchange.refuse_exits = [110093]
    await bought_naked(world)
    await is_flat(world, within_s=10)
    assert asked_by_guardian(world) == [("exits", "rejected"), ("place", "acknowledged")]


@in_virtual_time
async def test_a_stop_that_is_taken_off_elsewhere_comes_back() -> None:
    world = await guarded_world()
    await bought(world)
    await is_protected(world)
    world.exchange.lose_stop(BTC)
    await is_restored(world)
    assert world.exchange.stop_of(BTC) == Decimal(57000)
    assert closes_accepted(world) == 0
    assert faults_found(world) == []


@in_virtual_time
async def test_a_stop_that_is_moved_elsewhere_is_followed_and_guarded_where_it_is() -> None:
    world = await guarded_world()
    await bought(world)
    await is_protected(world)
    world.exchange.set_exits(BTC, PositionExits(stop_loss=Decimal(58000)), world.exchange.clock.now())
    await world.until(lambda: "followed" in news(world), "the move is followed")
    assert asked_by_guardian(world) == []
    world.exchange.lose_stop(BTC)
    await is_restored(world)
    assert world.exchange.stop_of(BTC) == Decimal(58000)


@in_virtual_time
async def test_a_person_who_takes_the_stop_off_here_ends_the_plan() -> None:
    world = await guarded_world()
    await bought(world)
    await is_protected(world)
    world.exits(stop_loss=Decimal(0))
    await world.until(lambda: kept(world) is None, "there is no plan any more")
    await world.seconds(60)
    assert news(world)[-1] == "removed"
    assert asked_by_guardian(world) == []
    assert held(world) == Decimal("0.5")
    assert faults_found(world) == []


@in_virtual_time
async def test_a_person_who_moves_the_stop_here_moves_the_plan() -> None:
    world = await guarded_world()
    await bought(world)
    await is_protected(world)
    moved = world.exits(stop_loss=Decimal(58000))
    await world.until(lambda: (found := kept(world)) is not None and found.stop.origin == moved, "the plan has moved")
    await is_protected(world)
    await world.seconds(10)
    assert asked_by_guardian(world) == []
    assert "followed" not in news(world)
    world.exchange.lose_stop(BTC)
    await is_restored(world)
    assert world.exchange.stop_of(BTC) == Decimal(58000)


@in_virtual_time
async def test_a_plan_begins_with_exits_that_a_person_asks_for() -> None:
    world = await guarded_world()
    await bought(world, stop_loss=None)
    await world.seconds(5)
    assert kept(world) is None
    world.exits(stop_loss=Decimal(58000))
    await is_protected(world)
    world.exchange.lose_stop(BTC)
    await world.until(lambda: world.exchange.stop_of(BTC) == Decimal(58000), "its stop is back")


@in_virtual_time
async def test_an_unknown_removal_is_waited_for() -> None:
    world = await guarded_world()
    await bought(world)
    await is_protected(world)
    world.wire.next_command = ["reply_lost"]
    world.exits(stop_loss=Decimal(0))
    await world.until(lambda: world.exchange.stop_of(BTC) is None, "it was carried out")
    await world.until(lambda: kept(world) is None, "the plan has ended", within_s=90)
    assert asked_by_guardian(world) == []
    assert news(world)[-2:] == ["restored", "removed"], "it was never called naked"
    assert world.exchange.stop_of(BTC) is None


@in_virtual_time
async def test_a_stop_that_is_lost_while_the_stream_is_away_is_found_at_the_reconnect() -> None:
    world = await guarded_world()
    await bought(world)
    await is_protected(world)
    world.wire.down = True
    world.wire.drop_streams()
    await world.until(lambda: world.database.session[0] == "degraded", "the stream is away")
    world.exchange.lose_stop(BTC)
    await world.seconds(20)
    world.wire.down = False
    await world.until(lambda: world.exchange.stop_of(BTC) == Decimal(57000), "its stop is back")
    await all_is_settled(world)


@in_virtual_time
async def test_a_position_is_closed_also_while_the_stream_is_away() -> None:
    world = await guarded_world()
    world.exchange.refuse_exits = [REFUSED] * 3
    await bought_naked(world)
    await world.until(lambda: "naked" in news(world), "it is seen to be naked")
    world.wire.drop_streams()
    await is_flat(world)
    assert closes_accepted(world) == 1


@in_virtual_time
async def test_nothing_is_closed_on_word_of_an_old_report() -> None:
    world = await guarded_world()
    world.exchange.refuse_exits = [REFUSED] * 3
    await bought_naked(world)
    await world.until(lambda: "naked" in news(world), "it is seen to be naked")
    world.set_faults(Faults(read_failed=1.0))
    await world.seconds(60)
    assert asked_by_guardian(world) == []
    world.set_faults()
    await is_flat(world)
    assert closes_accepted(world) == 1


@in_virtual_time
async def test_positions_of_others_are_not_touched() -> None:
    world = await guarded_world()
    order = NewOrder(
        link_id=LinkId(""), instrument=BTC, side="Buy", order_type="Market", quantity=Decimal("0.3"), price=None,
        time_in_force="IOC", stop_loss=STOP,
    )  # fmt: skip
    world.exchange.place(order, world.exchange.clock.now())
    await world.until(lambda: held(world) == Decimal("0.3"), "the position is known")
    world.exchange.lose_stop(BTC)
    await world.seconds(60)
    assert asked_by_guardian(world) == []
    assert held(world) == Decimal("0.3")


@in_virtual_time
async def test_a_position_that_is_turned_has_the_plan_of_the_order_that_turned_it() -> None:
    world = await guarded_world()
    await bought(world)
    await is_protected(world)
    above = Exit(trigger_price=Decimal(63000))
    turn = world.market(side="Sell", quantity=Decimal(1), stop_loss=above)
    await world.until_status(turn, "filled")
    await world.until(lambda: (found := kept(world)) is not None and found.side == "Sell", "it has another plan")
    await is_protected(world)
    world.exchange.lose_stop(BTC)
    await is_restored(world)
    assert world.exchange.stop_of(BTC) == Decimal(63000)
    world.reverse()
    await world.until(lambda: kept(world) is None, "what is turned without a stop has no plan")
    await world.seconds(40)
    assert held(world) == Decimal("0.5")


@in_virtual_time
async def test_every_part_of_an_order_that_fills_bit_by_bit_is_protected() -> None:
    world = await guarded_world()
    buy = world.place(quantity=Decimal("0.9"), price=Decimal(59000), stop_loss=STOP)
    await world.until_status(buy, "working")
    for price in (58990, 58980, 58970, 58960):
        world.exchange.move_price(Decimal(price))
        await world.seconds(3)
    await is_protected(world)
    assert world.exchange.stop_of(BTC) == Decimal(57000)
    assert asked_by_guardian(world) == []
    assert faults_found(world) == []


@in_virtual_time
async def test_a_close_that_is_not_needed_any_more_is_taken_back_before_it_leaves() -> None:
    world = World(1, guard=SETTINGS)
    process = world.start(kill_at="propose.after")
    await world.ready()
    world.exchange.legs_dropped = 100
    await bought(world, stop_loss=Exit(trigger_price=Decimal(57000), trigger_by="MarkPrice"))
    world.exchange.price = Decimal(56900)
    await world.until(lambda: process.is_dead, "a close was written down")
    await world.kill()
    assert asked_by_guardian(world) == [("place", "proposed")]
    # Its stop comes back before there is another owner.
    world.exchange.price, world.exchange.legs_dropped = Decimal(60000), 0
    world.exchange.set_exits(BTC, PositionExits(stop_loss=Decimal(57000)), world.exchange.clock.now())
    world.start()
    await is_protected(world)
    await world.until(lambda: asked_by_guardian(world) == [("place", "refused")], "it is taken back")
    row = next(row for row in world.database.intents.values() if row.source == "guardian")
    assert row.reason is not None
    assert row.reason.code == "protection.restored"
    assert held(world) == Decimal("0.5")
    assert faults_found(world) == []


@in_virtual_time
async def test_a_removal_that_never_arrived_leaves_the_plan() -> None:
    world = await guarded_world()
    await bought(world)
    await is_protected(world)
    world.wire.next_command = ["request_lost"]
    removal = world.exits(stop_loss=Decimal(0))
    await world.until(lambda: world.database.intents[removal].state == "not_placed", "it did not happen")
    assert kept(world) is not None
    world.exchange.lose_stop(BTC)
    await is_restored(world)
    assert world.exchange.stop_of(BTC) == Decimal(57000)


@in_virtual_time
async def test_fills_that_were_not_told_are_read_so_that_the_position_can_be_guarded() -> None:
    world = await guarded_world()
    real = world.wire.publish

    def without_fills(fact: Any) -> None:
        if not isinstance(fact, Execution):
            real(fact)

    world.exchange.publish = without_fills
    await bought(world)
    assert kept(world) is None
    await is_protected(world, within_s=15)
    assert faults_found(world) == []


@in_virtual_time
async def test_two_legs_of_a_contract_have_each_their_own_stop() -> None:
    world = await guarded_world()
    world.exchange.hedged.add(BTC)
    world.market(quantity=Decimal("0.5"), position_index=1, stop_loss=STOP)
    above = Exit(trigger_price=Decimal(63000))
    world.market(side="Sell", quantity=Decimal("0.3"), position_index=2, stop_loss=above)
    legs = [("linear", "BTCUSDT", index) for index in (1, 2)]
    plans = world.database.protections
    await world.until(
        lambda: all(key in plans and plans[key].confirmed for key in legs), "both are protected", within_s=60
    )
    assert [plans[key].price for key in legs] == [Decimal(57000), Decimal(63000)]
    world.exchange.lose_stop(BTC, 2)
    await world.until(lambda: world.exchange.stop_of(BTC, 2) == Decimal(63000), "its stop is back")
    await world.until(lambda: news(world)[-1] == "restored", "it is seen")
    assert world.exchange.stop_of(BTC, 1) == Decimal(57000)
    world.exchange.refuse_exits = [REFUSED] * 20
    world.exchange.lose_stop(BTC, 1)
    await world.until(lambda: world.exchange.size_of(BTC, 1) == 0, "the leg is closed", within_s=60)
    await world.seconds(5)
    assert world.exchange.size_of(BTC, 2) == Decimal("-0.3")
    assert closes_accepted(world) == 1


# Crashes.

POINTS = (
    "guarded.read", "asked.read", "outcome.read", "keep_protection.before", "keep_protection.after", "propose.before",
    "propose.after", "place.before", "place.told", "exits.before", "exits.told", "read.position", "read.position.told",
)  # fmt: skip


def _has_come_to_an_end(world: World, process: Process) -> bool:
    return process.is_dead or world.exchange.size_of(BTC) == 0


async def _crash_at(point: str, seed: int) -> World:
    world = World(seed, guard=SETTINGS)
    world.start()
    await world.ready()
    world.exchange.refuse_exits = [REFUSED] * 20
    await bought_naked(world)
    for life in range(2):
        await world.kill()
        process = world.start(kill_at=point)
        await world.until(partial(_has_come_to_an_end, world, process), f"{point} is reached", 120)
        assert process.is_dead or life > 0, f"{point} was never reached"
        if not process.is_dead:
            break
    await world.kill()
    world.start()
    await world.until(lambda: world.exchange.size_of(BTC) == 0, "it is flat", 120)
    await is_flat(world)
    return world


@pytest.mark.parametrize("point", POINTS)
def test_an_owner_that_dies_twice_at_any_of_the_guardians_steps_closes_the_position_once(point: str) -> None:
    async def run() -> None:
        world = await _crash_at(point, 7)
        await all_is_settled(world)
        assert closes_accepted(world) == 1
        assert world.exchange.size_of(BTC) == 0

    run_virtual(run())


@in_virtual_time
async def test_the_time_without_a_stop_goes_on_over_a_restart() -> None:
    world = await guarded_world()
    world.exchange.refuse_exits = [REFUSED] * 20
    await bought_naked(world)
    began_s = world.clock.monotonic()
    await world.until(lambda: "naked" in news(world), "it is seen to be naked")
    await world.seconds(10)
    await world.kill()
    await world.seconds(10)
    world.start()
    await world.until(lambda: "flattening" in news(world), "it is being closed")
    assert 29 <= world.clock.monotonic() - began_s <= 33
    await is_flat(world)
    assert closes_accepted(world) == 1
