"""Tickers, market time, and the calendar of candles."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from decimal import Decimal

import pytest
import structlog

from tradewright.core.clock import milliseconds
from tradewright.exchange.ports import PublicTrade, StreamDown, StreamUp
from tradewright.market.hub import MarketHub
from tradewright.market.intervals import INTERVALS, back, first_open_from, forward, next_open, open_at
from tradewright.market.market_clock import MarketClock
from tradewright.market.tickers import TickerCache
from tradewright.market.trades import RecentTrades
from unit.exchange.fakes import FakeClock
from unit.market.fake_market import BTC, START_MS, FakeMarket, FakeStream


def at(*parts: int) -> int:
    year, month, day, *rest = parts
    return milliseconds(datetime(year, month, day, *rest, tzinfo=UTC))


async def test_tickers_are_read_at_most_once_in_two_seconds_however_many_ask() -> None:
    market, clock = FakeMarket(), FakeClock()
    cache = TickerCache(market, clock=clock)
    await asyncio.gather(*(cache.all("linear") for _ in range(20)))
    assert len(market.reads) == 1
    await clock.advance(1.5)
    assert (await cache.all("linear")).age_ms == 1_500
    await clock.advance(1)
    assert (await cache.all("linear")).age_ms == 0
    assert len(market.reads) == 2


def trade(number: int) -> PublicTrade:
    return PublicTrade(
        trade_id=f"t{number}",
        instrument=BTC,
        side="Buy",
        price=Decimal(1),
        quantity=Decimal(1),
        traded_at_ms=START_MS + number,
    )


async def test_the_tape_begins_with_what_the_exchange_tells_and_goes_on_with_the_stream_each_trade_once() -> None:
    market, clock, stream = FakeMarket(), FakeClock(), FakeStream()
    log = structlog.get_logger()
    hub = MarketHub(stream, log=log)
    trades = RecentTrades(market, {"linear": hub}, clock=clock, log=log)
    running = asyncio.create_task(hub.run())
    market.tape = [trade(n) for n in range(100)]
    reader = hub.subscribe_trades(BTC)
    await stream.say(StreamUp(1), *(trade(n) for n in range(95, 103)))
    for found in await asyncio.gather(*(trades.get(BTC) for _ in range(20))):
        assert [each.trade_id for each in found] == [f"t{n}" for n in range(40, 103)]
    assert len(market.reads) == 1
    market.fail_after = 0
    await clock.advance(3)
    assert [each.trade_id for each in await trades.get(BTC)] == [f"t{n}" for n in range(95, 103)]
    await stream.say(*(trade(n) for n in range(103, 200)))
    market.reads.clear()
    assert [each.trade_id for each in await trades.get(BTC)] == [f"t{n}" for n in range(100, 200)]
    await stream.say(StreamDown("lost"))
    assert await trades.get(BTC) == [], "a hole is between what was and what will come"
    reader.close()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_market_time_is_never_more_than_a_quarter_of_a_second_old() -> None:
    market, clock = FakeMarket(), FakeClock()
    market_clock = MarketClock(market, clock=clock)
    first = await market_clock.now_ms()
    market.now_ms += 60_000
    assert await market_clock.now_ms() == first
    await clock.advance(0.3)
    assert await market_clock.now_ms() == first + 60_000


@pytest.mark.parametrize(
    ("interval", "moment", "opened", "following"),
    [
        ("1", at(2024, 2, 29, 23, 59, 30), at(2024, 2, 29, 23, 59), at(2024, 3, 1)),
        ("240", at(2024, 1, 1, 7, 59), at(2024, 1, 1, 4), at(2024, 1, 1, 8)),
        ("720", at(2024, 1, 1, 12), at(2024, 1, 1, 12), at(2024, 1, 2)),
        ("D", at(2024, 1, 1, 23), at(2024, 1, 1), at(2024, 1, 2)),
        ("W", at(2024, 1, 7, 23), at(2024, 1, 1), at(2024, 1, 8)),  # 1 January 2024 was a Monday
        ("M", at(2024, 2, 29), at(2024, 2, 1), at(2024, 3, 1)),
        ("M", at(2023, 12, 31), at(2023, 12, 1), at(2024, 1, 1)),
    ],
)
def test_candles_open_where_the_calendar_says(interval: str, moment: int, opened: int, following: int) -> None:
    assert open_at(moment, interval) == opened
    assert next_open(opened, interval) == following
    assert first_open_from(moment, interval) == (opened if moment == opened else following)


@pytest.mark.parametrize("interval", INTERVALS)
def test_steps_forward_and_back_meet(interval: str) -> None:
    opened = open_at(at(2024, 3, 15, 13, 37), interval)
    for count in (1, 2, 11, 12, 13, 100):
        stepped = opened
        for _ in range(count):
            stepped = next_open(stepped, interval)
        assert forward(opened, interval, count) == stepped
        assert back(stepped, interval, count) == opened
