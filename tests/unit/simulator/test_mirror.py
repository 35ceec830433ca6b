"""A mirror repeats another exchange's public market, and orders are filled by it. Upstream is a real exchange over real
sockets: this one's own synthetic market.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from decimal import Decimal

import aiohttp
import pytest
import pytest_asyncio

from support.scripted_market import ScriptedMarket
from support.sim_client import SimClient
from tradewright.simulator import RunningSimulator, SimulatorConfig, serve
from tradewright.simulator.faults.bent_market import BentMarket
from tradewright.simulator.market import BTCUSDT, MarketSpecError
from tradewright.simulator.mirror import MirrorMarket, MirrorUnreachable, read_wish
from tradewright.simulator.mirror.listing import BOOK_DEPTH, MirroredListing

PATIENCE_S = 10.0
LISTED = ("mirror@linear:BTCUSDT", "mirror@spot:BTCUSDT")


def mirror_of(upstream: RunningSimulator, *market: str, rest: str | None = None) -> SimulatorConfig:
    return SimulatorConfig(
        market=market or LISTED,
        mirror_rest=rest or upstream.addresses.rest,
        mirror_stream=upstream.addresses.ws_public,
        order_delay_ms=1,
        tick_ms=5,
    )


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not holds():
            await asyncio.sleep(0.005)


@pytest_asyncio.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


async def test_a_mirror_lists_and_tells_what_upstream_does(session: aiohttp.ClientSession) -> None:
    async with AsyncExitStack() as stack:
        upstream = await serve(SimulatorConfig(tick_ms=20))
        stack.push_async_callback(upstream.close)
        mirror = await serve(mirror_of(upstream))
        stack.push_async_callback(mirror.close)
        there = SimClient(upstream.addresses, upstream.keys.trading, session)
        here = SimClient(mirror.addresses, mirror.keys.trading, session)
        for category in ("linear", "spot"):
            query = f"category={category}&symbol=BTCUSDT"
            theirs, ours = [(await one.get("/v5/market/instruments-info", query)).rows[0] for one in (there, here)]
            for name in ("baseCoin", "priceFilter", "riskParameters"):
                assert ours[name] == theirs[name]
            candles = f"{query}&interval=60&limit=20"
            theirs_closed, ours_closed = [
                (await one.get("/v5/market/kline", candles)).rows[1:] for one in (there, here)
            ]
            assert ours_closed == theirs_closed
            assert len(ours_closed) == 19
        stream = await here.public()
        await stream.send(op="subscribe", args=["publicTrade.BTCUSDT"])
        told = await stream.until(lambda frame: frame.get("topic") == "publicTrade.BTCUSDT")
        upstream_ids = {
            row["execId"] for row in (await there.get("/v5/market/recent-trade", "category=linear&symbol=BTCUSDT")).rows
        }
        assert {row["i"] for row in told["data"]} <= upstream_ids


async def test_orders_are_filled_by_the_mirrored_prices_and_wait_while_the_link_is_down(
    session: aiohttp.ClientSession,
) -> None:
    async with AsyncExitStack() as stack:
        script = ScriptedMarket()
        upstream = await serve(SimulatorConfig(tick_ms=5), market=script)
        mirror = await serve(mirror_of(upstream, "mirror@linear:BTCUSDT"))
        stack.push_async_callback(mirror.close)
        bent = mirror.engine.market
        assert isinstance(bent, BentMarket)
        market = bent.inner
        assert isinstance(market, MirrorMarket)
        client = SimClient(mirror.addresses, mirror.keys.trading, session)
        await until(lambda: market.link_lost_ms is None)

        assert (await client.create("Buy", "0.010", "59990.00")).body["retMsg"] == "OK"
        account = mirror.engine.account
        await until(lambda: all(order.is_resting for order in account.orders.values()))
        script.trade("59980.00")
        await until(lambda: account.position("BTCUSDT").size == Decimal("0.010"))
        assert account.executions[-1].fill.price == Decimal("59990.00")

        await upstream.close()
        await until(lambda: market.link_lost_ms is not None)
        assert "stands still" in market.notice
        refused = await client.create("Buy", "0.010")
        assert refused.code == 110066
        assert account.position("BTCUSDT").size == Decimal("0.010")


async def test_a_mirror_is_not_moved_by_hand(session: aiohttp.ClientSession) -> None:
    async with AsyncExitStack() as stack:
        upstream = await serve(SimulatorConfig(tick_ms=5), market=ScriptedMarket())
        stack.push_async_callback(upstream.close)
        mirror = await serve(mirror_of(upstream, "mirror@linear:BTCUSDT"))
        stack.push_async_callback(mirror.close)
        place, key = f"{mirror.addresses.rest}/sim/market", {"X-Sim-Key": mirror.keys.trading.key}
        for wish in ({"do": "pause"}, {"do": "speed", "speed": 10}, {"do": "step", "seconds": 3600}):
            async with session.post(place, json=wish, headers=key) as answer:
                assert answer.status == 400
                assert "mirrors a real one" in await answer.text()
        clock = mirror.engine.market.clock
        assert (clock.paused, clock.speed, clock.by_hand) == (False, 1, False)


async def test_a_mirror_without_a_network_says_what_it_could_not_reach() -> None:
    config = SimulatorConfig(market=("mirror",), mirror_rest="http://127.0.0.1:9", mirror_stream="ws://127.0.0.1:9")
    with pytest.raises(MirrorUnreachable, match=r"http://127\.0\.0\.1:9 cannot be read"):
        await serve(config)


async def test_what_upstream_does_not_list_is_refused_by_name() -> None:
    upstream = await serve(SimulatorConfig())
    try:
        with pytest.raises(MarketSpecError, match="linear:NOPEUSDT"):
            await serve(mirror_of(upstream, "mirror@linear:NOPEUSDT"))
    finally:
        await upstream.close()


def test_what_upstream_stopped_telling_does_not_stay_in_the_book() -> None:
    one = MirroredListing(BTCUSDT, now_ms=1)
    asks = [(Decimal(60_000) + tick, Decimal(1)) for tick in range(BOOK_DEPTH)]
    bids = [(Decimal(59_000) - tick, Decimal(1)) for tick in range(BOOK_DEPTH)]
    one.take_book(bids, asks, whole=True, at_ms=2)
    book = one.take_book([(Decimal(59_100), Decimal(2))], [(Decimal(59_900), Decimal(2))], whole=False, at_ms=3)
    assert book is not None
    assert (book.bids[0][0], book.asks[0][0]) == (59_100, 59_900)
    assert (len(book.bids), len(book.asks)) == (BOOK_DEPTH, BOOK_DEPTH)
    again = one.take_book([(Decimal(59_100), Decimal(0))], [], whole=False, at_ms=4)
    assert again is not None
    assert (again.bids[0], again.bids[-1][0]) == ((59_000, 1), Decimal(59_000) - (BOOK_DEPTH - 2))


@pytest.mark.parametrize("text", ["mirror@option:BTC", "mirror@linear", "mirror:BTCUSDT@", "mirror@linear:btcusdt"])
def test_a_wish_is_a_category_and_a_symbol(text: str) -> None:
    with pytest.raises(MarketSpecError, match="mirror@category:SYMBOL"):
        read_wish([text, "mirror"])


def test_other_markets_are_no_mirror() -> None:
    assert read_wish(["synthetic"]) is None
    assert read_wish(["mirror@spot:ETHUSDC", "mirror@spot:ETHUSDC"]) == [("spot", "ETHUSDC")]
