"""ccxt, asynchronous: many calls at once on one event loop."""

from __future__ import annotations

import asyncio
from typing import Any

import ccxt
import pytest

PERP, SPOT = "BTC/USDT:USDT", "BTC/USDT"


async def until(look: Any) -> Any:
    async with asyncio.timeout(10):
        while not (found := await look()):
            await asyncio.sleep(0.03)
    return found


async def test_reads_side_by_side(asynchronous: Any) -> None:
    book, ticker, trades, candles, balance, positions, orders = await asyncio.gather(
        asynchronous.fetch_order_book(PERP, 50),
        asynchronous.fetch_ticker(SPOT),
        asynchronous.fetch_trades(PERP, limit=10),
        asynchronous.fetch_ohlcv(PERP, "1m", limit=10),
        asynchronous.fetch_balance(),
        asynchronous.fetch_positions(),
        asynchronous.fetch_open_orders(PERP),
    )
    assert book["bids"][0][0] < book["asks"][0][0]
    assert (ticker["symbol"], len(trades), len(candles)) == (SPOT, 10, 10)
    assert balance["total"]["USDT"] > 0
    assert [row for row in positions if row["contracts"]] == orders == []


async def test_orders_side_by_side_have_ids_of_their_own(asynchronous: Any) -> None:
    low = float(asynchronous.price_to_precision(PERP, (await asynchronous.fetch_ticker(PERP))["last"] * 0.95))
    wish = {"symbol": PERP, "type": "limit", "side": "buy", "amount": 0.01, "price": low}
    made = await asyncio.gather(*(asynchronous.create_order(**wish) for _ in range(6)))
    assert len({order["id"] for order in made}) == 6
    await asynchronous.edit_order(made[0]["id"], PERP, "limit", "buy", 0.02, low)
    resting = await asynchronous.fetch_open_orders(PERP)
    assert sorted(row["amount"] for row in resting) == [0.01] * 5 + [0.02]
    # Each order is cancelled twice at once: one of the two is told that there is nothing left.
    outcomes = await asyncio.gather(
        *(asynchronous.cancel_order(order["id"], PERP) for order in made[:3] for _ in range(2)), return_exceptions=True
    )
    for first, second in zip(outcomes[::2], outcomes[1::2], strict=True):
        assert sorted(isinstance(outcome, ccxt.OrderNotFound) for outcome in (first, second)) == [False, True]
    await asynchronous.cancel_all_orders(PERP)
    assert await asynchronous.fetch_open_orders(PERP) == []


async def test_a_round_trip_is_in_the_history(asynchronous: Any) -> None:
    entry = await asynchronous.create_order(PERP, "market", "buy", 0.01)
    await until(lambda: asynchronous.fetch_order_trades(entry["id"], PERP))
    leaving = await asynchronous.create_order(PERP, "market", "sell", 0.01, None, {"reduceOnly": True})
    await until(lambda: asynchronous.fetch_order_trades(leaving["id"], PERP))
    closed = await asynchronous.fetch_closed_orders(PERP)
    assert {entry["id"], leaving["id"]} <= {row["id"] for row in closed}


async def test_refusals(asynchronous: Any) -> None:
    with pytest.raises(ccxt.InsufficientFunds):
        await asynchronous.create_order(SPOT, "limit", "sell", 60, 200_000)
    with pytest.raises(ccxt.OrderNotFound):
        await asynchronous.cancel_order("nobody", PERP)
