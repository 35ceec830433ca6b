"""Reading one thing after another was done to it: a read that fails is tried again, and ends nothing."""

from __future__ import annotations

import asyncio
from typing import Any

from contract.journal_worlds import MemoryWorld
from sim.facts import fill, order_report
from sim.virtual_time import in_virtual_time
from tradewright.core.errors import ExchangeUnavailable
from tradewright.core.order import RemoteOrder
from tradewright.lab.virtual_loop import VirtualClock
from tradewright.trading.account_book import AccountBook
from tradewright.trading.look_backs import LookBacks


class Flaky:
    """An exchange that fails so many reads of an order, and shows it then."""

    def __init__(self, failures: int, order: RemoteOrder) -> None:
        self.failures = failures
        self.asked = 0
        self._order = order

    async def find_order(self, _instrument: Any, **_names: Any) -> RemoteOrder:
        self.asked += 1
        if self.asked <= self.failures:
            raise ExchangeUnavailable("the page could not be read")
        return self._order


@in_virtual_time
async def test_a_report_that_is_owed_is_asked_for_again_after_a_read_that_failed() -> None:
    """Else the page would show the order as not filled until everything is read anew."""
    world, book = MemoryWorld(), AccountBook()
    gateway = Flaky(2, order_report("partially_filled", filled="0.2", at=2))
    clock = VirtualClock(asyncio.get_running_loop())
    looks = LookBacks(gateway, world.journal, clock, asyncio.Lock(), book.owed)  # type: ignore[arg-type]
    book.take([order_report(), fill("e-1", "0.2")])
    task = asyncio.create_task(looks.read_owed())
    await asyncio.sleep(120)
    assert not task.done(), "one read that fails ends no session"
    assert gateway.asked >= 3
    found = [row.tracked.filled_quantity for row in world._db.orders.values()]
    assert [str(quantity) for quantity in found] == ["0.2"]
    task.cancel()
