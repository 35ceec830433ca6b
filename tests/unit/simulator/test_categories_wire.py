"""Every category over the wire: what clients send, what they find in lists, and what they may leave out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from support.scripted_market import BTCUSD, CALL, USDC_PERP, ScriptedMarket
from support.sim_client import SimClient
from tradewright.simulator import SimulatorConfig, serve

INVERSE = {"category": "inverse", "symbol": "BTCUSD", "side": "Buy", "orderType": "Limit", "qty": "100"}
OPTION = {"category": "option", "symbol": CALL.symbol, "side": "Buy", "orderType": "Limit", "qty": "0.10"}
PERP = {"category": "linear", "symbol": "BTCPERP", "side": "Buy", "orderType": "Limit", "qty": "0.100"}


@pytest_asyncio.fixture
async def everywhere(session: aiohttp.ClientSession) -> AsyncIterator[SimClient]:
    """A client of an exchange that lists all kinds of contracts."""
    market = ScriptedMarket(spot=True, others=(BTCUSD, USDC_PERP, CALL))
    funds = tuple(
        (coin, BTCUSD.min_qty * amount) for coin, amount in (("USDT", 100_000), ("USDC", 100_000), ("BTC", 2))
    )
    served = await serve(SimulatorConfig(order_delay_ms=5, tick_ms=5, funds=funds), market=market)
    yield SimClient(served.addresses, served.keys.trading, session)
    await served.close()


async def sent(client: SimClient, body: dict[str, Any], price: str, link_id: str = "") -> None:
    reply = await client.post("/v5/order/create", **body, price=price, orderLinkId=link_id)
    assert reply.body["retMsg"] == "OK", reply.body


async def open_symbols(client: SimClient, query: str) -> list[str]:
    reply = await client.get("/v5/order/realtime", query)
    assert reply.code == 0, reply.body
    return [row["symbol"] for row in reply.rows]


async def test_orders_are_found_by_what_their_category_needs(everywhere: SimClient) -> None:
    client = everywhere
    await sent(client, INVERSE, "59000.00")
    await sent(client, OPTION, "1000", "mine")
    await sent(client, PERP, "59000.00")
    for query in ("category=inverse", "category=inverse&baseCoin=BTC", "category=inverse&settleCoin=BTC"):
        assert await open_symbols(client, query) == ["BTCUSD"]
    assert await open_symbols(client, "category=option&baseCoin=BTC") == [CALL.symbol]
    assert await open_symbols(client, "category=option&baseCoin=ETH") == []
    assert await open_symbols(client, "category=linear&settleCoin=USDC") == ["BTCPERP"]
    assert await open_symbols(client, "category=linear&settleCoin=USDT") == []
    assert (await client.get("/v5/order/realtime", "category=linear")).code == 10001

    option = (await client.get("/v5/order/realtime", "category=option&orderLinkId=mine")).rows[0]
    told = {name: option[name] for name in ("placeType", "tpslMode", "orderIv", "qty", "price")}
    assert told == {"placeType": "price", "tpslMode": "", "orderIv": "", "qty": "0.10", "price": "1000"}
    inverse = (await client.get("/v5/order/realtime", "category=inverse")).rows[0]
    assert (inverse["qty"], inverse["leavesValue"]) == ("100", "0.00169492")

    refused = await client.post("/v5/order/cancel-all", category="inverse")
    assert refused.code == 10001
    for body in ({"category": "inverse", "settleCoin": "BTC"}, {"category": "option"}):
        gone = await client.post("/v5/order/cancel-all", **body)
        assert (gone.code, len(gone.rows)) == (0, 1)
    assert await open_symbols(client, "category=linear&baseCoin=BTC") == ["BTCPERP"]


async def test_what_was_traded_is_told_in_the_coin_of_its_category(everywhere: SimClient) -> None:
    client = everywhere
    stream = await client.private("execution.inverse", "position.inverse", "execution.option")
    await sent(client, INVERSE, "60000.50")
    told = (await stream.until(lambda frame: frame["topic"] == "execution.inverse"))["data"][0]
    fee = {name: told[name] for name in ("category", "execValue", "execFee", "feeCurrency")}
    assert fee == {"category": "inverse", "execValue": "0.00166665", "execFee": "0.00000092", "feeCurrency": "BTC"}
    await stream.until(lambda frame: frame["topic"] == "position.inverse")
    await sent(client, OPTION, "1205", "mine")
    option = (await stream.until(lambda frame: frame["topic"] == "execution.option"))["data"][0]
    assert (option["indexPrice"], option["underlyingPrice"]) == ("60000", "60000")
    assert 0 < Decimal(option["markIv"]) < Decimal(option["tradeIv"]) < 1  # bought a tick above the mark

    held = {
        query: [(row["symbol"], row["size"]) for row in (await client.get("/v5/position/list", query)).rows]
        for query in ("category=inverse", "category=option&baseCoin=BTC", "category=option&baseCoin=ETH")
    }
    assert list(held.values()) == [[("BTCUSD", "100")], [(CALL.symbol, "0.10")], []]
    assert (await client.get("/v5/position/list", "category=linear")).code == 10001
    listed = {
        category: [row["symbol"] for row in (await client.get("/v5/execution/list", f"category={category}")).rows]
        for category in ("linear", "inverse", "spot", "option")
    }
    assert listed == {"linear": [], "inverse": ["BTCUSD"], "spot": [], "option": [CALL.symbol]}
    await sent(client, {**INVERSE, "side": "Sell"}, "59999.50")
    await stream.until(lambda frame: frame["topic"] == "position.inverse")
    closed = (await client.get("/v5/position/closed-pnl", "category=inverse")).rows
    assert [(row["symbol"], row["closedSize"], row["side"]) for row in closed] == [("BTCUSD", "100", "Sell")]


@pytest.mark.parametrize(("category", "most"), [("linear", 20), ("inverse", 20), ("option", 20), ("spot", 10)])
async def test_a_batch_may_be_of_any_category(everywhere: SimClient, category: str, most: int) -> None:
    symbol = {"linear": "BTCPERP", "inverse": "BTCUSD", "option": CALL.symbol, "spot": "BTCUSDT"}[category]
    price, qty = ("1000", "0.10") if category == "option" else ("59900.00", "10" if category == "inverse" else "0.01")
    item = {"symbol": symbol, "side": "Buy", "orderType": "Limit", "qty": qty, "price": price}
    items = [{**item, "orderLinkId": f"n{place}"} for place in range(3)] + [{**item, "orderLinkId": "n0"}]
    reply = await everywhere.post("/v5/order/create-batch", category=category, request=items)
    codes = [outcome["code"] for outcome in reply.body["retExtInfo"]["list"]]
    assert codes == [0, 0, 0, 170141 if category == "spot" else 110072]
    too_many = await everywhere.post("/v5/order/create-batch", category=category, request=[item] * (most + 1))
    assert too_many.code == 10001
