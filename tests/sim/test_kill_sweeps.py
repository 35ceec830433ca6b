"""How a kill switch cancels: many orders of one market in one request, the rest one by one; and once, on a command."""

from __future__ import annotations

import tempfile
from collections import Counter
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from uuid import UUID

from sim.faults import Faults
from sim.test_kill_scenarios import Scene
from sim.virtual_time import in_virtual_time
from sim.world import BTC_SPOT, World
from tradewright.core.order import Trigger
from tradewright.trading.kill.emergency import SWEPT_FROM
from tradewright.trading.kill.entries import Answered, CancelBegun, Cause


async def cancels_of(contracts: int, spot: int, *, waiting: int = 0, first: str = "none") -> Counter[str]:
    """The requests, by kind, of a kill that finds so many orders; each is gone, with its act and its answer. `first`:
    how the first of them goes wrong."""
    with tempfile.TemporaryDirectory(prefix="tw-kill-") as home:
        now = Scene(World(1), Path(home))
        for _ in range(contracts):
            now.order(quantity=Decimal("0.001"))
        for _ in range(spot):
            now.order(quantity=Decimal("0.001"), instrument=BTC_SPOT)
        for _ in range(waiting):
            now.order("70000", trigger=Trigger(price=Decimal(69000), by="LastPrice", rises=True))
        await now.world.seconds(1)
        assert len(now.live()) == contracts + spot + waiting
        now.start()
        now.world.wire.next_command = [first]
        await now.until_done(await now.board.pull(now.latch()))
        assert now.live() == []
        begun, answered = now.of(CancelBegun), now.of(Answered)
        assert len(begun) == contracts + spot + waiting
        assert {entry.req_id for entry in answered} == {entry.req_id for entry in begun}
        assert {entry.outcome for entry in answered} == {"acknowledged"}
        await now.end()
        return Counter(sent.kind for sent in now.world.wire.sent)


@in_virtual_time
async def test_many_orders_of_a_book_go_in_one_request_whatever_another_market_has() -> None:
    """One by one they would take seconds; few of one market do not keep the many of the next from going at once."""
    assert await cancels_of(1, SWEPT_FROM) == {"cancel": 1, "cancel_working": 1}
    assert await cancels_of(SWEPT_FROM, 1) == {"cancel": 1, "cancel_working": 1}
    assert await cancels_of(SWEPT_FROM, SWEPT_FROM) == {"cancel_working": 2}


@in_virtual_time
async def test_few_orders_and_those_that_wait_for_a_trigger_are_cancelled_one_by_one() -> None:
    """What goes with the sweep of a whole market may be a stop that is to stay: each trigger is named."""
    assert await cancels_of(SWEPT_FROM - 1, 0) == {"cancel": SWEPT_FROM - 1}
    assert await cancels_of(SWEPT_FROM, 0, waiting=SWEPT_FROM) == {"cancel_working": 1, "cancel": SWEPT_FROM}


@in_virtual_time
async def test_a_market_that_cannot_be_swept_holds_up_no_other_and_its_orders_are_cancelled_one_by_one() -> None:
    found = await cancels_of(SWEPT_FROM, SWEPT_FROM, first="request_not_sent")
    assert found == {"cancel_working": 1, "cancel": SWEPT_FROM}


@in_virtual_time
async def test_a_command_that_gets_nowhere_ends_after_a_quarter_of_a_minute_and_says_what_is_left() -> None:
    """Whoever asked waits for the answer: it comes, whatever the exchange refuses."""
    with tempfile.TemporaryDirectory(prefix="tw-kill-") as home:
        now = Scene(World(1), Path(home))
        await now.position()
        stays = now.order()
        await now.world.seconds(1)
        now.start()
        now.world.wire.faults = Faults(request_not_sent=2.0)  # of all of them
        read: list[str] = []
        now.on_read = read.append
        began_s = now.world.clock.monotonic()
        left = await now.switch.command(Cause(id=UUID(int=5), kind="command", via="cli"), close=True)
        assert (left.orders, left.positions, now.live(), now.size()) == (1, 1, [stays], Decimal("0.3"))
        assert read.count("read.open_orders") == 1 + 60
        assert 15 <= now.world.clock.monotonic() - began_s < 20
        await now.end()


@in_virtual_time
async def test_a_latch_that_gets_nowhere_is_tried_two_hundred_times_quickly_and_then_each_five_seconds() -> None:
    """It never gives up, and leaves the exchange room for what else the account asks."""
    with tempfile.TemporaryDirectory(prefix="tw-kill-") as home:
        now = Scene(World(1), Path(home))
        stays = now.order()
        await now.world.seconds(1)
        now.start()
        now.world.wire.faults = Faults(request_not_sent=2.0)  # of all of them
        read_s: list[float] = []

        def note(name: str) -> None:
            if name == "read.open_orders":
                read_s.append(now.world.clock.monotonic())

        now.on_read = note
        latch = await now.board.pull(now.latch())
        await now.world.seconds(120)
        gaps_s = [later - earlier for earlier, later in pairwise(read_s)]
        assert all(0.25 <= gap_s < 0.5 for gap_s in gaps_s[:199])
        assert len(gaps_s) > 205
        assert all(5.0 <= gap_s < 5.5 for gap_s in gaps_s[199:])
        assert now.live() == [stays]
        now.world.wire.faults = Faults()
        await now.until_done(latch)
        assert now.live() == []
        await now.end()


@in_virtual_time
async def test_a_single_command_takes_down_what_there_is_through_faults_and_lasts_no_longer() -> None:
    with tempfile.TemporaryDirectory(prefix="tw-kill-") as home:
        now = Scene(World(1), Path(home))
        await now.position()
        now.order()
        await now.world.seconds(1)
        now.start()
        await now.world.seconds(0.1)
        now.world.wire.next_command = ["request_lost"]
        left = await now.switch.command(Cause(id=UUID(int=5), kind="command", via="cli"), close=False)
        assert (left.orders, left.positions, now.live()) == (0, 1, [])
        assert (now.size(), now.closes()) == (Decimal("0.3"), 0), "what was not to be closed is not"
        left = await now.switch.command(Cause(id=UUID(int=6), kind="command", via="cli"), close=True)
        assert (left.positions, now.size(), now.closes()) == (0, Decimal(0), 1)
        later = now.order()
        await now.world.seconds(30)
        assert now.live() == [later], "a command is no latch"
        await now.end()
