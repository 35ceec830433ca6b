"""Scenes of changing what is there (amends, leverage, exits, closes, reverses) and of orders that wait for a price, in
virtual time against the twins. Placing and cancelling are in `test_session_scenarios`."""

from __future__ import annotations

from decimal import Decimal

import pytest

from sim.checks import faults_found
from sim.exchange_ports import Sent
from sim.faults import Faults
from sim.virtual_time import in_virtual_time
from sim.world import BTC, BTC_SPOT, World
from tradewright.core.ids import IntentId, LinkId, link_id_of
from tradewright.core.order import Exit, NewOrder, Trigger
from tradewright.lab.virtual_loop import run_virtual


async def ready_world(seed: int = 1) -> World:
    world = World(seed)
    world.start()
    await world.ready()
    return world


async def working_order(world: World, **changes: object) -> IntentId:
    order = world.place(**changes)
    await world.until_status(order, "working")
    return order


async def long_position(world: World, size: str = "0.5", **changes: object) -> IntentId:
    buy = world.market(quantity=Decimal(size), **changes)
    await world.until_status(buy, "filled")
    await world.until(lambda: held(world)[1] == Decimal(size), "the position is known")
    return buy


def held(world: World) -> tuple[str | None, Decimal]:
    """(side, size) of the position as we hold it."""
    row = world.database.positions.get(("linear", "BTCUSDT", 0))
    return (None, Decimal(0)) if row is None else (row.position.side, row.position.size)


def stops(world: World) -> tuple[Decimal | None, Decimal | None]:
    row = world.database.positions["linear", "BTCUSDT", 0]
    return row.position.take_profit, row.position.stop_loss


def state(world: World, intent_id: IntentId) -> str:
    return world.database.intents[intent_id].state


def reason(world: World, intent_id: IntentId) -> str | None:
    why = world.database.intents[intent_id].reason
    return None if why is None else why.code


def price_of(world: World, order: IntentId) -> Decimal | None:
    row = world.database.order_of(order)
    assert row is not None
    return row.tracked.price


def commands(world: World, kind: str) -> int:
    return [entry.kind for entry in world.wire.sent].count(kind)


async def settled(world: World, intent_id: IntentId, wanted: str = "acknowledged", within_s: float = 60) -> None:
    await world.until(lambda: state(world, intent_id) == wanted, f"{intent_id} is {wanted}", within_s)


# Amends.


@in_virtual_time
async def test_an_amend_is_asked_until_the_order_is_read_with_its_new_terms() -> None:
    world = await ready_world()
    order = await working_order(world)
    seen = []
    world.set_faults(Faults(event_lost=1.0))  # nothing but the look after the answer tells
    amend = world.amend(order, price=Decimal(51000), quantity=Decimal("0.4"))
    for _ in range(40):
        await world.seconds(0.01)
        seen.append((world.database.status(order), price_of(world, order)))
    assert ("amend_requested", Decimal(50000)) in seen
    assert seen[-1] == ("working", Decimal(51000))
    assert all(status == "amend_requested" for status, price in seen if price == Decimal(50000))
    assert (state(world, amend), commands(world, "amend")) == ("acknowledged", 1)
    world.set_faults()
    assert faults_found(world) == []


@in_virtual_time
async def test_an_amend_whose_answer_is_lost_is_settled_by_the_order_itself() -> None:
    world = await ready_world()
    order = await working_order(world)
    world.wire.next_command = ["reply_lost"]
    amend = world.amend(order, price=Decimal(51000))
    await settled(world, amend, within_s=15)
    await world.until_status(order, "working")
    assert [request.outcome for request in world.database.requests_of(amend)] == ["unknown"]
    assert (price_of(world, order), commands(world, "amend")) == (Decimal(51000), 1)


@in_virtual_time
async def test_an_amend_that_never_arrived_is_not_called_so_before_it_could_not_arrive_any_more() -> None:
    world = await ready_world()
    order = await working_order(world)
    world.wire.next_command = ["request_lost"]
    amend = world.amend(order, price=Decimal(51000))
    await world.until(lambda: state(world, amend) == "unknown", "the answer is lost", 15)
    signed_at = world.wire.sent[-1].at
    await settled(world, amend, "not_placed", within_s=30)
    assert (world.exchange.clock.now() - signed_at).total_seconds() > 21
    assert (world.database.status(order), price_of(world, order)) == ("working", Decimal(50000))


