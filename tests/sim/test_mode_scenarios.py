"""Scenes of what the exchange may hold otherwise: two legs of one contract, another margin mode, a trailing stop; in
virtual time against the twins. Leverage, exits and amends are in `test_change_scenarios`."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from sim.checks import faults_found
from sim.exchange_ports import Sent
from sim.facts import after, order_report
from sim.faults import Faults
from sim.virtual_time import in_virtual_time
from sim.world import BTC, World
from tradewright.core.ids import IntentId, LinkId
from tradewright.core.order import NewOrder, PositionExits

LONG, SHORT = {"position_index": 1}, {"position_index": 2, "side": "Sell"}


async def ready_world(*, hedge: bool = False) -> World:
    world = World(1)
    if hedge:
        world.exchange.hedged.add(BTC)
    world.start()
    await world.ready()
    return world


def state(world: World, intent_id: IntentId) -> str:
    return world.database.intents[intent_id].state


def reason(world: World, intent_id: IntentId) -> tuple[str, int | None] | None:
    why = world.database.intents[intent_id].reason
    return None if why is None else (why.code, why.exchange_code)


def sizes(world: World) -> dict[int, tuple[str | None, Decimal]]:
    return {key[2]: (row.position.side, row.position.size) for key, row in world.database.positions.items()}


def drifts(world: World) -> list[tuple[str, str]]:
    told = [event.payload for event in world.database.events if event.kind == "drift"]
    return [(one["kind"], one["subject"]) for one in told]


def commands(world: World, kind: str) -> int:
    return [entry.kind for entry in world.wire.sent].count(kind)


async def settled(world: World, intent_id: IntentId, wanted: str = "acknowledged", within_s: float = 60) -> None:
    await world.until(lambda: state(world, intent_id) == wanted, f"{intent_id} is {wanted}", within_s)


async def read_back(world: World, intent_id: IntentId) -> None:
    await world.until(lambda: world.database.intents[intent_id].is_read_back, "it was read back")


async def two_legs(world: World) -> None:
    """0.5 long and 0.3 short of one contract."""
    for order in (world.market(**LONG), world.market(**SHORT, quantity=Decimal("0.3"))):
        await world.until_status(order, "filled")
    await world.until(
        lambda: sizes(world) == {1: ("Buy", Decimal("0.5")), 2: ("Sell", Decimal("0.3"))}, "both legs are known"
    )


# Two legs.


@in_virtual_time
async def test_the_position_mode_is_done_once_the_legs_are_read_back() -> None:
    world = await ready_world()
    world.set_faults(Faults(event_lost=1.0))
    switch = world.position_mode(hedge=True)
    await read_back(world, switch)
    assert (state(world, switch), world.database.hedged) == ("acknowledged", {BTC: True})
    assert sizes(world) == {1: (None, Decimal(0)), 2: (None, Decimal(0))}
    back = world.position_mode(hedge=False)
    await read_back(world, back)
    assert world.database.hedged == {BTC: False}
    assert commands(world, "position_mode") == 2
    world.set_faults()
    assert faults_found(world) == []


@in_virtual_time
async def test_a_position_mode_that_the_exchange_refuses_says_why_and_changes_nothing() -> None:
    world = await ready_world()
    order = world.place()
    await world.until_status(order, "working")
    switch = world.position_mode(hedge=True)
    await settled(world, switch, "rejected")
    assert reason(world, switch) == ("exchange.mode_has_orders", 110028)
    buy = world.market()
    await world.until_status(buy, "filled")
    switch = world.position_mode(hedge=True)
    await settled(world, switch, "rejected")
    assert reason(world, switch) == ("exchange.mode_has_position", 110024)
    assert world.exchange.hedged == set()


@pytest.mark.parametrize(("fault", "outcome"), [("reply_lost", "acknowledged"), ("request_lost", "not_placed")])
@pytest.mark.parametrize("kind", ["position_mode", "margin_mode"])
def test_a_mode_whose_outcome_nobody_knows_is_settled_by_what_is_read(kind: str, fault: str, outcome: str) -> None:
    @in_virtual_time
    async def scene() -> None:
        world = await ready_world()
        world.wire.next_command = [fault]
        asked = world.position_mode(hedge=True) if kind == "position_mode" else world.margin_mode("ISOLATED_MARGIN")
        await settled(world, asked, "unknown", within_s=15)
        unknown_since_s = world.clock.monotonic()
        again = world.position_mode(hedge=False) if kind == "position_mode" else world.margin_mode("REGULAR_MARGIN")
        await settled(world, asked, outcome, within_s=60)
        assert world.clock.monotonic() - unknown_since_s > 20 - 11, "it may arrive until its validity window is over"
        assert state(world, again) == "expired", "the next one never overtook it"
        assert commands(world, kind) == 1
        assert (BTC in world.exchange.hedged, world.exchange.margin_mode) == (
            (kind == "position_mode" and outcome == "acknowledged"),
            "ISOLATED_MARGIN" if (kind, outcome) == ("margin_mode", "acknowledged") else "REGULAR_MARGIN",
        )
        assert (world.database.hedged.get(BTC, False), world.database.margin_mode) == (
            BTC in world.exchange.hedged,
            world.exchange.margin_mode,
        )

    scene()


@in_virtual_time
async def test_two_legs_stand_beside_each_other_and_each_is_closed_by_its_own_order() -> None:
    world = await ready_world(hedge=True)
    await two_legs(world)
    close = world.market(position_index=1, side="Sell", quantity=Decimal("0.5"), reduce_only=True)
    await world.until_status(close, "filled")
    await world.until(lambda: sizes(world)[1] == (None, 0), "the long leg is flat")
    assert sizes(world)[2] == ("Sell", Decimal("0.3"))
    await world.seconds(400)  # two whole readings
    assert drifts(world) == []
    assert faults_found(world) == []


@in_virtual_time
async def test_an_order_that_names_no_leg_is_refused_by_the_exchange_for_what_it_is() -> None:
    world = await ready_world(hedge=True)
    order = world.market()
    await world.until_status(order, "rejected")
    assert reason(world, order) == ("exchange.refused", 10001)
    await two_legs(world)
    assert drifts(world) == []


@in_virtual_time
async def test_exits_are_those_of_one_leg() -> None:
    world = await ready_world(hedge=True)
    await two_legs(world)
    long_stop = world.exits(stop_loss=Decimal(50000), position_index=1)
    await read_back(world, long_stop)
    short_stop = world.exits(stop_loss=Decimal(70000), take_profit=Decimal(40000), position_index=2)
    await read_back(world, short_stop)
    rows = {key[2]: row.position for key, row in world.database.positions.items()}
    assert (rows[1].take_profit, rows[1].stop_loss) == (None, Decimal(50000))
    assert (rows[2].take_profit, rows[2].stop_loss) == (Decimal(40000), Decimal(70000))
    world.exchange.move_price(Decimal(49900))  # the long leg's stop alone is met
    await world.until(lambda: sizes(world)[1] == (None, 0), "the long leg is flat")
    assert sizes(world)[2] == ("Sell", Decimal("0.3"))
    await world.seconds(400)
    assert drifts(world) == []


@in_virtual_time
async def test_exits_of_a_leg_that_has_turned_into_another_position_are_not_meant() -> None:
    world = await ready_world(hedge=True)
    await two_legs(world)
    world.wire.turns_s["exits"] = world.clock.monotonic() + 5
    exits = world.exits(stop_loss=Decimal(50000), position_index=1)
    close = world.market(position_index=1, side="Sell", quantity=Decimal("0.5"), reduce_only=True)
    await world.until_status(close, "filled")
    await settled(world, exits, "rejected")
    assert sizes(world)[2] == ("Sell", Decimal("0.3"))


@in_virtual_time
async def test_leverage_is_read_back_from_both_legs() -> None:
    world = await ready_world(hedge=True)
    await two_legs(world)
    leverage = world.leverage(7)
    await read_back(world, leverage)
    assert [row.position.leverage for row in world.database.positions.values()] == [7, 7]


@in_virtual_time
async def test_a_leg_that_moved_without_a_fill_of_its_own_is_a_difference_of_that_leg() -> None:
    """Added up over both, what one has too much and the other too little would be no difference."""
    world = await ready_world(hedge=True)
    await two_legs(world)
    await world.seconds(200)  # a whole reading sets the base of each
    assert world.process is not None
    journal, (long, short) = world.process.session.journal, world.exchange.legs(BTC)
    assert await journal.position_breaks([long, short]) == []
    more, less = replace(long, size=long.size + 1), replace(short, size=short.size + 1)
    both = await journal.position_breaks([more, less])
    assert [(one.subject, one.ours, one.theirs) for one in both] == [
        ("linear:BTCUSDT:long", "0.5", "1.5"),
        ("linear:BTCUSDT:short", "-0.3", "-1.3"),
    ]
    assert [one.subject for one in await journal.position_breaks([long, less])] == ["linear:BTCUSDT:short"]
    assert [one.subject for one in await journal.position_breaks([long])] == ["linear:BTCUSDT:short"]


@in_virtual_time
async def test_a_fill_that_comes_before_its_order_gets_its_leg_with_it() -> None:
    world = await ready_world(hedge=True)
    foreign = world.exchange.place(_elsewhere(position_index=2), world.exchange.clock.now())
    await world.until(lambda: 2 in sizes(world) and sizes(world)[2][1] > 0, "the short leg is seen")
    await world.until(
        lambda: {row.position_index for row in world.database.executions.values()} == {2}, "its fills are of that leg"
    )
    assert world.database.orders[foreign].report.position_index == 2
    await world.seconds(400)
    assert [kind for kind, _ in drifts(world)] in ([], ["order.foreign"])


def _elsewhere(**changes: Any) -> NewOrder:
    fields: dict[str, Any] = {
        "link_id": LinkId(""),
        "instrument": BTC,
        "side": "Sell",
        "order_type": "Market",
        "quantity": Decimal("0.3"),
        "price": None,
        "time_in_force": "IOC",
    }
    return NewOrder(**(fields | changes))


# Margin mode.


@in_virtual_time
async def test_the_margin_mode_is_done_once_the_account_is_read_back() -> None:
    world = await ready_world()
    switch = world.margin_mode("ISOLATED_MARGIN")
    await read_back(world, switch)
    assert (world.exchange.margin_mode, world.database.margin_mode) == ("ISOLATED_MARGIN", "ISOLATED_MARGIN")
    assert world.process is not None
    assert world.process.session.book.margin_mode == "ISOLATED_MARGIN"
    assert faults_found(world) == []


@in_virtual_time
async def test_a_margin_mode_that_the_exchange_refuses_keeps_its_reasons() -> None:
    world = await ready_world()
    order = world.place()
    await world.until_status(order, "working")
    switch = world.margin_mode("ISOLATED_MARGIN")
    await settled(world, switch, "rejected")
    assert reason(world, switch) == ("exchange.margin_mode", 3400045)
    why = world.database.intents[switch].reason
    assert why is not None
    assert world.database.margin_mode == "REGULAR_MARGIN"


@in_virtual_time
async def test_a_mode_waits_until_the_account_is_whole_and_expires_by_hand_s_time() -> None:
    world = await ready_world()
    world.wire.drop_streams()
    world.wire.down = True
    await world.until(lambda: world.database.session[0] == "degraded", "the stream is down")
    asked = [world.margin_mode("ISOLATED_MARGIN"), world.position_mode(hedge=True)]
    await world.seconds(12)
    assert [state(world, one) for one in asked] == ["expired", "expired"]
    assert commands(world, "margin_mode") + commands(world, "position_mode") == 0


# Trailing stops.


@in_virtual_time
async def test_a_trailing_stop_is_set_changed_and_removed_as_read_back() -> None:
    world = await ready_world()
    buy = world.market()
    await world.until_status(buy, "filled")
    for asked, shown in ((Decimal(500), Decimal(500)), (Decimal(300), Decimal(300)), (Decimal(0), None)):
        intent = world.exits(trailing_stop=asked)
        await read_back(world, intent)
        assert world.database.positions["linear", "BTCUSDT", 0].position.trailing_stop == shown
    assert faults_found(world) == []


@in_virtual_time
async def test_removing_a_trailing_stop_is_nothing_that_protects() -> None:
    world = await ready_world()
    assert PositionExits(trailing_stop=Decimal(0)).removes_one
    removal = world.exits(trailing_stop=Decimal(0))
    assert not world.database.intents[removal].reduces
    setting = world.exits(trailing_stop=Decimal(10))
    assert world.database.intents[setting].reduces


@pytest.mark.parametrize(
    ("triggers", "outcome"),
    [
        (["65000"], "acknowledged"),  # it waits for the price that was asked
        (["59500"], "not_placed"),  # it follows already: the one that was asked, or one of this distance before it
        ([], "not_placed"),
    ],
)
def test_a_trailing_stop_whose_outcome_nobody_knows_has_happened_only_where_it_waits_as_asked(
    triggers: list[str], outcome: str
) -> None:
    @in_virtual_time
    async def scene() -> None:
        world = await ready_world()
        buy = world.market()
        await world.until_status(buy, "filled")
        await world.seconds(1)
        world.wire.next_command = ["reply_lost"]
        exits = world.exits(trailing_stop=Decimal(500), trailing_active_price=Decimal(65000))
        await settled(world, exits, "unknown", within_s=15)
        shown = [
            order_report(
                "waiting_trigger",
                order_id=f"trail-{number}",
                side="Sell",
                order_type="Market",
                price=None,
                stop_order_type="TrailingStop",
                trigger_price=Decimal(trigger),
                created_at=after(0),
            )
            for number, trigger in enumerate(triggers)
        ]
        _show(world, shown)
        await settled(world, exits, outcome)
        assert reason(world, exits) == (None if outcome == "acknowledged" else ("change.unreadable", None))

    scene()


def _show(world: World, reports: list[Any]) -> None:
    assert world.process is not None
    gateway = world.process.session.gateway
    before = gateway.open_orders

    async def open_orders() -> Any:
        return [*await before(), *reports]

    gateway.open_orders = open_orders  # type: ignore[method-assign]


# No command overtakes another one of the same thing.


@in_virtual_time
async def test_of_two_modes_of_one_thing_the_later_one_wins() -> None:
    world = await ready_world()
    first, second = world.position_mode(hedge=True), world.position_mode(hedge=False)
    other, last = world.margin_mode("ISOLATED_MARGIN"), world.margin_mode("REGULAR_MARGIN")
    for intent in (first, second, other, last):
        await read_back(world, intent)
    assert (world.exchange.hedged, world.exchange.margin_mode) == (set(), "REGULAR_MARGIN")
    told: list[Sent] = [entry for entry in world.wire.sent if entry.kind.endswith("_mode")]
    assert len(told) == 4
