"""The hub: one upstream, counted topics, readers that cannot hold anybody up, and honesty about its own state."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal

import pytest
import pytest_asyncio
import structlog
from msgspec.structs import replace

from tradewright.core.errors import NotFound
from tradewright.core.fault import Fault
from tradewright.core.instrument import InstrumentId
from tradewright.exchange.ports import Book, CandleUpdate, PublicTrade, StreamDown, StreamUp, Ticker
from tradewright.market.hub import CANDLES_WAITING_MAX, TRADES_WAITING_MAX, FeedHealth, MarketHub
from tradewright.market.subscription import SubscriptionClosed
from unit.market.fake_market import BTC, MINUTE_MS, START_MS, FakeStream, candle

TICKER = Ticker(instrument=BTC, last_price=Decimal(100))


@pytest_asyncio.fixture
async def stream() -> FakeStream:
    return FakeStream()


@pytest_asyncio.fixture
async def hub(stream: FakeStream) -> AsyncIterator[MarketHub]:
    made = MarketHub(stream, log=structlog.get_logger())
    task = asyncio.create_task(made.run())
    await stream.say(StreamUp(1))
    yield made
    task.cancel()
    await asyncio.wait([task])


async def test_a_topic_is_subscribed_once_and_given_back_with_its_last_reader(
    hub: MarketHub, stream: FakeStream
) -> None:
    first, second = hub.subscribe_ticker(BTC), hub.subscribe_ticker(BTC)
    assert stream.topics == {"tickers.BTCUSDT"}
    first.close()
    first.close()
    assert stream.topics == {"tickers.BTCUSDT"}
    second.close()
    assert stream.topics == set()
    hub.subscribe_ticker(BTC)
    assert stream.topics == {"tickers.BTCUSDT"}


async def test_slow_ticker_reader_sees_the_newest_only(hub: MarketHub, stream: FakeStream) -> None:
    reader = hub.subscribe_ticker(BTC)
    await stream.say(*(replace(TICKER, last_price=Decimal(number)) for number in range(1, 501)))
    assert (await reader.get()).last_price == Decimal(500)
    assert reader.poll() is None
    known = hub.ticker(BTC)
    assert known is not None
    assert known.last_price == Decimal(500)


async def test_late_reader_starts_with_what_is_known(hub: MarketHub, stream: FakeStream) -> None:
    hub.subscribe_ticker(BTC)
    await stream.say(TICKER)
    assert (await hub.subscribe_ticker(BTC).get()) == TICKER


async def test_confirmed_candles_are_kept_apart_and_the_live_one_is_conflated(
    hub: MarketHub, stream: FakeStream
) -> None:
    reader = hub.subscribe_candles(BTC, "1")
    following = START_MS + MINUTE_MS
    await stream.say(
        CandleUpdate(BTC, "1", candle(START_MS, "1", confirmed=False)),
        CandleUpdate(BTC, "1", candle(START_MS, "2", confirmed=True)),
        CandleUpdate(BTC, "1", candle(following, "3", confirmed=False)),
        CandleUpdate(BTC, "1", candle(following, "4", confirmed=False)),
    )
    got = [await reader.get(), await reader.get()]
    assert [(row.candle.close, row.candle.confirmed) for row in got] == [(Decimal(2), True), (Decimal(4), False)]


async def test_reader_that_would_lose_a_confirmed_candle_is_closed_instead(hub: MarketHub, stream: FakeStream) -> None:
    reader = hub.subscribe_candles(BTC, "1")
    await stream.say(
        *(CandleUpdate(BTC, "1", candle(START_MS + n * MINUTE_MS)) for n in range(CANDLES_WAITING_MAX + 1))
    )
    for _ in range(CANDLES_WAITING_MAX + 1):
        await reader.get()
    with pytest.raises(SubscriptionClosed, match="too slow"):
        await reader.get()
    assert stream.topics == set()


async def test_slow_trade_reader_loses_the_oldest_and_it_is_counted(hub: MarketHub, stream: FakeStream) -> None:
    reader = hub.subscribe_trades(BTC)
    trade = PublicTrade(
        trade_id="0", instrument=BTC, side="Buy", price=Decimal(1), quantity=Decimal(1), traded_at_ms=START_MS
    )
    await stream.say(*(replace(trade, trade_id=str(number)) for number in range(TRADES_WAITING_MAX + 3)))
    assert reader.dropped == 3
    assert (await reader.get()).trade_id == "3"


async def test_books_of_two_depths_do_not_mix(hub: MarketHub, stream: FakeStream) -> None:
    shallow, deep = hub.subscribe_book(BTC, 1), hub.subscribe_book(BTC, 50)
    level = ((Decimal(1), Decimal(1)),)
    book = Book(instrument=BTC, depth=1, bids=level, asks=(), update_id=1, exchange_time_ms=1)
    await stream.say(book, replace(book, depth=50, update_id=2))
    assert (await shallow.get()).update_id == 1
    assert (await deep.get()).update_id == 2
    assert hub.book(BTC, 1) is not None
    shallow.close()
    assert hub.book(BTC, 1) is None


async def test_lost_upstream_is_down_with_its_reason_and_nothing_old_is_served(
    hub: MarketHub, stream: FakeStream
) -> None:
    hub.subscribe_ticker(BTC)
    await stream.say(TICKER)
    assert hub.health() == FeedHealth("live", 0, None)
    await stream.say(StreamDown("silent for 28 s", "link.silent"))
    assert hub.health() == FeedHealth("down", 0, Fault("link.silent", detail="silent for 28 s"))
    assert hub.ticker(BTC) is None
    await stream.say(StreamUp(2))
    assert hub.health().state == "live"
    assert hub.ticker(BTC) is None
    await stream.say(TICKER)
    assert hub.ticker(BTC) == TICKER


async def test_upstream_without_frames_is_stale_before_it_is_down(hub: MarketHub, stream: FakeStream) -> None:
    stream.age_s = 22.5
    health = hub.health()
    assert (health.state, health.last_frame_age_ms) == ("stale", 22_500)


async def test_before_the_first_connection_it_is_down(stream: FakeStream) -> None:
    assert MarketHub(stream, log=structlog.get_logger()).health().state == "down"


async def test_stopped_hub_closes_its_readers(stream: FakeStream) -> None:
    hub = MarketHub(stream, log=structlog.get_logger())
    task = asyncio.create_task(hub.run())
    await stream.say(StreamUp(1))
    reader = hub.subscribe_ticker(BTC)
    waiting = asyncio.create_task(reader.get())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(SubscriptionClosed, match="has stopped"):
        await waiting
    assert [item async for item in reader] == []
    assert stream.closed


async def test_another_category_is_refused(hub: MarketHub) -> None:
    with pytest.raises(NotFound, match="spot"):
        hub.subscribe_ticker(InstrumentId("spot", "BTCUSDT"))
