"""Scenes in which acting on what was true a moment ago would cost money, in virtual time against the twins: reverses,
cancels that come too early, closes behind a crowd, wishes that grew old, stops that overtake each other."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from sim.checks import faults_found
from sim.faults import Faults
from sim.virtual_time import in_virtual_time
from sim.world import BTC, World
from tradewright.core.errors import DuplicateLinkId, Refused
from tradewright.core.ids import IntentId, LinkId
from tradewright.core.order import NewOrder, OrderChange
from tradewright.lab.virtual_loop import run_virtual


async def ready_world(seed: int = 1) -> World:
    world = World(seed)
    world.start()
    await world.ready()
    return world


def state(world: World, intent_id: IntentId | None) -> str:
    assert intent_id is not None
    return world.database.intents[intent_id].state


def reason(world: World, intent_id: IntentId | None) -> str | None:
    assert intent_id is not None
    why = world.database.intents[intent_id].reason
    return None if why is None else why.code


def held(world: World) -> tuple[str | None, Decimal]:
    row = world.database.positions.get(("linear", "BTCUSDT", 0))
    return (None, Decimal(0)) if row is None else (row.position.side, row.position.size)


async def long_position(world: World, size: str = "0.5") -> None:
    buy = world.market(quantity=Decimal(size))
    await world.until_status(buy, "filled")
    await world.until(lambda: held(world)[1] == Decimal(size), "the position is known")
    await world.seconds(6)


def close_elsewhere(world: World, quantity: str = "0.5") -> None:
    order = NewOrder(
        link_id=LinkId(""),
        instrument=BTC,
        side="Sell",
        order_type="Market",
        quantity=Decimal(quantity),
        price=None,
        time_in_force="IOC",
        reduce_only=True,
    )
    world.exchange.place(order, world.exchange.clock.now())


async def degraded(world: World) -> None:
    world.set_faults(Faults(read_failed=1.0))
    world.wire.drop_streams()
    await world.until(lambda: world.database.session[0] != "ready", "the session is not ready")


# Reverses.


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("apart_s", [0.0, 0.01, 0.03, 0.06, 0.3])
def test_two_reverses_of_two_pages_turn_the_position_once(seed: int, apart_s: float) -> None:
    async def scene() -> None:
        world = await ready_world(seed)
        await long_position(world)
        first = world.reverse()
        await world.seconds(apart_s)
        second = world.reverse() if held(world) == ("Buy", Decimal("0.5")) else None
        await world.seconds(15)
        assert held(world) == ("Sell", Decimal("0.5"))
        if second is not None:
            assert (state(world, first), state(world, second)) == ("acknowledged", "refused")
            assert reason(world, second) == "position.changed"
        assert faults_found(world) == []

    run_virtual(scene())


@pytest.mark.parametrize("fault", ["reply_lost", "request_lost"])
def test_a_reverse_of_unknown_outcome_holds_up_the_next(fault: str) -> None:
    async def scene() -> None:
        world = await ready_world()
        await long_position(world)
        world.wire.next_command = [fault]
        world.reverse()
        await world.seconds(0.05)
        world.reverse()
        await world.seconds(40)
        sold = sum(order.filled for order in world.exchange.orders.values() if order.asked.side == "Sell")
        assert sold == (Decimal(1) if fault == "reply_lost" else Decimal(0))
        assert faults_found(world) == []

    run_virtual(scene())


@in_virtual_time
async def test_a_reverse_that_is_tried_again_is_judged_again() -> None:
    world = await ready_world()
    await long_position(world)
    world.wire.next_command = ["rate_limited"]
    turn = world.reverse()
    await world.seconds(0.05)
    close_elsewhere(world)
    await world.until(lambda: held(world) == (None, Decimal(0)), "it is closed elsewhere")
    await world.seconds(10)
    assert (state(world, turn), reason(world, turn)) == ("expired", "position.changed")
    assert held(world) == (None, Decimal(0))


# Cancels.


@pytest.mark.parametrize("seed", range(4))
def test_a_cancel_of_an_order_that_arrives_late_still_cancels_it(seed: int) -> None:
    async def scene() -> None:
        world = await ready_world(seed)
        world.wire.next_command = ["accept_late"]
        order = world.place()
        await world.until(lambda: state(world, order) != "proposed", "it is on its way")
        await world.until(lambda: state(world, order) != "sending", "its answer is lost", 15)
        cancel = world.cancel(order)
        await world.until_status(order, "cancelled", within_s=40)
        assert state(world, cancel) == "acknowledged"
        await world.seconds(3)
        assert faults_found(world) == []

    run_virtual(scene())


@in_virtual_time
async def test_a_cancel_of_an_order_that_never_arrived_ends_with_it() -> None:
    world = await ready_world()
    world.wire.next_command = ["request_lost"]
    order = world.place()
    await world.until(lambda: state(world, order) == "unknown", "its answer is lost", 15)
    cancel = world.cancel(order)
    await world.until_status(order, "not_placed", within_s=40)
    await world.until(lambda: state(world, cancel) == "refused", "there is nothing to cancel")
    assert reason(world, cancel) == "order.already_final"


@pytest.mark.parametrize("misses", [1, 2, 5])
def test_a_cancel_that_does_not_find_a_living_order_yet_is_sent_again(
    misses: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene() -> None:
        world = await ready_world()
        order = world.place()
        await world.until_status(order, "working")
        carry_out, missed = type(world.exchange).cancel, 0

        def cancel(self: Any, signed_at: Any, **named: Any) -> Any:
            nonlocal missed
            missed += 1
            if missed <= misses:
                raise Refused("order not exists or too late to cancel", self.trace(signed_at, 110001))
            return carry_out(self, signed_at, **named)

        monkeypatch.setattr(type(world.exchange), "cancel", cancel)
        wish = world.cancel(order)
        await world.until_status(order, "cancelled", within_s=20)
        assert (state(world, wish), missed) == ("acknowledged", misses + 1)
        assert faults_found(world) == []

    run_virtual(scene())


def test_a_close_does_not_wait_behind_a_hundred_cancels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each cancel waits for its turn at the exchange's limit; a close has turns of its own."""

    async def scene() -> None:
        world = await ready_world()
        await long_position(world)
        orders = [world.place(quantity=Decimal("0.01"), price=Decimal(40000 + number)) for number in range(120)]
        await world.until(lambda: all(world.database.status(one) == "working" for one in orders), "all rest")
        assert world.process is not None
        gateway = world.process.session._parts.gateway
        carry_out, free_at = gateway.cancel, [world.clock.monotonic()]

        async def slow(*named: Any, **more: Any) -> Any:
            free_at[0] = max(free_at[0], world.clock.monotonic()) + 0.5
            await world.clock.sleep(free_at[0] - world.clock.monotonic())
            return await carry_out(*named, **more)

        monkeypatch.setattr(gateway, "cancel", slow)
        for order in orders:
            world.cancel(order)
        await world.seconds(0.2)
        close = world.close()
        await world.until(lambda: state(world, close) == "acknowledged", "it is closed", 1)
        await world.until(lambda: held(world) == (None, Decimal(0)), "nothing is held", 2)

    run_virtual(scene())


