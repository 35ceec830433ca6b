"""The exchange over HTTP: envelope, authentication, permissions, limits, lists, faults."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from support.scripted_market import ScriptedMarket
from support.sim_client import SimClient
from tradewright.simulator import RunningSimulator, SimulatorConfig, serve

ENVELOPE = {"retCode", "retMsg", "result", "retExtInfo", "time"}


async def settled(client: SimClient, link_id: str, status: str) -> dict[str, Any]:
    """The order once it has this status; fails after five seconds."""
    async with asyncio.timeout(5):
        while True:
            rows = (await client.get("/v5/order/realtime", f"category=linear&orderLinkId={link_id}")).rows
            if rows and rows[0]["orderStatus"] == status:
                return rows[0]
            await asyncio.sleep(0.03)  # a poll: the endpoint allows fifty calls a second


async def test_an_unknown_path_gets_the_envelope_and_404(client: SimClient) -> None:
    reply = await client.get("/v5/market/nothing", signed=False)
    assert (reply.status, reply.code, set(reply.body)) == (404, 10017, ENVELOPE)


async def test_a_refusal_is_http_200_with_all_five_keys(client: SimClient) -> None:
    reply = await client.get("/v5/market/kline", "category=linear&symbol=BTCUSDT&interval=7", signed=False)
    assert (reply.status, reply.code, set(reply.body)) == (200, 10001, ENVELOPE)
    assert reply.body["result"] == {}


async def test_missing_headers_are_401_and_a_wrong_clock_is_10002(client: SimClient) -> None:
    assert (await client.get("/v5/account/info", signed=False)).status == 401
    assert (await client.get("/v5/account/info", skew_ms=1500)).code == 10002
    assert (await client.get("/v5/account/info", skew_ms=-6000)).code == 10002
    assert (await client.get("/v5/account/info")).code == 0


@pytest.mark.parametrize(
    "query",
    ["accountType=UNIFIED&coin=USDT,BTC", "accountType=UNIFIED&coin=USDT%2CBTC", "coin=USDT,BTC&accountType=UNIFIED"],
)
async def test_the_query_is_verified_as_it_came_over_the_wire(client: SimClient, query: str) -> None:
    reply = await client.get("/v5/account/wallet-balance", query)
    assert reply.code == 0
    assert reply.rows[0]["coin"][0]["walletBalance"] == "100000"


async def test_a_get_with_a_body_is_forbidden(client: SimClient) -> None:
    url = f"{client.addresses.rest}/v5/market/time"
    async with client.session.get(url, data=b"{}") as response:
        assert response.status == 403


@pytest.mark.parametrize("body", [b"{", b"[]", b'"text"', b"\xff\xfe", b'{"a": "\\ud800"}', b"[" * 5_000])
async def test_a_body_that_is_no_json_object_is_malformed(client: SimClient, body: bytes) -> None:
    headers = client.headers("")
    headers["X-BAPI-SIGN"] = client.sign_bytes(f"{headers['X-BAPI-TIMESTAMP']}{client.key.key}5000".encode() + body)
    url = f"{client.addresses.rest}/v5/order/create"
    async with client.session.post(url, data=body, headers=headers) as response:
        answer = await response.json()
    assert (response.status, answer["retCode"], set(answer)) == (400, 10001, ENVELOPE)


async def test_a_body_without_end_is_refused_and_not_read(client: SimClient) -> None:
    reply = await client.post("/v5/order/create", category="x" * 300_000)
    assert (reply.status, reply.code) == (400, 10001)


async def test_a_wrong_signature_is_told_before_anything_of_the_body(client: SimClient) -> None:
    for signature in ("0" * 64, "нет", "%s%n"):
        headers = {**client.headers("{"), "X-BAPI-SIGN": signature}
        async with client.session.post(f"{client.addresses.rest}/v5/order/create", data=b"[", headers=headers) as told:
            assert (told.status, (await told.json())["retCode"]) == (200, 10004)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v5/market/time"),
        ("GET", "/v5/order/create"),
        ("PUT", "/v5/order/create"),
        ("GET", "/v5/order/create/"),
        ("GET", "/"),
        ("GET", "/v5/%D0%BD%D0%B5%D1%82"),
    ],
)
async def test_a_path_or_method_there_is_not_has_no_route(client: SimClient, method: str, path: str) -> None:
    async with client.session.request(method, f"{client.addresses.rest}{path}") as response:
        answer = await response.json()
    assert (response.status, answer["retCode"], set(answer)) == (404, 10017, ENVELOPE)


async def test_every_answer_carries_its_trace_and_time_and_private_ones_their_limit(client: SimClient) -> None:
    public = await client.get("/v5/market/time", signed=False)
    private = await client.get("/v5/account/info")
    refused = await client.create("Buy", "much")
    for reply in (public, private, refused):
        assert len(reply.headers["Traceid"]) == 32
        assert reply.headers["Timenow"] == str(reply.body["time"])
    assert "X-Bapi-Limit" not in public.headers
    assert (private.headers["X-Bapi-Limit"], private.headers["X-Bapi-Limit-Status"]) == ("50", "49")
    assert (refused.headers["X-Bapi-Limit"], refused.headers["X-Bapi-Limit-Status"]) == ("10", "9")


async def test_a_read_only_key_reads_but_may_not_write(
    client: SimClient, running: RunningSimulator, reader: SimClient
) -> None:
    assert (await reader.create("Buy", "0.010")).code == 10005
    assert (await reader.get("/v5/user/query-api")).body["result"]["readOnly"] == 1
    assert (await client.get("/v5/user/query-api")).body["result"]["readOnly"] == 0
    assert not running.engine.account.orders


async def test_the_order_can_be_read_right_after_the_acknowledgement(client: SimClient) -> None:
    created = await client.create("Buy", "0.010", orderLinkId="now")
    order_id = created.body["result"]["orderId"]
    assert created.body["result"] == {"orderId": order_id, "orderLinkId": "now"}
    found = await client.get("/v5/order/realtime", f"category=linear&orderId={order_id}")
    assert [row["orderLinkId"] for row in found.rows] == ["now"]


async def test_a_cancelled_order_is_in_history_before_the_cancel_is_answered(client: SimClient) -> None:
    created = await client.create("Buy", "0.010", "59000.00")
    order_id = created.body["result"]["orderId"]
    assert (await client.post("/v5/order/cancel", category="linear", symbol="BTCUSDT", orderId=order_id)).code == 0
    history = await client.get("/v5/order/history", f"category=linear&orderId={order_id}")
    assert [row["orderStatus"] for row in history.rows] == ["Cancelled"]
    assert history.rows[0]["leavesQty"] == "0.000"
    again = await client.post("/v5/order/cancel", category="linear", symbol="BTCUSDT", orderId=order_id)
    assert again.code == 110001


async def test_cancel_all_needs_a_scope_and_cancels_what_lies_in_it(client: SimClient) -> None:
    for number in range(3):
        await client.create("Buy", "0.010", "59000.00", orderLinkId=f"all{number}")
    assert (await client.post("/v5/order/cancel-all", category="linear")).code == 10001
    assert (await client.post("/v5/order/cancel-all", category="linear", settleCoin="USDC")).rows == []
    gone = await client.post("/v5/order/cancel-all", category="linear", settleCoin="USDT")
    assert {row["orderLinkId"] for row in gone.rows} == {"all0", "all1", "all2"}
    assert gone.body["result"]["success"] == "1"
    assert (await client.get("/v5/order/realtime", "category=linear&settleCoin=USDT")).rows == []


async def test_fields_that_break_known_clients_have_the_forms_they_can_read(client: SimClient) -> None:
    await client.create("Buy", "0.010", orderLinkId="filled")
    row = await settled(client, "filled", "Filled")
    for name in ("triggerBy", "tpTriggerBy", "slTriggerBy"):
        assert row[name] == ""
    executions = (await client.get("/v5/execution/list", "category=linear")).body["result"]
    assert executions["nextPageCursor"] == ""
    assert executions["list"][0]["feeCurrency"] == "USDT"
    assert executions["list"][0]["execFee"] == "0.33000055"  # 0.055 % of 600.001


async def test_pages_go_from_new_to_old_without_gaps_and_end_with_an_empty_cursor(client: SimClient) -> None:
    for number in range(5):
        assert (await client.create("Buy", "0.010", "59000.00", orderLinkId=f"n{number}")).code == 0
    seen: list[str] = []
    cursor = ""
    for _ in range(3):
        query = f"category=linear&symbol=BTCUSDT&limit=2{f'&cursor={cursor}' if cursor else ''}"
        page = (await client.get("/v5/order/realtime", query)).body["result"]
        seen += [row["orderLinkId"] for row in page["list"]]
        cursor = page["nextPageCursor"]
        assert cursor == "" or cursor.replace("-", "").replace("_", "").isalnum()
    assert (seen, cursor) == (["n4", "n3", "n2", "n1", "n0"], "")
    assert (await client.get("/v5/order/realtime", "category=linear&symbol=BTCUSDT&cursor=p%2533")).code == 0


async def test_lists_ask_for_what_they_need(client: SimClient) -> None:
    assert (await client.get("/v5/order/realtime", "category=linear")).code == 10001
    assert (await client.get("/v5/position/list", "category=linear")).code == 10001
    assert (await client.get("/v5/order/realtime", "category=linear&symbol=BTCUSDT&limit=51")).code == 10001
    assert (await client.get("/v5/order/history", "category=linear&startTime=1&endTime=700000000")).code == 181010
    assert (await client.get("/v5/order/history", "category=linear&startTime=2&endTime=1")).code == 181009
    assert (await client.get("/v5/account/wallet-balance", "accountType=SPOT")).code == 10001


async def test_a_window_finds_only_what_lies_in_it(client: SimClient) -> None:
    await client.create("Buy", "0.010", orderLinkId="w")
    await settled(client, "w", "Filled")
    now_ms = time.time_ns() // 1_000_000
    old = await client.get("/v5/execution/list", f"category=linear&endTime={now_ms - 60_000}")
    new = await client.get("/v5/execution/list", f"category=linear&startTime={now_ms - 60_000}")
    assert (len(old.rows), len(new.rows)) == (0, 1)


async def test_a_flat_position_has_a_row_by_symbol_and_none_by_coin(client: SimClient) -> None:
    flat = (await client.get("/v5/position/list", "category=linear&symbol=BTCUSDT")).rows
    assert [(row["side"], row["size"], row["liqPrice"]) for row in flat] == [("", "0", "")]
    assert (await client.get("/v5/position/list", "category=linear&settleCoin=USDT")).rows == []
    await client.create("Sell", "0.010", orderLinkId="short")
    await settled(client, "short", "Filled")
    short = (await client.get("/v5/position/list", "category=linear&settleCoin=USDT")).rows
    assert [(row["side"], row["size"], row["avgPrice"]) for row in short] == [("Sell", "0.010", "59999.9")]


async def test_the_eleventh_order_of_a_second_is_one_too_many(session: aiohttp.ClientSession) -> None:
    now_ms = 1_700_000_000_000
    running = await serve(SimulatorConfig(), market=ScriptedMarket(), wall_ms=lambda: now_ms)
    client = SimClient(running.addresses, running.keys.trading, session)
    client.now_ms = lambda: now_ms
    replies = [await client.create("Buy", "0.010", "59000.00") for _ in range(11)]
    assert [reply.code for reply in replies] == [0] * 10 + [10006]
    assert [reply.headers["X-Bapi-Limit-Status"] for reply in replies[:10]] == [str(left) for left in range(9, -1, -1)]
    assert replies[10].headers["X-Bapi-Limit-Reset-Timestamp"] == str(now_ms + 1000)
    assert len(running.engine.account.orders) == 10
    assert (await client.get("/v5/account/info")).code == 0  # every endpoint has a budget of its own
    now_ms += 1000
    assert (await client.create("Buy", "0.010", "59000.00")).code == 0
    await running.close()


async def test_prices_and_sizes_keep_the_venues_trailing_zeros(client: SimClient) -> None:
    info = (await client.get("/v5/market/instruments-info", "category=linear", signed=False)).body["result"]
    assert info["list"][0]["priceFilter"]["tickSize"] == "0.10"
    assert "nextPageCursor" in info
    spot = (await client.get("/v5/market/instruments-info", "category=spot", signed=False)).body["result"]
    assert spot == {"category": "spot", "list": []}
    book = (await client.get("/v5/market/orderbook", "category=linear&symbol=BTCUSDT&limit=1", signed=False)).body
    assert (book["result"]["b"], book["result"]["a"]) == ([["59999.90", "1.000"]], [["60000.10", "1.000"]])


async def arm(client: SimClient, *, key: str | None = None, **fault: Any) -> int:
    url = f"{client.addresses.rest}/sim/faults"
    headers = {"X-Sim-Key": client.key.key if key is None else key}
    async with client.session.post(url, json={"kind": "swallow_reply", **fault}, headers=headers) as response:
        return response.status


async def test_a_swallowed_reply_is_an_order_that_exists_exactly_once(
    client: SimClient, running: RunningSimulator
) -> None:
    assert await arm(client, path="/v5/order/create", hang=False) == 200
    with pytest.raises(aiohttp.ClientError):
        await client.create("Buy", "0.010", orderLinkId="lost")
    await settled(client, "lost", "Filled")
    assert (await client.create("Buy", "0.010", orderLinkId="lost")).code == 110072
    assert len(running.engine.account.orders) == 1


async def test_a_hanging_reply_keeps_the_socket_open(client: SimClient) -> None:
    assert await arm(client, path="/v5/order/create", hang=True) == 200
    hanging = asyncio.create_task(client.create("Buy", "0.010", orderLinkId="hung"))
    await settled(client, "hung", "Filled")
    assert not hanging.done()
    hanging.cancel()
    assert (await client.create("Buy", "0.010", orderLinkId="next")).code == 0  # the fault counted once


async def test_a_hidden_order_is_neither_read_nor_told_until_its_time(client: SimClient) -> None:
    stream = await client.private("order")
    assert await arm(client, path="/v5/order/create", hang=False, hide_ms=400) == 200
    started = asyncio.get_running_loop().time()
    with pytest.raises(aiohttp.ClientError):
        await client.create("Buy", "0.010", orderLinkId="late")
    assert (await client.get("/v5/order/realtime", "category=linear&orderLinkId=late")).rows == []
    assert (await client.get("/v5/execution/list", "category=linear")).rows == []
    told = await stream.until(lambda frame: frame.get("topic") == "order")
    assert told["data"][0]["orderLinkId"] == "late"
    assert asyncio.get_running_loop().time() - started >= 0.39
    assert (await client.get("/v5/order/realtime", "category=linear&orderLinkId=late")).rows != []


async def test_a_hidden_order_is_read_and_told_as_soon_as_orders_are_shown(client: SimClient) -> None:
    stream = await client.private("order")
    assert await arm(client, path="/v5/order/create", hang=False, hide_ms=600_000) == 200
    with pytest.raises(aiohttp.ClientError):
        await client.create("Buy", "0.010", orderLinkId="late")
    assert (await client.get("/v5/order/realtime", "category=linear&orderLinkId=late")).rows == []
    assert await arm(client, kind="show_orders") == 200
    told = await stream.until(lambda frame: frame.get("topic") == "order")
    assert told["data"][0]["orderLinkId"] == "late"
    assert (await client.get("/v5/order/realtime", "category=linear&orderLinkId=late")).rows != []
    # What is told of it from now on does not wait for the time that it was hidden for either.
    assert (await client.create("Buy", "0.010", orderLinkId="next")).code == 0
    told = await stream.until(lambda frame: frame.get("topic") == "order")
    assert told["data"][0]["orderLinkId"] == "next"


async def test_control_endpoints_need_the_trading_key(client: SimClient, reader: SimClient) -> None:
    assert await arm(client, key="", path="/v5/order/create") == 403
    assert await arm(client, key=reader.key.key, path="/v5/order/create") == 403
    assert await arm(client, path="/elsewhere") == 400
    assert await arm(client, path="/v5/order/create", count=-1) == 400


async def test_the_log_tells_what_was_accepted_and_filled(client: SimClient) -> None:
    await client.create("Buy", "0.010", orderLinkId="logged")
    await settled(client, "logged", "Filled")
    url = f"{client.addresses.rest}/sim/log?since=1"
    async with client.session.get(url, headers={"X-Sim-Key": client.key.key}) as response:
        log = json.loads(await response.text())
    assert [entry["event"]["kind"] for entry in log["entries"]] == ["order_accepted", "order_filled"]
    assert log["entries"][0]["event"]["link_id"] == "logged"
    assert log["last"] == 3


async def test_the_clock_tells_both_times(client: SimClient, market: ScriptedMarket) -> None:
    async with client.session.get(f"{client.addresses.rest}/sim/clock") as response:
        clock = await response.json()
    assert clock["ended"] is False
    assert abs(clock["wall_now_ms"] - time.time_ns() // 1_000_000) < 5_000
    assert clock["market_now_ms"] <= market.now_ms


async def test_closed_orders_are_found_by_id_in_realtime_until_a_restart_and_in_history_after_it(
    tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    """Bybit wipes its list of recent closed orders at restarts: a client that asks realtime alone misses them."""
    config = SimulatorConfig(state=tmp_path, order_delay_ms=0)
    for has_restarted in (False, True):
        served = await serve(config, market=ScriptedMarket())
        try:
            client = SimClient(served.addresses, served.keys.trading, session)
            if not has_restarted:
                await client.create("Buy", "0.010", "59000.00", orderLinkId="gone")
                await client.post("/v5/order/cancel", category="linear", symbol="BTCUSDT", orderLinkId="gone")
            query = "category=linear&orderLinkId=gone"
            assert len((await client.get("/v5/order/realtime", query)).rows) == (0 if has_restarted else 1)
            assert len((await client.get("/v5/order/history", query)).rows) == 1
            recent = await client.get("/v5/order/realtime", "category=linear&symbol=BTCUSDT&openOnly=1")
            assert len(recent.rows) == (0 if has_restarted else 1)
        finally:
            await served.close()


async def test_a_quantity_in_another_scripts_digits_is_refused(client: SimClient) -> None:
    assert (await client.create("Buy", "٠.٠١٠")).code == 10001
