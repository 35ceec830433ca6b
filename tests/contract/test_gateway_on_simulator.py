"""The Bybit gateway against the simulated exchange: real sockets, real signatures, and on both kinds of event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any, TypeVar

import aiohttp
import pytest
import pytest_asyncio
import structlog
import uvloop

from tradewright.core.errors import DuplicateLinkId, ExchangeUnavailable, NotSent, OutcomeUnknown, Refused
from tradewright.core.ids import IntentId, LinkId, link_id_of
from tradewright.core.instrument import InstrumentId, OrderType, Side
from tradewright.core.order import Execution, NewOrder, RemoteOrder, RemotePosition, Wallet
from tradewright.exchange.bybit.market_data import BybitMarketGateway
from tradewright.exchange.bybit.orders import BybitOrderGateway
from tradewright.exchange.bybit.private_stream import BybitPrivateStream
from tradewright.exchange.bybit.public_stream import BybitPublicStream
from tradewright.exchange.ports import ApiKey, Book, CandleUpdate, Endpoints, PublicTrade, StreamUp, Ticker
from tradewright.simulator import RunningSimulator, SimulatorConfig, serve
from tradewright.system import SystemClock, SystemIds, SystemRng

BTC = InstrumentId("linear", "BTCUSDT")
KEY = ApiKey("contract-key", "contract-secret")
PATIENCE_S = 10.0
_Event = TypeVar("_Event")


@dataclass
class World:
    """One simulated exchange and our gateways to it."""

    simulator: RunningSimulator
    orders: BybitOrderGateway
    market: BybitMarketGateway

    def endpoints(self) -> Endpoints:
        return endpoints_of(self.simulator)

    async def swallow_reply(self, path: str, *, hang: bool, hide_ms: int = 0) -> None:
        fault = {"kind": "swallow_reply", "path": path, "count": 1, "hide_ms": hide_ms, "hang": hang}
        address = f"{self.simulator.addresses.rest}/sim/faults"
        async with (
            aiohttp.ClientSession() as session,
            session.post(address, json=fault, headers={"X-Sim-Key": KEY.key}) as response,
        ):
            assert response.status == 200, await response.text()

    async def last_price(self) -> Decimal:
        ticker = next(row for row in await self.market.tickers("linear") if row.instrument == BTC)
        assert ticker.last_price is not None
        return ticker.last_price

    async def resting_order(self) -> NewOrder:
        """A buy so far below the market that it stays open."""
        return new_order("Buy", "Limit", "0.01", (await self.last_price() * Decimal("0.8")).quantize(Decimal(1)))


def endpoints_of(simulator: RunningSimulator) -> Endpoints:
    addresses = simulator.addresses
    return Endpoints(addresses.rest, addresses.ws_public, addresses.ws_private)


def new_order(side: Side, order_type: OrderType, quantity: str, price: Decimal | None = None) -> NewOrder:
    return NewOrder(
        link_id=link_id_of(IntentId(SystemIds().new())),
        instrument=BTC,
        side=side,
        order_type=order_type,
        quantity=Decimal(quantity),
        price=price,
        time_in_force="GTC" if order_type == "Limit" else "IOC",
    )


@asynccontextmanager
async def running_world() -> AsyncIterator[World]:
    simulator = await serve(SimulatorConfig(key=KEY.key, secret=KEY.secret, seed=7))
    clock, log = SystemClock(), structlog.get_logger()
    orders = BybitOrderGateway(lambda: endpoints_of(simulator), KEY, clock=clock, log=log)
    market = BybitMarketGateway(lambda: endpoints_of(simulator), clock=clock, log=log)
    yield World(simulator, orders, market)
    await orders.close()
    await market.close()
    await simulator.close()


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    async with running_world() as running:
        yield running


async def eventually(events: AsyncIterator[Any], wanted: type[_Event], fits: Callable[[_Event], bool]) -> _Event:
    """The first event of this type that fits; whatever comes before it is read over."""
    async with asyncio.timeout(PATIENCE_S):
        async for event in events:
            if isinstance(event, wanted) and fits(event):
                return event
    raise AssertionError("the stream ended")


def any_one(_event: object) -> bool:
    return True


async def until_found(world: World, link_id: LinkId) -> RemoteOrder:
    """Read after write may lag: asks until the order shows, with a bound."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            found = await world.orders.find_order(BTC, link_id=link_id, exchange_order_id=None)
            if found is not None:
                return found
            await asyncio.sleep(0.02)


