"""The three kinds of sockets: exact answers, order of messages, snapshots and deltas, slow readers."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

from support.scripted_market import ScriptedMarket
from support.sim_client import PATIENCE_S, SimClient, Stream
from tradewright.simulator import RunningSimulator, SimulatorConfig, serve
from tradewright.simulator.market import BTCUSDT
from tradewright.simulator.streams.sockets import BACKLOG_MAX, SUBSCRIPTION_DELAY_S, Connection
from tradewright.simulator.streams.topics import Sources, topic_of


def on(topic: str) -> Any:
    return lambda frame: frame.get("topic") == topic


async def test_public_answers_echo_the_request_id_unchanged(client: SimClient) -> None:
    stream = await client.public()
    await stream.send(op="ping", req_id=5)
    pong = await stream.next()
    assert (pong["op"], pong["ret_msg"], pong["req_id"], pong["success"]) == ("ping", "pong", 5, True)
    await stream.send(op="subscribe", args=["publicTrade.BTCUSDT"], callerMethodName="odd")
    ack = await stream.next()
    assert (ack["success"], ack["ret_msg"], ack["op"], ack["req_id"]) == (True, "", "subscribe", "")


async def test_a_subscription_is_answered_a_moment_after_it_was_asked_for(client: SimClient) -> None:
    """pybit notes what it asked for after it has sent it; an answer that comes first ends its stream for good."""
    for stream in (await client.public(), await client.private()):
        began = asyncio.get_running_loop().time()
        await stream.send(op="subscribe", args=["nothing"])
        await stream.until(lambda frame: frame.get("op") == "subscribe")
        assert asyncio.get_running_loop().time() - began >= SUBSCRIPTION_DELAY_S


async def test_a_message_that_waits_does_not_grow_younger(client: SimClient, running: RunningSimulator) -> None:
    """A wallet that is told late must not pass for news: clients tell by the creation time which of two is newer."""
    stream = await client.private("wallet")
    created = await client.create("Buy", "0.010", "59000.00")
    order_id = created.body["result"]["orderId"]
    await stream.next()
    await client.post("/v5/order/cancel", category="linear", symbol="BTCUSDT", orderId=order_id)
    told = await stream.next()
    closed = running.engine.account.orders[order_id]
    assert told["creationTime"] == closed.updated_ms


async def test_one_bad_topic_fails_the_whole_request(client: SimClient) -> None:
    stream = await client.public()
    for topic in ("nope.BTCUSDT", "orderbook.500.BTCUSDT", "tickers.DOGEUSDT", "kline.7.BTCUSDT", 5):
        await stream.send(op="subscribe", req_id="r", args=["tickers.BTCUSDT", topic])
        refusal = await stream.next()
        assert refusal["success"] is False
        assert refusal["ret_msg"] == f"error:handler not found,topic:{topic}"
    await stream.send(op="subscribe", args=["tickers.BTCUSDT"])
    assert (await stream.next())["success"] is True
    assert (await stream.until(on("tickers.BTCUSDT")))["type"] == "snapshot"
    await stream.send(op="subscribe", args=["tickers.BTCUSDT"])
    refusal = await stream.until(lambda frame: frame.get("op") == "subscribe")
    assert refusal["ret_msg"] == "error:already subscribed,topic:tickers.BTCUSDT"


async def test_a_book_begins_with_a_snapshot_and_goes_on_with_what_changed(
    client: SimClient, market: ScriptedMarket
) -> None:
    stream = await client.public()
    await stream.send(op="subscribe", args=["orderbook.50.BTCUSDT"])
    snapshot = await stream.until(on("orderbook.50.BTCUSDT"))
    assert snapshot["type"] == "snapshot"
    assert snapshot["data"]["b"][0] == ["59999.90", "1.000"]
    market.quote(bid="59999.90", ask="60000.20", size="4.000")
    delta = await stream.until(on("orderbook.50.BTCUSDT"))
    assert (delta["type"], delta["data"]["u"]) == ("delta", snapshot["data"]["u"] + 1)
    book = {side: dict(snapshot["data"][side]) for side in ("b", "a")}
    for side in ("b", "a"):
        for price, size in delta["data"][side]:
            if size == "0":
                del book[side][price]  # an unknown level would break known clients, and this test
            else:
                book[side][price] = size
    assert book == {"b": {"59999.90": "4.000"}, "a": {"60000.20": "4.000"}}


async def test_the_best_level_comes_as_snapshots_only(client: SimClient, market: ScriptedMarket) -> None:
    stream = await client.public()
    await stream.send(op="subscribe", args=["orderbook.1.BTCUSDT"])
    first = await stream.until(on("orderbook.1.BTCUSDT"))
    market.quote(bid="60000.00", ask="60000.10")
    second = await stream.until(on("orderbook.1.BTCUSDT"))
    assert (first["type"], second["type"]) == ("snapshot", "snapshot")
    assert second["data"]["b"] == [["60000.00", "10.000"]]


def test_the_best_level_repeats_itself_after_three_seconds_with_the_same_update_id() -> None:
    market = ScriptedMarket()
    channel = topic_of("orderbook.1.BTCUSDT", Sources(market, {"BTCUSDT": BTCUSDT}))
    assert channel is not None
    told = {now_ms: channel.tick((), now_ms=now_ms) for now_ms in (10_000, 10_050, 12_999, 13_000, 13_050, 16_000)}
    assert {now_ms for now_ms, frames in told.items() if frames} == {13_000, 16_000}
    assert told[13_000][0]["data"] == told[16_000][0]["data"]


async def test_trades_come_oldest_first_and_only_while_subscribed(client: SimClient, market: ScriptedMarket) -> None:
    stream = await client.public()
    await stream.send(op="subscribe", args=["publicTrade.BTCUSDT"])
    await stream.next()
    market.trade("60001.00")
    market.trade("60000.50")
    trades = (await stream.until(on("publicTrade.BTCUSDT")))["data"]
    assert [(row["p"], row["L"]) for row in trades] == [("60001.00", "PlusTick"), ("60000.50", "MinusTick")]
    await stream.send(op="unsubscribe", args=["publicTrade.BTCUSDT"])
    assert (await stream.next())["op"] == "unsubscribe"
    market.trade("60002.00")
    await stream.send(op="subscribe", args=["tickers.BTCUSDT"])
    await stream.until(on("tickers.BTCUSDT"))
    assert stream.seen[-2]["op"] == "subscribe"


async def test_ticker_deltas_hold_only_what_changed(client: SimClient, market: ScriptedMarket) -> None:
    stream = await client.public()
    await stream.send(op="subscribe", args=["tickers.BTCUSDT"])
    snapshot = await stream.until(on("tickers.BTCUSDT"))
    assert snapshot["data"]["markPrice"] == "60000.00"
    assert "basis" not in snapshot["data"]
    market.mark += 1
    delta = await stream.until(on("tickers.BTCUSDT"))
    assert (delta["type"], delta["data"]) == ("delta", {"symbol": "BTCUSDT", "markPrice": "60001.00"})


async def test_a_fill_is_told_as_execution_order_position_wallet(client: SimClient) -> None:
    stream = await client.private("order", "execution", "position", "wallet")
    await client.create("Buy", "0.010", orderLinkId="told")
    told = [await stream.next() for _ in range(4)]
    assert [frame["topic"] for frame in told] == ["execution", "order", "position", "wallet"]
    execution, order, position, wallet = (frame["data"][0] for frame in told)
    assert (execution["orderLinkId"], execution["execQty"], execution["category"]) == ("told", "0.010", "linear")
    assert (order["orderStatus"], order["avgPrice"]) == ("Filled", "60000.1")
    assert (position["entryPrice"], "avgPrice" in position) == ("60000.1", False)
    assert wallet["coin"][0]["walletBalance"] == "99999.66999945"


async def test_categorised_topics_keep_their_name_and_do_not_mix(client: SimClient) -> None:
    stream = await client.private("order.linear")
    await client.create("Buy", "0.010", "59000.00")
    assert (await stream.next())["topic"] == "order.linear"
    await stream.send(op="subscribe", args=["execution", "position.linear"])
    assert (await stream.until(lambda frame: frame.get("op") == "subscribe"))["success"] is False


async def test_a_private_topic_asked_for_twice_is_delivered_once(client: SimClient) -> None:
    stream = await client.private("order")
    await stream.send(op="subscribe", req_id="order", args=["order"])
    ack = await stream.next()
    assert (ack["success"], ack["req_id"]) == (True, "order")
    await client.create("Buy", "0.010", "59000.00", orderLinkId="a")
    assert (await stream.next())["data"][0]["orderLinkId"] == "a"
    await stream.send(op="ping", req_id="p")
    pong = await stream.next()
    assert (pong["op"], pong["req_id"]) == ("pong", "p")


async def test_a_text_expiry_is_taken_and_a_bad_login_ends_the_connection(client: SimClient) -> None:
    for make, succeeds in ((str, True), (lambda expires: expires - 60_000, False)):
        stream = Stream(await client.session.ws_connect(client.addresses.ws_private))
        expires = make(time.time_ns() // 1_000_000 + 5_000)
        await stream.send(op="auth", args=[client.key.key, expires, client.sign(f"GET/realtime{expires}")])
        answer = await stream.next()
        assert (answer["success"], answer["op"]) == (succeeds, "auth")
        if not succeeds:
            assert (await stream.socket.receive(timeout=PATIENCE_S)).type is aiohttp.WSMsgType.CLOSE


async def test_nothing_private_is_told_without_a_login(client: SimClient) -> None:
    stream = Stream(await client.session.ws_connect(client.addresses.ws_private))
    await stream.send(op="subscribe", args=["order"])
    assert (await stream.next())["success"] is False
    await client.create("Buy", "0.010", "59000.00")
    await stream.send(op="ping")
    assert (await stream.next())["op"] == "pong"


async def test_a_reader_that_falls_behind_is_cut_off() -> None:
    served: asyncio.Future[Connection] = asyncio.get_running_loop().create_future()

    async def handler(request: web.Request) -> web.WebSocketResponse:
        connection = Connection(request)
        socket = await connection.open()
        served.set_result(connection)
        try:
            async for _ in connection.frames():
                pass
        finally:
            ended.set()
            await connection.close()
        return socket

    ended = asyncio.Event()
    application = web.Application()
    application.router.add_get("/", handler)
    server = TestServer(application)
    await server.start_server()
    async with aiohttp.ClientSession() as session:
        unread = await session.ws_connect(server.make_url("/"))
        connection = await served
        sent = 0
        while not ended.is_set() and sent < 50 * BACKLOG_MAX:
            connection.send_text("x" * 5_000)
            sent += 1
            await asyncio.sleep(0)
        assert ended.is_set()
        assert sent > BACKLOG_MAX
        assert not unread.closed  # it never looked
    await server.close()


async def test_orders_can_be_placed_over_the_trade_socket(client: SimClient, reader: SimClient) -> None:
    stream = Stream(await client.session.ws_connect(client.addresses.ws_trade))
    header = {"X-BAPI-TIMESTAMP": time.time_ns() // 1_000_000, "X-BAPI-RECV-WINDOW": 5000}
    order = {
        "category": "linear",
        "symbol": "BTCUSDT",
        "side": "Buy",
        "orderType": "Limit",
        "qty": "0.010",
        "price": "59000.00",
        "orderLinkId": "ws",
    }
    await stream.send(op="order.create", reqId="1", header=header, args=[order])
    assert (await stream.next())["retCode"] == 10004
    expires = time.time_ns() // 1_000_000 + 5_000
    await stream.send(op="auth", args=[client.key.key, expires, client.sign(f"GET/realtime{expires}")])
    assert (await stream.next())["retCode"] == 0
    await stream.send(op="order.create", reqId="2", header=header, args=[order])
    created = await stream.next()
    assert (created["retCode"], created["reqId"], created["data"]["orderLinkId"]) == (0, "2", "ws")
    await stream.send(op="order.create", reqId="3", header=header, args=[order])
    assert (await stream.next())["retCode"] == 110072
    cancel = {"category": "linear", "symbol": "BTCUSDT", "orderLinkId": "ws"}
    await stream.send(op="order.cancel", reqId="4", header=header, args=[cancel])
    assert (await stream.next())["retCode"] == 0
    await stream.send(op="order.nothing", reqId="5", header=header, args=[cancel])
    assert (await stream.next())["retCode"] == 10404


async def test_a_clock_that_goes_back_silences_no_topic(session: aiohttp.ClientSession) -> None:
    wall_ms, market = [2_000_000_000_000], ScriptedMarket()
    served = await serve(SimulatorConfig(funds=(), tick_ms=2), wall_ms=lambda: wall_ms[0], market=market)
    try:
        stream = Stream(await session.ws_connect(f"{served.addresses.ws_public}/linear"))
        slow, swift = "orderbook.200.BTCUSDT", "orderbook.50.BTCUSDT"
        await stream.send(op="subscribe", args=[slow, swift])
        await stream.until(on(swift))
        for step_ms, bid, topic in (
            (500, "59000.00", slow),
            (-3_600_000, "59100.00", swift),  # no time passes for the slow one
            (500, "59200.00", slow),
        ):
            market.quote(bid=bid, ask="60000.10")
            wall_ms[0] += step_ms
            while (await stream.until(on(topic)))["data"]["b"][0][0] != bid:
                pass
    finally:
        await served.close()