@pytest.mark.parametrize("seed", range(8))
def test_the_last_price_that_was_asked_for_is_the_one_that_stands(seed: int) -> None:
    """Dragged along, a price is amended many times within a moment; on ways of their own they could arrive in any
    order."""

    async def scene() -> None:
        world = await ready_world(seed)
        order = await working_order(world)
        for price in (50100, 50200, 50300, 50400):
            world.amend(order, price=Decimal(price))
            await world.seconds(0.004)
        await world.until(lambda: price_of(world, order) == Decimal(50400), "the last one stands")
        await world.seconds(5)
        assert price_of(world, order) == Decimal(50400)
        assert faults_found(world) == []

    run_virtual(scene())


@in_virtual_time
async def test_an_amend_waits_behind_one_whose_outcome_is_unknown_and_expires_there() -> None:
    """The first may still arrive at the exchange after the second, and would then stand."""
    world = await ready_world()
    order = await working_order(world)
    world.wire.next_command = ["request_lost"]
    first = world.amend(order, price=Decimal(51000))
    await world.until(lambda: commands(world, "amend") == 1, "the first has left")
    second = world.amend(order, price=Decimal(52000))
    await settled(world, second, "expired", within_s=12)
    assert state(world, first) in ("unknown", "sending")
    assert commands(world, "amend") == 1


@in_virtual_time
async def test_an_amend_that_a_fill_overtakes_is_too_late_and_shows_the_fill_at_once() -> None:
    world = await ready_world()
    order = await working_order(world)
    world.set_faults(Faults(event_lost=1.0))
    while not all(one.ended for one in world.exchange.orders.values()):
        world.exchange.move_price(Decimal(40000))
    amend = world.amend(order, price=Decimal(39000))
    await settled(world, amend, "rejected")
    await world.until_status(order, "filled", within_s=1)
    assert reason(world, amend) == "exchange.too_late"


@in_virtual_time
async def test_an_amend_below_what_is_filled_is_rejected_and_the_order_goes_on() -> None:
    world = await ready_world()
    order = await working_order(world)
    (twin,) = world.exchange.orders.values()
    world.exchange._fill(twin, Decimal("0.2"), maker=True)
    amend = world.amend(order, quantity=Decimal("0.1"))
    await settled(world, amend, "rejected")
    assert reason(world, amend) == "exchange.quantity_filled"
    await world.until_status(order, "partially_filled")


@pytest.mark.parametrize("seed", range(6))
def test_a_cancel_beats_an_amend_in_what_is_said_and_in_what_becomes(seed: int) -> None:
    async def scene() -> None:
        world = await ready_world(seed)
        order = await working_order(world)
        amend, cancel = world.amend(order, price=Decimal(51000)), world.cancel(order)
        assert world.database.status(order) == "cancel_requested"
        await world.until_status(order, "cancelled")
        await world.until(lambda: state(world, cancel) == "acknowledged", "the cancel is answered")
        await world.until(lambda: state(world, amend) in ("acknowledged", "rejected", "refused"), "the amend too")
        await world.seconds(5)
        assert faults_found(world) == []

    run_virtual(scene())


@in_virtual_time
async def test_an_amend_that_changes_nothing_is_not_sent() -> None:
    world = await ready_world()
    order = await working_order(world)
    amend = world.amend(order, price=Decimal(50000))
    await settled(world, amend, "refused")
    assert (reason(world, amend), commands(world, "amend")) == ("amend.nothing_changes", 0)


@in_virtual_time
async def test_an_order_placed_elsewhere_is_amended_when_a_person_asks() -> None:
    world = await ready_world()
    order_id = world.place_elsewhere()
    await world.until(lambda: order_id in world.database.orders, "it is shown")
    world.amend(world.database.orders[order_id].id, price=Decimal(51000))
    await world.until(lambda: world.database.orders[order_id].tracked.price == Decimal(51000), "it is amended")


@in_virtual_time
async def test_while_degraded_only_what_takes_quantity_off_is_amended() -> None:
    world = await ready_world()
    first, second = await working_order(world), await working_order(world, price=Decimal(49000))
    world.set_faults(Faults(read_failed=1.0))
    world.wire.drop_streams()
    await world.until(lambda: world.database.session[0] != "ready", "the session is not ready")
    less, other = world.amend(first, quantity=Decimal("0.1")), world.amend(second, price=Decimal(48000))
    await settled(world, less, within_s=2)
    await settled(world, other, "expired", within_s=12)
    assert commands(world, "amend") == 1


