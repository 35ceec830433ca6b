"""Prices for the owner: one subscription a symbol, their age by receipt, and jumps noticed the moment they come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal

import pytest
import pytest_asyncio
import structlog
from msgspec.structs import replace

from tradewright.core.instrument import InstrumentId
from tradewright.core.risk_prices import absurdity
from tradewright.exchange.ports import StreamDown, StreamUp, Ticker
from tradewright.market.hub import MarketHub
from tradewright.system import SystemClock
from tradewright.trading.risk.prices import HubPrices
from unit.market.fake_market import BTC, FakeStream

TICKER = Ticker(instrument=BTC, last_price=Decimal(100), mark_price=Decimal(101), bid_price=Decimal(99))


class Desk:
    def __init__(self) -> None:
        self.stream = FakeStream()
        self.hub = MarketHub(self.stream, log=structlog.get_logger())
        self.prices = HubPrices(lambda _category: self.hub, clock=SystemClock())
        self.arrived = asyncio.Event()


@pytest_asyncio.fixture
async def desk() -> AsyncIterator[Desk]:
    made = Desk()
    tasks = [asyncio.create_task(each.run()) for each in (made.hub, made.prices)]
    await made.stream.say(StreamUp(1))
    yield made
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def watched(desk: Desk) -> None:
    desk.prices.want(BTC, desk.arrived.set)
    await desk.stream.say(TICKER)
    async with asyncio.timeout(10):
        await desk.arrived.wait()


async def test_a_symbol_is_watched_once_and_its_first_prices_are_told(desk: Desk) -> None:
    assert desk.prices.of(BTC) is None
    desk.prices.want(BTC, desk.arrived.set)
    desk.prices.want(BTC, desk.arrived.set)
    assert desk.stream.topics == {"tickers.BTCUSDT"}
    assert desk.prices.of(BTC) is None
    await watched(desk)
    view = desk.prices.of(BTC)
    assert view is not None
    assert (view.quotes.last, view.reference, view.quotes.bid) == (Decimal(100), Decimal(101), Decimal(99))
    assert 0 <= view.quote_age_s < 5
    assert absurdity(view) is None


async def test_while_the_link_is_down_there_are_no_prices(desk: Desk) -> None:
    await watched(desk)
    await desk.stream.say(StreamDown("gone"))
    assert desk.prices.of(BTC) is None
    await desk.stream.say(StreamUp(2))
    assert desk.prices.of(BTC) is None  # what was known before counts for nothing
    await desk.stream.say(replace(TICKER, last_price=Decimal(102)))
    assert desk.prices.of(BTC) is not None


async def test_a_price_a_hundredfold_is_a_jump_from_the_moment_it_came(desk: Desk) -> None:
    await watched(desk)
    hundredfold = replace(
        TICKER, last_price=Decimal(10_000), mark_price=Decimal(10_100), bid_price=Decimal(9_900), index_price=None
    )
    await desk.stream.say(hundredfold)
    view = desk.prices.of(BTC)
    assert view is not None
    assert (view.has_jumped, absurdity(view)) == (True, "jumped")
    await desk.stream.say(replace(TICKER, last_price=Decimal(103)))
    view = desk.prices.of(BTC)
    assert view is not None
    assert absurdity(view) is None


@pytest.mark.parametrize("has_mark", [True, False])
async def test_what_must_not_jump_is_the_mark_price_and_where_there_is_none_the_last_price(
    desk: Desk, has_mark: bool
) -> None:
    """A position is liquidated by the mark, whatever the last trade was; spot has no mark."""
    quiet = TICKER if has_mark else replace(TICKER, mark_price=None)
    desk.prices.want(BTC, desk.arrived.set)
    for ticker, jumped in (
        (quiet, False),
        (replace(quiet, last_price=Decimal(10_000)), not has_mark),
        (quiet, False),
        (replace(quiet, mark_price=Decimal(10_100)) if has_mark else quiet, has_mark),
    ):
        await desk.stream.say(ticker)
        view = desk.prices.of(BTC)
        assert view is not None
        assert view.has_jumped == jumped, ticker


async def test_a_symbol_that_nobody_lists_has_no_prices_and_breaks_nothing(desk: Desk) -> None:
    desk.prices.want(InstrumentId("spot", "BTCUSDT"), desk.arrived.set)  # this hub carries linear alone
    assert desk.prices.of(InstrumentId("spot", "BTCUSDT")) is None
    await watched(desk)


async def test_when_it_ends_every_subscription_is_given_back() -> None:
    made = Desk()
    hub, prices = asyncio.create_task(made.hub.run()), asyncio.create_task(made.prices.run())
    await made.stream.say(StreamUp(1))
    await watched(made)
    prices.cancel()
    await asyncio.wait([prices])
    assert made.stream.topics == set()
    hub.cancel()
    await asyncio.wait([hub])
