"""Market data as unmodified pybit reads it, every endpoint and category; the market stands still, so that what
one endpoint tells can be held against what another tells.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from pybit.unified_trading import HTTP

from support.exchange_process import exchange_process
from support.pybit_client import http, refusal, rows

HOUR_MS = 3_600_000
TRADED = [("linear", "BTCUSDT"), ("linear", "BTCPERP"), ("inverse", "BTCUSD"), ("spot", "BTCUSDT")]
PERPETUAL = TRADED[:3]


@pytest.fixture(scope="module")
def session() -> Iterator[HTTP]:
    with exchange_process() as exchange:
        exchange.pause()
        yield http(exchange)


def ticker(session: HTTP, category: str, symbol: str) -> dict[str, Any]:
    (row,) = rows(session.get_tickers(category=category, symbol=symbol))
    return row


def listed(session: HTTP, category: str, **filters: Any) -> list[dict[str, Any]]:
    """Every instrument, page after page."""
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = session.get_instruments_info(category=category, limit=7, cursor=cursor, **filters)["result"]
        found += page["list"]
        cursor = page.get("nextPageCursor", "")
        if not cursor:
            return found


def an_option(session: HTTP) -> str:
    return str(rows(session.get_instruments_info(category="option", baseCoin="BTC"))[0]["symbol"])


def test_the_clock_is_the_wall_clock(session: HTTP) -> None:
    answer = session.get_server_time()
    assert abs(answer["time"] - time.time() * 1000) < 2_000
    assert int(answer["result"]["timeSecond"]) == int(answer["result"]["timeNano"]) // 10**9


@pytest.mark.parametrize("category", ["linear", "inverse", "spot", "option"])
def test_instruments_come_page_by_page_each_once(session: HTTP, category: str) -> None:
    found = listed(session, category)
    assert len({row["symbol"] for row in found}) == len(found) >= 2
    assert {row["symbol"] for row in rows(session.get_instruments_info(category=category, limit=1000))} == {
        row["symbol"] for row in found
    }
    (one,) = rows(session.get_instruments_info(category=category, symbol=found[-1]["symbol"]))
    assert one == found[-1]


def test_instruments_are_filtered(session: HTTP) -> None:
    kinds = {row["contractType"] for row in listed(session, "linear")}
    assert kinds == {"LinearPerpetual", "LinearFutures"}
    assert {row["contractType"] for row in listed(session, "inverse")} == {"InversePerpetual", "InverseFutures"}
    assert {row["baseCoin"] for row in listed(session, "linear", baseCoin="ETH")} == {"ETH"}
    assert {row["status"] for row in listed(session, "linear", status="Trading")} == {"Trading"}
    assert {row["status"] for row in listed(session, "linear", status="PreLaunch")} == {"PreLaunch"}
    assert {row["baseCoin"] for row in listed(session, "option")} == {"BTC"}
    assert {row["baseCoin"] for row in listed(session, "option", baseCoin="ETH")} == {"ETH"}
    assert refusal(session.get_instruments_info, category="stocks") == 10001
    assert refusal(session.get_instruments_info, category="linear", symbol="NOSUCHUSDT") == 10001


@pytest.mark.parametrize(("category", "symbol"), TRADED)
def test_ticker_book_trades_and_candles_tell_the_same(session: HTTP, category: str, symbol: str) -> None:
    told = ticker(session, category, symbol)
    book = session.get_orderbook(category=category, symbol=symbol, limit=200)["result"]
    assert (book["b"][0], book["a"][0]) == (
        [told["bid1Price"], told["bid1Size"]],
        [told["ask1Price"], told["ask1Size"]],
    )
    bids, asks = ([Decimal(price) for price, _ in book[side]] for side in ("b", "a"))
    assert bids == sorted(set(bids), reverse=True)
    assert asks == sorted(set(asks))
    assert bids[0] < asks[0]
    assert book["s"] == symbol
    assert type(book["u"]) is type(book["seq"]) is type(book["ts"]) is int

    trades = rows(session.get_public_trade_history(category=category, symbol=symbol, limit=50))
    times = [int(row["time"]) for row in trades]
    assert times == sorted(times, reverse=True)
    assert trades[0]["price"] == told["lastPrice"]
    assert len({row["execId"] for row in trades}) == len(trades)

    candles = rows(session.get_kline(category=category, symbol=symbol, interval=60, limit=24))
    assert candles[0][4] == told["lastPrice"]
    assert [int(candles[0][0]) - int(row[0]) for row in candles] == [n * HOUR_MS for n in range(24)]
    for _, opened, high, low, closed, volume, turnover in (map(Decimal, row) for row in candles):
        assert low <= min(opened, closed) <= max(opened, closed) <= high
        # Volume counts the base coin and turnover the quote coin; with inverse contracts it is the other way round.
        coins, money = (turnover, volume) if category == "inverse" else (volume, turnover)
        assert low * Decimal("0.999") * coins <= money <= high * Decimal("1.001") * coins


@pytest.mark.parametrize(("category", "symbol"), TRADED)
def test_candles_of_a_span_and_before_a_moment(session: HTTP, category: str, symbol: str) -> None:
    want = {"category": category, "symbol": symbol}
    newest = int(rows(session.get_kline(**want, interval=60, limit=1))[0][0])
    span = rows(session.get_kline(**want, interval=60, start=newest - 5 * HOUR_MS, end=newest - HOUR_MS))
    assert [int(row[0]) for row in span] == [newest - n * HOUR_MS for n in range(1, 6)]
    before = rows(session.get_kline(**want, interval=60, end=newest - HOUR_MS, limit=3))
    assert before == span[:3]
    for interval, width_ms in (("1", 60_000), ("D", 24 * HOUR_MS)):
        starts = [int(row[0]) for row in rows(session.get_kline(**want, interval=interval, limit=3))]
        assert {a - b for a, b in pairwise(starts)} == {width_ms}
    week = datetime.fromtimestamp(int(rows(session.get_kline(**want, interval="W", limit=1))[0][0]) / 1000, UTC)
    assert (week.isoweekday(), week.hour) == (1, 0)
    assert refusal(session.get_kline, **want, interval="7") == 10001


@pytest.mark.parametrize(("category", "symbol"), PERPETUAL)
def test_mark_and_index_candles_end_at_the_tickers_prices(session: HTTP, category: str, symbol: str) -> None:
    told = ticker(session, category, symbol)
    want = {"category": category, "symbol": symbol, "interval": 1, "limit": 5}
    for candles, field in ((session.get_mark_price_kline, "markPrice"), (session.get_index_price_kline, "indexPrice")):
        found = rows(candles(**want))
        assert [len(row) for row in found] == [5] * 5
        assert Decimal(found[0][4]) == Decimal(told[field])
    if category == "linear":
        premium = rows(session.get_premium_index_price_kline(**want))
        assert [len(row) for row in premium] == [5] * 5
        assert abs(Decimal(premium[0][4])) < Decimal("0.1")


@pytest.mark.parametrize(("category", "symbol"), PERPETUAL)
def test_what_perpetual_contracts_have_beside_prices(session: HTTP, category: str, symbol: str) -> None:
    want = {"category": category, "symbol": symbol}
    told = ticker(session, category, symbol)
    (spec,) = rows(session.get_instruments_info(**want))
    past = rows(session.get_funding_rate_history(**want, limit=5))
    moments = [int(row["fundingRateTimestamp"]) for row in past]
    assert {a - b for a, b in pairwise(moments)} == {spec["fundingInterval"] * 60_000}
    assert int(told["nextFundingTime"]) - moments[0] == spec["fundingInterval"] * 60_000
    assert refusal(session.get_funding_rate_history, **want, startTime=moments[-1]) == 10001

    interest = rows(session.get_open_interest(**want, intervalTime="1h", limit=4))
    hours = [int(row["timestamp"]) for row in interest]
    assert [hours[0] - hour for hour in hours] == [n * HOUR_MS for n in range(4)]
    assert all(Decimal(row["openInterest"]) > 0 for row in interest)
    assert refusal(session.get_open_interest, **want, intervalTime="2h") == 10001

    tiers = rows(session.get_risk_limit(**want))
    assert [row["isLowestRisk"] for row in tiers] == [1] + [0] * (len(tiers) - 1)
    limits = [Decimal(row["riskLimitValue"]) for row in tiers]
    assert limits == sorted(limits)
    assert Decimal(tiers[0]["maxLeverage"]) == Decimal(spec["leverageFilter"]["maxLeverage"])

    ratio = rows(session.get_long_short_ratio(**want, period="1h", limit=3))
    assert all(Decimal(row["buyRatio"]) + Decimal(row["sellRatio"]) == 1 for row in ratio)


def test_risk_limits_of_all_symbols_come_page_by_page(session: HTTP) -> None:
    page = session.get_risk_limit(category="linear")["result"]
    assert len({row["symbol"] for row in page["list"]}) == 15
    following = session.get_risk_limit(category="linear", cursor=page["nextPageCursor"])["result"]
    assert not {row["symbol"] for row in page["list"]} & {row["symbol"] for row in following["list"]}


@pytest.mark.parametrize(("category", "symbol"), TRADED)
def test_price_limits_are_around_the_market(session: HTTP, category: str, symbol: str) -> None:
    limit = session.get_price_limit(category=category, symbol=symbol)["result"]
    assert limit["symbol"] == symbol
    assert (
        Decimal(limit["sellLmt"]) < Decimal(ticker(session, category, symbol)["lastPrice"]) < Decimal(limit["buyLmt"])
    )


def test_open_interest_is_paged(session: HTTP) -> None:
    want = {"category": "linear", "symbol": "BTCUSDT", "intervalTime": "5min"}
    first = session.get_open_interest(**want, limit=3)["result"]
    second = session.get_open_interest(**want, limit=3, cursor=first["nextPageCursor"])["result"]
    whole = rows(session.get_open_interest(**want, limit=6))
    assert first["list"] + second["list"] == whole


def test_options_have_tickers_books_trades_and_deliveries(session: HTTP) -> None:
    symbol = an_option(session)
    told = ticker(session, "option", symbol)
    assert Decimal(told["underlyingPrice"]) > 0
    assert -1 <= Decimal(told["delta"]) <= 1
    assert len(rows(session.get_tickers(category="option", baseCoin="BTC"))) == len(
        rows(session.get_instruments_info(category="option", baseCoin="BTC", limit=1000))
    )
    book = session.get_orderbook(category="option", symbol=symbol, limit=25)["result"]
    assert Decimal(book["b"][0][0]) < Decimal(book["a"][0][0])
    trades = rows(session.get_public_trade_history(category="option", baseCoin="BTC", limit=10))
    assert all({"mP", "iP", "mIv", "iv"} <= set(row) for row in trades)
    marks = rows(session.get_mark_price_kline(category="option", symbol=symbol, interval=60, limit=5))
    assert [len(row) for row in marks] == [5] * 5
    assert session.get_option_delivery_price(category="option", baseCoin="BTC")["result"]["category"] == "option"
    assert refusal(session.get_tickers, category="option") == 10001


def test_futures_are_delivered(session: HTTP) -> None:
    future = next(row for row in listed(session, "linear") if row["contractType"] == "LinearFutures")
    told = ticker(session, "linear", future["symbol"])
    assert told["deliveryTime"] == future["deliveryTime"]
    assert (told["fundingRate"], told["basis"] != "") == ("", True)
    for row in rows(session.get_option_delivery_price(category="linear")):
        assert Decimal(row["deliveryPrice"]) > 0


def test_the_rest_of_public_data(session: HTTP) -> None:
    insurance = session.get_insurance(coin="USDT")["result"]
    assert {row["coin"] for row in insurance["list"]} <= {"USDT"}
    assert session.get_system_status()["result"] == {"list": []}
    asked = {"category": "spot", "symbol": "BTCUSDT", "limit": 5}
    rpi, plain = (call(**asked)["result"] for call in (session.get_rpi_orderbook, session.get_orderbook))
    assert [row[:2] for row in rpi["b"]] == plain["b"]
    assert {len(row) for row in rpi["b"]} == {3}