# Conditional orders.


@in_virtual_time
async def test_a_conditional_order_waits_and_is_filled_once_its_price_comes() -> None:
    world = await ready_world()
    stop = world.market(side="Buy", trigger=Trigger(price=Decimal(61000), by="LastPrice", rises=True))
    await world.until_status(stop, "waiting_trigger")
    world.exchange.move_price(Decimal(60900))
    await world.seconds(2)
    assert world.database.status(stop) == "waiting_trigger"
    world.exchange.move_price(Decimal(61000))
    await world.until_status(stop, "filled")
    assert faults_found(world) == []


@in_virtual_time
async def test_a_conditional_order_that_is_set_off_while_we_are_down_is_found_filled() -> None:
    world = await ready_world()
    stop = world.market(side="Sell", trigger=Trigger(price=Decimal(59000), by="LastPrice", rises=False))
    await world.until_status(stop, "waiting_trigger")
    await world.kill()
    await world.seconds(3600)
    world.exchange.move_price(Decimal(58000))
    await world.seconds(3600)
    world.start()
    await world.ready()
    await world.until_status(stop, "filled")
    assert held(world) == ("Sell", Decimal("0.5"))
    await world.seconds(3)
    assert faults_found(world) == []


@in_virtual_time
async def test_a_trigger_is_amended_and_a_waiting_order_is_cancelled() -> None:
    world = await ready_world()
    stop = world.market(side="Sell", trigger=Trigger(price=Decimal(59000), by="LastPrice", rises=False))
    await world.until_status(stop, "waiting_trigger")
    world.amend(stop, trigger_price=Decimal(58000))
    await world.until_status(stop, "waiting_trigger")
    world.exchange.move_price(Decimal(58500))
    await world.seconds(2)
    assert world.database.status(stop) == "waiting_trigger"
    world.cancel(stop)
    await world.until_status(stop, "cancelled")


@in_virtual_time
async def test_a_trigger_that_the_price_has_passed_is_rejected_with_its_reason() -> None:
    world = await ready_world()
    stop = world.market(trigger=Trigger(price=Decimal(59000), by="LastPrice", rises=True))
    await world.until_status(stop, "rejected")
    assert reason(world, stop) == "exchange.trigger_passed"


# Exits and leverage.


@in_virtual_time
async def test_exits_that_came_with_an_entry_are_the_exchanges_orders_and_no_difference() -> None:
    world = await ready_world()
    legs = {"take_profit": Exit(trigger_price=Decimal(65000)), "stop_loss": Exit(trigger_price=Decimal(58000))}
    buy = await long_position(world, **legs)
    await world.until(lambda: stops(world) == (Decimal(65000), Decimal(58000)), "they are read back")
    attached = [row for row in world.database.orders.values() if row.report.is_attached]
    assert [row.intent_id for row in attached] == [None, None]
    assert {row.report.parent_link_id for row in attached} == {link_id_of(buy)}
    assert world.database.drift_count == 0
    world.exchange.move_price(Decimal(57000))
    await world.until(lambda: held(world) == (None, Decimal(0)), "the stop took the position off")
    await world.seconds(3)
    assert faults_found(world) == []


@in_virtual_time
async def test_exits_of_a_position_are_done_once_they_are_read_back() -> None:
    world = await ready_world()
    await long_position(world)
    world.set_faults(Faults(event_lost=1.0))
    exits = world.exits(take_profit=Decimal(65000), stop_loss=Decimal(58000))
    await world.until(lambda: world.database.intents[exits].is_read_back, "it is read back")
    assert stops(world) == (Decimal(65000), Decimal(58000))
    removed = world.exits(take_profit=Decimal(0))
    await world.until(lambda: world.database.intents[removed].is_read_back, "it is read back")
    assert stops(world) == (None, Decimal(58000))


@in_virtual_time
async def test_a_stop_is_set_while_degraded() -> None:
    world = await ready_world()
    await long_position(world)
    world.set_faults(Faults(read_failed=1.0))
    world.wire.drop_streams()
    await world.until(lambda: world.database.session[0] != "ready", "the session is not ready")
    stop, leverage = world.exits(stop_loss=Decimal(58000)), world.leverage(3)
    await settled(world, stop, within_s=2)
    await settled(world, leverage, "expired", within_s=12)
    assert (commands(world, "exits"), commands(world, "leverage")) == (1, 0)
    world.set_faults()
    await world.until(lambda: world.database.intents[stop].is_read_back, "the reconciliation reads it back")
    assert stops(world) == (None, Decimal(58000))


