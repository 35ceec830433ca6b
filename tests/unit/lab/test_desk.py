"""The live session and the simulated exchange behind the desk: what is asked happens, and what cannot is told."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest
import structlog

from tradewright.backtest.settings import Settings
from tradewright.lab.account import opened
from tradewright.lab.desk import Desk, LabFault
from tradewright.lab.even_wire import EvenWire
from tradewright.lab.instrument import held, listed
from tradewright.lab.network import run_networked
from tradewright.lab.played_market import PlayedMarket
from tradewright.strategy.check import check_text
from tradewright.strategy.prices import Filters

SPEC = """
version: 1
name: any
market: { category: linear, symbol: BTCUSDT, timeframe: 1h }
rules: { enter_long: close > open }
size: { base: 1 }
"""
SETTINGS = Settings(filters=Filters(tick_size=Decimal("0.5"), quantity_step=Decimal("0.1")), slippage_bps=Decimal(10))


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.reset_defaults()


@asynccontextmanager
async def ready_desk() -> AsyncIterator[Desk]:
    """At a price of 100 and a market time of 1,000 ms."""
    strategy = check_text(SPEC).strategy
    assert strategy is not None
    spec = listed(strategy, SETTINGS)
    market = PlayedMarket(spec, Decimal(100), Decimal("0.001"), 1_000)
    async with opened(market, held(spec)) as account:
        desk = Desk(account)
        await desk.settle()
        yield desk


def on_desk(play: Callable[[Desk], Awaitable[None]]) -> None:
    async def main() -> None:
        async with ready_desk() as desk:
            await play(desk)

    run_networked(main(), EvenWire())


def test_an_order_at_the_market_slips_and_its_stop_is_set_off_by_the_price() -> None:
    async def play(desk: Desk) -> None:
        desk.order(1, Decimal("1.5"), stop=Decimal(95), target=Decimal(110))
        await desk.settle()
        assert sorted(desk.triggers()) == [95, 110]
        assert not desk.play(Decimal("95.5"), 1_001), "nothing waits there"
        assert desk.play(Decimal(95), 1_002)
        await desk.settle()
        entry, stop = desk.fills()
        assert (entry.price, entry.quantity, entry.is_maker) == (Decimal("100.1"), Decimal("1.5"), False)
        assert (stop.side, stop.price, desk.stop_type(stop)) == ("Sell", Decimal("94.905"), "StopLoss")
        assert desk.triggers() == []

    on_desk(play)


def test_a_limit_order_rests_at_the_last_price_and_is_filled_at_its_own_once_the_price_is_through() -> None:
    async def play(desk: Desk) -> None:
        desk.leave()
        desk.order(1, Decimal(1), price=Decimal(100), is_post_only=True)
        await desk.settle()
        assert desk.resting() == [(1, 100)]
        assert not desk.play(Decimal(100), 1_001)
        assert desk.play(Decimal(97), 1_002)
        await desk.settle()
        assert [(fill.price, fill.is_maker) for fill in desk.fills()] == [(100, True)]

    on_desk(play)


def test_funding_is_paid_on_what_is_held_and_told_as_a_fill_of_its_kind() -> None:
    async def play(desk: Desk) -> None:
        desk.order(-1, Decimal(2))
        await desk.settle()
        assert [fill.exec_type for fill in desk.fills()] == ["Trade"]
        desk.owe_funding(2_000, Decimal("0.01"))
        assert not desk.advance(1_999)
        assert desk.advance(2_000)
        await desk.settle()
        assert [(fill.exec_type, fill.fee) for fill in desk.fills()] == [("Funding", Decimal("-2"))]

    on_desk(play)


def test_an_order_that_the_live_core_refuses_is_a_fault_that_names_why() -> None:
    async def play(desk: Desk) -> None:
        desk.order(1, Decimal("0.05"))
        with pytest.raises(LabFault, match=r"place was refused.*order.quantity"):
            await desk.settle()

    on_desk(play)


def test_an_order_that_the_exchange_refuses_is_a_fault_too() -> None:
    async def play(desk: Desk) -> None:
        desk.order(1, Decimal(1), stop=Decimal(105))
        with pytest.raises(LabFault, match=r"place was rejected.*StopLoss"):
            await desk.settle()

    on_desk(play)
