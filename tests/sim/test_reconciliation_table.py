"""Twenty ways in which what we hold and what the exchange has may differ: thirteen found at a start, seven at run time.

The rows are those of nautilus_trader's reconciliation tables (promise B3). Where it makes orders and fills of its own
to make sizes add up, we make none: what no fill explains waits for a person, with its symbol blocked.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from sim.checks import faults_found
from sim.exchange_twin import TwinOrder
from sim.faults import Faults
from sim.memory_differences import decide
from sim.world import BTC, World
from tradewright.core.ids import IntentId, LinkId, link_id_of
from tradewright.core.instrument import Side
from tradewright.core.order import NewOrder
from tradewright.lab.virtual_loop import run_virtual

Scene = Callable[[World], Awaitable[None]]
KEY = ("linear", "BTCUSDT", 0)


async def started(world: World) -> None:
    process = world.start()
    await world.until(lambda: process.session.state == "ready", "this process is ready")


async def resting(world: World) -> IntentId:
    """An order of 0.5 that rests, and then the process is gone."""
    await started(world)
    buy = world.place()
    await world.until_status(buy, "working")
    await world.kill()
    return buy


def at_exchange(world: World, intent_id: IntentId) -> TwinOrder:
    return next(order for order in world.exchange.orders.values() if order.asked.link_id == link_id_of(intent_id))


def fill(world: World, intent_id: IntentId, quantity: str) -> None:
    world.exchange._fill(at_exchange(world, intent_id), Decimal(quantity), maker=True)


def kinds(world: World) -> Sequence[str]:
    """Of the differences that were told."""
    return [event.payload["kind"] for event in world.database.events if event.kind == "drift"]


async def is_as_there(world: World, intent_id: IntentId, status: str, fills: int) -> None:
    await started(world)
    await world.until_status(intent_id, status)  # type: ignore[arg-type]
    assert len(world.database.executions) == fills
    assert faults_found(world) == []


# At a start.


async def order_state_differs(world: World) -> None:
    buy = await resting(world)
    world.exchange.cancel(world.exchange.clock.now(), link_id=link_id_of(buy), order_id=None)
    await is_as_there(world, buy, "cancelled", 0)


async def a_fill_was_missed(world: World) -> None:
    buy = await resting(world)
    fill(world, buy, "0.5")
    await is_as_there(world, buy, "filled", 1)


async def several_fills_were_missed(world: World) -> None:
    buy = await resting(world)
    for part in ("0.1", "0.15", "0.05", "0.2"):
        fill(world, buy, part)
    await is_as_there(world, buy, "filled", 4)


async def an_order_of_somebody_else(world: World) -> None:
    await resting(world)
    order_id = world.place_elsewhere()
    await started(world)
    row = world.database.orders[order_id]
    assert (row.intent_id, row.tracked.state, kinds(world)) == (None, "working", ["order.foreign"])
    assert len(world.wire.sent) == 1, "it is not touched"


async def filled_in_part_and_then_cancelled(world: World) -> None:
    buy = await resting(world)
    fill(world, buy, "0.2")
    world.exchange.cancel(world.exchange.clock.now(), link_id=link_id_of(buy), order_id=None)
    await is_as_there(world, buy, "cancelled", 1)
    assert world.database.orders[at_exchange(world, buy).order_id].tracked.filled_quantity == Decimal("0.2")


async def a_known_fill_is_told_with_other_numbers(world: World) -> None:
    buy = await resting(world)
    fill(world, buy, "0.5")
    await is_as_there(world, buy, "filled", 1)
    [(seen_s, told)] = world.exchange.fills
    world.exchange.fills = [(seen_s, replace(told, price=told.price + 1, fee=Decimal(9)))]
    await world.seconds(200)
    [kept] = world.database.executions.values()
    assert (kept.execution.price, kept.execution.fee) == (told.price, told.fee), "what was booked stays"


async def orders_that_are_to_be_left_alone(world: World) -> None:
    await started(world)
    world.place_elsewhere()
    await world.until(lambda: len(world.database.differences) == 1, "it is told")
    row = world.database.differences[0]
    decide(world.database, row.id, "ignore", version=row.version, always=True)
    await world.kill()
    order_id = world.place_elsewhere(price="49000")
    await started(world)
    assert order_id in world.database.orders
    assert (kinds(world), world.database.drift_count) == (["order.foreign"], 0)


async def reports_of_one_order_come_twice(world: World) -> None:
    buy = await resting(world)
    fill(world, buy, "0.5")
    world.set_faults(Faults(event_twice=1.0))
    await is_as_there(world, buy, "filled", 1)
    assert len(world.database.orders) == 1


async def size_differs(world: World, side: Side, ours: str, theirs: str) -> None:
    """The position is `theirs` at the exchange; what we have booked of it adds up to `ours`."""
    await started(world)
    first = world.market(side=side)
    await world.until_status(first, "filled")
    await world.seconds(200)  # its base is set
    sent, fills = len(world.wire.sent), len(world.database.executions)
    held = world.database.positions[KEY]
    assert held.base_size == 0
    await world.kill()
    held.base_size = Decimal(ours) - Decimal(theirs)
    await started(world)
    [row] = world.database.differences
    assert (row.kind, row.ours, row.theirs, row.state) == ("position.size", ours, theirs, "open")
    opening = world.place()
    await world.until_status(opening, "refused")
    await world.seconds(400)
    assert (len(world.wire.sent), len(world.database.executions)) == (sent, fills), "nothing is made up for it"
    assert kinds(world) == ["position.size"], "it is told once"


async def long_is_bigger_there(world: World) -> None:
    await size_differs(world, "Buy", "0.3", "0.5")


async def short_is_bigger_there(world: World) -> None:
    await size_differs(world, "Sell", "-0.3", "-0.5")


async def position_is_smaller_there(world: World) -> None:
    await size_differs(world, "Buy", "0.7", "0.5")


async def position_is_of_the_other_side_there(world: World) -> None:
    await size_differs(world, "Sell", "0.2", "-0.5")


async def what_is_decided_on_a_size_makes_it_add_up(world: World) -> None:
    """Where nautilus makes an order of reconciliation, a person decides; then nothing is left over."""
    await long_is_bigger_there(world)
    [row] = world.database.differences
    decide(world.database, row.id, "adopt", version=row.version)
    await world.seconds(400)
    assert (len(world.database.differences), world.database.drift_count) == (1, 0)
    opening = world.place()
    await world.until_status(opening, "working")


# At run time.


async def the_exchange_refuses_an_order(world: World) -> None:
    await started(world)
    world.exchange.refuse_next = [110007]
    buy = world.place()
    await world.until_status(buy, "rejected")
    assert faults_found(world) == []


async def an_order_fails_without_a_word_of_refusal(world: World) -> None:
    await started(world)
    world.wire.next_command = ["reply_lost"]
    buy = world.place()
    await world.until_status(buy, "working")
    assert len([one for one in world.exchange.orders.values() if one.asked.link_id == link_id_of(buy)]) == 1


async def an_order_is_in_flight_for_too_long(world: World) -> None:
    """It ends as not placed, never as rejected, and not before it can no longer arrive."""
    await started(world)
    world.wire.next_command = ["request_lost"]
    buy = world.place()
    await world.until_status(buy, "unknown")
    signed_at = world.wire.sent[-1].at
    await world.until_status(buy, "not_placed")
    assert world.not_placed_at[buy] - signed_at > timedelta(seconds=21)


async def a_cancel_is_in_flight_for_too_long(world: World) -> None:
    await started(world)
    buy = world.place()
    await world.until_status(buy, "working")
    world.wire.next_command = ["request_lost"]
    cancel = world.cancel(buy)
    await world.until(lambda: world.database.intents[cancel].state == "unknown", "nobody knows")
    await world.until(lambda: world.database.intents[cancel].state == "not_placed", "it never arrived")
    assert world.database.status(buy) == "working", "the order itself stays what it is"


async def open_orders_differ(world: World) -> None:
    await started(world)
    buy = world.place()
    await world.until_status(buy, "working")
    world.set_faults(Faults(event_lost=1.0))
    world.exchange.cancel(world.exchange.clock.now(), link_id=link_id_of(buy), order_id=None)
    await world.until_status(buy, "cancelled", within_s=200)
    assert faults_found(world) == []


async def positions_differ(world: World) -> None:
    await started(world)
    world.set_faults(Faults(event_lost=1.0))
    order = NewOrder(
        link_id=LinkId("by-hand"),
        instrument=BTC,
        side="Buy",
        order_type="Market",
        quantity=Decimal("0.4"),
        price=None,
        time_in_force="IOC",
    )
    world.exchange.place(order, world.exchange.clock.now())
    await world.until(
        lambda: KEY in world.database.positions and world.database.positions[KEY].position.size == Decimal("0.4"),
        "the position is found",
        200,
    )
    assert kinds(world) == [], "its fill explains it"
    assert faults_found(world) == []


async def what_the_owner_remembers_is_audited(world: World) -> None:
    """Its memory is what the tables say, after a reading as before it."""
    await started(world)
    for price in (50000, 49000, 48000):
        await world.until_status(world.place(price=Decimal(price)), "working")
    await world.until_status(world.market(), "filled")
    await world.seconds(200)
    assert world.process is not None
    book = world.process.session.book
    live = {
        row.report.exchange_order_id
        for row in world.database.orders.values()
        if row.tracked.state not in ("filled", "cancelled", "rejected", "expired")
    }
    assert {order.exchange_order_id for order in book.orders()} == live
    held = book.position(BTC)
    assert held is not None
    assert held.size == world.database.positions[KEY].position.size == Decimal("0.5")


STARTUP: dict[str, Scene] = {
    "order state discrepancy": order_state_differs,
    "missed fills": a_fill_was_missed,
    "multiple fills": several_fills_were_missed,
    "external orders": an_order_of_somebody_else,
    "partially filled then canceled": filled_in_part_and_then_cancelled,
    "different fill data": a_known_fill_is_told_with_other_numbers,
    "filtered orders": orders_that_are_to_be_left_alone,
    "duplicate order reports": reports_of_one_order_come_twice,
    "position quantity mismatch (long)": long_is_bigger_there,
    "position quantity mismatch (short)": short_is_bigger_there,
    "position reduction": position_is_smaller_there,
    "position side flip": position_is_of_the_other_side_there,
    "internal reconciliation orders": what_is_decided_on_a_size_makes_it_add_up,
}
RUNTIME: dict[str, Scene] = {
    "explicit submit API refusal": the_exchange_refuses_an_order,
    "ambiguous submit failure": an_order_fails_without_a_word_of_refusal,
    "in-flight submit timeout": an_order_is_in_flight_for_too_long,
    "in-flight cancel/update timeout": a_cancel_is_in_flight_for_too_long,
    "open orders check discrepancy": open_orders_differ,
    "position check discrepancy": positions_differ,
    "own books audit mismatch": what_the_owner_remembers_is_audited,
}


@pytest.mark.parametrize("row", [*STARTUP, *RUNTIME])
def test_every_scenario_row_of_reconciliation(row: str) -> None:
    async def scene() -> None:
        world = World(1, decides=True)
        await (STARTUP | RUNTIME)[row](world)
        assert world.violations == []

    run_virtual(scene())


@pytest.mark.parametrize("row", STARTUP)
def test_another_reading_of_what_every_row_has_come_to_tells_nothing(row: str) -> None:
    """Promise B2, from each of the starts."""

    async def scene() -> None:
        world = World(2, decides=True)
        await STARTUP[row](world)
        await world.seconds(30)
        told, readings = len(world.database.events), world.readings
        assert world.process is not None
        world.process.session.want_reconcile()
        await world.until(lambda: world.readings > readings, "it is read again")
        await world.seconds(5)
        assert [event.kind for event in world.database.events[told:]] == []

    run_virtual(scene())


def test_the_tables_are_whole() -> None:
    assert (len(STARTUP), len(RUNTIME)) == (13, 7)
