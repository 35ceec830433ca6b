"""Scenes of risk: what is accepted at a limit's edge and refused one step over, and by the next owner alike."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from sim.checks import faults_found
from sim.facts import position
from sim.faults import Faults
from sim.virtual_time import in_virtual_time
from sim.world import BTC, World
from tradewright.core.ids import IntentId, link_id_of
from tradewright.core.risk import LIMIT_NAMES, Limits
from tradewright.core.rule_parts import Quotes
from tradewright.lab.memory_risk import KeptRisk, view_of
from tradewright.lab.virtual_loop import run_virtual
from tradewright.trading.risk.positions import DayStart

# Wide enough for everything; each scene tightens what it is about.
WIDE = Limits(
    order_notional=Decimal(10_000_000),
    position_notional=Decimal(10_000_000),
    leverage=Decimal(100),
    open_orders=Decimal(1000),
    orders_per_minute=Decimal(1000),
    data_age=Decimal(30),
)


async def world_with(seed: int = 1, **limits: Any) -> World:
    world = World(seed, risk=KeptRisk([("installation", replace(WIDE, **limits))]))
    world.start()
    await world.ready()
    return world


def accepted(world: World, intent_id: IntentId) -> int:
    return [(entry.what, entry.link_id) for entry in world.exchange.log].count(("accepted", link_id_of(intent_id)))


async def next_owner(world: World) -> None:
    """The owner is killed, and another one has read everything."""
    await world.kill()
    process = world.start()
    await world.until(lambda: process.session.state == "ready", "the next owner is ready")


async def refused(world: World, intent_id: IntentId, limit: str) -> dict[str, str]:
    """Waits until the owner has refused it by this limit; the numbers that decided. Nothing of it ever left."""
    await world.until_status(intent_id, "refused", within_s=12)
    reason = world.database.intents[intent_id].reason
    assert reason is not None
    assert reason.code == f"risk.{limit}", reason
    assert accepted(world, intent_id) == 0
    return dict(reason.params)


async def goes(world: World, intent_id: IntentId) -> None:
    await world.until(lambda: accepted(world, intent_id) == 1, "the exchange has accepted it", within_s=12)


# The edge of each limit: how the account gets there, and the order that goes one step over.

Step = Callable[[World], Awaitable[IntentId]]


async def _order(world: World, **fields: Any) -> IntentId:
    return world.place(**fields)


async def _at_open_orders(world: World) -> None:
    for _ in range(2):
        order = world.place(price=Decimal(50000), quantity=Decimal("0.1"))
        await world.until_status(order, "working")


async def _at_position(world: World) -> None:
    buy = world.market(quantity=Decimal("0.5"))
    await world.until_status(buy, "filled")
    order = world.place(price=Decimal(60000), quantity=Decimal("0.3"))
    await world.until_status(order, "working", "filled")
    await world.seconds(1)


async def _at_rate(world: World) -> None:
    for _ in range(3):
        await goes(world, world.place(price=Decimal(50000), quantity=Decimal("0.01")))


async def _at_loss(world: World) -> None:
    process = world.process
    assert process is not None
    await world.seconds(1.5)
    for sequence, realised in ((98, Decimal(0)), (99, Decimal(-10_000))):
        lost = position("0.5", sequence=sequence, realised_pnl=realised, updated_at=world.clock.now())
        await process.session.journal.book([lost], "stream")
    await world.seconds(1.5)


async def _nothing(_world: World) -> None:
    return None


EDGES: dict[str, tuple[dict[str, Any], Callable[[World], Awaitable[None]], dict[str, Any], dict[str, Any]]] = {
    # limit: (limits, how the edge is reached, the order that still fits, the order that is one step over)
    "order_notional": (
        {"order_notional": Decimal(6000)},
        _nothing,
        {"price": Decimal(50000), "quantity": Decimal("0.1")},
        {"price": Decimal(50000), "quantity": Decimal("0.101")},
    ),
    "position_notional": (
        {"position_notional": Decimal(60000)},
        _at_position,
        {"price": Decimal(60000), "quantity": Decimal("0.2")},
        {"price": Decimal(60000), "quantity": Decimal("0.001")},
    ),
    "total_notional": (
        {"total_notional": Decimal(60000)},
        _at_position,
        {"price": Decimal(60000), "quantity": Decimal("0.2")},
        {"price": Decimal(60000), "quantity": Decimal("0.001")},
    ),
    "open_orders": (
        {"open_orders": Decimal(3)},
        _at_open_orders,
        {"price": Decimal(50000), "quantity": Decimal("0.1")},
        {"price": Decimal(50000), "quantity": Decimal("0.1")},
    ),
    "orders_per_minute": (
        {"orders_per_minute": Decimal(4)},
        _at_rate,
        {"price": Decimal(50000), "quantity": Decimal("0.01")},
        {"price": Decimal(50000), "quantity": Decimal("0.01")},
    ),
    "price_distance": (
        {"price_distance": Decimal(10)},
        _nothing,
        {"price": Decimal(66000), "quantity": Decimal("0.01")},
        {"price": Decimal("66000.1"), "quantity": Decimal("0.01")},
    ),
    "daily_loss": (
        {"daily_loss": Decimal(10)},
        _at_loss,
        {"price": Decimal(50000), "quantity": Decimal("0.01")},
        {"price": Decimal(50000), "quantity": Decimal("0.01")},
    ),
    "symbols": (
        {"symbols": frozenset({"ETHUSDT"})},
        _nothing,
        {},
        {"price": Decimal(50000), "quantity": Decimal("0.01")},
    ),
}


async def _step_over(world: World, limit: str, over: dict[str, Any]) -> IntentId:
    if limit == "daily_loss":
        process = world.process
        assert process is not None
        lost = position("0.5", sequence=100, realised_pnl=Decimal("-10000.01"), updated_at=world.clock.now())
        await process.session.journal.book([lost], "stream")
    return world.place(**over)


@pytest.mark.parametrize("limit", EDGES)
def test_an_order_at_the_edge_of_a_limit_goes_and_one_step_over_is_refused_with_the_numbers(limit: str) -> None:
    async def scene() -> None:
        limits, reach, fits, over = EDGES[limit]
        world = await world_with(**limits)
        await reach(world)
        if fits:
            await goes(world, world.place(**fits))
        numbers = await refused(world, await _step_over(world, limit, over), limit)
        assert numbers["limit"] == limit
        assert numbers["level"] == "installation"
        assert {"value", "allowed"} <= numbers.keys()

    run_virtual(scene())


@pytest.mark.parametrize("limit", EDGES)
def test_the_next_owner_refuses_what_the_killed_one_would_have_refused(limit: str) -> None:
    async def scene() -> None:
        limits, reach, fits, over = EDGES[limit]
        world = await world_with(**limits)
        await reach(world)
        if fits:
            last = world.place(**fits)
            await goes(world, last)
        if limit == "daily_loss":
            await refused(world, await _step_over(world, limit, over), limit)
        await next_owner(world)
        await refused(world, world.place(**over), limit)

    # The loss of a day is what the exchange tells; its twin knows no realised profit, so it is booked by hand.
    run_virtual(scene())


@pytest.mark.parametrize("outcome", ["reply_lost", "request_lost"])
def test_an_order_of_unknown_outcome_counts_and_so_it_does_for_the_next_owner(outcome: str) -> None:
    async def scene() -> None:
        world = await world_with(position_notional=Decimal(30000))
        await world.seconds(1)
        world.wire.next_command.append(outcome)
        world.set_faults(Faults(event_lost=1.0))  # only an answer to a question tells
        unknown = world.place(price=Decimal(50000), quantity=Decimal("0.5"))
        await world.until_status(unknown, "unknown", "working", within_s=15)
        over = world.place(price=Decimal(50000), quantity=Decimal("0.001"))
        await refused(world, over, "position_notional")
        world.set_faults()
        await next_owner(world)
        if world.database.status(unknown) in ("unknown", "working"):
            await refused(world, world.place(price=Decimal(50000), quantity=Decimal("0.001")), "position_notional")

    run_virtual(scene())


@in_virtual_time
async def test_of_two_orders_that_only_fit_one_by_one_only_one_goes() -> None:
    world = await world_with(position_notional=Decimal(60000))
    await world.seconds(1)
    both = [world.place(price=Decimal(59000), quantity=Decimal("0.6")) for _ in range(2)]
    await world.until(
        lambda: sorted(world.database.status(one) for one in both) == ["refused", "working"], "one goes, one is refused"
    )
    assert faults_found(world) == []


@in_virtual_time
async def test_orders_placed_elsewhere_count_and_are_not_touched() -> None:
    world = await world_with(position_notional=Decimal(60000))
    order_id = world.place_elsewhere(quantity="0.9", price="50000")
    await world.seconds(1)
    await refused(world, world.place(price=Decimal(50000), quantity=Decimal("0.101")), "position_notional")
    await goes(world, world.place(price=Decimal(50000), quantity=Decimal("0.1")))
    assert not world.exchange.orders[order_id].ended  # type: ignore[index]


@in_virtual_time
async def test_long_and_short_are_counted_apart() -> None:
    world = await world_with(position_notional=Decimal(60000))
    await world.until_status(world.place(price=Decimal(50000), quantity=Decimal(1)), "working")
    await world.until_status(world.place(side="Sell", price=Decimal(60000), quantity=Decimal(1)), "working", "filled")


@in_virtual_time
async def test_what_takes_exposure_off_is_never_refused_by_a_limit() -> None:
    world = await world_with()
    buy = world.market(quantity=Decimal("0.5"))
    await world.until_status(buy, "filled")
    order = world.place(price=Decimal(50000))
    await world.until_status(order, "working")
    kept = world.risk
    assert kept is not None
    nothing = Decimal("0.000001")
    kept.levels = [
        (
            "account",
            Limits(**dict.fromkeys([name for name in LIMIT_NAMES if name != "symbols"], nothing), symbols=frozenset()),
        )
    ]
    world.prices.views[BTC] = None
    await world.seconds(31)  # limits are read again
    assert await world_refuses(world)
    await world.until_status(world_cancel(world, order), "cancelled")
    exits = world.exits(stop_loss=Decimal(50000))
    await world.until(lambda: world.database.intents[exits].state == "acknowledged", "the stop is set")
    close = world.close()
    assert close is not None
    await world.until_status(close, "filled")


async def world_refuses(world: World) -> bool:
    asked = world.place(price=Decimal(50000), quantity=Decimal("0.001"))
    await world.until_status(asked, "refused", "not_sent", within_s=15)
    return accepted(world, asked) == 0


def world_cancel(world: World, order: IntentId) -> IntentId:
    world.cancel(order)
    return order


@in_virtual_time
async def test_an_amend_that_adds_exposure_is_judged_and_one_that_takes_some_off_is_not() -> None:
    world = await world_with(position_notional=Decimal(60000), order_notional=Decimal(60000))
    order = world.place(price=Decimal(50000), quantity=Decimal("0.9"))
    await world.until_status(order, "working")
    over = world.amend(order, quantity=Decimal("1.001"))
    await world.until(lambda: world.database.intents[over].state == "refused", "the change is refused")
    assert world.database.intents[over].reason.code == "risk.order_notional"  # type: ignore[union-attr]
    fits = world.amend(order, quantity=Decimal(1))
    await world.until(lambda: world.database.intents[fits].is_read_back, "the change is read back")
    await refused(world, world.place(price=Decimal(50000), quantity=Decimal("0.001")), "position_notional")
    less = world.amend(order, quantity=Decimal("0.5"))
    await world.until(lambda: world.database.intents[less].is_read_back, "less is read back")
    await goes(world, world.place(price=Decimal(50000), quantity=Decimal("0.5")))


@in_virtual_time
async def test_leverage_above_the_limit_is_refused_and_down_it_may_always_go() -> None:
    world = await world_with(leverage=Decimal(25))
    fits = world.leverage(25)
    await world.until(lambda: world.database.intents[fits].is_read_back, "25 is set")
    over = world.leverage(26)
    await world.until(lambda: world.database.intents[over].state == "refused", "26 is refused")
    assert world.database.intents[over].reason.code == "risk.leverage"  # type: ignore[union-attr]


# Prices: stale, absurd, missing (promise I4).

_P = Decimal(60000)
ABSURD = {
    "zero mark": view_of(_P, quotes=Quotes(last=_P, mark=Decimal(0), bid=_P, ask=_P)),
    "zero last": view_of(_P, quotes=Quotes(last=Decimal(0), mark=_P)),
    "negative": view_of(_P, quotes=Quotes(last=_P, mark=-_P)),
    "nothing known": view_of(_P, quotes=Quotes()),
    "nan": view_of(_P, quotes=Quotes(last=Decimal("NaN"), mark=_P)),
    "infinite": view_of(_P, quotes=Quotes(last=Decimal("Infinity"), mark=_P)),
    "crossed": view_of(_P, quotes=Quotes(last=_P, mark=_P, bid=_P + 1, ask=_P)),
    "last a hundredfold": view_of(_P, quotes=Quotes(last=_P * 100, mark=_P)),
    "mark a hundredth": view_of(_P, quotes=Quotes(last=_P, mark=_P / 100)),
    "ask a hundredfold": view_of(_P, quotes=Quotes(last=_P, mark=_P, bid=_P, ask=_P * 100)),
    "jumped": view_of(_P * 100, has_jumped=True),
}
OLD = {
    "data_age": view_of(_P, link_age_s=30.001),
    "quote_age": view_of(_P, quote_age_s=60.001),
}


@pytest.mark.parametrize("case", [*ABSURD, *OLD])
def test_absurd_or_old_prices_block_new_exposure_and_no_order_leaves(case: str) -> None:
    async def scene() -> None:
        world = await world_with(quote_age=Decimal(60))
        world.prices.views[BTC] = ABSURD.get(case) or OLD[case]
        asked = [world.place(side=side, price=price) for side in ("Buy", "Sell") for price in (_P, _P / 2)]
        asked.append(world.market(quantity=Decimal("0.1")))
        for intent in asked:
            await refused(world, intent, case if case in OLD else "prices_absurd")
        world.prices.views[BTC] = view_of(_P, link_age_s=30.0, quote_age_s=60.0)
        await goes(world, world.place(price=Decimal(50000)))

    run_virtual(scene())


@in_virtual_time
async def test_the_first_order_of_a_symbol_waits_for_its_prices_and_is_refused_when_none_come() -> None:
    world = await world_with()
    world.prices.views[BTC] = None
    waits = world.place(price=Decimal(50000))
    await world.seconds(2)
    assert world.prices.wanted == [BTC] * len(world.prices.wanted) != []
    assert world.database.status(waits) == "sending"
    world.prices.views[BTC] = view_of(_P)
    await goes(world, waits)
    world.prices.views[BTC] = None
    await refused(world, world.place(price=Decimal(50000)), "no_price")


@in_virtual_time
async def test_a_day_begins_anew_at_midnight_utc_and_the_loss_of_the_day_before_is_over() -> None:
    world = await world_with(daily_loss=Decimal(10))
    await _at_loss(world)
    await refused(
        world,
        await _step_over(world, "daily_loss", {"price": Decimal(50000), "quantity": Decimal("0.01")}),
        "daily_loss",
    )
    now = world.clock.now()
    midnight = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    await world.seconds((midnight - now).total_seconds() + 5)
    await goes(world, world.place(price=Decimal(50000), quantity=Decimal("0.01")))


@in_virtual_time
async def test_the_numbers_that_let_an_order_go_are_written_down_with_its_first_request() -> None:
    world = await world_with()
    order = world.place(price=Decimal(50000), quantity=Decimal("0.1"))
    await world.until_status(order, "working")
    verdict = world.database.intents[order].verdict
    assert verdict is not None
    told = {one["limit"]: one for one in verdict}
    assert told["order_notional"] == {
        "limit": "order_notional", "value": "6000", "allowed": "10000000", "level": "installation",
    }  # fmt: skip
    assert told["open_orders"]["value"] == "1"


def test_a_day_that_was_begun_by_the_owner_before_goes_on() -> None:
    async def scene() -> None:
        world = await world_with(daily_loss=Decimal(10))
        await world.seconds(2)
        kept = world.risk
        assert kept is not None
        today = world.clock.now().date()
        began = kept.days[today]
        assert began == DayStart(today, began.equity, {})
        await next_owner(world)
        await world.seconds(2)
        assert kept.days[today] == began

    run_virtual(scene())


@in_virtual_time
async def test_an_order_that_did_not_leave_is_judged_once_more_before_its_next_attempt() -> None:
    world = await world_with()
    world.wire.next_command.append("rate_limited")
    held_up = world.place(price=Decimal(50000))
    await world.until(lambda: len(world.database.requests_of(held_up)) == 1, "the first attempt is made")
    world.prices.views[BTC] = OLD["data_age"]
    await world.until_status(held_up, "not_sent", within_s=5)
    reason = world.database.intents[held_up].reason
    assert reason is not None
    assert (reason.code, accepted(world, held_up)) == ("risk.data_age", 0)
    world.prices.views[BTC] = view_of(_P)
    await goes(world, world.place(price=Decimal(50000)))