# Wishes that grew old.


@in_virtual_time
async def test_what_was_asked_while_nobody_was_there_is_not_done_days_later() -> None:
    world = await ready_world()
    await long_position(world)
    await world.kill()
    close, exits = world.close(), world.exits(stop_loss=Decimal(58000))
    await world.seconds(5 * 24 * 3600)
    world.start()
    await world.ready()
    await world.seconds(5)
    assert (state(world, close), state(world, exits)) == ("expired", "expired")
    assert held(world) == ("Buy", Decimal("0.5"))


@in_virtual_time
async def test_what_takes_off_or_protects_outlives_a_worker_that_starts_anew() -> None:
    world = await ready_world()
    await long_position(world)
    await world.kill()
    exits = world.exits(stop_loss=Decimal(58000))
    await world.seconds(60)
    close = world.close()
    world.start()
    await world.until(lambda: held(world) == (None, Decimal(0)), "it is closed")
    assert {state(world, close), state(world, exits)} <= {"acknowledged", "rejected"}


@in_virtual_time
async def test_an_amend_that_was_to_take_off_does_not_grow_an_order_that_became_smaller() -> None:
    world = await ready_world()
    order = world.place(quantity=Decimal(1))
    await world.until_status(order, "working")
    await world.kill()
    amend = world.amend(order, quantity=Decimal("0.5"))
    (order_id,) = world.exchange.orders
    elsewhere = OrderChange(quantity=Decimal("0.1"))
    world.exchange.amend(elsewhere, world.exchange.clock.now(), link_id=None, order_id=order_id)
    await world.seconds(30)
    world.start()
    await world.until(lambda: state(world, amend) == "refused", "it is not meant any more")
    assert reason(world, amend) == "order.changed"
    assert world.exchange.orders[order_id].asked.quantity == Decimal("0.1")


