"""One upstream subscription for each topic, however many browsers read it: counted on the wire to a real simulator."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from decimal import Decimal

import aiohttp
import structlog
from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncEngine

from integration.web.kit import started_site
from integration.web.test_stream import Stream, connected
from tradewright.core.environment import Environment
from tradewright.core.instrument import Category
from tradewright.exchange.bybit.market_data import BybitMarketGateway
from tradewright.exchange.bybit.public_stream import BybitPublicStream
from tradewright.exchange.ports import Endpoints
from tradewright.market.instruments import InstrumentLists
from tradewright.market.markets import MarketData, market_data
from tradewright.simulator import SimulatorConfig, serve
from tradewright.system import SystemClock, SystemRng

UPSTREAM = {
    "ticker:sim:linear:BTCUSDT": "tickers.BTCUSDT",
    "candle:sim:linear:BTCUSDT:1": "kline.1.BTCUSDT",
    "book:sim:linear:BTCUSDT": "orderbook.50.BTCUSDT",
    "trades:sim:linear:BTCUSDT": "publicTrade.BTCUSDT",
}
ONCE = Counter(UPSTREAM.values())
READERS = 6


class Relay:
    """Stands between us and the exchange's public stream and counts what is asked of it."""

    def __init__(self, target: str) -> None:
        self.asked: dict[str, Counter[str]] = {"subscribe": Counter(), "unsubscribe": Counter()}
        self._target = target

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        ours = web.WebSocketResponse()
        await ours.prepare(request)
        address = f"{self._target}/{request.match_info['category']}"
        async with aiohttp.ClientSession() as session, session.ws_connect(address) as theirs:

            async def forward() -> None:
                async for frame in theirs:
                    await ours.send_str(frame.data)

            task = asyncio.create_task(forward())
            async for frame in ours:
                message = json.loads(frame.data)
                if message["op"] in self.asked:
                    self.asked[message["op"]].update(message["args"])
                await theirs.send_str(frame.data)
            task.cancel()
        return ours

    async def until(self, op: str, wanted: Counter[str]) -> None:
        async with asyncio.timeout(60):
            while self.asked[op] != wanted:
                await asyncio.sleep(0.01)


@asynccontextmanager
async def relaying(target: str) -> AsyncIterator[tuple[Relay, str]]:
    relay = Relay(target)
    application = web.Application()
    application.router.add_get("/v5/public/{category}", relay.serve)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield relay, f"ws://127.0.0.1:{runner.addresses[0][1]}/v5/public"
    finally:
        await runner.cleanup()


async def heard_all(stream: Stream) -> None:
    """Returns once every topic has said something."""
    heard: set[str] = set()
    while heard < set(UPSTREAM):
        message = await stream.next()
        assert message["type"] in ("snapshot", "delta"), message
        heard.add(message["topic"])


async def caught_up(stream: Stream) -> None:
    """Returns once the server has read what was sent before: it answers in order."""
    await stream.subscribe("no:topic")
    await stream.until(lambda message: message["type"] == "error")


async def test_each_topic_is_asked_for_once_and_given_back_with_its_last_reader(
    engine: AsyncEngine, database_url: str
) -> None:
    exchange = await serve(SimulatorConfig(seed=3, speed=Decimal(10)))
    async with AsyncExitStack() as stack:
        stack.push_async_callback(exchange.close)
        relay, address = await stack.enter_async_context(relaying(exchange.addresses.ws_public))
        endpoints = Endpoints(exchange.addresses.rest, address, exchange.addresses.ws_private)

        def open_market(environment: Environment, lists: InstrumentLists) -> MarketData:
            clock, log = SystemClock(), structlog.get_logger("test")
            gateway = BybitMarketGateway(lambda: endpoints, clock=clock, log=log)
            category: Category = "linear"
            stream = BybitPublicStream(lambda: endpoints, category, clock=clock, rng=SystemRng(), log=log)
            return market_data(environment, gateway, {category: stream}, lists.of(environment), clock=clock, log=log)

        site = await stack.enter_async_context(started_site(engine, database_url, open_market=open_market))
        ann = await site.claim()
        streams = [await stack.enter_async_context(connected(ann)) for _ in range(READERS)]
        for stream in streams:
            await stream.subscribe(*UPSTREAM)
        async with asyncio.timeout(60):
            await asyncio.gather(*(heard_all(stream) for stream in streams))
        assert relay.asked == {"subscribe": ONCE, "unsubscribe": Counter()}

        first, second, *others, last = streams
        await first.socket.send_json({"op": "unsubscribe", "topics": list(UPSTREAM)})
        await caught_up(first)
        await second.subscribe(*UPSTREAM)  # again: the same reader, no other
        await caught_up(second)
        for stream in (second, *others):
            await stream.socket.close()
        async with asyncio.timeout(60):
            while len(site.application.state.stream) > 2:
                await asyncio.sleep(0.01)
        await heard_all(last)
        assert relay.asked == {"subscribe": ONCE, "unsubscribe": Counter()}

        await last.socket.close()
        await relay.until("unsubscribe", ONCE)
        await first.subscribe(*UPSTREAM)
        await heard_all(first)
        assert relay.asked == {"subscribe": ONCE + ONCE, "unsubscribe": ONCE}
