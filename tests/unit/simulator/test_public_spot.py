"""Spot and the many contracts on the public wire: rows, pages, limits, refusals, and a stream with its own manners."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from decimal import Decimal
from itertools import count
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from support.sim_client import Reply, SimClient, Stream
from tradewright.simulator import RunningSimulator, SimulatorConfig, serve
from tradewright.simulator.market.instruments import CONTRACTS, LISTED, PAIRS
from tradewright.simulator.texts import average_text
from unit.simulator_market.samples import NOON, synthetic

SPOT_FIELDS = {
    "symbol", "symbolId", "baseCoin", "quoteCoin", "innovation", "symbolType", "xstockMultiplier", "status",
    "marginTrading", "stTag", "lotSizeFilter", "priceFilter", "riskParameters",
}  # fmt: skip
SPOT_LOT_FIELDS = {
    "basePrecision", "quotePrecision", "minOrderQty", "maxOrderQty", "minOrderAmt", "maxOrderAmt", "maxLimitOrderQty",
    "maxMarketOrderQty", "postOnlyMaxLimitOrderSize",
}  # fmt: skip
SPOT_TICKER_FIELDS = {
    "symbol", "bid1Price", "bid1Size", "ask1Price", "ask1Size", "lastPrice", "prevPrice24h", "price24hPcnt",
    "highPrice24h", "lowPrice24h", "turnover24h", "volume24h", "usdIndexPrice",
}  # fmt: skip
MARCH = 1_709_251_200_000  # the month in which the market of `samples` begins
PLAIN = re.compile(r"-?\d+(\.\d+)?")


@pytest_asyncio.fixture
async def running() -> AsyncIterator[RunningSimulator]:
    """Everything listed, and a wall clock that moves fifty milliseconds with each look at it."""
    looks = count(NOON, 50)
    market = synthetic(listed=LISTED)
    served = await serve(SimulatorConfig(funds=(), tick_ms=2), wall_ms=lambda: next(looks), market=market)
    yield served
    await served.close()


async def ask(client: SimClient, name: str, query: str) -> Reply:
    return await client.get(f"/v5/market/{name}", query, signed=False)


async def spot_stream(client: SimClient) -> Stream:
    return Stream(await client.session.ws_connect(f"{client.addresses.ws_public}/spot"))


async def test_spot_pairs_come_in_their_own_shape_as_one_page(client: SimClient) -> None:
    reply = await ask(client, "instruments-info", "category=spot&limit=5000&cursor=whatever")

    assert set(reply.body["result"]) == {"category", "list"}
    assert [row["symbol"] for row in reply.rows] == [spec.symbol for spec in PAIRS]
    for row in reply.rows:
        assert set(row) == SPOT_FIELDS
        assert set(row["lotSizeFilter"]) == SPOT_LOT_FIELDS
        numbers = [*row["lotSizeFilter"].values(), *row["priceFilter"].values(), *row["riskParameters"].values()]
        assert all(PLAIN.fullmatch(number) for number in numbers)
    bitcoin = reply.rows[0]
    assert (bitcoin["lotSizeFilter"]["basePrecision"], bitcoin["priceFilter"]["tickSize"]) == ("0.000001", "0.1")
    (pepe,) = (await ask(client, "instruments-info", "category=spot&symbol=PEPEUSDT")).rows
    assert pepe["priceFilter"]["tickSize"] == "0.0000000001"


async def test_contracts_come_in_pages(client: SimClient) -> None:
    found: list[str] = []
    cursor = ""
    for _ in range(10):
        reply = await ask(client, "instruments-info", f"category=linear&limit=7&cursor={cursor}")
        assert len(reply.rows) <= 7
        found += [row["symbol"] for row in reply.rows]
        cursor = reply.body["result"]["nextPageCursor"]
        assert re.fullmatch(r"[A-Za-z0-9_-]*", cursor)
        if not cursor:
            break
    assert found == [spec.symbol for spec in CONTRACTS]
    whole = await ask(client, "instruments-info", "category=linear")
    assert (len(whole.rows), whole.body["result"]["nextPageCursor"]) == (len(CONTRACTS), "")
    filters = [row[part] for row in whole.rows for part in ("leverageFilter", "priceFilter", "lotSizeFilter")]
    assert all(PLAIN.fullmatch(number) for part in filters for number in part.values())
    ether = (await ask(client, "instruments-info", "category=linear&baseCoin=ETH")).rows
    assert {row["symbol"] for row in ether} == {"ETHUSDT", "ETHPERP", "ETHUSD"}, "a coin's contracts of both categories"
    for empty in (
        "category=linear&baseCoin=NOPE",
        "category=linear&status=Closed",
        "category=linear&symbolType=innovation",
    ):
        assert (await ask(client, "instruments-info", empty)).rows == []


async def test_risk_limits_have_tiers_and_fifteen_contracts_a_page(client: SimClient) -> None:
    tiers = (await ask(client, "risk-limit", "category=linear&symbol=BTCUSDT")).rows
    assert [tier["isLowestRisk"] for tier in tiers] == [1, 0, 0, 0, 0]
    assert (tiers[0]["maxLeverage"], tiers[0]["initialMargin"], tiers[0]["mmDeduction"]) == ("100.00", "0.01", "")
    assert tiers[1]["mmDeduction"] == "5000"
    first = await ask(client, "risk-limit", "category=linear")
    cursor = first.body["result"]["nextPageCursor"]
    second = await ask(client, "risk-limit", f"category=linear&cursor={cursor}")
    pages = [{row["symbol"] for row in page.rows} for page in (first, second)]
    assert len(pages[0]) == 15
    assert pages[0] | pages[1] == {
        spec.symbol for spec in LISTED if spec.category == "linear" and spec.status == "Trading"
    }
    assert second.body["result"]["nextPageCursor"] == ""


async def test_every_pair_has_a_ticker_a_book_trades_and_candles(client: SimClient) -> None:
    tickers = (await ask(client, "tickers", "category=spot")).rows
    assert [row["symbol"] for row in tickers] == [spec.symbol for spec in PAIRS]
    for row in tickers:
        assert set(row) == SPOT_TICKER_FIELDS
        assert all(PLAIN.fullmatch(value) for name, value in row.items() if name != "symbol")
        assert Decimal(row["bid1Price"]) < Decimal(row["ask1Price"])
    book = (await ask(client, "orderbook", "category=spot&symbol=LTCUSDT")).body["result"]
    assert (len(book["b"]), len(book["a"]), book["s"]) == (1, 1, "LTCUSDT")
    assert len((await ask(client, "orderbook", "category=spot&symbol=LTCUSDT&limit=200")).body["result"]["b"]) == 200
    trades = (await ask(client, "recent-trade", "category=spot&symbol=LTCUSDT")).rows
    assert len(trades) == 60
    assert [row["time"] for row in trades] == sorted((row["time"] for row in trades), reverse=True)
    candles = (await ask(client, "kline", "category=spot&symbol=LTCUSDT&interval=60&limit=3")).body["result"]
    assert (candles["category"], candles["symbol"]) == ("spot", "LTCUSDT")
    assert [len(row) for row in candles["list"]] == [7, 7, 7]
    limits = (await ask(client, "price-limit", "category=spot&symbol=LTCUSDT")).body["result"]
    price = next(Decimal(row["lastPrice"]) for row in tickers if row["symbol"] == "LTCUSDT")
    assert Decimal(limits["sellLmt"]) < price < Decimal(limits["buyLmt"])


async def test_a_symbol_means_the_pair_or_the_contract_by_its_category(client: SimClient) -> None:
    contract, pair = [
        (await ask(client, "tickers", f"category={category}&symbol=BTCUSDT")).rows[0] for category in ("linear", "spot")
    ]
    assert "markPrice" in contract
    assert "markPrice" not in pair
    assert contract["ask1Size"] != pair["ask1Size"]
    without = (await ask(client, "kline", "symbol=1000PEPEUSDT&interval=1&limit=1")).body["result"]
    assert (without["category"], without["symbol"]) == ("linear", "1000PEPEUSDT")


async def test_candles_of_the_far_future_are_asked_for_in_vain(client: SimClient) -> None:
    for symbol in ("BTCUSDT", "SOLUSDT"):
        query = f"category=linear&symbol={symbol}&interval=M"
        assert (await ask(client, "kline", f"{query}&start=253402300799999")).rows == []
        newest = (await ask(client, "kline", f"{query}&end=253402300799999&limit=1")).rows
        assert [row[0] for row in newest] == [str(MARCH)]  # type: ignore[index]


@pytest.mark.parametrize(
    ("name", "query", "complaint"),
    [
        ("tickers", "", "category [] is not one of linear inverse spot option"),
        ("orderbook", "symbol=BTCUSDT", "category [] is not one of"),
        ("instruments-info", "category=Spot", "category [Spot] is not one of"),
        ("kline", "category=option&symbol=X&interval=1", "category [option] is not served here, use linear or inverse"),
        ("risk-limit", "category=spot", "category [spot] is not served here, use linear or inverse"),
        ("tickers", "category=spot&symbol=1000PEPEUSDT", "Not supported symbols"),
        ("instruments-info", "category=spot&symbol=NOPE", "Not supported symbols"),
        ("orderbook", "category=linear&symbol=PEPEUSDT", "symbol invalid"),
        ("orderbook", "category=linear&symbol=spot:BTCUSDT", "symbol invalid"),
        ("recent-trade", "category=spot&symbol=BTCUSDT&limit=61", "limit [61] must be between 1 and 60"),
        ("recent-trade", "category=linear&symbol=BTCUSDT&limit=1001", "between 1 and 1000"),
        ("instruments-info", "category=linear&cursor=../1", "cursor is invalid"),
    ],
)
async def test_what_is_not_there_is_a_wrong_parameter(client: SimClient, name: str, query: str, complaint: str) -> None:
    reply = await ask(client, name, query)
    assert (reply.status, reply.code) == (200, 10001)
    assert complaint in reply.body["retMsg"]


async def test_the_spot_stream_answers_in_spots_own_words(client: SimClient) -> None:
    stream = await spot_stream(client)
    await stream.send(op="ping", req_id="p")
    pong = await stream.next()
    assert (set(pong), pong["ret_msg"], pong["op"]) == ({"success", "ret_msg", "conn_id", "op"}, "pong", "ping")
    topics = [f"tickers.{spec.symbol}" for spec in PAIRS[:11]]
    await stream.send(op="subscribe", req_id="many", args=topics)
    refusal = await stream.next()
    assert (refusal["success"], refusal["ret_msg"], refusal["req_id"]) == (False, "args size >10", "many")
    await stream.send(op="subscribe", args=topics[:10])
    agreed = await stream.next()
    assert (agreed["success"], agreed["ret_msg"], "req_id" in agreed) == (True, "subscribe", False)
    await stream.send(op="subscribe", args=["tickers.1000PEPEUSDT"])
    refusal = await stream.until(lambda frame: frame.get("op") == "subscribe")
    assert refusal["ret_msg"] == "error:handler not found,topic:tickers.1000PEPEUSDT"
    await stream.send(op="unsubscribe", args=topics[:1])
    assert (await stream.until(lambda frame: frame.get("op") == "unsubscribe"))["success"] is True


async def test_the_streams_of_the_categories_do_not_mix(client: SimClient) -> None:
    linear, spot = await client.public(), await spot_stream(client)
    await linear.send(op="subscribe", args=["tickers.spot:BTCUSDT"])
    assert (await linear.next())["success"] is False
    told: dict[str, dict[str, Any]] = {}
    for name, stream in (("linear", linear), ("spot", spot)):
        await stream.send(op="subscribe", args=["tickers.BTCUSDT", "publicTrade.BTCUSDT"])
        told[name] = await stream.until(lambda frame: frame.get("topic") == "tickers.BTCUSDT")
        trade = (await stream.until(lambda frame: frame.get("topic") == "publicTrade.BTCUSDT"))["data"][0]
        assert ("L" in trade) == (name == "linear")
    assert set(told["spot"]["data"]) == SPOT_TICKER_FIELDS - {"bid1Price", "bid1Size", "ask1Price", "ask1Size"}
    assert "markPrice" in told["linear"]["data"]


async def test_spot_tickers_are_whole_each_time(client: SimClient) -> None:
    stream = await spot_stream(client)
    await stream.send(op="subscribe", args=["tickers.ETHUSDT"])
    told = [await stream.until(lambda frame: frame.get("topic") == "tickers.ETHUSDT") for _ in range(3)]
    assert {frame["type"] for frame in told} == {"snapshot"}
    assert {len(frame["data"]) for frame in told} == {9}
    assert told[0]["data"] != told[1]["data"] != told[2]["data"]


async def test_spot_books_of_each_depth_and_candles_stream(client: SimClient) -> None:
    stream = await spot_stream(client)
    for depth in (1, 50, 200):
        topic = f"orderbook.{depth}.SOLUSDT"
        await stream.send(op="subscribe", args=[topic])
        first = await stream.until(lambda frame, topic=topic: frame.get("topic") == topic)  # type: ignore[misc]
        assert (first["type"], len(first["data"]["b"]), first["data"]["s"]) == ("snapshot", depth, "SOLUSDT")
        told = first["data"]["u"]
        second = await stream.until(
            lambda frame, topic=topic, told=told: frame.get("topic") == topic and frame["data"]["u"] != told  # type: ignore[misc]
        )
        assert second["type"] == ("snapshot" if depth == 1 else "delta")
        assert second["data"]["u"] == told + 1
        await stream.send(op="unsubscribe", args=[topic])
    await stream.send(op="subscribe", args=["kline.1.SOLUSDT"])
    candle = await stream.until(
        lambda frame: frame.get("topic") == "kline.1.SOLUSDT" and any(row["confirm"] for row in frame["data"])
    )
    assert candle["data"][0]["end"] - candle["data"][0]["start"] == 59_999


@pytest_asyncio.fixture
async def client(running: RunningSimulator) -> AsyncIterator[SimClient]:
    async with aiohttp.ClientSession() as session:
        yield SimClient(running.addresses, running.keys.trading, session)


async def test_small_numbers_are_written_out_and_averages_keep_their_places(client: SimClient) -> None:
    (pepe,) = [spec for spec in PAIRS if spec.symbol == "PEPEUSDT"]
    assert average_text(pepe, Decimal("0.00001123456789")) == "0.000011234568"
    assert average_text(CONTRACTS[0], Decimal("60000.123456789")) == "60000.12345679"
    (row,) = (await ask(client, "kline", "category=spot&symbol=PEPEUSDT&interval=1&limit=1")).body["result"]["list"]
    assert all(PLAIN.fullmatch(number) for number in row)
    assert all(len(price.partition(".")[2]) == 10 for price in row[1:5])
