"""ccxt.pro: what it watches, in every category; books that it rebuilds equal the exchange's; orders by socket."""

from __future__ import annotations

import asyncio
from typing import Any

import ccxt
import pytest

PERP, INVERSE, SPOT = "BTC/USDT:USDT", "BTC/USD:BTC", "BTC/USDT"
TRADED = [PERP, INVERSE, SPOT]
PATIENCE_S = 10.0


async def heard(watching: Any) -> Any:
    async with asyncio.timeout(PATIENCE_S):
        return await watching


@pytest.mark.parametrize("symbol", TRADED)
@pytest.mark.parametrize("depth", [1, 50, 200, 1000])
async def test_a_book_rebuilt_from_changes_equals_the_exchanges(pro: Any, motion: Any, symbol: str, depth: int) -> None:
    book = await heard(pro.watch_order_book(symbol, depth))
    for _ in range(4):
        book = await heard(pro.watch_order_book(symbol, depth))
        assert book["bids"][0][0] < book["asks"][0][0]
    motion(do="pause")
    try:
        there = await pro.fetch_order_book(symbol, depth)

        def same() -> bool:
            return all(
                [list(row[:2]) for row in book[side]][:depth] == [row[:2] for row in there[side]][:depth]
                for side in ("bids", "asks")
            )

        async with asyncio.timeout(PATIENCE_S):
            while not same():
                await asyncio.sleep(0.02)
    finally:
        motion(do="resume")
        await pro.un_watch_order_book(symbol, {"limit": depth})


@pytest.mark.parametrize("symbol", TRADED)
async def test_prices_trades_and_candles_are_watched(pro: Any, symbol: str) -> None:
    ticker, trades, candles, best = await asyncio.gather(
        heard(pro.watch_ticker(symbol)),
        heard(pro.watch_trades(symbol)),
        heard(pro.watch_ohlcv(symbol, "1m")),
        heard(pro.watch_bids_asks([symbol])),
    )
    assert ticker["symbol"] == symbol
    assert {trade["symbol"] for trade in trades} == {symbol}
    assert candles[-1][2] >= candles[-1][3]
    assert best[symbol]["bid"] < best[symbol]["ask"]


async def test_many_symbols_with_one_request(pro: Any) -> None:
    symbols = ["BTC/USDT:USDT", "ETH/USDT:USDT", "SOL/USDT:USDT"]
    seen: set[str] = set()
    async with asyncio.timeout(PATIENCE_S):
        while seen < set(symbols):
            seen |= set(await pro.watch_tickers(symbols))
    book = await heard(pro.watch_order_book_for_symbols(symbols))
    assert book["symbol"] in symbols
    assert (await heard(pro.watch_trades_for_symbols(symbols)))[0]["symbol"] in symbols


async def test_watching_is_ended(pro: Any) -> None:
    await heard(pro.watch_trades("ETH/USDT:USDT"))
    await heard(pro.un_watch_trades("ETH/USDT:USDT"))
    await heard(pro.watch_trades("ETH/USDT:USDT"))


async def first(watch: Any, wanted: Any) -> Any:
    """The first of the rows of several messages that is wanted."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            found = await watch()
            for row in found if isinstance(found, list) else [found]:
                if wanted(row):
                    return row


@pytest.mark.parametrize(("symbol", "amount"), [(PERP, 0.01), (INVERSE, 100), (SPOT, 0.01)])
async def test_orders_trades_balances_and_positions_are_watched(pro: Any, symbol: str, amount: float) -> None:
    low = float(pro.price_to_precision(symbol, (await pro.fetch_ticker(symbol))["last"] * 0.97))
    watching = asyncio.create_task(first(lambda: pro.watch_orders(symbol), lambda row: row["price"] == low))
    # An order that was made before ccxt had subscribed is not told again: the next one is.
    order: dict[str, Any] = {}
    while not watching.done():
        order = await pro.create_order(symbol, "limit", "buy", amount, low)
        await asyncio.wait([watching], timeout=0.3)
    seen = await watching
    assert (seen["symbol"], seen["status"]) == (symbol, "open")
    await pro.cancel_all_orders(symbol)
    gone = await first(
        lambda: pro.watch_orders(symbol), lambda row: row["id"] == order["id"] and row["status"] != "open"
    )
    assert gone["status"] == "canceled"

    trades = asyncio.create_task(first(lambda: pro.watch_my_trades(symbol), lambda row: row["amount"] > 0))
    balances = asyncio.create_task(first(pro.watch_balance, lambda row: row["USDT"]["total"] > 0))
    made = []
    while not (trades.done() and balances.done()):
        made.append((await pro.create_order(symbol, "market", "sell", amount))["id"])
        await asyncio.wait([trades, balances], timeout=0.3)
    trade = await trades
    assert (trade["symbol"], trade["order"] in made, trade["side"]) == (symbol, True, "sell")
    assert (await balances)["BTC"]["total"] > 0
    if symbol != SPOT:
        position = asyncio.create_task(
            first(lambda: pro.watch_positions([symbol]), lambda row: row["symbol"] == symbol and row["contracts"])
        )
        while not position.done():
            await pro.create_order(symbol, "market", "sell", amount)
            await asyncio.wait([position], timeout=0.3)
        assert (await position)["side"] == "short"
        (held,) = [row for row in await pro.fetch_positions([symbol]) if row["contracts"]]
        await pro.create_order(symbol, "market", "buy", held["contracts"], None, {"reduceOnly": True})


@pytest.mark.parametrize(("symbol", "amount"), [(PERP, 0.01), (SPOT, 0.01)])
async def test_orders_go_by_the_trade_socket(pro: Any, symbol: str, amount: float) -> None:
    low = float(pro.price_to_precision(symbol, (await pro.fetch_ticker(symbol))["last"] * 0.97))
    order = await heard(pro.create_order_ws(symbol, "limit", "buy", amount, low))
    lower = float(pro.price_to_precision(symbol, low * 0.99))
    await heard(pro.edit_order_ws(order["id"], symbol, "limit", "buy", amount * 2, lower))
    (resting,) = await pro.fetch_open_orders(symbol)
    assert (resting["id"], resting["price"], resting["amount"]) == (order["id"], lower, amount * 2)
    await heard(pro.cancel_order_ws(order["id"], symbol))
    assert await pro.fetch_open_orders(symbol) == []
    with pytest.raises(ccxt.OrderNotFound):
        await heard(pro.cancel_order_ws(order["id"], symbol))


async def test_a_wrong_secret_does_not_log_in(pro: Any) -> None:
    stranger = type(pro)({"apiKey": pro.apiKey, "secret": "wrong", "options": pro.options})
    stranger.urls["api"] = pro.urls["api"]
    stranger.set_markets(pro.markets)
    try:
        with pytest.raises(ccxt.ExchangeError):
            await heard(stranger.watch_orders(PERP))
    finally:
        await stranger.close()
