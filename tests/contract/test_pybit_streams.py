"""The streams as unmodified pybit hears them: every public topic of every category, books rebuilt from changes that
equal the exchange's own, every private topic, and orders by the trade socket.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from pybit.unified_trading import HTTP

from support.exchange_process import ExchangeProcess, exchange_process
from support.pybit_client import Inbox, http, once, private_stream, public_stream, redirect, rows, trade_stream

TRADED = [("linear", "BTCUSDT"), ("inverse", "BTCUSD"), ("spot", "BTCUSDT")]
BTC = {"category": "linear", "symbol": "BTCUSDT"}


@pytest.fixture(scope="module")
def running() -> Iterator[ExchangeProcess]:
    with exchange_process("--speed", "5") as found:
        yield found


@pytest.fixture
def exchange(running: ExchangeProcess, monkeypatch: pytest.MonkeyPatch) -> ExchangeProcess:
    redirect(running, monkeypatch)
    return running


def sides(book: dict[str, Any], depth: int) -> tuple[list[tuple[Decimal, Decimal]], list[tuple[Decimal, Decimal]]]:
    """Bids and asks, best first; pybit keeps its levels in no order."""
    bids, asks = ([(Decimal(price), Decimal(size)) for price, size in book[side]] for side in ("b", "a"))
    return sorted(bids, reverse=True)[:depth], sorted(asks)[:depth]


@pytest.mark.parametrize(
    ("category", "depth"),
    [(category, depth) for category, _ in TRADED for depth in (1, 50, 200, 1000)] + [("option", 25), ("option", 100)],
)
def test_a_book_rebuilt_from_changes_equals_the_exchanges(exchange: ExchangeProcess, category: str, depth: int) -> None:
    session = http(exchange)
    (spec, *_) = rows(session.get_instruments_info(category=category, baseCoin="BTC"))
    symbol = spec["symbol"] if category == "option" else dict(TRADED)[category]
    stream, books = public_stream(category), Inbox()
    stream.orderbook_stream(depth=depth, symbol=symbol, callback=books)
    told = [books.next() for _ in range(1 if category == "option" else 12)]
    try:
        exchange.pause()
        there = session.get_orderbook(
            category=category, symbol=symbol, limit=min(depth, 25 if category == "option" else 1000)
        )
        wanted = sides(there["result"], depth)

        def caught_up() -> bool:
            told.extend(books.waiting())
            return bool(told[-1]["data"]["seq"] >= there["result"]["seq"] or sides(told[-1]["data"], depth) == wanted)

        once(caught_up)
        reach = len(wanted[0])
        assert tuple(side[:reach] for side in sides(told[-1]["data"], depth)) == wanted
        for message in told:
            bids, asks = sides(message["data"], depth)
            assert bids[0][0] < asks[0][0]
            assert max(len(message["data"]["b"]), len(message["data"]["a"])) <= depth
        updates = [message["data"]["u"] for message in told]
        if depth > 1:
            assert updates == list(range(updates[0], updates[0] + len(updates)))
        assert {message["topic"] for message in told} == {f"orderbook.{depth}.{symbol}"}
    finally:
        exchange.resume()
        stream.exit()


@pytest.mark.parametrize(("category", "symbol"), TRADED)
def test_prices_trades_and_candles_are_told(exchange: ExchangeProcess, category: str, symbol: str) -> None:
    session = http(exchange)
    stream = public_stream(category)
    trades, tickers, candles = Inbox(), Inbox(), Inbox()
    stream.trade_stream(symbol=symbol, callback=trades)
    stream.ticker_stream(symbol=symbol, callback=tickers)
    stream.kline_stream(interval=1, symbol=symbol, callback=candles)
    heard = [row for _ in range(3) for row in trades.next()["data"]]
    assert {row["s"] for row in heard} == {symbol}
    assert [row["T"] for row in heard] == sorted(row["T"] for row in heard)
    listed = once(
        lambda: {
            row["execId"]: row
            for row in rows(session.get_public_trade_history(category=category, symbol=symbol, limit=60))
        }
    )
    known = [row for row in heard if row["i"] in listed]
    assert known
    for row in known:
        there = listed[row["i"]]
        assert (row["p"], row["v"], row["S"], str(row["T"])) == (
            there["price"],
            there["size"],
            there["side"],
            there["time"],
        )
    ticker, candle = tickers.next(), candles.next()["data"][0]
    if category == "spot":
        assert "bid1Price" not in ticker["data"]
    else:
        fields = rows(session.get_tickers(category=category, symbol=symbol))[0]
        assert {"markPrice", "indexPrice", "fundingRate", "openInterest", "bid1Price"} <= set(ticker["data"])
        assert set(ticker["data"]) == set(tickers.next()["data"])
        assert Decimal(ticker["data"]["lastPrice"]) / Decimal(fields["lastPrice"]) - 1 < Decimal("0.05")
    assert (candle["interval"], candle["end"] - candle["start"]) == ("1", 59_999)
    stream.exit()


def test_options_are_told_by_symbol_and_by_coin(exchange: ExchangeProcess) -> None:
    session = http(exchange)
    (spec, *_) = rows(session.get_instruments_info(category="option", baseCoin="BTC"))
    stream, tickers, trades = public_stream("option"), Inbox(), Inbox()
    stream.ticker_stream(symbol=spec["symbol"], callback=tickers)
    stream.trade_stream(symbol="BTC", callback=trades)
    told = tickers.next()
    assert told["type"] == "snapshot"
    assert {"bidPrice", "askIv", "markPriceIv", "underlyingPrice", "delta"} <= set(told["data"])
    stream.exit()


def test_topics_that_seldom_speak_are_taken(exchange: ExchangeProcess) -> None:
    stream = public_stream("linear")
    limits, pool, quiet = Inbox(), Inbox(), Inbox()
    stream.price_limit_stream(symbol="BTCUSDT", callback=limits)
    stream.insurance_pool_stream(contract_group="USDT", callback=pool)
    stream.all_liquidation_stream(symbol="BTCUSDT", callback=quiet)
    told = limits.next()
    assert told["data"]["symbol"] == "BTCUSDT"
    assert Decimal(told["data"]["sellLmt"]) < Decimal(told["data"]["buyLmt"])
    assert pool.next()["topic"] == "insurance.USDT"
    status = public_stream("misc/status")
    status.system_status_stream(callback=quiet)
    assert status.is_connected()
    for each in (stream, status):
        each.exit()


def test_the_book_with_retail_orders_beside_it(exchange: ExchangeProcess) -> None:
    stream, books = public_stream("linear"), Inbox()
    stream.rpi_orderbook_stream(symbol="BTCUSDT", callback=books)
    told = books.next()
    assert told["topic"] == "orderbook.rpi.BTCUSDT"
    assert {len(row) for row in told["data"]["b"]} == {3}
    stream.exit()


def test_one_may_stop_listening(exchange: ExchangeProcess) -> None:
    stream, books, others = public_stream("linear"), Inbox(), Inbox()
    stream.orderbook_stream(depth=50, symbol="BTCUSDT", callback=books)
    stream.orderbook_stream(depth=50, symbol="ETHUSDT", callback=others)
    books.next()
    stream.unsubscribe("orderbook.50.BTCUSDT")
    once(lambda: "orderbook.50.BTCUSDT" not in stream.callback_directory)
    books.waiting()
    others.waiting()
    # A book of another symbol that goes on is the proof that time passed.
    for _ in range(10):
        others.next()
    assert books.waiting() == []
    stream.exit()


class Heard:
    """A private stream, once it is known to hear."""

    def __init__(self, session: HTTP) -> None:
        self.session = session
        self.stream = private_stream()
        self.orders, self.executions, self.positions, self.wallets = Inbox(), Inbox(), Inbox(), Inbox()
        self.fast = Inbox()
        self.stream.order_stream(callback=self.orders)
        self.stream.execution_stream(callback=self.executions)
        self.stream.position_stream(callback=self.positions)
        self.stream.fast_execution_stream(callback=self.fast, categorised_topic="linear")
        self.stream.wallet_stream(callback=self.wallets)
        # pybit does not tell when its subscriptions stand: the answer to an order that came after the last one does.
        self.probe()

    def probe(self) -> None:
        def heard() -> bool:
            if self.wallets.waiting():
                return True
            self.session.place_order(**BTC, side="Buy", orderType="Limit", qty="0.001", price="20000")
            time.sleep(0.2)  # the exchange takes ten orders a second
            return False

        once(heard)
        self.session.cancel_all_orders(**BTC)

    def close(self) -> None:
        self.stream.exit()


@pytest.fixture
def heard(exchange: ExchangeProcess) -> Iterator[Heard]:
    found = Heard(http(exchange))
    yield found
    found.close()


@pytest.mark.parametrize(
    ("category", "symbol", "qty"),
    [("linear", "BTCUSDT", "0.01"), ("inverse", "BTCUSD", "100"), ("spot", "BTCUSDT", "0.01")],
)
def test_an_order_is_told_from_its_birth_to_its_effects(heard: Heard, category: str, symbol: str, qty: str) -> None:
    session, at = heard.session, {"category": category, "symbol": symbol}
    low = str(round(Decimal(rows(session.get_tickers(**at))[0]["lastPrice"]) * Decimal("0.97")))
    resting = session.place_order(**at, side="Buy", orderType="Limit", qty=qty, price=low)["result"]["orderId"]
    assert heard.orders.row(orderId=resting)["orderStatus"] == "New"
    session.amend_order(**at, orderId=resting, price=str(int(low) - 1))
    assert Decimal(heard.orders.row(orderId=resting)["price"]) == int(low) - 1
    session.cancel_order(**at, orderId=resting)
    row = heard.orders.row(orderId=resting, orderStatus="Cancelled")
    assert (row["category"], row["cancelType"], "tpslMode" in row) == (category, "CancelByUser", category != "spot")

    made = session.place_order(**at, side="Sell", orderType="Market", qty=qty, orderLinkId=f"stream-{category}")
    order_id = made["result"]["orderId"]
    row = heard.orders.row(orderId=order_id, orderStatus="Filled")
    fills = [heard.executions.row(orderId=order_id)]
    while Decimal(fills[-1]["leavesQty"]):
        fills.append(heard.executions.row(orderId=order_id))
    assert sum(Decimal(fill["execQty"]) for fill in fills) == Decimal(row["cumExecQty"])
    listed = {fill["execId"]: fill for fill in rows(session.get_executions(**at, orderId=order_id))}
    assert listed.keys() == {fill["execId"] for fill in fills}
    for fill in fills:
        there = listed[fill["execId"]]
        same = ("execPrice", "execQty", "execFee", "execValue", "feeCurrency", "isMaker", "seq")
        assert {key: fill[key] for key in same} == {key: there[key] for key in same}
        assert fill["category"] == category
    if category == "linear":
        quick = heard.fast.row(orderId=order_id)
        assert quick["execId"] in listed
    if category != "spot":
        told = heard.positions.row(symbol=symbol, category=category)
        while told["side"] != "Sell":
            told = heard.positions.row(symbol=symbol, category=category)
        (there,) = rows(session.get_positions(**at))
        assert (told["size"], told["entryPrice"]) == (there["size"], there["avgPrice"])
        session.place_order(**at, side="Buy", orderType="Market", qty=qty, reduceOnly=True)
        assert heard.positions.row(symbol=symbol, category=category, side="")["size"].strip("0.") == ""
    assert heard.wallets.next()["data"][0]["accountType"] == "UNIFIED"


def test_private_topics_may_be_of_one_category(exchange: ExchangeProcess, heard: Heard) -> None:
    linear, spot, quiet = Inbox(), Inbox(), Inbox()
    stream = private_stream()
    stream.subscribe("order.{symbol}", linear, ["linear"])
    stream.subscribe("order.{symbol}", spot, ["spot"])
    stream.subscribe("dcp.{symbol}", quiet, ["future"])
    wallets = Inbox()
    stream.wallet_stream(callback=wallets)
    heard.session.place_order(**BTC, side="Buy", orderType="Limit", qty="0.001", price="20000")

    def subscribed() -> bool:
        heard.session.cancel_all_orders(**BTC)
        heard.session.place_order(**BTC, side="Buy", orderType="Limit", qty="0.001", price="20000")
        time.sleep(0.2)  # the exchange takes ten orders a second
        return bool(wallets.waiting())

    once(subscribed)
    pair = {"category": "spot", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "qty": "0.01"}
    low = str(
        round(Decimal(rows(heard.session.get_tickers(category="spot", symbol="BTCUSDT"))[0]["lastPrice"]) * 97 / 100)
    )
    made = heard.session.place_order(**pair, price=low)["result"]["orderId"]
    assert spot.row(orderId=made)["category"] == "spot"
    heard.session.cancel_all_orders(category="spot")
    heard.session.cancel_all_orders(**BTC)
    assert {row["category"] for message in linear.waiting() for row in message["data"]} == {"linear"}
    assert {row["category"] for message in spot.waiting() for row in message["data"]} <= {"spot"}
    assert quiet.waiting() == []
    stream.exit()


def test_greeks_are_a_private_topic_too(exchange: ExchangeProcess, heard: Heard) -> None:
    greeks = Inbox()
    heard.stream.greek_stream(callback=greeks)
    heard.probe()  # a refused subscription would have ended pybit's reader
    assert greeks.waiting() == []


def test_orders_go_by_the_trade_socket(exchange: ExchangeProcess, heard: Heard) -> None:
    trade, answers, errors = trade_stream(), Inbox(), Inbox()
    ask = {"callback": answers, "error_callback": errors}
    order = BTC | {"side": "Buy", "orderType": "Limit", "qty": "0.01", "price": "20000", "orderLinkId": "socket-1"}
    trade.place_order(**ask, **order)
    placed = answers.next()
    assert (placed["op"], placed["retCode"], placed["data"]["orderLinkId"]) == ("order.create", 0, "socket-1")
    assert placed["header"]["X-Bapi-Limit"] == "10"
    order_id = placed["data"]["orderId"]
    assert heard.orders.row(orderId=order_id)["orderStatus"] == "New"
    trade.amend_order(**ask, **BTC, orderId=order_id, price="20001")
    assert (answers.next()["op"], Decimal(heard.orders.row(orderId=order_id)["price"])) == ("order.amend", 20001)
    trade.place_order(**ask, **order)
    refused = errors.next()
    assert (refused["op"], refused["retCode"]) == ("order.create", 110072)
    trade.cancel_order(**ask, **BTC, orderId=order_id)
    assert answers.next()["data"]["orderId"] == order_id
    assert heard.orders.row(orderId=order_id)["orderStatus"] == "Cancelled"
    trade.cancel_order(**ask, **BTC, orderId=order_id)
    assert errors.next()["retCode"] == 110001

    item = {key: value for key, value in order.items() if key != "category"}
    several = [item | {"orderLinkId": name} for name in ("socket-2", "socket-3", "socket-2")]
    trade.place_batch_order(**ask, category="linear", request=several)
    made = answers.next()
    assert [outcome["code"] for outcome in made["retExtInfo"]["list"]] == [0, 0, 110072]
    change = {"symbol": "BTCUSDT", "orderLinkId": "socket-2", "qty": "0.02"}
    trade.amend_batch_order(**ask, category="linear", request=[change])
    assert [outcome["code"] for outcome in answers.next()["retExtInfo"]["list"]] == [0]
    gone = [{"symbol": "BTCUSDT", "orderLinkId": name} for name in ("socket-2", "socket-3")]
    trade.cancel_batch_order(**ask, category="linear", request=gone)
    assert [outcome["code"] for outcome in answers.next()["retExtInfo"]["list"]] == [0, 0]
    assert rows(heard.session.get_open_orders(**BTC)) == []
    trade.exit()
