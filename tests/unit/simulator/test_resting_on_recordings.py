"""A resting order on a recording fills when the price goes through it, at its own price, and a touch is not enough."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from support.replayed import Replayed, replayed

CANDLES = "open_time_ms,open,high,low,close,volume,turnover"
TRADES = "time_ms,id,side,price,size"
QUOTES = "time_ms,bid,bid_size,ask,ask_size"
LIMIT = "9.8"


def snapshot(ms: int, bid: str, ask: str) -> str:
    data = {"s": "BTCUSDT", "b": [[bid, "5"]], "a": [[ask, "5"]], "u": 1, "seq": ms}
    return json.dumps({"topic": "orderbook.50.BTCUSDT", "type": "snapshot", "ts": ms, "data": data, "cts": ms})


# By kind: files, a moment at which the price has only touched the limit, and the first one at which it is beyond.
TOUCHED: dict[str, tuple[list[list[str]], int, int]] = {
    "candles": (
        [[CANDLES, "60000,10,10.4,10,10.2,1,", "120000,10.2,10.3,9.8,9.9,1,", "180000,9.9,10,9.7,10,1,"]],
        179_999,
        195_000,  # a bar that closed above its open goes low first, a quarter of the way in
    ),
    "trades": (
        [[TRADES, "60000,1,Buy,10,1", "61000,2,Sell,9.8,100", "62000,3,Sell,9.7,0.001", "63000,4,Buy,10,1"]],
        61_999,
        62_000,
    ),
    "quotes": (
        [[QUOTES, "60000,9.9,1,10,1", "61000,9.7,9,9.8,9", "62000,9.7,9,9.79,9", "63000,9,1,10,1"]],
        61_999,
        62_000,
    ),
    "an archive": (
        [
            [
                snapshot(60_000, "9.9", "10"),
                snapshot(61_000, "9.7", "9.8"),
                snapshot(62_000, "9.5", "9.7"),
                snapshot(63_000, "9", "10"),
            ]
        ],
        61_999,
        62_000,
    ),
    "trades beside quotes": (
        [
            [TRADES, "60000,1,Buy,10,1", "61000,2,Sell,9.8,100", "62000,3,Sell,9.7,1", "63000,4,Buy,10,1"],
            [QUOTES, "60000,9.9,1,10,1", "63000,9.9,1,10,1"],
        ],
        61_999,
        62_000,
    ),
    "quotes beside trades": (
        [
            [TRADES, "60000,1,Buy,10,1", "63000,4,Buy,10,1"],
            [QUOTES, "60000,9.9,1,10,1", "61000,9.7,9,9.8,9", "62000,9.5,9,9.7,9", "63000,9.9,1,10,1"],
        ],
        61_999,
        62_000,
    ),
}


@pytest.mark.parametrize("kind", TOUCHED)
async def test_a_buy_below_the_market_fills_beyond_its_price_only(tmp_path: Path, kind: str) -> None:
    files, touched_ms, beyond_ms = TOUCHED[kind]
    targets = []
    for number, lines in enumerate(files):
        path = tmp_path / f"{number}.gz"
        path.write_bytes(gzip.compress("\n".join([*lines, ""]).encode()))
        targets.append(f"{path}@linear:BTCUSDT")
    async with replayed(*targets, from_ms=60_000) as exchange:
        orders = await exchange.client.private("order", "execution")
        placed = await exchange.client.create("Buy", "1", LIMIT)
        assert placed.code == 0, placed.body
        await orders.until(lambda frame: said(frame, "order", "orderStatus", "New"))

        await exchange.move(do="jump", to=touched_ms)
        assert [row["orderStatus"] for row in await open_orders(exchange)] == ["New"]

        await exchange.move(do="jump", to=(await exchange.clock())["to_ms"])
        filled = await orders.until(lambda frame: said(frame, "execution", "execPrice", "9.8"))
        assert filled["data"][0]["isMaker"] is True
        assert await open_orders(exchange) == []
        assert await moment_of_fill(exchange) == beyond_ms


def said(frame: dict[str, Any], topic: str, name: str, value: str) -> bool:
    return frame.get("topic") == topic and float_free(frame["data"][0][name]) == value


def float_free(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


async def open_orders(exchange: Replayed) -> list[dict[str, Any]]:
    return (await exchange.client.get("/v5/order/realtime", "category=linear&symbol=BTCUSDT")).rows


async def moment_of_fill(exchange: Replayed) -> int:
    """Market time of the only fill, by the exchange's own log."""
    url = f"{exchange.client.addresses.rest}/sim/log"
    async with exchange.client.session.get(url, headers={"X-Sim-Key": exchange.client.key.key}) as response:
        entries = (await response.json())["entries"]
    [fill] = [entry["event"] for entry in entries if "exec_id" in entry["event"]]
    return int(fill["at"]["market_ms"])