@pytest.mark.parametrize(("fault", "ends_as"), [("reply_lost", "acknowledged"), ("request_lost", "not_placed")])
def test_a_leverage_of_unknown_outcome_is_settled_by_reading_the_position(fault: str, ends_as: str) -> None:
    """Also on a flat position: the leverage is the symbol's."""

    async def scene() -> None:
        world = await ready_world()
        world.wire.next_command = [fault]
        leverage = world.leverage(25)
        await settled(world, leverage, ends_as, within_s=40)
        assert [request.outcome for request in world.database.requests_of(leverage)] == ["unknown"]
        read = world.database.positions["linear", "BTCUSDT", 0].position
        assert (read.size, read.leverage) == (0, Decimal(25 if ends_as == "acknowledged" else 10))
        assert commands(world, "leverage") == 1
        assert faults_found(world) == []

    run_virtual(scene())


@in_virtual_time
async def test_exits_of_a_position_that_has_closed_are_rejected() -> None:
    world = await ready_world()
    exits = world.exits(stop_loss=Decimal(58000))
    await settled(world, exits, "rejected")


@pytest.mark.parametrize("point", ["amend.told", "answer.after", "read.find_order", "confirm.before", "confirm.after"])
def test_a_kill_between_an_amend_and_its_reading_loses_nothing(point: str) -> None:
    async def scene() -> None:
        world = World(1)
        process = world.start()
        await world.ready()
        order = await working_order(world)
        process._kill_at = point
        amend = world.amend(order, price=Decimal(51000))
        await process.killed.wait()
        await world.kill()
        world.start()
        await world.ready()
        await world.until_status(order, "working")
        await world.seconds(2)
        assert (state(world, amend), price_of(world, order)) == ("acknowledged", Decimal(51000))
        assert commands(world, "amend") == 1
        assert faults_found(world) == []

    run_virtual(scene())


@pytest.mark.parametrize("first", range(49, 229, 20))
def test_a_kill_at_any_step_of_changing_things_loses_and_doubles_nothing(first: int) -> None:
    """The same evening of amends, exits, leverage and closes is cut at each of its steps, from the first order on."""

    async def evening(kill_at: int) -> list[str]:
        world = World(3)
        process = world.start(kill_at=kill_at)
        await world.seconds(2)
        resting = world.place()
        world.market(stop_loss=Exit(trigger_price=Decimal(58000)))
        await world.seconds(2)
        world.amend(resting, price=Decimal(51000))
        world.leverage(25)
        await world.seconds(1)
        world.wire.next_command = ["reply_lost"]
        world.amend(resting, quantity=Decimal("0.2"))
        world.exits(take_profit=Decimal(65000))
        await world.seconds(2)
        world.close()
        world.market(side="Sell", trigger=Trigger(price=Decimal(59000), by="LastPrice", rises=False))
        await world.seconds(1)
        world.exchange.move_price(Decimal(58900))
        await world.seconds(2)
        assert process.is_dead, f"step {kill_at} was never reached"
        await world.kill()
        world.start()
        await world.ready()
        await world.seconds(30)
        return faults_found(world)

    for kill_at in range(first, first + 20):
        found = run_virtual(evening(kill_at))
        assert not found, f"killed at step {kill_at}: {found}"


# Closes and reverses.


@in_virtual_time
async def test_a_close_takes_off_what_there_is_and_never_more() -> None:
    """The position became smaller while the close was on its way: what is over is not turned into a short."""
    world = await ready_world()
    await long_position(world)
    check = world.wire.on_send

    def stop_out(leaving: Sent) -> None:
        check(leaving)
        world.wire.on_send = check
        elsewhere = world.exchange.place(_sell_elsewhere("0.3"), world.exchange.clock.now())
        world.exchange._match(world.exchange.orders[elsewhere])

    world.wire.on_send = stop_out
    close = world.close()
    assert close is not None
    await world.until(lambda: held(world) == (None, Decimal(0)), "it is closed")
    await world.until_status(close, "cancelled", "filled")
    await world.seconds(3)
    assert held(world) == (None, Decimal(0))