# Exits.


@in_virtual_time
async def test_no_stop_is_removed_while_degraded() -> None:
    world = await ready_world()
    await long_position(world)
    stop = world.exits(stop_loss=Decimal(50000))
    await world.until(lambda: world.database.intents[stop].is_read_back, "it is set")
    await degraded(world)
    removes = world.exits(stop_loss=Decimal(0))
    swaps = world.exits(stop_loss=Decimal(0), take_profit=Decimal(70000))
    await world.until(lambda: {state(world, one) for one in (removes, swaps)} == {"expired"}, "neither goes", 12)
    assert world.exchange.position(BTC).stop_loss == Decimal(50000)


@pytest.mark.parametrize("seed", range(8))
def test_an_older_stop_never_overwrites_a_newer_one(seed: int) -> None:
    async def scene() -> None:
        world = await ready_world(seed)
        await long_position(world)
        world.wire.next_command = ["accept_late"]
        first = world.exits(stop_loss=Decimal(50000))
        await world.until(lambda: state(world, first) not in ("proposed", "sending"), "its answer is lost", 20)
        second = world.exits(stop_loss=Decimal(55000))
        await world.until(lambda: state(world, second) == "acknowledged", "it follows", 40)
        await world.seconds(10)
        assert world.exchange.position(BTC).stop_loss == Decimal(55000)
        assert faults_found(world) == []

    run_virtual(scene())


@pytest.mark.parametrize(("fault", "ends_as"), [("request_lost", "not_placed"), ("reply_lost", "acknowledged")])
def test_a_stop_that_was_to_watch_another_price_is_not_called_set_by_where_it_is(fault: str, ends_as: str) -> None:
    async def scene() -> None:
        world = await ready_world()
        await long_position(world)
        first = world.exits(stop_loss=Decimal(50000))
        await world.until(lambda: world.database.intents[first].is_read_back, "it is set")
        world.wire.next_command = [fault]
        second = world.exits(stop_loss=Decimal(50000), stop_loss_by="MarkPrice")
        await world.until(lambda: state(world, second) in ("acknowledged", "not_placed"), "it is found out", 60)
        assert state(world, second) == ends_as
        await world.seconds(3)
        assert faults_found(world) == []

    run_virtual(scene())


# An order that the exchange says it has.


def test_what_the_exchange_calls_a_duplicate_is_never_called_not_placed(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene() -> None:
        world = await ready_world()

        def place(self: Any, order: NewOrder, signed_at: Any) -> Any:
            raise DuplicateLinkId("OrderLinkedID is duplicate", self.trace(signed_at, 110072))

        monkeypatch.setattr(type(world.exchange), "place", place)
        order = world.place()
        await world.until(lambda: state(world, order) == "unknown", "it is looked for")
        await world.until(lambda: state(world, order) != "unknown", "the evidence is complete", 40)
        assert state(world, order) == "acknowledged"
        await world.seconds(240)
        assert [event.payload["kind"] for event in world.database.events if event.kind == "drift"] == ["order.missing"]

    run_virtual(scene())


# A cancel that was acknowledged and had no effect.


def test_a_cancel_without_effect_is_not_asked_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene() -> None:
        world = await ready_world()
        order = world.place()
        await world.until_status(order, "working")

        def cancel(self: Any, signed_at: Any, *, link_id: Any, order_id: Any) -> Any:
            return order_id

        with monkeypatch.context() as patched:
            patched.setattr(type(world.exchange), "cancel", cancel)
            first = world.cancel(order)
            await world.until_status(order, "cancel_requested")
            await world.until_status(order, "working", within_s=400)
        assert state(world, first) == "acknowledged"
        again = world.cancel(order)
        await world.until_status(order, "cancelled")
        assert state(world, again) == "acknowledged"
        assert faults_found(world) == []

    run_virtual(scene())
