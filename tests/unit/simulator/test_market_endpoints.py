"""Public market endpoints of all categories, asked directly: rows, units, windows, pages and refusals."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from tradewright.simulator.errors import ApiError
from unit.simulator.public_market import Exchange, an_option, synthetic
from unit.simulator_market.samples import NOON

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
PLAIN = re.compile(r"-?\d+(\.\d+)?")
CONTRACTS = ("linear", "inverse")


@pytest.fixture(scope="module")
def exchange() -> Exchange:
    made = Exchange(synthetic())
    for _ in made.run(40, step_ms=5_000):
        pass
    return made


def pages(exchange: Exchange, path: str, **params: Any) -> Iterator[list[Any]]:
    """All pages of a list, as a client walks through them."""
    cursor = ""
    for _ in range(100):
        result = exchange.ask(path, **params, **({"cursor": cursor} if cursor else {}))
        yield result["list"]
        cursor = result["nextPageCursor"]
        assert re.fullmatch(r"[A-Za-z0-9_-]*", cursor)
        if not cursor:
            return
    raise AssertionError("the pages never end")


def test_contracts_say_their_kind_and_options_their_strike(exchange: Exchange) -> None:
    def instruments(**params: str) -> dict[str, dict[str, Any]]:
        return {row["symbol"]: row for row in exchange.rows("market/instruments-info", **params)}

    linear, inverse = instruments(category="linear"), instruments(category="inverse")
    kinds = {symbol: row["contractType"] for symbol, row in {**linear, **inverse}.items()}
    assert kinds["BTCUSDT"] == "LinearPerpetual"
    assert kinds["BTCUSDT-29MAR24"] == kinds["BTC-29MAR24"] == "LinearFutures"
    assert (kinds["BTCUSD"], kinds["BTCUSDM24"]) == ("InversePerpetual", "InverseFutures")
    assert {row["settleCoin"] for row in inverse.values()} == {"BTC", "ETH"}
    assert linear["BTCUSDT"]["deliveryTime"] == "0"
    assert linear["BTC-29MAR24"]["deliveryTime"] == str(int(datetime(2024, 3, 29, 8, tzinfo=UTC).timestamp() * 1000))
    assert {row["preListingInfo"] for row in linear.values()} == {None}

    mixed = instruments(category="inverse", baseCoin="BTC")
    assert {"BTCUSDT", "BTCPERP", "BTCUSD", "BTC-29MAR24"} <= set(mixed), "a coin's contracts of both categories"
    (early,) = instruments(category="linear", status="PreLaunch").values()
    assert (early["status"], early["isPreListing"]) == ("PreLaunch", True)
    assert early["preListingInfo"]["curAuctionPhase"] == "NotStarted"
    assert early["preListingInfo"]["phases"][-1] == {
        "phase": "ContinuousTrading",
        "startTime": early["preListingInfo"]["phases"][-2]["endTime"],
        "endTime": "",
    }

    options = instruments(category="option")
    assert {row["baseCoin"] for row in options.values()} == {"BTC"}, "which is the default"
    assert {row["status"] for row in options.values()} == {"Trading"}
    symbol = an_option(exchange.market).symbol
    assert options[symbol]["optionsType"] in ("Call", "Put")
    assert options[symbol]["displayName"] == f"BTCUSDT-{symbol.removeprefix('BTC-').removesuffix('-USDT')}"
    assert len(instruments(category="option", status="Closed")) > 100
    assert instruments(category="option", baseCoin="MNT") == {}
    assert [symbol] == list(instruments(category="option", symbol=symbol))


def test_option_instruments_come_in_pages(exchange: Exchange) -> None:
    found = [
        row["symbol"]
        for page in pages(exchange, "market/instruments-info", category="option", limit=50)
        for row in page
    ]

    assert len(found) == len(set(found)) > 50
    assert len(exchange.rows("market/instruments-info", category="option", limit=1000)) == len(found)


@pytest.mark.parametrize("kind", ["mark", "index", "premium-index"])
def test_candles_of_prices_nobody_trades_have_five_texts_newest_first(exchange: Exchange, kind: str) -> None:
    path = f"market/{kind}-price-kline"
    rows = exchange.rows(path, symbol="BTCUSDT", interval="5", limit=20)

    assert len(rows) == 20
    assert all(len(row) == 5 and all(PLAIN.fullmatch(cell) for cell in row) for row in rows)
    starts = [int(row[0]) for row in rows]
    assert starts == list(range(starts[0], starts[0] - 20 * 5 * MINUTE, -5 * MINUTE))
    window = exchange.rows(path, symbol="BTCUSDT", interval="5", start=starts[9], end=starts[3])
    assert [row[0] for row in window] == [row[0] for row in rows[3:10]]
    last = Decimal(rows[0][4])
    if kind == "premium-index":
        assert abs(last) < Decimal("0.01")
    else:
        (ticker,) = exchange.rows("market/tickers", category="linear", symbol="BTCUSDT")
        assert last == Decimal(ticker[f"{kind}Price"])


def test_the_categories_of_candles_are_those_of_the_documents(exchange: Exchange) -> None:
    option = an_option(exchange.market).symbol
    rows = exchange.rows("market/mark-price-kline", category="option", symbol=option, interval="60", limit=3)
    (ticker,) = exchange.rows("market/tickers", category="option", symbol=option)
    assert Decimal(rows[0][4]) == pytest.approx(Decimal(ticker["markPrice"]), rel=Decimal("0.05"))
    assert exchange.rows("market/index-price-kline", category="inverse", symbol="BTCUSD", interval="1", limit=1)
    for path, category in (
        ("kline", "option"),
        ("mark-price-kline", "spot"),
        ("index-price-kline", "option"),
        ("premium-index-price-kline", "inverse"),
    ):
        with pytest.raises(ApiError, match="is not served here"):
            exchange.ask(f"market/{path}", category=category, symbol="BTCUSDT", interval="1")
    with pytest.raises(ApiError, match="limit"):
        exchange.ask("market/mark-price-kline", category="option", symbol=option, interval="1", limit=501)


def test_volume_of_inverse_contracts_is_in_dollars_and_turnover_in_coin(exchange: Exchange) -> None:
    rows = exchange.rows("market/kline", category="inverse", symbol="BTCUSD", interval="60", limit=2)
    _, first, _, _, close, volume, turnover = map(Decimal, rows[-1])
    assert volume == volume.to_integral_value()
    assert turnover == pytest.approx(volume / ((first + close) / 2), rel=Decimal("0.05"))
    (ticker,) = exchange.rows("market/tickers", category="inverse", symbol="BTCUSD")
    price = Decimal(ticker["markPrice"])
    assert Decimal(ticker["volume24h"]) / Decimal(ticker["turnover24h"]) == pytest.approx(price, rel=Decimal("0.1"))
    assert Decimal(ticker["openInterestValue"]) == pytest.approx(
        Decimal(ticker["openInterest"]) / price, abs=Decimal("0.01")
    )


def test_prices_of_tickers_have_the_decimals_of_their_tick(exchange: Exchange) -> None:
    """Clients count them."""
    for category in ("linear", "inverse", "spot"):
        ticks = {
            row["symbol"]: row["priceFilter"]["tickSize"]
            for row in exchange.rows("market/instruments-info", category=category)
        }
        rows = {row["symbol"]: row for row in exchange.rows("market/tickers", category=category)}
        for symbol, tick in ticks.items():
            for name in ("lastPrice", "bid1Price", "ask1Price", "highPrice24h", "prevPrice24h"):
                found = rows[symbol][name]
                assert len(found.partition(".")[2]) == len(tick.partition(".")[2]), (symbol, name, found, tick)


def test_books_have_the_depths_of_their_category(exchange: Exchange) -> None:
    option = an_option(exchange.market).symbol
    for category, symbol, levels in (
        ("linear", "BTCUSDT", 25),
        ("inverse", "BTCUSD", 25),
        ("spot", "BTCUSDT", 1),
        ("option", option, 1),
    ):
        book = exchange.ask("market/orderbook", category=category, symbol=symbol)
        assert (len(book["b"]), len(book["a"]), book["s"]) == (levels, levels, symbol)
        assert Decimal(book["b"][0][0]) < Decimal(book["a"][0][0])
        assert all(isinstance(book[name], int) for name in ("ts", "u", "seq", "cts"))
    assert len(exchange.ask("market/orderbook", category="option", symbol=option, limit=25)["a"]) == 5
    rows = exchange.ask("market/rpi_orderbook", symbol="BTCUSDT", limit=3)["b"]
    assert [len(row) for row in rows] == [3, 3, 3]
    with pytest.raises(ApiError, match="limit is missing"):
        exchange.ask("market/rpi_orderbook", symbol="BTCUSDT")
    with pytest.raises(ApiError, match=r"limit \[26\]"):
        exchange.ask("market/orderbook", category="option", symbol=option, limit=26)


def test_option_tickers_need_a_coin_and_can_be_those_of_one_day(exchange: Exchange) -> None:
    with pytest.raises(ApiError, match="options need symbol or baseCoin"):
        exchange.ask("market/tickers", category="option")
    rows = exchange.rows("market/tickers", category="option", baseCoin="ETH")
    days = {row["symbol"].split("-")[1] for row in rows}
    assert len(days) > 2
    day = min(days)
    found = exchange.rows("market/tickers", category="option", baseCoin="ETH", expDate=day)
    assert [row["symbol"] for row in found] == [row["symbol"] for row in rows if f"-{day}-" in row["symbol"]]
    assert len(found) == 18


def test_trades_of_options_are_those_of_a_coin_a_side_or_one_option(exchange: Exchange) -> None:
    rows = exchange.rows("market/recent-trade", category="option", limit=1000)
    assert len({row["symbol"] for row in rows}) > 10
    assert [int(row["time"]) for row in rows] == sorted((int(row["time"]) for row in rows), reverse=True)
    calls = exchange.rows("market/recent-trade", category="option", baseCoin="ETH", optionType="Call", limit=5)
    assert [row["symbol"].split("-")[3] for row in calls] == ["C"] * 5
    one = rows[0]["symbol"]
    assert exchange.rows("market/recent-trade", category="option", symbol=one, limit=1) == rows[:1]
    assert all(PLAIN.fullmatch(rows[0][name]) for name in ("mP", "iP", "mIv", "iv", "price", "size", "seq"))
    with pytest.raises(ApiError, match="optionType"):
        exchange.ask("market/recent-trade", category="option", optionType="call")


def test_open_interest_and_ratios_are_histories_with_pages(exchange: Exchange) -> None:
    start = exchange.market.now_ms - 5 * HOUR
    for path, step, name in (("open-interest", "intervalTime", "1h"), ("account-ratio", "period", "1h")):
        params = {"category": "inverse", "symbol": "BTCUSD", step: name, "startTime": start}
        whole = exchange.rows(f"market/{path}", **params)
        stamps = [int(row["timestamp"]) for row in whole]
        assert stamps == [ms - ms % HOUR for ms in range(exchange.market.now_ms, start, -HOUR)][: len(stamps)]
        assert len(stamps) == 5
        assert [row for page in pages(exchange, f"market/{path}", **params, limit=2) for row in page] == whole
    interest = exchange.rows("market/open-interest", category="inverse", symbol="BTCUSD", intervalTime="5min")
    assert len(interest) == 50
    for row in interest:
        assert Decimal(row["openInterest"]) - 2 * Decimal(row["singleOpenInterest"]) in (0, -1)
    ratio = exchange.rows("market/account-ratio", category="linear", symbol="BTCUSDT", period="1d", limit=3)
    assert all(Decimal(row["buyRatio"]) + Decimal(row["sellRatio"]) == 1 for row in ratio)
    with pytest.raises(ApiError, match="intervalTime"):
        exchange.ask("market/open-interest", category="linear", symbol="BTCUSDT", intervalTime="2h")
    with pytest.raises(ApiError, match="is not served here"):
        exchange.ask("market/open-interest", category="spot", symbol="BTCUSDT", intervalTime="1h")


def test_funding_of_inverse_contracts_is_that_which_was_due(exchange: Exchange) -> None:
    rows = exchange.rows("market/funding/history", category="inverse", symbol="BTCUSD", limit=3)
    now_ms = exchange.market.now_ms
    assert [int(row["fundingRateTimestamp"]) for row in rows] == [
        now_ms - now_ms % (8 * HOUR) - n * 8 * HOUR for n in range(3)
    ]
    assert exchange.rows("market/funding/history", category="linear", symbol="BTCUSDT-29MAR24") == []


def test_risk_limits_are_of_contracts(exchange: Exchange) -> None:
    rows = exchange.rows("market/risk-limit", category="inverse")
    assert {row["symbol"] for row in rows} == {
        spec.symbol for spec in exchange.market.instruments if spec.category == "inverse"
    }
    assert [row["id"] for row in rows if row["symbol"] == "BTCUSD"][:2] == [1, 2]
    with pytest.raises(ApiError, match="use linear or inverse"):
        exchange.ask("market/risk-limit", category="option")


def test_what_was_delivered_is_told_with_the_price_it_was_settled_at(exchange: Exchange) -> None:
    assert exchange.rows("market/delivery-price", category="option") == [], "USDC is the default, ours settle in USDT"
    listed = [
        row
        for page in pages(exchange, "market/delivery-price", category="option", settleCoin="USDT", limit=40)
        for row in page
    ]
    stamps = [int(row["deliveryTime"]) for row in listed]
    assert stamps == sorted(stamps, reverse=True)
    assert all(ms <= exchange.market.now_ms and ms % DAY == 8 * HOUR for ms in stamps)
    assert {row["symbol"].split("-")[0] for row in listed} == {"BTC"}
    newest = {row["deliveryPrice"] for row in listed if int(row["deliveryTime"]) == stamps[0]}
    assert len(newest) == 1
    assert Decimal(newest.pop()) == exchange.market.settlement_price(f"option:{listed[0]['symbol']}")
    (one,) = exchange.rows("market/delivery-price", category="option", symbol=listed[0]["symbol"])
    assert one == listed[0]
    assert exchange.rows("market/delivery-price", category="inverse") == []


def test_historical_volatility_is_that_of_the_hourly_candles(exchange: Exchange) -> None:
    answer = exchange.answer("market/historical-volatility", category="option", period=7)
    assert answer.beside == {"category": "option"}
    assert answer.result == [], "two hours of history are too few"
    older = Exchange(synthetic(history_minutes=3 * 24 * 60 + 30))
    answer = older.answer("market/historical-volatility", category="option", baseCoin="BTC", period=7)
    candles = older.rows("market/kline", symbol="BTCUSDT", interval="60", limit=200)[::-1]
    closes = [float(row[4]) for row in candles if int(row[0]) < NOON]
    returns = [math.log(after / before) for before, after in itertools.pairwise(closes)]
    mean = sum(returns) / len(returns)
    expected = math.sqrt(sum((value - mean) ** 2 for value in returns) / (len(returns) - 1) * 24 * 365)
    assert isinstance(answer.result, list)
    (row,) = answer.result
    assert row == {"period": 7, "value": row["value"], "time": str(NOON)}
    assert float(row["value"]) == pytest.approx(expected, rel=1e-6)
    window = {"startTime": NOON - 5 * HOUR, "endTime": NOON}
    assert len(older.answer("market/historical-volatility", category="option", **window).result) == 6
    assert older.answer("market/historical-volatility", category="option", baseCoin="XRP").result == []


def test_pools_name_every_contract_that_trades(exchange: Exchange) -> None:
    result = exchange.ask("market/insurance")
    named = [symbol for row in result["list"] for symbol in row["symbols"].split(",")]
    trading = [s.symbol for s in exchange.market.instruments if s.category in CONTRACTS and s.status == "Trading"]
    assert sorted(named) == sorted(trading)
    assert {row["coin"] for row in exchange.rows("market/insurance", coin="USDC")} == {"USDC"}
    assert NOON < int(result["updatedTime"]) <= exchange.market.now_ms


@pytest.mark.parametrize(
    ("path", "params", "complaint"),
    [
        (
            "market/instruments-info",
            {"category": "linear", "status": "Open"},
            r"status \[Open\] is not one of PreLaunch",
        ),
        ("market/instruments-info", {"category": "option", "symbol": "BTC-1JAN20-1-C"}, "symbol invalid"),
        ("market/tickers", {"category": "inverse", "symbol": "BTCUSDT"}, "symbol invalid"),
        ("market/tickers", {"category": "linear", "symbol": "inverse:BTCUSD"}, "symbol invalid"),
        ("market/kline", {"symbol": "BTCUSDT", "interval": "2"}, r"interval \[2\]"),
        ("market/price-limit", {"category": "option", "symbol": "BTCUSDT"}, "is not served here"),
        ("market/full_orderbook", {"symbol": "BTCUSDT"}, r"category \[\]"),
        ("market/account-ratio", {"category": "linear", "symbol": "BTCUSDT", "period": "1"}, r"period \[1\]"),
        ("system/status", {"state": "done"}, r"state \[done\]"),
    ],
)
def test_wrong_parameters_are_named(exchange: Exchange, path: str, params: dict[str, str], complaint: str) -> None:
    with pytest.raises(ApiError, match=complaint) as refused:
        exchange.ask(path, **params)
    assert int(refused.value.code) == 10001
