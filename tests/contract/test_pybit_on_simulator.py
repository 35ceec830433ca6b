"""An unmodified client of others, pybit 5.17, trades on the simulated exchange and hears its streams.

pybit is synchronous and runs threads of its own, so the exchange runs as a process of its own.
"""

from __future__ import annotations

import contextlib
import json
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pybit.unified_trading
import pytest
from pybit.exceptions import InvalidRequestError
from pybit.unified_trading import HTTP, WebSocket

PATIENCE_S = 10.0
KEY, SECRET = "pybit-key", "pybit-secret"


@dataclass(frozen=True, slots=True)
class Exchange:
    ready: dict[str, Any]

    def http(self) -> HTTP:
        session = HTTP(testnet=False, api_key=KEY, api_secret=SECRET)
        session.endpoint = self.ready["rest"]
        return session


@pytest.fixture(scope="module")
def exchange() -> Iterator[Exchange]:
    command = [sys.executable, "-m", "tradewright.simulator", "--port", "0", "--key", KEY, "--secret", SECRET]
    command += ["--fund", "USDT=100000", "--fund", "BTC=2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        try:
            yield Exchange(json.loads(process.stdout.readline()))
        finally:
            process.terminate()
            process.wait(PATIENCE_S)


@pytest.fixture
def redirected(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> Exchange:
    monkeypatch.setattr(pybit.unified_trading, "PUBLIC_WSS", exchange.ready["ws_public"] + "/{CHANNEL_TYPE}")
    monkeypatch.setattr(pybit.unified_trading, "PRIVATE_WSS", exchange.ready["ws_private"])
    return exchange


class Inbox:
    """What a callback was called with, one thing after another."""

    def __init__(self) -> None:
        self._queue: queue.Queue[dict[str, Any]] = queue.Queue()

    def __call__(self, message: dict[str, Any]) -> None:
        self._queue.put(message)

    def next(self) -> dict[str, Any]:
        return self._queue.get(timeout=PATIENCE_S)


def coin(session: HTTP, name: str) -> dict[str, str]:
    row = session.get_wallet_balance(accountType="UNIFIED", coin=name)["result"]["list"][0]
    return dict(row["coin"][0])


def position_size(session: HTTP) -> Decimal:
    row = session.get_positions(category="linear", symbol="BTCUSDT")["result"]["list"][0]
    return Decimal(row["size"]) * (-1 if row["side"] == "Sell" else 1)


def test_it_reads_the_market(exchange: Exchange) -> None:
    session = exchange.http()
    assert int(session.get_server_time()["result"]["timeSecond"]) > 0
    info = session.get_instruments_info(category="linear")["result"]["list"]
    assert len(info) >= 20
    assert {"BTCUSDT", "ETHUSDT", "1000PEPEUSDT"} <= {row["symbol"] for row in info}
    ticker = session.get_tickers(category="linear", symbol="BTCUSDT")["result"]["list"][0]
    book = session.get_orderbook(category="linear", symbol="BTCUSDT", limit=50)["result"]
    assert Decimal(book["b"][0][0]) < Decimal(book["a"][0][0])
    assert Decimal(ticker["lastPrice"]) > 0
    candles = session.get_kline(category="linear", symbol="BTCUSDT", interval=1, limit=10)["result"]["list"]
    assert [len(row) for row in candles] == [7] * 10
    assert int(candles[0][0]) - int(candles[9][0]) == 9 * 60_000
    assert session.get_public_trade_history(category="linear", symbol="BTCUSDT")["retCode"] == 0


def test_it_places_reads_and_cancels_a_limit_order(exchange: Exchange) -> None:
    session = exchange.http()
    placed = session.place_order(
        category="linear",
        symbol="BTCUSDT",
        side="Buy",
        orderType="Limit",
        qty=0.01,
        price="10000",
        orderLinkId="pybit-limit",
    )
    order_id = placed["result"]["orderId"]
    open_orders = session.get_open_orders(category="linear", settleCoin="USDT")["result"]["list"]
    assert [(row["orderId"], row["orderStatus"]) for row in open_orders] == [(order_id, "New")]
    session.cancel_order(category="linear", symbol="BTCUSDT", orderId=order_id)
    history = session.get_order_history(category="linear", orderId=order_id)["result"]["list"]
    assert [row["orderStatus"] for row in history] == ["Cancelled"]
    with pytest.raises(InvalidRequestError) as caught:
        session.place_order(
            category="linear",
            symbol="BTCUSDT",
            side="Buy",
            orderType="Limit",
            qty=0.01,
            price="10000",
            orderLinkId="pybit-limit",
        )
    assert caught.value.status_code == 110072


def test_it_trades_spot_in_coins_beside_contracts(exchange: Exchange) -> None:
    session = exchange.http()
    (rate,) = session.get_fee_rates(category="spot", symbol="BTCUSDT")["result"]["list"]
    before = {name: Decimal(coin(session, name)["walletBalance"]) for name in ("BTC", "USDT")}
    locked = Decimal(coin(session, "USDT")["locked"])
    resting = session.place_order(
        category="spot",
        symbol="BTCUSDT",
        side="Buy",
        orderType="Limit",
        qty=0.01,
        price="10000",
        orderLinkId="pybit-spot",
    )["result"]["orderId"]
    assert len(resting) == 19
    assert resting.isdigit()
    (row,) = session.get_open_orders(category="spot", symbol="BTCUSDT")["result"]["list"]
    assert (row["orderId"], row["orderStatus"]) == (resting, "New")
    assert Decimal(coin(session, "USDT")["locked"]) == locked + 100
    with pytest.raises(InvalidRequestError) as caught:
        session.place_order(
            category="spot", symbol="BTCUSDT", side="Sell", orderType="Market", qty="1", orderLinkId="pybit-spot"
        )
    assert caught.value.status_code == 170141
    session.cancel_all_orders(category="spot")
    (row,) = session.get_order_history(category="spot", orderId=resting)["result"]["list"]
    assert row["orderStatus"] == "Cancelled"
    assert Decimal(coin(session, "USDT")["locked"]) == locked

    sold = session.place_order(category="spot", symbol="BTCUSDT", side="Sell", orderType="Market", qty="0.5")
    # The cancel of an order that has not happened yet brings it to the market first: a way to wait for it.
    with contextlib.suppress(InvalidRequestError):
        session.cancel_order(category="spot", symbol="BTCUSDT", orderId=sold["result"]["orderId"])
    with pytest.raises(InvalidRequestError) as caught:
        session.cancel_order(category="spot", symbol="BTCUSDT", orderId=sold["result"]["orderId"])
    assert caught.value.status_code == 170213
    fills = session.get_executions(category="spot", orderId=sold["result"]["orderId"])["result"]["list"]
    quantity = sum((Decimal(fill["execQty"]) for fill in fills), Decimal(0))
    value = sum((Decimal(fill["execQty"]) * Decimal(fill["execPrice"]) for fill in fills), Decimal(0))
    assert quantity > 0
    assert {fill["feeCurrency"] for fill in fills} == {"USDT"}
    assert Decimal(coin(session, "BTC")["walletBalance"]) == before["BTC"] - quantity
    assert Decimal(coin(session, "USDT")["walletBalance"]) == before["USDT"] + value * (
        1 - Decimal(rate["takerFeeRate"])
    )


def test_it_hears_its_own_orders_on_the_private_stream(redirected: Exchange) -> None:
    session = redirected.http()
    stream = WebSocket(testnet=False, channel_type="private", api_key=KEY, api_secret=SECRET)
    orders, executions, positions, wallets = Inbox(), Inbox(), Inbox(), Inbox()
    stream.order_stream(callback=orders)
    stream.execution_stream(callback=executions)
    stream.position_stream(callback=positions)
    stream.wallet_stream(callback=wallets)
    before = position_size(session)
    # pybit does not tell when its subscriptions stand: an order that only rests, placed until the wallet, which was
    # subscribed last, is heard of, does.
    heard = threading.Event()
    link_id = ""
    for attempt in range(50):
        link_id = f"pybit-probe-{attempt}"
        session.place_order(
            category="linear",
            symbol="BTCUSDT",
            side="Buy",
            orderType="Limit",
            qty="0.001",
            price="10000",
            orderLinkId=link_id,
        )
        try:
            wallets._queue.get(timeout=0.2)
        except queue.Empty:
            continue
        heard.set()
        break
    assert heard.is_set()
    assert orders.next()["data"][0]["orderStatus"] == "New"
    positions.next()

    placed = session.place_order(category="linear", symbol="BTCUSDT", side="Sell", orderType="Market", qty="0.01")
    execution = executions.next()["data"][0]
    assert (execution["orderId"], execution["execQty"]) == (placed["result"]["orderId"], "0.010")
    while (order := orders.next()["data"][0])["orderId"] != placed["result"]["orderId"]:
        pass
    assert order["orderStatus"] == "Filled"
    assert positions.next()["topic"] == "position"
    assert wallets.next()["data"][0]["accountType"] == "UNIFIED"
    assert position_size(session) == before - Decimal("0.01")
    listed = session.get_executions(category="linear", orderId=placed["result"]["orderId"])["result"]["list"]
    assert [row["execId"] for row in listed] == [execution["execId"]]
    stream.exit()


def test_it_merges_the_public_stream(redirected: Exchange) -> None:
    stream = WebSocket(testnet=False, channel_type="linear")
    books, trades, tickers, candles = Inbox(), Inbox(), Inbox(), Inbox()
    stream.orderbook_stream(depth=50, symbol="BTCUSDT", callback=books)
    stream.trade_stream(symbol="BTCUSDT", callback=trades)
    stream.ticker_stream(symbol="BTCUSDT", callback=tickers)
    stream.kline_stream(interval=1, symbol="BTCUSDT", callback=candles)
    for _ in range(20):
        # pybit applies each delta and hands out the whole book; a delta it cannot apply kills its reader.
        book = books.next()["data"]
        bids, asks = ([Decimal(price) for price, _ in book[side]] for side in ("b", "a"))
        assert max(bids) < min(asks)
        assert len(bids) <= 50
    assert trades.next()["data"][0]["s"] == "BTCUSDT"
    first, second = tickers.next()["data"], tickers.next()["data"]
    assert set(first) == set(second)
    assert candles.next()["data"][0]["interval"] == "1"
    stream.exit()


def test_it_reads_spot_pairs_and_hears_their_stream(redirected: Exchange) -> None:
    session = redirected.http()
    info = {row["symbol"]: row for row in session.get_instruments_info(category="spot")["result"]["list"]}
    assert len(info) >= 10
    tick = Decimal(info["SOLUSDT"]["priceFilter"]["tickSize"])
    ticker = session.get_tickers(category="spot", symbol="SOLUSDT")["result"]["list"][0]
    assert Decimal(ticker["bid1Price"]) % tick == 0
    assert len(session.get_orderbook(category="spot", symbol="SOLUSDT")["result"]["b"]) == 1
    assert len(session.get_public_trade_history(category="spot", symbol="SOLUSDT")["result"]["list"]) == 60
    candles = session.get_kline(category="spot", symbol="SOLUSDT", interval=60, limit=5)["result"]["list"]
    assert [len(row) for row in candles] == [7] * 5

    stream = WebSocket(testnet=False, channel_type="spot")
    books, trades, tickers, bars = Inbox(), Inbox(), Inbox(), Inbox()
    stream.orderbook_stream(depth=50, symbol="BTCUSDT", callback=books)
    stream.trade_stream(symbol="BTCUSDT", callback=trades)
    stream.ticker_stream(symbol="BTCUSDT", callback=tickers)
    stream.kline_stream(interval=1, symbol="BTCUSDT", callback=bars)
    for _ in range(10):
        book = books.next()["data"]
        bids, asks = ([Decimal(price) for price, _ in book[side]] for side in ("b", "a"))
        assert max(bids) < min(asks)
    trade = trades.next()["data"][0]
    assert (trade["s"], "L" in trade) == ("BTCUSDT", False)
    told = tickers.next()
    assert (told["type"], "bid1Price" in told["data"]) == ("snapshot", False)
    assert bars.next()["data"][0]["interval"] == "1"
    stream.exit()
