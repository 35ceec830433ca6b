"""Scenes from the life of an account session, each named by what it promises, in virtual time against the twins."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from sim.checks import faults_found
from sim.exchange_ports import Sent
from sim.faults import Faults
from sim.virtual_time import in_virtual_time
from sim.world import World
from tradewright.core.ids import IntentId, link_id_of
from tradewright.lab.virtual_loop import run_virtual

REPLY_LOST = "reply_lost"


async def ready_world(seed: int = 1, exchange_clock_ahead: timedelta = timedelta(0)) -> World:
    world = World(seed, exchange_clock_ahead)
    world.start()
    await world.ready()
    return world


def accepted(world: World, intent_id: IntentId) -> int:
    """How many orders of an intent the exchange has accepted, by its own log."""
    return [(entry.what, entry.link_id) for entry in world.exchange.log].count(("accepted", link_id_of(intent_id)))


def sent(world: World, intent_id: IntentId) -> int:
    return [entry.link_id for entry in world.wire.sent].count(link_id_of(intent_id))


@in_virtual_time
async def test_a_market_order_is_filled_and_position_and_wallet_follow() -> None:
    world = await ready_world()
    buy = world.market(quantity=Decimal("0.5"))
    await world.until_status(buy, "filled")
    await world.seconds(1)
    assert [row.position.size for row in world.database.positions.values()] == [Decimal("0.5")]
    assert faults_found(world) == []


@in_virtual_time
async def test_a_limit_order_below_the_market_works_and_no_further() -> None:
    world = await ready_world()
    buy = world.place(price=Decimal(50000))
    await world.until_status(buy, "working")
    await world.seconds(400)  # beyond two periodic reconciliations
    assert world.database.status(buy) == "working"
    world.exchange.move_price(Decimal(49000))
    await world.until_status(buy, "filled", "partially_filled")


@in_virtual_time
async def test_a_cancel_is_a_wish_until_the_exchange_confirms_it() -> None:
    world = await ready_world()
    buy = world.place()
    await world.until_status(buy, "working")
    world.cancel(buy)
    await world.until_status(buy, "cancelled")
    assert faults_found(world) == []


@in_virtual_time
async def test_a_cancel_too_late_ends_as_rejected_and_shows_the_fill_at_once() -> None:
    world = await ready_world()
    buy = world.place()
    await world.until_status(buy, "working")
    world.set_faults(Faults(event_lost=1.0))  # the fill is not told
    world.exchange.move_price(Decimal(40000))
    world.exchange.move_price(Decimal(40000))
    while not all(order.ended for order in world.exchange.orders.values()):
        world.exchange.move_price(Decimal(40000))
    cancel = world.cancel(buy)
    await world.until(lambda: world.database.intents[cancel].state == "rejected", "the cancel is rejected")
    await world.until_status(buy, "filled", within_s=1)
    reason = world.database.intents[cancel].reason
    assert reason is not None
    assert reason.code == "exchange.too_late"


@in_virtual_time
async def test_a_cancel_of_a_filled_order_is_refused_without_asking_the_exchange() -> None:
    world = await ready_world()
    buy = world.market()
    await world.until_status(buy, "filled")
    before = len(world.wire.sent)
    cancel = world.cancel(buy)
    await world.until(lambda: world.database.intents[cancel].state == "refused", "the cancel is refused")
    assert len(world.wire.sent) == before


@in_virtual_time
async def test_an_order_the_exchange_refuses_is_rejected_with_its_reason() -> None:
    world = await ready_world()
    buy = world.market(quantity=Decimal(100))
    await world.until_status(buy, "rejected")
    reason = world.database.intents[buy].reason
    assert reason is not None
    assert (reason.code, reason.exchange_code) == ("exchange.insufficient_margin", 110007)
    assert accepted(world, buy) == 0


@in_virtual_time
async def test_an_order_that_breaks_the_instruments_rules_is_refused_and_never_sent() -> None:
    world = await ready_world()
    off_grid = world.place(quantity=Decimal("0.0005"))
    unlisted = world.place(symbol="NOSUCHUSDT")
    await world.until_status(off_grid, "refused")
    await world.until_status(unlisted, "refused")
    assert world.wire.sent == []


@in_virtual_time
async def test_a_swallowed_reply_is_unknown_and_resolves_to_exactly_one_order() -> None:
    world = await ready_world()
    world.set_faults(Faults(event_lost=1.0, visible_late=1.0, visible_late_s_max=12.0))
    world.wire.next_command = [REPLY_LOST]
    buy = world.place()
    await world.until_status(buy, "unknown")
    world.set_faults()
    await world.until_status(buy, "working", within_s=30)
    await world.seconds(60)
    assert (accepted(world, buy), sent(world, buy)) == (1, 1)


@in_virtual_time
async def test_a_lost_request_is_not_placed_and_not_before_the_evidence_is_complete() -> None:
    world = await ready_world()
    world.wire.next_command = ["request_lost"]
    buy = world.place()
    await world.until_status(buy, "unknown")
    signed_at = world.wire.sent[-1].at
    await world.until_status(buy, "not_placed", within_s=30)
    waited = world.not_placed_at[buy] - signed_at
    assert timedelta(seconds=21) < waited < timedelta(seconds=25)
    assert accepted(world, buy) == 0


@in_virtual_time
async def test_an_order_accepted_at_the_end_of_its_window_and_seen_late_is_still_found() -> None:
    world = await ready_world()
    world.exchange.hide_for = lambda: 15.0
    world.wire.next_command = ["accept_late"]
    buy = world.place()
    await world.until_status(buy, "unknown")
    await world.until_status(buy, "working", within_s=30)
    assert world.database.drift_count == 0


@pytest.mark.parametrize("clock_ahead_s", [-3600, -30, 0, 30, 3600])
@pytest.mark.parametrize("point", ["place.before", "place.told", "answer.before", "answer.after"])
def test_a_kill_before_the_answer_is_committed_loses_and_doubles_nothing(point: str, clock_ahead_s: int) -> None:
    """Also where our clock and the exchange's are far apart: only the exchange's decides when absence counts."""

    async def scene() -> None:
        world = World(1, timedelta(seconds=clock_ahead_s))
        process = world.start(kill_at=point)
        await world.ready()
        world.exchange.hide_for = lambda: 14.0
        buy = world.place()
        await process.killed.wait()
        await world.kill()
        world.start()
        was_sent = point != "place.before"
        await world.until_status(buy, "working" if was_sent else "not_placed", within_s=35)
        assert accepted(world, buy) == (1 if was_sent else 0)
        await world.seconds(40)
        assert world.database.drift_count == 0
        assert world.violations == []

    run_virtual(scene())


@in_virtual_time
async def test_an_opening_order_that_was_not_sent_before_the_kill_is_not_sent_afterwards() -> None:
    world = World(1)
    process = world.start(kill_at="open_request.before")
    await world.ready()
    buy = world.place()
    await process.killed.wait()
    await world.kill()
    world.start()
    await world.ready()
    await world.seconds(5)
    assert world.database.status(buy) == "not_sent"
    assert world.wire.sent == []


@in_virtual_time
async def test_nothing_is_sent_before_the_first_reconciliation_and_too_old_orders_never() -> None:
    world = World(1)
    world.set_faults(Faults(read_failed=1.0))
    world.start()
    await world.seconds(2)
    buy = world.place()
    await world.seconds(9)
    assert world.database.status(buy) == "sending"
    await world.until_status(buy, "not_sent", within_s=3)
    fresh = world.place()
    world.set_faults()
    await world.until_status(fresh, "working", within_s=20)
    assert sent(world, buy) == 0
    assert world.violations == []


@in_virtual_time
async def test_while_degraded_cancels_are_sent_and_openings_wait_until_they_expire() -> None:
    world = await ready_world()
    resting = world.place()
    await world.until_status(resting, "working")
    world.set_faults(Faults(read_failed=1.0))
    world.wire.drop_streams()
    await world.until(lambda: world.database.session[0] != "ready", "the session is not ready")
    opening = world.place()
    cancel = world.cancel(resting)
    await world.until(lambda: world.database.intents[cancel].state == "acknowledged", "the cancel got through", 2)
    assert world.exchange.orders[world.database.orders["x-1"].report.exchange_order_id].ended
    await world.until_status(opening, "not_sent", within_s=12)
    assert sent(world, opening) == 0


@in_virtual_time
async def test_a_reducing_order_is_sent_while_degraded() -> None:
    world = await ready_world()
    buy = world.market(quantity=Decimal("0.5"))
    await world.until_status(buy, "filled")
    world.set_faults(Faults(read_failed=1.0))
    world.wire.drop_streams()
    await world.until(lambda: world.database.session[0] != "ready", "the session is not ready")
    close = world.market(side="Sell", quantity=Decimal("0.5"), reduce_only=True)
    await world.until(lambda: accepted(world, close) == 1, "the position is being closed", 2)


@in_virtual_time
async def test_another_attempt_of_an_opening_waits_while_degraded() -> None:
    world = await ready_world()
    world.wire.next_command = ["rate_limited"]
    buy = world.place()
    await world.until(lambda: sent(world, buy) == 1, "the first attempt")
    world.set_faults(Faults(read_failed=1.0))
    world.wire.drop_streams()
    await world.until_status(buy, "not_sent", within_s=15)
    assert sent(world, buy) == 1


@in_virtual_time
async def test_a_cancel_of_what_still_waits_withdraws_it() -> None:
    world = await ready_world()
    world.set_faults(Faults(read_failed=1.0))
    world.wire.drop_streams()
    await world.until(lambda: world.database.session[0] != "ready", "the session is not ready")
    buy = world.place()
    await world.seconds(2)
    world.cancel(buy)
    await world.until_status(buy, "not_sent", within_s=2)
    world.set_faults()
    await world.ready()
    await world.seconds(5)
    assert world.wire.sent == []


@in_virtual_time
async def test_there_is_no_other_attempt_of_what_was_cancelled_meanwhile() -> None:
    world = await ready_world()
    world.wire.next_command = ["rate_limited"]
    buy = world.place()
    await world.until(lambda: sent(world, buy) == 1, "the first attempt")
    world.cancel(buy)
    await world.until_status(buy, "not_sent", within_s=3)
    await world.seconds(5)
    assert accepted(world, buy) == 0
    assert [entry.kind for entry in world.wire.sent].count("place") == 1


@pytest.mark.parametrize("first", range(1, 97, 8))
def test_a_kill_at_any_step_loses_and_doubles_nothing(first: int) -> None:
    """The same evening is cut at its first step, its second, and so on (promises A1, E6)."""

    async def evening(kill_at: int) -> list[str]:
        world = World(3)
        process = world.start(kill_at=kill_at)
        world.market()
        resting = world.place()
        await world.seconds(2)
        world.wire.next_command = [REPLY_LOST]
        market = world.market(side="Sell")
        await world.seconds(1)
        world.cancel(resting)
        world.place(price=Decimal(59000))
        await world.seconds(3)
        assert process.is_dead, f"step {kill_at} was never reached"
        await world.kill()
        world.start()
        await world.ready()
        await world.seconds(30)
        assert world.database.status(market) != "sending"
        return faults_found(world)

    for kill_at in range(first, first + 8):
        found = run_virtual(evening(kill_at))
        assert not found, f"killed at step {kill_at}: {found}"


@in_virtual_time
async def test_after_an_hour_without_exchange_everything_that_happened_is_found() -> None:
    world = await ready_world()
    buy, other = world.place(), world.place(price=Decimal(45000))
    await world.until_status(other, "working")
    world.wire.down = True
    world.wire.drop_streams()
    await world.seconds(60)
    world.exchange.move_price(Decimal(48000))
    world.exchange.move_price(Decimal(48000))
    await world.seconds(3600)
    world.wire.down = False
    await world.ready()
    await world.seconds(1)
    assert world.database.status(buy) in ("filled", "partially_filled")
    assert faults_found(world) == []


@in_virtual_time
async def test_a_failed_page_of_a_reconciliation_changes_nothing() -> None:
    world = await ready_world()
    buy = world.place()
    await world.until_status(buy, "working")
    world.wire.drop_streams()
    await world.until(lambda: world.database.session[0] != "ready", "the session is not ready")
    world.exchange.move_price(Decimal(40000))
    world.set_faults(Faults(read_failed=0.4))
    before = (dict(world.database.executions), world.database.status(buy))
    while world.database.session[0] != "ready":
        assert (world.database.executions, world.database.status(buy)) == before
        await world.seconds(0.005)
    assert world.database.executions != before[0]


@in_virtual_time
async def test_a_second_reconciliation_of_a_quiet_account_tells_nothing() -> None:
    world = await ready_world()
    buy, _resting = world.market(), world.place()
    await world.until_status(buy, "filled")
    await world.seconds(2)
    events = list(world.database.events)
    reads = _reads(world)
    await world.seconds(200)
    assert _reads(world) > reads, "there was a periodic reconciliation"
    assert world.database.events == events


@in_virtual_time
async def test_a_lost_event_is_found_by_the_periodic_reconciliation() -> None:
    world = await ready_world()
    world.set_faults(Faults(event_lost=1.0))
    buy = world.market()
    await world.until_status(buy, "acknowledged")
    world.set_faults()
    await world.until_status(buy, "filled", within_s=190)
    assert faults_found(world) == []


@in_virtual_time
async def test_a_periodic_reconciliation_comes_also_when_events_never_pause() -> None:
    world = await ready_world()
    world.set_faults(Faults(event_lost=1.0))
    buy = world.market()
    await world.until_status(buy, "acknowledged")
    world.set_faults()
    busy_until = world.clock.monotonic() + 190
    while world.clock.monotonic() < busy_until:
        world.wire.publish(world.exchange.wallet())
        await world.seconds(0.02)
    assert world.database.status(buy) == "filled"


@in_virtual_time
async def test_a_foreign_order_is_shown_and_never_touched() -> None:
    world = await ready_world()
    order_id = world.place_elsewhere()
    await world.until(lambda: order_id in world.database.orders, "it is shown")
    await world.seconds(400)
    assert world.database.orders[order_id].intent_id is None
    assert (world.database.drift_count, world.wire.sent) == (1, [])


@in_virtual_time
async def test_a_foreign_order_is_cancelled_when_a_person_asks() -> None:
    world = await ready_world()
    order_id = world.place_elsewhere()
    await world.until(lambda: order_id in world.database.orders, "it is shown")
    world.cancel(world.database.orders[order_id].id)
    await world.until(lambda: world.database.orders[order_id].tracked.state == "cancelled", "it is cancelled")


@in_virtual_time
async def test_rate_limits_and_clock_refusals_are_tried_again_with_the_same_id() -> None:
    world = await ready_world()
    world.wire.next_command = ["rate_limited", "clock_rejected"]
    buy = world.place()
    await world.until_status(buy, "working")
    assert (accepted(world, buy), sent(world, buy)) == (1, 3)
    assert [request.outcome for request in world.database.requests_of(buy)] == ["refused", "refused", "acknowledged"]


@in_virtual_time
async def test_what_never_left_is_tried_three_times_and_then_not_sent() -> None:
    world = await ready_world()
    world.wire.next_command = ["request_not_sent"] * 3
    buy = world.place()
    await world.until_status(buy, "not_sent")
    assert [request.outcome for request in world.database.requests_of(buy)] == ["not_sent"] * 3


@in_virtual_time
async def test_a_duplicate_id_means_that_it_is_there() -> None:
    """The exchange says that it has an order with this id: it is looked for, and no other is placed."""
    world = await ready_world()
    world.wire.next_command = ["none"]
    buy = world.place()
    await world.until_status(buy, "working")
    # As if the answer had been lost and the row forgotten: the same id is proposed to the exchange once more.
    del world.database.orders["x-1"]
    world.database.intents[buy].state = "proposed"
    world.database.intents[buy].valid_until = None
    await world.until_status(buy, "working")
    assert (accepted(world, buy), sent(world, buy)) == (1, 2)


@in_virtual_time
async def test_a_cancelled_session_ends_at_once_wherever_it_waits() -> None:
    for moment_s in range(40):
        world = World(1)
        process = world.start()
        world.market()
        world.place()
        await world.seconds(moment_s * 0.05)
        process.task.cancel()
        ended_at = world.clock.monotonic()
        await world.until(process.task.done, "the session has ended", within_s=1)
        assert process.task.cancelled() or process.task.exception() is None
        assert world.clock.monotonic() - ended_at <= 0.1


def _reads(world: World) -> int:
    assert world.process is not None
    return world.process.points_seen.count("read.wallet")


@in_virtual_time
async def test_fills_of_a_long_absence_are_found_although_a_newer_one_was_looked_up_first() -> None:
    """What is unknown is resolved while the stream still connects; its fill must not stand for all that came before."""
    world = await ready_world()
    resting = world.place(price=Decimal(50000))
    await world.until_status(resting, "working")
    world.set_faults(Faults(event_lost=1.0))
    world.wire.next_command = [REPLY_LOST]
    unseen = world.place(price=Decimal(40000))
    await world.until(lambda: accepted(world, unseen) == 1, "the second order is there")
    await world.kill()
    for price in (45000, 39000):  # the one, and after a long time the other
        await world.seconds(3600)
        while not all(order.ended for order in world.exchange.orders.values() if order.asked.price > price):  # type: ignore[operator]
            world.exchange.move_price(Decimal(price))
    world.set_faults()
    world.start()
    await world.until_status(resting, "filled")
    await world.until_status(unseen, "filled")
    await world.seconds(5)
    assert faults_found(world) == []


@pytest.mark.parametrize("seed", range(12))
def test_a_cancel_asked_while_its_order_is_on_its_way_is_not_lost(seed: int) -> None:
    """On a way of its own it could arrive first, and the exchange would say that it knows no such order."""

    async def run() -> None:
        world = await ready_world(seed)
        check = world.wire.on_send

        def cancel_at_once(leaving: Sent) -> None:
            check(leaving)
            if leaving.kind == "place":
                world.cancel(buy)

        world.wire.on_send = cancel_at_once
        buy = world.place()
        await world.until_status(buy, "cancelled")
        await world.seconds(1)  # the stream may be quicker than the answer to the cancel
        assert faults_found(world) == []

    run_virtual(run())


@in_virtual_time
async def test_a_cancel_of_what_waits_behind_other_sends_withdraws_it() -> None:
    world = await ready_world()
    world.wire.next_command = ["request_lost"] * 20
    placed = [world.place() for _ in range(25)]
    await world.until(lambda: len(world.wire.sent) >= 20, "as many as may are on their way")
    last = placed[-1]
    assert sent(world, last) == 0
    world.cancel(last)
    await world.until_status(last, "not_sent")
    await world.seconds(15)
    assert sent(world, last) == 0


@in_virtual_time
async def test_an_acknowledged_order_that_the_exchange_does_not_know_any_more_is_told() -> None:
    world = await ready_world()
    world.set_faults(Faults(event_lost=1.0))
    buy = world.place()
    await world.until_status(buy, "acknowledged")
    world.exchange.orders.clear()
    world.set_faults()
    await world.until(lambda: world.database.drift_count == 1, "it is missed", within_s=400)
    assert world.database.events[-1].payload["kind"] == "order.missing"
    assert world.database.status(buy) == "acknowledged"


@in_virtual_time
async def test_an_opening_that_waits_for_its_turn_beyond_its_time_never_leaves() -> None:
    world = await ready_world()
    world.wire.turns_s["place"] = world.clock.monotonic() + 15
    buy = world.place()
    await world.until_status(buy, "not_sent", within_s=20)
    assert sent(world, buy) == 0
    fresh = world.place()
    await world.until_status(fresh, "working", within_s=20)


@in_virtual_time
async def test_an_opening_that_waits_for_its_turn_does_not_leave_while_degraded_and_what_reduces_does() -> None:
    world = await ready_world()
    buy = world.market(quantity=Decimal("0.5"))
    await world.until_status(buy, "filled")
    world.wire.turns_s["place"] = world.clock.monotonic() + 4
    opening = world.place()
    close = world.market(side="Sell", quantity=Decimal("0.5"), reduce_only=True)
    await world.seconds(1)
    world.set_faults(Faults(read_failed=1.0))
    world.wire.drop_streams()
    await world.until_status(opening, "not_sent", within_s=20)
    assert sent(world, opening) == 0
    assert accepted(world, close) == 1
