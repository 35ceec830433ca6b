"""Orders that the owner itself opens: judged in memory, written down and sent in one go, and lost or doubled never."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from sim.checks import faults_found
from sim.test_risk_scenarios import world_with
from sim.virtual_time import in_virtual_time
from sim.world import World
from tradewright.core.ids import IntentId, link_id_of
from tradewright.lab.virtual_loop import run_virtual
from tradewright.trading.beside import Held
from tradewright.trading.bodies import PlaceBody
from tradewright.trading.model import Intent, Reason
from tradewright.trading.own_orders import OwnOrder


def own_order(world: World, **changes: Any) -> OwnOrder:
    fields: dict[str, Any] = {
        "id": IntentId(world.ids.new()),
        "category": "linear",
        "symbol": "BTCUSDT",
        "side": "Buy",
        "order_type": "Limit",
        "quantity": Decimal("0.5"),
        "price": Decimal(50000),
        "time_in_force": "GTC",
        "reduce_only": False,
        "note": None,
    }
    body = PlaceBody(**(fields | changes))
    return OwnOrder(body=body, source="drift", reason=Reason("order.own"), validity=timedelta(seconds=10))


def placed(world: World, own: OwnOrder) -> Reason | Held | None:
    assert world.process is not None
    return world.process.session.place(own)


def accepted(world: World, own: OwnOrder) -> int:
    return [(entry.what, entry.link_id) for entry in world.exchange.log].count(("accepted", link_id_of(own.body.id)))


async def ready_world() -> World:
    world = World(1)
    world.start()
    await live(world)
    return world


async def live(world: World) -> None:
    """This life of the owner is ready: what is stored may still be the word of the one before."""
    process = world.process
    assert process is not None
    await world.until(lambda: process.session.state == "ready", "the session is ready")


async def works(world: World, own: OwnOrder) -> None:
    await world.until(lambda: own.body.id in world.database.intents, "the order is written down")
    await world.until_status(own.body.id, "working", within_s=35)


@in_virtual_time
async def test_an_own_order_works_at_the_exchange_and_its_intent_was_committed_before_it_left() -> None:
    world = await ready_world()
    own = own_order(world)
    assert placed(world, own) is None
    await works(world, own)
    assert accepted(world, own) == 1
    assert world.violations == [], "each send found its request committed"
    assert faults_found(world) == []


@in_virtual_time
async def test_the_same_own_order_again_sends_nothing_while_it_is_on_its_way_and_after() -> None:
    world = await ready_world()
    own = own_order(world)
    assert placed(world, own) is None
    assert placed(world, own) is None
    await works(world, own)
    assert placed(world, own) is None
    await world.seconds(3)
    assert [entry.link_id for entry in world.wire.sent].count(link_id_of(own.body.id)) == 1
    assert faults_found(world) == []


@in_virtual_time
async def test_an_own_order_is_held_while_nothing_that_opens_may_go_and_refused_off_the_grid() -> None:
    world = World(1)
    world.start()
    assert isinstance(placed(world, own_order(world)), Held), "not ready yet"
    await live(world)
    refused = placed(world, own_order(world, price=Decimal("50000.123456")))
    assert isinstance(refused, Reason)
    world.wire.down = True
    world.wire.drop_streams()
    await world.seconds(3)
    assert isinstance(placed(world, own_order(world)), Held), "the stream is down"
    assert world.database.intents == {}
    assert world.wire.sent == []


@in_virtual_time
async def test_more_own_orders_at_once_than_may_be_on_their_way_are_held() -> None:
    world = await ready_world()
    answers = [placed(world, own_order(world, quantity=Decimal("0.01"))) for _ in range(25)]
    assert [isinstance(answer, Held) for answer in answers] == [False] * 20 + [True] * 5
    await world.seconds(5)
    assert len(world.wire.sent) == 20
    assert placed(world, own_order(world, quantity=Decimal("0.01"))) is None


@in_virtual_time
async def test_own_orders_are_judged_one_with_the_other_before_anything_is_written() -> None:
    """Side by side they are within no limit that one of them alone fills."""
    world = await world_with(order_notional=Decimal(100_000), position_notional=Decimal(60_000))
    first, second = (own_order(world, price=Decimal(50000), quantity=Decimal(1)) for _ in range(2))
    await world.until(lambda: placed(world, first) is None, "limits, prices and leverage are read", within_s=10)
    assert isinstance(placed(world, second), Reason)
    await works(world, first)
    assert second.body.id not in world.database.intents
    row = world.database.intents[first.body.id]
    assert row.verdict is not None, "what it was held against is written down with it"
    assert isinstance(placed(world, second), Reason), "the first still counts"


class Spy:
    """A rule that counts how often it is asked of an intent; `objection` is what it says once that is written down."""

    def __init__(self, world: World, objection: Reason | None = None) -> None:
        self.asked: Counter[IntentId] = Counter()
        self._world = world
        self._objection = objection
        assert world.process is not None
        rules: Any = world.process.session._parts.rules
        rules.append(self)

    def judge(self, intent: Intent) -> Reason | None:
        self.asked[IntentId(intent.id)] += 1
        return self._objection if intent.id in self._world.database.intents else None


@in_virtual_time
async def test_the_rules_are_asked_when_an_own_order_is_judged_and_on_the_last_word_and_not_in_between() -> None:
    world = await ready_world()
    spy, own = Spy(world), own_order(world)
    assert placed(world, own) is None
    await works(world, own)
    assert spy.asked == {own.body.id: 2}


@in_virtual_time
async def test_what_a_rule_objects_to_after_the_commit_does_not_leave() -> None:
    world = await ready_world()
    spy, own = Spy(world, Reason("risk.order_notional")), own_order(world)
    assert placed(world, own) is None
    await world.until(lambda: own.body.id in world.database.intents, "the order is written down")
    await world.until_status(own.body.id, "not_sent", within_s=35)
    assert world.database.intents[own.body.id].reason == Reason("risk.order_notional")
    assert spy.asked[own.body.id] >= 2
    assert world.wire.sent == []
    assert faults_found(world) == []


@pytest.mark.parametrize("point", ["open_own.before", "open_own.after", "place.before", "place.told", "answer.before"])
def test_a_kill_at_any_step_of_an_own_order_loses_and_doubles_nothing(point: str) -> None:
    async def scene() -> None:
        world = World(1)
        process = world.start(kill_at=point)
        await live(world)
        own = own_order(world)
        assert placed(world, own) is None
        await process.killed.wait()
        await world.kill()
        world.start()
        await live(world)
        was_sent = point in ("place.told", "answer.before")
        if point == "open_own.before":
            await world.seconds(5)
            assert own.body.id not in world.database.intents
        else:
            await world.until_status(own.body.id, "working" if was_sent else "not_placed", within_s=35)
        assert accepted(world, own) == was_sent
        # Whoever wanted it asks again after the restart, with the same id.
        assert placed(world, own) is None
        await world.seconds(40)
        assert accepted(world, own) == (1 if was_sent or point == "open_own.before" else 0)
        assert world.violations == []
        assert faults_found(world) == []

    run_virtual(scene())