async def test_limit_order_rests_is_found_listed_and_cancelled(world: World) -> None:
    order = await world.resting_order()
    acknowledged = await world.orders.place(order)
    found = await until_found(world, order.link_id)
    assert found.exchange_order_id == acknowledged.exchange_order_id
    assert (found.state, found.price, found.quantity) == ("working", order.price, order.quantity)
    assert order.link_id in [row.link_id for row in await world.orders.open_orders()]
    await world.orders.cancel(BTC, link_id=order.link_id, exchange_order_id=None)
    async with asyncio.timeout(PATIENCE_S):
        while (await until_found(world, order.link_id)).state != "cancelled":
            await asyncio.sleep(0.02)
    since = await world.orders.server_time() - timedelta(hours=1)
    assert order.link_id in [row.link_id for row in await world.orders.order_history(since)]
    assert await world.orders.open_orders() == []
    with pytest.raises(Refused):
        await world.orders.cancel(BTC, link_id=order.link_id, exchange_order_id=None)


async def test_market_order_fills_and_rest_and_stream_tell_the_same(world: World) -> None:
    await fill_a_market_order(world)


@pytest.mark.parametrize("use_aiofastnet", [True, False])
def test_everything_works_on_uvloop_too(use_aiofastnet: bool) -> None:
    async def scenario() -> None:
        assert isinstance(asyncio.get_running_loop(), uvloop.Loop)
        async with running_world() as world:
            await fill_a_market_order(world, use_aiofastnet=use_aiofastnet)
            await receive_every_public_topic(world, use_aiofastnet=use_aiofastnet)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(scenario())


async def fill_a_market_order(world: World, *, use_aiofastnet: bool | None = None) -> None:
    stream = private_stream(world, use_aiofastnet)
    events = stream.events()
    await eventually(events, StreamUp, any_one)
    order = new_order("Buy", "Market", "0.05")
    since = await world.orders.server_time() - timedelta(minutes=1)
    await world.orders.place(order)
    told: list[Execution] = []
    filled: RemoteOrder | None = None
    position: RemotePosition | None = None
    wallet: Wallet | None = None
    async with asyncio.timeout(PATIENCE_S):
        while (
            filled is None or position is None or wallet is None or sum(row.quantity for row in told) < order.quantity
        ):
            event = await anext(events)
            match event:
                case Execution():
                    told.append(event)
                case RemoteOrder() if event.state == "filled":
                    filled = event
                case RemotePosition() if event.size:
                    position = event
                case Wallet():
                    wallet = event
    await stream.close()
    assert filled.link_id == order.link_id
    assert filled.filled_quantity == order.quantity
    asked = await world.orders.executions_of(BTC, order.link_id)
    assert {row.exec_id: (row.price, row.quantity, row.fee) for row in asked} == {
        row.exec_id: (row.price, row.quantity, row.fee) for row in told
    }
    assert {row.exec_id for row in asked} <= {row.exec_id for row in await world.orders.executions(since)}
    (held,) = await world.orders.positions()
    assert (held.side, held.size) == ("Buy", order.quantity) == (position.side, position.size)
    assert (await world.orders.wallet()).coins["USDT"].wallet_balance < Decimal(100_000), "the fee was paid"


def private_stream(world: World, use_aiofastnet: bool | None) -> BybitPrivateStream:
    return BybitPrivateStream(
        world.endpoints,
        KEY,
        server_time=world.orders.server_time,
        clock=SystemClock(),
        rng=SystemRng(),
        log=structlog.get_logger(),
        use_aiofastnet=use_aiofastnet,
    )


async def test_same_client_id_again_is_a_duplicate_and_exists_once(world: World) -> None:
    order = await world.resting_order()
    await world.orders.place(order)
    with pytest.raises(DuplicateLinkId):
        await world.orders.place(order)
    await until_found(world, order.link_id)
    assert [row.link_id for row in await world.orders.open_orders()] == [order.link_id]


async def test_what_the_exchange_will_not_take_is_refused_and_leaves_nothing(world: World) -> None:
    too_small = new_order("Buy", "Limit", "0.00000001", Decimal(50_000))
    with pytest.raises(Refused) as caught:
        await world.orders.place(too_small)
    assert caught.value.trace.ret_code not in (None, 0)
    assert await world.orders.find_order(BTC, link_id=too_small.link_id, exchange_order_id=None) is None


