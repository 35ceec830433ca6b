"""Scenes of reading an account: what cannot be read, what was missed, what nobody shows any more, in virtual time
against the twins. Placing and cancelling are in `test_session_scenarios`, changing in `test_change_scenarios`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from sim.exchange_ports import GatewayTwin
from sim.faults import Faults
from sim.virtual_time import in_virtual_time
from sim.world import BTC, World
from tradewright.core.ids import IntentId, LinkId, link_id_of
from tradewright.core.order import Execution, NewOrder, RemoteOrder
from tradewright.lab.memory_journal import MemoryJournal

DAY_S = 86_400.0


async def ready_world(seed: int = 1) -> World:
    world = World(seed)
    world.start()
    await world.ready()
    return world


async def next_life(world: World) -> None:
    """Another process, once it has read everything."""
    world.start()
    await world.until(lambda: world.database.session[0] != "ready", "the next one has begun")
    await world.ready()


async def working_order(world: World, **changes: object) -> IntentId:
    order = world.place(**changes)
    await world.until_status(order, "working")
    return order


async def long_position(world: World) -> IntentId:
    buy = world.market(quantity=Decimal("0.5"))
    await world.until_status(buy, "filled")
    await world.seconds(1)
    return buy


def state(world: World, intent_id: IntentId) -> str:
    return world.database.intents[intent_id].state


def drifts(world: World) -> list[str]:
    return [event.payload["kind"] for event in world.database.events if event.kind == "drift"]


def position_reads(world: World) -> int:
    """How often this process has asked for all positions."""
    assert world.process is not None, "somebody reads"
    return world.process.points_seen.count("read.positions")


def held(world: World) -> Decimal:
    return world.database.positions["linear", "BTCUSDT", 0].position.size


@in_virtual_time
async def test_a_leverage_that_cannot_be_read_back_keeps_nothing_else_from_being_known() -> None:
    """A symbol in hedge mode has no row that its leverage could be read from."""
    world = await ready_world()
    world.wire.refused_reads.add(("position", BTC))
    order = await working_order(world)
    leverage = world.leverage(5)
    await world.until(lambda: "change.unreadable" in drifts(world), "it is told")
    assert (state(world, leverage), world.database.intents[leverage].is_read_back) == ("acknowledged", True)
    await world.kill()
    await next_life(world)
    cancel = world.cancel(order)
    await world.until(lambda: state(world, cancel) == "acknowledged", "the cancel got through", 3)
    again = world.leverage(7)
    await world.until(lambda: world.database.intents[again].is_read_back, "another one is not behind it", 5)


@in_virtual_time
async def test_an_unread_leverage_of_a_process_that_died_does_not_keep_the_next_one_from_getting_ready() -> None:
    world = World(1)
    process = world.start(kill_at="read.position")
    await world.ready()
    leverage = world.leverage(5)
    await process.killed.wait()
    await world.kill()
    world.wire.refused_reads.add(("position", BTC))
    await next_life(world)
    assert world.database.intents[leverage].is_read_back
    assert drifts(world) == ["change.unreadable"]


@pytest.mark.parametrize("fault", ["reply_lost", "request_lost"])
def test_an_unknown_setting_that_cannot_be_read_ends_with_a_reason_and_never_before_it_could_not_arrive_any_more(
    fault: str,
) -> None:
    @in_virtual_time
    async def scene() -> None:
        world = await ready_world()
        world.wire.refused_reads.add(("position", BTC))
        world.wire.next_command = [fault]
        leverage = world.leverage(5)
        await world.until(lambda: state(world, leverage) == "unknown", "its outcome is open", 15)
        await world.seconds(5)
        assert state(world, leverage) == "unknown"
        await world.until(lambda: state(world, leverage) == "not_placed", "it ends", 40)
        reason = world.database.intents[leverage].reason
        assert reason is not None
        assert reason.code == "change.unreadable"

    scene()


@in_virtual_time
async def test_a_live_order_that_the_key_may_not_read_any_more_is_told_and_stays_as_it_is() -> None:
    world = await ready_world()
    await working_order(world, category="spot", quantity=Decimal("0.1"))
    spot = next(iter(world.database.orders))
    plain = await working_order(world)
    await world.kill()
    world.wire.categories = ("linear",)
    await next_life(world)
    assert drifts(world) == ["order.unreadable"]
    assert world.database.orders[spot].tracked.state == "working"
    cancel = world.cancel(plain)
    await world.until(lambda: state(world, cancel) == "acknowledged", "the account works", 3)


@in_virtual_time
async def test_a_key_that_may_not_read_contracts_does_not_make_them_flat() -> None:
    world = await ready_world()
    await long_position(world)
    await world.kill()
    world.wire.categories = ("spot",)
    await next_life(world)
    await world.seconds(400)
    assert held(world) == Decimal("0.5")
    assert drifts(world) == []


@in_virtual_time
async def test_cancels_and_closes_go_when_reading_fails_again_and_again_and_openings_do_not() -> None:
    world = await ready_world()
    await long_position(world)
    order = await working_order(world)
    await world.kill()
    world.set_faults(Faults(read_failed=1.0))
    world.start()
    cancel, close, opening = world.cancel(order), world.close(), world.place()
    assert close is not None
    await world.seconds(1)
    assert state(world, cancel) == "proposed", "the first failure is no reason yet"
    await world.until(lambda: state(world, cancel) == "acknowledged", "the cancel got through", 20)
    await world.until(lambda: state(world, close) == "acknowledged", "the close got through", 20)
    await world.seconds(15)
    assert state(world, opening) == "expired"
    assert world.exchange.position(BTC).size == 0
    assert world.violations == []


@in_virtual_time
async def test_a_close_that_is_cancelled_before_anything_could_go_is_withdrawn_with_its_cancel() -> None:
    world = await ready_world()
    await long_position(world)
    await world.kill()
    world.set_faults(Faults(read_failed=1.0))
    world.start()
    close = world.close()
    assert close is not None
    cancel = world.cancel(close)
    await world.until(lambda: state(world, close) == "expired", "the close is withdrawn", 30)
    assert state(world, cancel) == "refused"
    assert world.exchange.position(BTC).size == Decimal("0.5")


@in_virtual_time
async def test_what_was_filled_during_more_than_a_week_without_us_is_booked() -> None:
    world = await ready_world()
    await long_position(world)
    await world.kill()
    elsewhere = NewOrder(
        link_id=LinkId(""),
        instrument=BTC,
        side="Buy",
        order_type="Market",
        quantity=Decimal("0.3"),
        price=None,
        time_in_force="IOC",
    )
    world.exchange.place(elsewhere, world.exchange.clock.now())
    await world.seconds(9 * DAY_S)
    await next_life(world)
    await world.seconds(10)
    assert set(world.database.executions) == {fill.exec_id for _, fill in world.exchange.fills}
    assert held(world) == Decimal("0.8")
    assert drifts(world) == []


@in_virtual_time
async def test_an_order_that_nobody_shows_any_more_ends_as_unseen_after_long_enough_and_comes_back_if_it_is_shown() -> (
    None
):
    world = await ready_world()
    order = await working_order(world)
    gone = dict(world.exchange.orders)
    world.exchange.orders.clear()
    await world.until(lambda: drifts(world) == ["order.missing"], "it is missed", within_s=400)
    await world.seconds(500)
    assert world.database.status(order) == "working", "a short absence ends nothing"
    await world.until_status(order, "cancelled", within_s=600)
    row = world.database.order_of(order)
    assert row is not None
    assert row.tracked.reject_reason == "unseen"
    world.exchange.orders.update(gone)
    await world.until_status(order, "working", within_s=400)


@in_virtual_time
async def test_an_order_that_was_reported_a_moment_ago_is_not_missed_by_a_reading_that_does_not_show_it_yet() -> None:
    world = await ready_world()
    order = await working_order(world)
    assert world.process is not None
    there = dict(world.exchange.orders)
    world.exchange.orders.clear()
    before = world.database.reconciled_at
    world.process.session.want_reconcile()
    await world.until(lambda: world.database.reconciled_at != before, "everything is read")
    assert drifts(world) == []
    world.exchange.orders.update(there)
    await world.seconds(400)
    assert (drifts(world), world.database.status(order)) == ([], "working")


@in_virtual_time
async def test_an_order_whose_report_of_a_fill_got_lost_is_asked_for_long_before_everything_is_read_again() -> None:
    world = await ready_world()
    publish = world.exchange.publish
    world.exchange.publish = lambda fact: None if isinstance(fact, RemoteOrder) else publish(fact)
    order = world.market(quantity=Decimal("0.5"))
    rows = world.database.executions
    await world.until(lambda: sum(row.execution.quantity for row in rows.values()) == Decimal("0.5"), "it is filled")
    assert world.database.status(order) == "acknowledged"
    await world.until_status(order, "filled", within_s=10)
    assert drifts(world) == []


@in_virtual_time
async def test_an_order_that_is_shown_in_between_was_not_away() -> None:
    world = await ready_world()
    order = await working_order(world)
    there = dict(world.exchange.orders)
    for _ in range(4):
        world.exchange.orders.clear()
        await world.seconds(300)
        world.exchange.orders.update(there)
        await world.seconds(200)
    assert world.database.status(order) == "working"


@in_virtual_time
async def test_orders_of_others_that_ended_before_we_came_are_no_differences() -> None:
    world = World(1)
    for number in range(5):
        world.place_elsewhere(price=str(40_000 + number))
    await world.seconds(1)
    for order in list(world.exchange.orders.values())[:4]:
        world.exchange.cancel(world.exchange.clock.now(), link_id=None, order_id=order.order_id)
    await world.seconds(1)
    world.start()
    await world.ready()
    assert drifts(world) == ["order.foreign"]
    assert len(world.database.orders) == 5


def test_a_reading_of_thousands_of_reports_is_booked_in_parts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    @in_virtual_time
    async def scene() -> None:
        world = World(1)
        for number in range(1_200):
            world.place_elsewhere(price=str(30_000 + number), quantity="0.001")
        await world.seconds(1)
        batches: list[int] = []
        book = MemoryJournal.book

        async def noted(self: MemoryJournal, facts: Sequence[Any], source: Any) -> None:
            batches.append(len(facts))
            await book(self, facts, source)

        monkeypatch.setattr(MemoryJournal, "book", noted)
        world.start()
        await world.ready()
        assert len(world.database.orders) == 1_200
        assert max(batches) <= 500

    scene()


@in_virtual_time
async def test_an_unknown_order_is_not_called_not_placed_before_everything_was_read() -> None:
    """Asked for by its client id alone, the exchange may look back no further than a week."""
    world = World(1)
    process = world.start(kill_at="place.told")
    await world.ready()
    buy = world.market(quantity=Decimal("0.5"))
    await process.killed.wait()
    await world.kill()
    await world.seconds(9 * DAY_S)
    world.wire.names_forgotten = True
    world.start()
    await world.until_status(buy, "filled", within_s=60)
    assert state(world, buy) == "acknowledged"


@in_virtual_time
async def test_a_reverse_that_waited_for_its_turn_is_judged_anew() -> None:
    world = await ready_world()
    await long_position(world)
    world.wire.turns_s["place"] = world.clock.monotonic() + 3
    reverse = world.reverse()
    assert reverse is not None
    await world.seconds(1)
    away = NewOrder(
        link_id=LinkId(""),
        instrument=BTC,
        side="Sell",
        order_type="Market",
        quantity=Decimal("0.5"),
        price=None,
        time_in_force="IOC",
        reduce_only=True,
    )
    world.exchange.place(away, world.exchange.clock.now())
    await world.seconds(20)
    assert world.exchange.position(BTC).size == 0
    assert not [entry for entry in world.exchange.log if entry.link_id == link_id_of(reverse)]


@in_virtual_time
async def test_a_coin_of_which_there_is_none_any_more_is_gone() -> None:
    world = await ready_world()
    buy = world.market(category="spot", quantity=Decimal("0.5"))
    await world.until_status(buy, "filled")
    await world.until(lambda: world.database.balances["BTC"].wallet_balance > 0, "there is a coin")
    wallet = world.exchange.wallet()

    def without_bitcoin(_self: object) -> Any:
        return replace(wallet, coins={"USDT": wallet.coins["USDT"]}, reported_at=world.exchange.clock.now())

    type(world.exchange).wallet, kept = without_bitcoin, type(world.exchange).wallet  # type: ignore[method-assign]
    try:
        await world.until(lambda: world.database.balances["BTC"].wallet_balance == 0, "it is gone", within_s=400)
    finally:
        type(world.exchange).wallet = kept  # type: ignore[method-assign]


@in_virtual_time
async def test_where_nothing_was_filled_meanwhile_positions_are_asked_for_once() -> None:
    """Of twenty accounts each question counts: an address may ask six hundred in five seconds."""
    world = await ready_world()
    await long_position(world)
    assert position_reads(world) == 2, "the first reading of all sets what everything later is compared with"
    await world.kill()
    await world.seconds(3)
    await next_life(world)
    assert position_reads(world) == 1
    assert (held(world), drifts(world)) == (Decimal("0.5"), [])


def test_a_fill_between_positions_and_fills_has_the_positions_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    @in_virtual_time
    async def scene() -> None:
        world = await ready_world()
        await long_position(world)
        await working_order(world, price=Decimal(59_000), quantity=Decimal("0.25"))
        await world.kill()
        await world.seconds(3)
        executions = GatewayTwin.executions

        async def filled_first(self: GatewayTwin, since: datetime) -> Sequence[Execution]:
            monkeypatch.undo()
            world.exchange.move_price(Decimal(58_000))
            await world.seconds(1)  # until it is listed
            return await executions(self, since)

        monkeypatch.setattr(GatewayTwin, "executions", filled_first)
        await next_life(world)
        assert position_reads(world) == 3
        assert (held(world), drifts(world)) == (Decimal("0.75"), [])

    scene()
