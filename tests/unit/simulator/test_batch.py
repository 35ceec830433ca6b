"""Batches of orders over both transports, and the other endpoints of orders as clients see them."""

from __future__ import annotations

import time
from typing import Any

from support.scripted_market import ScriptedMarket
from support.sim_client import SimClient, Stream
from tradewright.simulator import RunningSimulator

LIMIT = {"symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "qty": "0.010", "price": "59000.00"}
STOP = {"triggerPrice": "60500.00", "triggerDirection": 1}


async def trade_stream(client: SimClient) -> Stream:
    stream = Stream(await client.session.ws_connect(client.addresses.ws_trade))
    expires = time.time_ns() // 1_000_000 + 5_000
    await stream.send(op="auth", args=[client.key.key, expires, client.sign(f"GET/realtime{expires}")])
    assert (await stream.next())["retCode"] == 0
    return stream


async def ordered(stream: Stream, op: str, **arguments: Any) -> dict[str, Any]:
    header = {"X-BAPI-TIMESTAMP": str(time.time_ns() // 1_000_000)}
    await stream.send(op=op, reqId=str(len(stream.seen)), header=header, args=[arguments])
    return await stream.next()


async def live(client: SimClient, query: str = "") -> set[str]:
    reply = await client.get("/v5/order/realtime", f"category=linear&symbol=BTCUSDT&limit=50{query}")
    return {row["orderLinkId"] for row in reply.rows}


async def test_every_item_of_a_batch_has_its_own_outcome_at_its_own_place(client: SimClient) -> None:
    items = [
        {**LIMIT, "orderLinkId": "good"},
        {**LIMIT, "orderLinkId": "bad", "qty": "0.0105"},
        {**LIMIT, "orderLinkId": "good"},
    ]
    reply = await client.post("/v5/order/create-batch", category="linear", request=items)
    assert (reply.code, [item["code"] for item in reply.body["retExtInfo"]["list"]]) == (0, [0, 10001, 110072])
    assert [bool(row["orderId"]) for row in reply.rows] == [True, False, False]
    assert [row["orderLinkId"] for row in reply.rows] == ["good", "bad", "good"]
    assert all(set(row) == {"category", "symbol", "orderId", "orderLinkId", "createAt"} for row in reply.rows)

    changes = [{"symbol": "BTCUSDT", "orderLinkId": name, "price": "58000.00"} for name in ("nobody", "good")]
    reply = await client.post("/v5/order/amend-batch", category="linear", request=changes)
    assert [item["code"] for item in reply.body["retExtInfo"]["list"]] == [110001, 0]
    found = await client.get("/v5/order/realtime", "category=linear&orderLinkId=good")
    assert found.rows[0]["price"] == "58000.00"

    gone = [{"symbol": "BTCUSDT", "orderLinkId": "good"}]
    reply = await client.post("/v5/order/cancel-batch", category="linear", request=gone)
    assert reply.body["retExtInfo"]["list"] == [{"code": 0, "msg": "OK"}]
    assert await live(client) == set()


async def test_a_batch_that_is_wrong_as_a_whole_does_nothing(client: SimClient, running: RunningSimulator) -> None:
    for request in ([], "all", [LIMIT, 5], None, [LIMIT] * 21):
        reply = await client.post("/v5/order/create-batch", category="linear", request=request)
        assert (reply.code, reply.body["result"]) == (10001, {})
    assert not running.engine.account.orders


async def test_a_batch_spends_the_budget_item_by_item(client: SimClient) -> None:
    first = await client.post("/v5/order/create-batch", category="linear", request=[LIMIT] * 6)
    assert first.headers["X-Bapi-Limit-Status"] == "4"
    second = await client.post("/v5/order/create-batch", category="linear", request=[LIMIT] * 7)
    assert [item["code"] for item in second.body["retExtInfo"]["list"]] == [0] * 4 + [10006] * 3
    assert (await client.post("/v5/order/create-batch", category="linear", request=[LIMIT])).code == 10006


async def test_the_trade_stream_takes_amends_and_batches(client: SimClient) -> None:
    stream = await trade_stream(client)
    made = await ordered(stream, "order.create-batch", category="linear", request=[{**LIMIT, "orderLinkId": "ws"}])
    assert (made["retCode"], made["retExtInfo"]["list"]) == (0, [{"code": 0, "msg": "OK"}])
    changed = await ordered(stream, "order.amend", category="linear", symbol="BTCUSDT", orderLinkId="ws", qty="0.020")
    assert (changed["retCode"], changed["data"]["orderLinkId"]) == (0, "ws")
    refused = await ordered(stream, "order.amend", category="linear", symbol="BTCUSDT", orderLinkId="no", qty="0.020")
    assert refused["retCode"] == 110001
    found = await client.get("/v5/order/realtime", "category=linear&orderLinkId=ws")
    assert found.rows[0]["qty"] == "0.020"


async def test_filters_tell_waiting_orders_from_plain_ones_and_stops_of_positions_can_be_spared(
    client: SimClient, market: ScriptedMarket
) -> None:
    await client.create("Buy", "0.010", "59000.00", orderLinkId="plain")
    await client.create("Buy", "0.010", orderLinkId="stop", **STOP)
    await client.create("Buy", "0.010", orderLinkId="entry", stopLoss="59500.00")
    stream = await client.private("position")
    while not (await client.get("/v5/position/list", "category=linear&symbol=BTCUSDT")).rows[0]["stopLoss"]:
        await stream.next()
    assert await live(client) == {"plain", "stop", ""}
    assert await live(client, "&orderFilter=StopOrder") == {"stop", ""}
    assert await live(client, "&orderFilter=Order") == {"plain"}
    everything = {"category": "linear", "symbol": "BTCUSDT"}
    gone = await client.post("/v5/order/cancel-all", **everything, orderFilter="StopOrder", stopOrderType="Stop")
    assert [row["orderLinkId"] for row in gone.rows] == ["stop"]
    history = await client.get("/v5/order/history", "category=linear&orderFilter=StopOrder")
    assert [(row["orderLinkId"], row["orderStatus"]) for row in history.rows] == [("stop", "Deactivated")]
    assert len((await client.post("/v5/order/cancel-all", **everything)).rows) == 2
    assert (await client.post("/v5/order/cancel-all", **everything, orderFilter="Odd")).code == 10001


async def test_rows_of_conditional_and_protecting_orders_have_bybits_fields(client: SimClient) -> None:
    stream = await client.private("order", "execution.fast")
    await client.create(
        "Buy", "0.010", orderLinkId="entry", takeProfit="62000", slTriggerBy="MarkPrice", stopLoss="59000"
    )
    rows: dict[str, dict[str, Any]] = {}
    fast: list[dict[str, Any]] = []
    while len(rows) < 3 or not fast:
        frame = await stream.next()
        if frame["topic"] == "execution.fast":
            fast += frame["data"]
        else:
            rows |= {row["stopOrderType"]: row for row in frame["data"]}
    entry, profit, loss = rows[""], rows["TakeProfit"], rows["StopLoss"]
    assert (entry["takeProfit"], entry["stopLoss"], entry["slTriggerBy"]) == ("62000.00", "59000.00", "MarkPrice")
    assert (entry["tpslMode"], entry["triggerPrice"], entry["parentOrderLinkId"]) == ("Full", "", "")
    assert (profit["orderStatus"], profit["triggerPrice"], profit["triggerDirection"]) == ("Untriggered", "62000.00", 1)
    assert (loss["triggerDirection"], loss["triggerBy"], loss["parentOrderLinkId"]) == (2, "MarkPrice", "entry")
    assert (loss["createType"], loss["price"], loss["qty"]) == ("CreateByStopLoss", "0", "0.010")
    assert (fast[0]["orderLinkId"], fast[0]["execQty"], fast[0]["category"]) == ("entry", "0.010", "linear")
    position = (await client.get("/v5/position/list", "category=linear&symbol=BTCUSDT")).rows[0]
    assert (position["takeProfit"], position["stopLoss"]) == ("62000.00", "59000.00")


async def test_an_order_can_be_tried_out_and_leaves_no_trace(client: SimClient, running: RunningSimulator) -> None:
    """1 at 59000 with ten times leverage binds 5900 and two fees of 32.45: 5.96 % of 100000."""
    before = len(running.engine.floor.entries)
    tried = await client.post("/v5/order/pre-check", category="linear", **{**LIMIT, "qty": "1"})
    rates = {name: value for name, value in tried.body["result"].items() if name.endswith("E4")}
    assert rates == {"preImrE4": 0, "preMmrE4": 0, "postImrE4": 596, "postMmrE4": 0}
    too_much = await client.post("/v5/order/pre-check", category="linear", **{**LIMIT, "qty": "50"})
    assert (too_much.code, set(too_much.body["retExtInfo"])) == (110007, {"postImrE4", "postMmrE4"})
    assert too_much.body["retExtInfo"]["postImrE4"] > 10_000
    assert (await client.post("/v5/order/pre-check", category="linear", **LIMIT, **STOP)).code == 10001
    assert len(running.engine.floor.entries) == before


async def test_modes_say_what_there_is(client: SimClient) -> None:
    one_way = await client.post("/v5/position/switch-mode", category="linear", symbol="BTCUSDT", mode=0)
    odd = await client.post("/v5/position/switch-mode", category="linear", coin="USDT", mode=1)
    assert (one_way.code, odd.code) == (110025, 10001)
    cross = await client.post("/v5/account/set-margin-mode", setMarginMode="REGULAR_MARGIN")
    other = await client.post("/v5/account/set-margin-mode", setMarginMode="PORTFOLIO_MARGIN")
    assert (cross.code, cross.body["result"], other.code) == (0, {"reasons": []}, 3400045)
    assert other.body["result"]["reasons"]