@pytest.mark.parametrize("hang", [False, True])
async def test_a_swallowed_reply_is_unknown_and_the_order_is_found_by_its_id(
    world: World, hang: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = await world.resting_order()  # with its first look at all tickers, which takes the exchange a moment
    monkeypatch.setattr("tradewright.exchange.bybit.http.CALL_TIMEOUT_S", 0.5)
    await world.swallow_reply("/v5/order/create", hang=hang)
    with pytest.raises(OutcomeUnknown):
        await world.orders.place(order)
    assert (await until_found(world, order.link_id)).state == "working"
    assert [row.link_id for row in await world.orders.open_orders()] == [order.link_id]


async def test_wrong_secret_is_refused_and_reads_are_unavailable(world: World) -> None:
    stranger = BybitOrderGateway(
        world.endpoints, ApiKey(KEY.key, "not-the-secret"), clock=SystemClock(), log=structlog.get_logger()
    )
    with pytest.raises(Refused):
        await stranger.place(await world.resting_order())
    with pytest.raises(ExchangeUnavailable):
        await stranger.open_orders()
    await stranger.close()


async def test_a_stopped_exchange_is_not_sent_and_unavailable(world: World) -> None:
    order = await world.resting_order()
    await world.orders.server_time()
    await world.simulator.close()
    with pytest.raises(
        (NotSent, OutcomeUnknown)
    ):  # an idle connection that just went away cannot be told from a lost reply
        await world.orders.place(order)
    with pytest.raises(NotSent):
        await world.orders.place(order)
    with pytest.raises(ExchangeUnavailable):
        await world.orders.open_orders()


async def test_instruments_and_candles_come_whole_and_in_order(world: World) -> None:
    instruments = {row.id.symbol: row for row in await world.market.instruments("linear")}
    assert instruments["BTCUSDT"].tick_size > 0
    assert instruments["BTCUSDT"].status == "Trading"
    candles = await world.market.candles(BTC, "1", start_ms=None, end_ms=None, limit=100)
    opens = [row.open_time_ms for row in candles]
    assert len(candles) == 100
    assert opens == sorted(opens)
    assert all(later - earlier == 60_000 for earlier, later in pairwise(opens))
    now_ms = await world.market.market_now_ms()
    assert [row.confirmed for row in candles[:-1]] == [True] * 99
    assert abs(now_ms - opens[-1]) < 120_000


async def test_public_topics_all_arrive_typed(world: World) -> None:
    await receive_every_public_topic(world)


async def receive_every_public_topic(world: World, *, use_aiofastnet: bool | None = None) -> None:
    stream = BybitPublicStream(
        world.endpoints,
        "linear",
        clock=SystemClock(),
        rng=SystemRng(),
        log=structlog.get_logger(),
        use_aiofastnet=use_aiofastnet,
    )
    stream.subscribe("tickers.BTCUSDT", "kline.1.BTCUSDT", "publicTrade.BTCUSDT", "orderbook.50.BTCUSDT")
    wanted: set[type] = {Ticker, CandleUpdate, PublicTrade, Book}
    async with asyncio.timeout(PATIENCE_S):
        async for event in stream.events():
            wanted.discard(type(event))
            if isinstance(event, Book):
                assert event.bids[0][0] < event.asks[0][0]
            if not wanted:
                break
    await stream.close()


async def test_an_order_that_names_no_size_takes_off_all_of_the_position(world: World) -> None:
    await world.orders.place(new_order("Buy", "Market", "0.013"))
    async with asyncio.timeout(PATIENCE_S):
        while (await world.orders.position(BTC)).size != Decimal("0.013"):
            await asyncio.sleep(0.02)
    whole = replace(new_order("Sell", "Market", "0"), reduce_only=True, slippage_percent=Decimal(1))
    await world.orders.place(whole)
    async with asyncio.timeout(PATIENCE_S):
        while (await world.orders.position(BTC)).size:
            await asyncio.sleep(0.02)
    found = await until_found(world, whole.link_id)
    assert (found.state, found.filled_quantity, found.reduce_only) == ("filled", Decimal("0.013"), True)
