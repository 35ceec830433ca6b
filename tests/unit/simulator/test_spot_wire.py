"""Spot on the wire: rows, lists, wallet, fees and private streams, each category for itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import aiohttp
import pytest_asyncio

from support.scripted_market import SPOT, ScriptedMarket
from support.sim_client import Reply, SimClient, Stream
from tradewright.simulator import SimulatorConfig, serve

FUNDS = (("USDT", Decimal(100_000)), ("BTC", Decimal(2)))


@pytest_asyncio.fixture
async def market() -> ScriptedMarket:
    return ScriptedMarket(spot=True)


@pytest_asyncio.fixture
async def client(market: ScriptedMarket) -> AsyncIterator[SimClient]:
    running = await serve(SimulatorConfig(order_delay_ms=5, tick_ms=5, funds=FUNDS), market=market)
    async with aiohttp.ClientSession() as session:
        yield SimClient(running.addresses, running.keys.trading, session)
    await running.close()


async def spot(client: SimClient, side: str, qty: str, price: str | None = None, **more: object) -> str:
    body = {"category": "spot", "symbol": "BTCUSDT", "side": side, "qty": qty, **more}
    kind = {"orderType": "Limit", "price": price} if price else {"orderType": "Market"}
    reply = await client.post("/v5/order/create", **body, **kind)
    assert reply.code == 0, reply.body
    return str(reply.body["result"]["orderId"])


async def listed(client: SimClient, path: str, query: str) -> list[str]:
    reply = await client.get(path, query)
    assert reply.code == 0, reply.body
    return [row["orderId"] for row in reply.rows]


def coin_of(wallet: Reply, name: str) -> dict[str, Any]:
    return next(coin for coin in wallet.rows[0]["coin"] if coin["coin"] == name)


async def test_orders_of_one_symbol_are_listed_by_category(client: SimClient) -> None:
    pair = await spot(client, "Buy", "0.1", "59000")
    contract = (await client.create("Buy", "0.010", "59000.00")).body["result"]["orderId"]
    assert await listed(client, "/v5/order/realtime", "category=spot") == [pair]
    assert await listed(client, "/v5/order/realtime", "category=spot&symbol=BTCUSDT") == [pair]
    assert await listed(client, "/v5/order/realtime", "category=spot&baseCoin=ETH") == []
    assert await listed(client, "/v5/order/realtime", "category=linear&settleCoin=USDT") == [contract]
    assert await listed(client, "/v5/order/realtime", f"category=linear&orderId={pair}") == []
    assert await listed(client, "/v5/order/realtime", f"category=spot&orderId={pair}") == [pair]

    gone = await client.post("/v5/order/cancel-all", category="spot")
    assert [row["orderId"] for row in gone.rows] == [pair]
    assert await listed(client, "/v5/order/history", "category=spot") == [pair]
    assert await listed(client, "/v5/order/history", "category=linear") == []
    assert await listed(client, "/v5/order/realtime", "category=linear&symbol=BTCUSDT") == [contract]
    missing = await client.post("/v5/order/cancel", category="spot", symbol="BTCUSDT", orderId=contract)
    assert missing.code == 170213


async def test_a_spot_row_has_spots_keys_only(client: SimClient) -> None:
    order_id = await spot(client, "Buy", "0.1", "59000", orderLinkId="row")
    (row,) = (await client.get("/v5/order/realtime", f"category=spot&orderId={order_id}")).rows
    assert not {"tpslMode", "createType"} & set(row)
    shown = ("symbol", "qty", "price", "leavesQty", "leavesValue", "isLeverage", "basePrice", "cumFeeDetail")
    assert [row[key] for key in shown] == ["BTCUSDT", "0.100000", "59000.00", "0.100000", "5900", "0", "60050.00", {}]
    in_quote = await spot(client, "Buy", "100")
    (row,) = (await client.get("/v5/order/realtime", f"category=spot&orderId={in_quote}")).rows
    assert (row["qty"], row["marketUnit"], row["leavesQty"]) == ("100", "quoteCoin", "0")


async def test_a_fill_is_told_by_category_with_the_coin_of_its_fee(client: SimClient, market: ScriptedMarket) -> None:
    plain, by_category = await client.private("order", "execution", "wallet"), await client.private("order.spot")
    contracts = await client.private("order.linear", "position.linear")
    order_id = await spot(client, "Buy", "0.1", "60051")
    execution = (await plain.until(lambda frame: frame.get("topic") == "execution"))["data"][0]
    assert (execution["category"], execution["symbol"], execution["orderId"]) == ("spot", "BTCUSDT", order_id)
    assert (execution["feeCurrency"], execution["execFee"], execution["feeRate"]) == ("BTC", "0.0001", "0.001")
    assert not {"createType"} & set(execution)
    order = (await plain.until(lambda frame: frame.get("topic") == "order"))["data"][0]
    assert (order["orderStatus"], order["cumFeeDetail"], order["feeCurrency"]) == ("Filled", {"BTC": "0.0001"}, "BTC")
    assert not {"tpslMode", "createType"} & set(order)
    wallet = (await plain.until(lambda frame: frame.get("topic") == "wallet"))["data"][0]
    assert {coin["coin"]: coin["walletBalance"] for coin in wallet["coin"]} == {"USDT": "93994.9", "BTC": "2.0999"}
    assert (await by_category.until(lambda frame: frame.get("topic") == "order.spot"))["data"][0]["category"] == "spot"

    await client.create("Buy", "0.010", "59000.00")
    await contracts.until(lambda frame: frame.get("topic") == "position.linear")
    assert [row["category"] for frame in contracts.seen for row in frame.get("data", [])] == ["linear", "linear"]
    assert not [frame for frame in plain.seen if frame.get("topic") == "position"]

    (listed_row,) = (await client.get("/v5/execution/list", "category=spot")).rows
    assert (listed_row["execId"], listed_row["feeCurrency"]) == (execution["execId"], "BTC")
    assert (await client.get("/v5/execution/list", "category=linear")).rows == []


async def test_a_partly_filled_order_that_is_cancelled_has_spots_word_for_it(
    client: SimClient, market: ScriptedMarket
) -> None:
    order_id = await spot(client, "Sell", "1", "60049")
    stream = await client.private("order")
    (before,) = (await client.get("/v5/order/realtime", f"category=spot&orderId={order_id}")).rows
    if before["orderStatus"] == "New":  # not at the matching engine yet
        await stream.until(lambda frame: frame.get("topic") == "order")
    assert (await client.post("/v5/order/cancel", category="spot", symbol="BTCUSDT", orderId=order_id)).code == 0
    (row,) = (await client.get("/v5/order/history", f"category=spot&orderId={order_id}")).rows
    assert (row["orderStatus"], row["leavesQty"], row["cumExecQty"]) == (
        "PartiallyFilledCanceled",
        "0.000000",
        "0.500000",
    )
    assert row["cumFeeDetail"] == {"USDT": "30.0245"}


async def test_the_wallet_shows_every_coin_what_is_locked_and_what_all_is_worth(
    client: SimClient, market: ScriptedMarket
) -> None:
    await spot(client, "Buy", "0.1", "59000")
    await spot(client, "Sell", "0.5", "61000")
    wallet = await client.get("/v5/account/wallet-balance", "accountType=UNIFIED")
    usdt, btc = coin_of(wallet, "USDT"), coin_of(wallet, "BTC")
    assert (usdt["walletBalance"], usdt["locked"], usdt["marginCollateral"]) == ("100000", "5900", True)
    assert (btc["walletBalance"], btc["locked"], btc["marginCollateral"]) == ("2", "0.5", True)
    assert (btc["usdValue"], btc["totalOrderIM"]) == ("120000", "0")
    totals = wallet.rows[0]
    assert (totals["totalEquity"], totals["totalMarginBalance"]) == ("220000", "220000")
    # 94100 free dollars, and 95 % of the 1.5 BTC that no order locks.
    assert totals["totalAvailableBalance"] == "179600"
    named = await client.get("/v5/account/wallet-balance", "accountType=UNIFIED&coin=BTC,XYZ")
    assert [coin["coin"] for coin in named.rows[0]["coin"]] == ["BTC"]


async def test_fee_rates_are_asked_for_by_category(client: SimClient) -> None:
    reply = await client.get("/v5/account/fee-rate", "category=spot")
    assert reply.body["result"]["category"] == "spot"
    assert reply.rows == [{"symbol": "BTCUSDT", "takerFeeRate": "0.001", "makerFeeRate": "0.001"}]
    (contract,) = (await client.get("/v5/account/fee-rate", "category=linear&symbol=BTCUSDT")).rows
    assert contract["takerFeeRate"] == "0.00055"
    assert (await client.get("/v5/account/fee-rate", "category=spot&symbol=NOPE")).code == 170121


async def test_the_key_may_trade_spot_and_a_pair_has_no_position_and_no_leverage(client: SimClient) -> None:
    permissions = (await client.get("/v5/user/query-api")).body["result"]["permissions"]
    assert permissions["Spot"] == ["SpotTrade"]
    assert (await client.get("/v5/position/list", "category=spot&symbol=BTCUSDT")).code == 10001
    refused = await client.post(
        "/v5/position/set-leverage", category="spot", symbol="BTCUSDT", buyLeverage="2", sellLeverage="2"
    )
    assert refused.code == 10001


async def test_every_coin_something_is_traded_in_can_be_looked_up(client: SimClient) -> None:
    rows = (await client.get("/v5/asset/coin/query-info")).body["result"]["rows"]
    assert [row["coin"] for row in rows] == ["BTC", "USDT"]
    (named,) = (await client.get("/v5/asset/coin/query-info", "coin=BTC")).body["result"]["rows"]
    assert (named["name"], [chain["chain"] for chain in named["chains"]]) == ("BTC", ["SIM"])


async def test_spot_orders_go_over_the_trade_socket_too(client: SimClient, market: ScriptedMarket) -> None:
    orders = await client.private("order.spot")
    stream = Stream(await client.session.ws_connect(client.addresses.ws_trade))
    expires = client.now_ms() + 5_000
    await stream.send(op="auth", args=[client.key.key, expires, client.sign(f"GET/realtime{expires}")])
    await stream.next()
    order = {"category": "spot", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "qty": "1", "price": "59000"}
    header = {"X-BAPI-TIMESTAMP": str(client.now_ms())}
    await stream.send(op="order.create", reqId="1", header=header, args=[order])
    assert (await stream.next())["retCode"] == 0
    await stream.send(op="order.create", reqId="2", header=header, args=[order])
    assert (await stream.next())["retCode"] == 170131  # 59000 of 100000 are locked
    assert (await orders.until(is_order))["data"][0]["orderStatus"] == "New"
    market.trade("58999.99", listing=SPOT)
    assert (await orders.until(is_order))["data"][0]["orderStatus"] == "Filled"
    assert coin_of(await client.get("/v5/account/wallet-balance", "accountType=UNIFIED"), "BTC")["equity"] == "2.999"


def is_order(frame: dict[str, Any]) -> bool:
    return str(frame.get("topic", "")).startswith("order")