@in_virtual_time
async def test_a_reverse_turns_the_position_and_is_refused_once_it_is_another() -> None:
    world = await ready_world()
    await long_position(world)
    turn = world.reverse()
    assert turn is not None
    await world.until(lambda: held(world) == ("Sell", Decimal("0.5")), "it is turned")
    world.wire.down = True
    world.wire.drop_streams()
    await world.until(lambda: world.database.session[0] == "degraded", "the exchange is away")
    late = world.reverse()
    assert late is not None
    await world.seconds(1)
    elsewhere = world.exchange.place(_sell_elsewhere("0.2"), world.exchange.clock.now())
    world.exchange._match(world.exchange.orders[elsewhere])
    world.wire.down = False
    await settled(world, late, "refused", within_s=8)
    assert reason(world, late) == "position.changed"
    assert held(world) == ("Sell", Decimal("0.7"))


def _sell_elsewhere(quantity: str) -> NewOrder:
    return NewOrder(
        link_id=LinkId(""),
        instrument=BTC,
        side="Sell",
        order_type="Market",
        quantity=Decimal(quantity),
        price=None,
        time_in_force="IOC",
    )


# Spot, reading on request, refusals by the rules of an instrument.


@in_virtual_time
async def test_a_spot_order_moves_the_coins_and_no_position() -> None:
    world = await ready_world()
    buy = world.market(category="spot", quantity=Decimal("0.1"))
    await world.until_status(buy, "filled")
    sell = world.place(category="spot", side="Sell", quantity=Decimal("0.05"), price=Decimal(70000))
    await world.until_status(sell, "working")
    await world.until(lambda: world.database.balances["BTC"].locked == Decimal("0.05"), "the coins are locked")
    assert world.database.balances["BTC"].wallet_balance == Decimal("0.1") * (1 - Decimal("0.00055"))
    assert world.database.balances["USDT"].wallet_balance == Decimal(94000)
    assert world.database.positions == {}
    await world.seconds(200)  # beyond a reconciliation
    assert world.database.drift_count == 0
    assert faults_found(world) == []


@in_virtual_time
async def test_a_spot_order_placed_elsewhere_is_shown_amended_and_cancelled_as_what_it_is() -> None:
    world = await ready_world()
    order_id = world.place_elsewhere(instrument=BTC_SPOT)
    await world.until(lambda: order_id in world.database.orders, "it is shown")
    row = world.database.orders[order_id]
    assert (row.intent_id, row.report.instrument, world.database.drift_count) == (None, BTC_SPOT, 1)
    world.amend(row.id, price=Decimal(40000))
    await world.until(lambda: row.tracked.price == Decimal(40000), "it is amended")
    world.cancel(row.id)
    await world.until(lambda: row.tracked.state == "cancelled", "it is cancelled")
    await world.until(lambda: world.database.balances["USDT"].locked == 0, "nothing is locked any more")


@in_virtual_time
async def test_what_is_wanted_is_read_at_once_and_not_again_for_each_who_asks() -> None:
    world = await ready_world()
    assert world.process is not None
    world.set_faults(Faults(event_lost=1.0))
    buy = world.market()
    await world.until_status(buy, "acknowledged")
    await world.seconds(5)
    reads = world.process.points_seen.count("read.wallet")
    for _ in range(20):
        world.process.session.want_reconcile()
    world.process.session.want_symbol(BTC)
    world.process.session.want_symbol(BTC_SPOT)
    await world.until_status(buy, "filled", within_s=2)
    assert world.process.points_seen.count("read.wallet") == reads + 1
    await world.until(lambda: len(world.database.symbols) == 2, "the symbols are read", 2)
    facts = world.database.symbols
    assert (facts[BTC].leverage, facts[BTC_SPOT].leverage) == (Decimal(10), None)
    assert world.database.margin_mode == "REGULAR_MARGIN"


@pytest.mark.parametrize(
    ("code", "is_stale", "why"),
    [
        (10001, True, "exchange.refused"),
        (110094, True, "exchange.notional_min"),
        (170137, True, "exchange.quantity_range"),
        (170134, True, "exchange.price_range"),
        (110007, False, "exchange.insufficient_margin"),
    ],
)
def test_a_refusal_by_the_instruments_rules_has_them_read_anew(code: int, is_stale: bool, why: str) -> None:
    async def scene() -> None:
        world = await ready_world()
        assert world.process is not None
        world.exchange.refuse_next = [code]
        order = world.place()
        await world.until_status(order, "rejected")
        assert reason(world, order) == why
        assert world.process.stale_instruments == int(is_stale)

    run_virtual(scene())
