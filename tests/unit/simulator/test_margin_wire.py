"""Funding, liquidation and isolated margin on the wire: executions, positions, wallet, log, public stream."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import aiohttp
import pytest_asyncio

from support.scripted_market import ScriptedMarket
from support.sim_client import SimClient
from tradewright.simulator import SimulatorConfig, serve

MINUTE = 60_000


@pytest_asyncio.fixture
async def client(market: ScriptedMarket) -> AsyncIterator[SimClient]:
    config = SimulatorConfig(order_delay_ms=5, tick_ms=5, funds=(("USDT", Decimal(7_000)),))
    running = await serve(config, market=market)
    async with aiohttp.ClientSession() as session:
        yield SimClient(running.addresses, running.keys.trading, session)
    await running.close()


def is_execution(kind: str) -> Any:
    return lambda frame: frame.get("topic") == "execution" and frame["data"][0]["execType"] == kind


async def test_funding_and_a_liquidation_are_told_everywhere(client: SimClient, market: ScriptedMarket) -> None:
    private, public = await client.private("execution", "position", "wallet"), await client.public()
    await public.send(op="subscribe", args=["allLiquidation.BTCUSDT"])
    await public.until(lambda frame: frame.get("op") == "subscribe")
    await client.create("Buy", "1.000")
    await private.until(is_execution("Trade"))
    market.rates = [("BTCUSDT", (market.now_ms // MINUTE + 2) * MINUTE, Decimal("0.0001"))]
    funding = (await private.until(is_execution("Funding")))["data"][0]
    assert (funding["execFee"], funding["feeRate"], funding["orderType"]) == ("6", "0.0001", "UNKNOWN")
    assert funding["feeCurrency"] == "USDT"
    position = (await private.until(lambda frame: frame.get("topic") == "position"))["data"][0]
    assert Decimal(position["curRealisedPnl"]) == Decimal("-33.000055") - 6

    market.mark = Decimal("50000.00")
    bust = (await private.until(is_execution("BustTrade")))["data"][0]
    assert (bust["createType"], bust["orderLinkId"]) == ("CreateByTakeOver_PassThrough", "")
    states = [
        row["positionStatus"] for frame in private.seen for row in frame.get("data", ()) if "positionStatus" in row
    ]
    assert "Liq" in states
    told = await public.until(lambda frame: frame.get("topic") == "allLiquidation.BTCUSDT")
    row = told["data"][0]
    assert (row["S"], row["v"], Decimal(row["p"])) == ("Buy", "1.000", Decimal(bust["execPrice"]))

    log = (await client.get("/v5/account/transaction-log", "accountType=UNIFIED")).rows
    assert [entry["type"] for entry in log] == ["LIQUIDATION", "SETTLEMENT", "TRADE", "TRANSFER_IN"]
    assert (log[1]["funding"], log[1]["change"], log[1]["cashFlow"]) == ("-6", "-6", "0")
    for kind, count in (("Funding", 1), ("BustTrade", 1), ("Trade", 1)):
        executions = await client.get("/v5/execution/list", f"category=linear&symbol=BTCUSDT&execType={kind}")
        assert [entry["execType"] for entry in executions.rows] == [kind] * count
    everything = await client.get("/v5/execution/list", "category=linear&symbol=BTCUSDT")
    assert [entry["execType"] for entry in everything.rows] == ["BustTrade", "Funding", "Trade"]
    (flat,) = (await client.get("/v5/position/list", "category=linear&symbol=BTCUSDT")).rows
    assert (flat["size"], flat["positionStatus"], flat["liqPrice"]) == ("0", "Normal", "")
    wallet = (await client.get("/v5/account/wallet-balance", "accountType=UNIFIED")).rows[0]
    assert 0 <= Decimal(wallet["totalEquity"]) < 1


async def test_isolated_margin_by_its_endpoints(client: SimClient) -> None:
    mode = await client.post("/v5/account/set-margin-mode", setMarginMode="ISOLATED_MARGIN")
    assert (mode.code, mode.body["result"]) == (0, {"reasons": []})
    assert (await client.get("/v5/account/info")).body["result"]["marginMode"] == "ISOLATED_MARGIN"
    stream = await client.private("execution")
    await client.create("Buy", "0.500")
    await stream.until(is_execution("Trade"))
    named: dict[str, Any] = {"category": "linear", "symbol": "BTCUSDT"}
    added = await client.post("/v5/position/add-margin", **named, margin="100.25")
    assert added.code == 0, added.body
    # Bought at 60000.10 with a leverage of 10: 6000.01 - 300.0005 of room, and 200.5 more by what was added.
    assert added.body["result"]["liqPrice"] == "54099.59"
    assert (await client.post("/v5/position/add-margin", **named, margin="1.00001")).code == 10001
    assert (await client.post("/v5/position/add-margin", **named, margin="9999")).code == 110014
    assert (await client.post("/v5/position/set-auto-add-margin", **named, autoAddMargin="1")).code == 0
    (row,) = (await client.get("/v5/position/list", "category=linear&symbol=BTCUSDT")).rows
    assert row["autoAddMargin"] == 1
    refused = await client.post("/v5/account/set-margin-mode", setMarginMode="REGULAR_MARGIN")
    assert (refused.code, [reason["reasonMsg"] for reason in refused.body["result"]["reasons"]]) == (
        3400045,
        ["There are open positions."],
    )
    wallet = (await client.get("/v5/account/wallet-balance", "accountType=UNIFIED")).rows[0]
    assert (wallet["accountIMRate"], wallet["totalAvailableBalance"]) == ("", "")
    assert Decimal(wallet["coin"][0]["totalPositionIM"]) == Decimal(row["positionIM"])
