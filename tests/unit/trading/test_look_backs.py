"""Reading one thing after another was done to it: a read that fails is tried again, and ends nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from contract.journal_worlds import MemoryWorld
from sim.facts import fill, order_report
from sim.virtual_time import in_virtual_time
from tradewright.core.errors import ExchangeUnavailable
from tradewright.core.instrument import InstrumentId
from tradewright.core.order import FeeRates, RemoteOrder
from tradewright.lab.virtual_loop import VirtualClock
from tradewright.trading.account_book import AccountBook
from tradewright.trading.look_backs import LookBacks


class Flaky:
    """An exchange that fails so many reads of an order, and shows it then."""

    def __init__(self, failures: int, order: RemoteOrder) -> None:
        self.failures = failures
        self.asked = 0
        self.at_s: list[float] = []
        self.on_ask: Callable[[], None] = lambda: None
        self._order = order

    async def find_order(self, _instrument: Any, **_names: Any) -> RemoteOrder:
        self.asked += 1
        self.on_ask()
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


@in_virtual_time
async def test_a_report_that_nobody_can_read_is_asked_for_four_times_five_seconds_apart() -> None:
    """From then on it is left to the next reading of everything."""
    world, book = MemoryWorld(), AccountBook()
    gateway = Flaky(100, order_report())
    clock = VirtualClock(asyncio.get_running_loop())
    looks = LookBacks(gateway, world.journal, clock, asyncio.Lock(), book.owed)  # type: ignore[arg-type]
    book.take([order_report(), fill("e-1", "0.2")])
    began_s = clock.monotonic()
    gateway.on_ask = lambda: gateway.at_s.append(clock.monotonic() - began_s)
    task = asyncio.create_task(looks.read_owed())
    await asyncio.sleep(120)
    assert gateway.at_s == [7.5, 12.5, 17.5, 22.5]
    task.cancel()


class Fees:
    """An exchange that tells the fees of each symbol but the first."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def fee_rates(self, instrument: InstrumentId) -> FeeRates:
        self.asked.append(instrument.symbol)
        if len(self.asked) == 1:
            raise ExchangeUnavailable("the page could not be read")
        return FeeRates(maker=Decimal("0.001"), taker=Decimal("0.001"))


@in_virtual_time
async def test_of_many_symbols_a_hundred_wait_and_one_that_cannot_be_read_holds_up_no_other() -> None:
    world, gateway = MemoryWorld(), Fees()
    clock = VirtualClock(asyncio.get_running_loop())
    looks = LookBacks(gateway, world.journal, clock, asyncio.Lock(), AccountBook().owed)  # type: ignore[arg-type]
    task = asyncio.create_task(looks.read_symbols())
    for number in range(150):
        looks.want_symbol(InstrumentId("spot", f"C{number}USDT"))
    await asyncio.sleep(1)
    assert gateway.asked == [f"C{number}USDT" for number in range(100)]
    looks.want_symbol(InstrumentId("spot", "C149USDT"))
    await asyncio.sleep(1)
    assert gateway.asked[100:] == ["C149USDT"], "what was too much is asked for again"
    task.cancel()
