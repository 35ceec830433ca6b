"""The doors of the exchange: bans, too many connections, idle ones, and a clock that the test moves."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web

from support.scripted_market import START_MS, ScriptedMarket
from support.sim_client import PATIENCE_S, SimClient, Stream
from tradewright.simulator import RunningSimulator, SimulatorConfig, serve
from tradewright.simulator.streams.connections import read_active_time


class Wall:
    def __init__(self) -> None:
        self.now_ms = START_MS

    def __call__(self) -> int:
        return self.now_ms


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest_asyncio.fixture
async def running(market: ScriptedMarket, wall: Wall) -> AsyncIterator[RunningSimulator]:
    config = SimulatorConfig(
        tick_ms=2, order_delay_ms=0, ip_limit=50, ip_ban_s=600, new_connections=8, public_connections=3
    )
    served = await serve(config, market=market, wall_ms=wall)
    yield served
    await served.close()


@pytest.fixture
def client(running: RunningSimulator, session: aiohttp.ClientSession, wall: Wall) -> SimClient:
    made = SimClient(running.addresses, running.keys.trading, session)
    made.now_ms = wall
    return made


async def private(client: SimClient, *topics: str, query: str = "") -> Stream:
    stream = Stream(await client.session.ws_connect(client.addresses.ws_private + query))
    expires = client.now_ms() + 5_000
    await stream.send(op="auth", args=[client.key.key, expires, client.sign(f"GET/realtime{expires}")])
    assert (await stream.next())["success"] is True
    if topics:
        await stream.send(op="subscribe", args=list(topics))
        assert (await stream.next())["success"] is True
    return stream


class Beat:
    """Moves the wall clock and waits until the exchange has looked at it: a trade that is told was told after that."""

    def __init__(self, stream: Stream, wall: Wall, market: ScriptedMarket) -> None:
        self._stream = stream
        self._wall = wall
        self._market = market

    @classmethod
    async def of(cls, client: SimClient, wall: Wall, market: ScriptedMarket) -> Beat:
        stream = await client.public()
        await stream.send(op="subscribe", args=["publicTrade.BTCUSDT"])
        await stream.next()
        return cls(stream, wall, market)

    async def on(self, ms: int) -> None:
        self._wall.now_ms += ms
        self._market.trade("60000.00")
        await self._stream.until(lambda frame: "topic" in frame)


async def ended(stream: Stream) -> None:
    """Waits until the exchange ends the connection."""
    async with asyncio.timeout(PATIENCE_S):
        while (await stream.socket.receive()).type not in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSE):
            pass


async def status_of(client: SimClient, address: str) -> int:
    """Of a handshake that is refused; 101 if it is not."""
    try:
        await client.session.ws_connect(address)
    except aiohttp.WSServerHandshakeError as refusal:
        return refusal.status
    return 101


async def test_one_call_too_many_bans_an_address_from_calls_and_sockets_but_not_from_the_controls(
    client: SimClient, wall: Wall
) -> None:
    async def ask() -> int:
        async with client.session.get(f"{client.addresses.rest}/v5/market/time") as response:
            return response.status

    assert [await ask() for _ in range(51)] == [200] * 50 + [403]
    wall.now_ms += 599_999
    assert await ask() == 403
    assert await status_of(client, client.addresses.ws_private) == 403
    async with client.session.get(f"{client.addresses.rest}/sim/clock") as response:
        assert response.status == 200
    wall.now_ms += 1
    assert await ask() == 200


async def test_new_connections_and_those_of_a_category_are_counted(client: SimClient, wall: Wall) -> None:
    linear = f"{client.addresses.ws_public}/linear"
    held = [await client.session.ws_connect(linear) for _ in range(3)]
    assert await status_of(client, linear) == 403
    assert await status_of(client, f"{client.addresses.ws_public}/spot") == 101
    assert [await status_of(client, client.addresses.ws_trade) for _ in range(5)] == [101] * 4 + [403]
    wall.now_ms += 300_000
    assert await status_of(client, linear) == 403  # three are still held
    await held[0].close()
    async with asyncio.timeout(PATIENCE_S):
        while await status_of(client, linear) == 403:
            wall.now_ms += 5_001  # the address's calls are counted too


async def test_an_address_without_limits_opens_as_many_connections_as_it_likes(
    market: ScriptedMarket, session: aiohttp.ClientSession, wall: Wall
) -> None:
    config = SimulatorConfig(tick_ms=2, ip_limit=0, new_connections=2)
    served = await serve(config, market=market, wall_ms=wall)
    client = SimClient(served.addresses, served.keys.trading, session)
    assert [await status_of(client, client.addresses.ws_trade) for _ in range(5)] == [101] * 5
    await served.close()


async def test_an_idle_connection_is_cut_and_one_that_pings_in_either_way_is_not(
    client: SimClient, wall: Wall, market: ScriptedMarket
) -> None:
    quiet = await private(client, query="?max_active_time=1m")
    asks, pings = await private(client), await private(client, query="?max_active_time=60s")
    beat = await Beat.of(client, wall, market)
    for _ in range(4):
        await asks.send(op="ping")
        assert (await asks.next())["op"] == "pong"
        await pings.socket.ping()
        await beat.on(30_000)
    await ended(quiet)
    await pings.send(op="ping")
    assert (await pings.next())["op"] == "pong"


@pytest.mark.parametrize(
    ("text", "lasting_ms"), [(None, 600_000), ("30s", 30_000), ("600s", 600_000), ("1m", 60_000), ("10m", 600_000)]
)
def test_the_active_time_is_read_in_seconds_or_minutes(text: str | None, lasting_ms: int) -> None:
    assert read_active_time(text) == lasting_ms


@pytest.mark.parametrize("text", ["", "29s", "601s", "11m", "0m", "-1m", "1h", "60", "1.5m", "٣٠s", "9" * 5000 + "s"])
def test_an_active_time_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(web.HTTPBadRequest):
        read_active_time(text)


async def test_a_refused_active_time_is_told_in_the_handshake(client: SimClient) -> None:
    assert await status_of(client, client.addresses.ws_private + "?max_active_time=1h") == 400


async def test_dcp_cancels_what_is_active_and_leaves_what_waits(
    client: SimClient, running: RunningSimulator, wall: Wall, market: ScriptedMarket
) -> None:
    watcher = await private(client, "order")
    armed = await private(client, "dcp.future")
    assert (await client.create("Buy", "0.010", "59000.00", orderLinkId="rests")).code == 0
    waiting = {"triggerPrice": "61000.00", "triggerDirection": 1, "orderLinkId": "waits"}
    assert (await client.create("Buy", "0.010", "61000.00", **waiting)).code == 0
    await watcher.until(lambda frame: frame.get("topic") == "order")
    assert (await client.post("/v5/order/disconnected-cancel-all", product="DERIVATIVES", timeWindow=3)).code == 0
    wall.now_ms += 10_000  # the new window holds from now on
    await armed.socket.close()
    beat = await Beat.of(client, wall, market)
    await beat.on(3_001)
    told = await watcher.until(
        lambda frame: frame.get("topic") == "order" and frame["data"][0]["orderStatus"] == "Cancelled"
    )
    assert [(row["orderLinkId"], row["cancelType"]) for row in told["data"]] == [("rests", "CancelByDCP")]
    live = [order.link_id for order in running.engine.account.live_orders()]
    assert live == ["waits"]


@pytest.mark.parametrize(
    "body",
    [
        {"timeWindow": 2},
        {"timeWindow": 301},
        {"timeWindow": "soon"},
        {},
        {"product": "FUTURES", "timeWindow": 10},
        {"product": 5, "timeWindow": 10},
    ],
)
async def test_a_dcp_window_out_of_bounds_is_refused(client: SimClient, body: dict[str, object]) -> None:
    assert (await client.post("/v5/order/disconnected-cancel-all", **body)).code == 10001


async def test_a_socket_path_without_a_handshake_and_half_a_request_end_without_harm(client: SimClient) -> None:
    async with client.session.get(client.addresses.ws_private.replace("ws:", "http:")) as response:
        assert response.status == 400
    host, port = client.addresses.rest.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as raw:
        raw.sendall(b"GET /v5/market/time HTTP/1.1\r\nHost: x\r\n")
    assert (await client.get("/v5/market/time", signed=False)).code == 0
