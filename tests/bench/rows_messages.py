"""Decode and route one public message, state merged: from the bytes of a frame to an event a reader can take.

Both sides get the same messages as their socket library hands them over (bytes here, text in pybit). Ours ends with
typed values (Decimal prices) in the reader's queue, pybit's with plain text in dictionaries in a callback.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import msgspec
import structlog
from pybit._websocket_stream import _V5WebSocketManager
from tests.bench.harness import Row

from tradewright.exchange.bybit.public_stream import BybitPublicStream
from tradewright.exchange.bybit.wire import BookRow, KlineRow, Push, TickerRow, TradeRow
from tradewright.exchange.ports import Endpoints
from tradewright.system import SystemClock, SystemRng

MESSAGES = 400
AT_MS = 1_700_000_000_000


def rows() -> list[Row]:
    return [
        _row("decode and route: ticker", "tickers.BTCUSDT", _tickers(), TickerRow, goal=5),
        _row("decode and route: trade", "publicTrade.BTCUSDT", _trades(), list[TradeRow], goal=4),
        _row("decode and route: kline", "kline.1.BTCUSDT", _klines(), list[KlineRow], goal=4),
        _row("decode and route: book of 50", "orderbook.50.BTCUSDT", _books(), BookRow, goal=7),
    ]


def _row(name: str, topic: str, messages: list[dict[str, Any]], shape: Any, *, goal: float) -> Row:
    texts = [json.dumps(message, separators=(",", ":")) for message in messages]
    raws = [text.encode() for text in texts]
    return Row(
        name=name,
        ours=_ours(topic, raws),
        peer=_pybit(topic, texts),
        peer_name="pybit",
        operations=len(messages),
        must=2,
        goal=goal,
        floor=_bare_msgspec(raws, shape),
    )


def _ours(topic: str, raws: list[bytes]) -> Callable[[], None]:
    nowhere = Endpoints("", "", "")
    quiet = structlog.wrap_logger(None, wrapper_class=structlog.make_filtering_bound_logger(50))
    stream = BybitPublicStream(lambda: nowhere, "linear", clock=SystemClock(), rng=SystemRng(), log=quiet)
    stream.subscribe(topic)
    runner = stream._runner

    def run() -> None:
        for raw in raws:
            runner._heard(raw)
        assert len(runner._queue) == len(raws), "a message was not routed"
        runner._queue.clear()

    return run


def _pybit(topic: str, texts: list[str]) -> Callable[[], None]:
    manager = _V5WebSocketManager.__new__(_V5WebSocketManager)  # without the connection that its constructor opens
    taken: list[Any] = []
    manager.data = {}
    manager.callback_directory = {topic: taken.append}
    manager.callback = manager._handle_incoming_message

    def run() -> None:
        for text in texts:
            manager._on_message(text)
        assert len(taken) == len(texts), "a message was not routed"
        taken.clear()

    return run


def _bare_msgspec(raws: list[bytes], shape: Any) -> Callable[[], None]:
    """Decoding alone, with nothing checked and nothing made of it."""
    decoder = msgspec.json.Decoder(Push[shape])

    def run() -> None:
        for raw in raws:
            decoder.decode(raw)

    return run


def _push(topic: str, data: object, kind: str = "snapshot", number: int = 0) -> dict[str, Any]:
    return {"topic": topic, "type": kind, "ts": AT_MS + number, "data": data, "cs": number, "cts": AT_MS + number}


def _price(chance: random.Random) -> str:
    return f"{60_000 + chance.randrange(-2_000, 2_000) / 10:.2f}"


def _tickers() -> list[dict[str, Any]]:
    """A snapshot and then deltas of four to seven fields, as a lively market sends them."""
    chance = random.Random(1)
    full = {
        "symbol": "BTCUSDT",
        "tickDirection": "PlusTick",
        "price24hPcnt": "0.012345",
        "prevPrice24h": "59000.00",
        "prevPrice1h": "60010.00",
        "highPrice24h": "61000.00",
        "lowPrice24h": "58000.00",
        "fundingRate": "0.0001",
        "nextFundingTime": "1700006400000",
        "preOpenPrice": "",
    }
    lively = ("lastPrice", "markPrice", "indexPrice", "bid1Price", "ask1Price")
    sizes = ("bid1Size", "ask1Size", "volume24h", "turnover24h", "openInterest", "openInterestValue")
    changing = {name: _price(chance) for name in lively} | {name: f"{chance.random() * 1e5:.3f}" for name in sizes}
    messages = [_push("tickers.BTCUSDT", full | changing)]
    for number in range(1, MESSAGES):
        names = chance.sample(lively, chance.randrange(2, 4)) + chance.sample(sizes, chance.randrange(2, 4))
        values = {name: _price(chance) if name in lively else f"{chance.random() * 1e5:.3f}" for name in names}
        messages.append(_push("tickers.BTCUSDT", {"symbol": "BTCUSDT"} | values, "delta", number))
    return messages


def _trades() -> list[dict[str, Any]]:
    chance = random.Random(2)
    return [
        _push(
            "publicTrade.BTCUSDT",
            [
                {
                    "T": AT_MS + number,
                    "s": "BTCUSDT",
                    "S": chance.choice(("Buy", "Sell")),
                    "v": f"{chance.random():.3f}",
                    "p": _price(chance),
                    "L": "PlusTick",
                    "i": f"{number:08x}-0000-4000-8000-000000000000",
                    "BT": False,
                    "RPI": False,
                    "seq": number,
                }
            ],
            number=number,
        )
        for number in range(MESSAGES)
    ]


def _klines() -> list[dict[str, Any]]:
    chance = random.Random(3)
    return [
        _push(
            "kline.1.BTCUSDT",
            [
                {
                    "start": AT_MS,
                    "end": AT_MS + 59_999,
                    "interval": "1",
                    "open": "60000.00",
                    "close": _price(chance),
                    "high": "60300.00",
                    "low": "59700.00",
                    "volume": f"{chance.random() * 100:.3f}",
                    "turnover": f"{chance.random() * 6e6:.4f}",
                    "confirm": False,
                    "timestamp": AT_MS + number,
                }
            ],
            number=number,
        )
        for number in range(MESSAGES)
    ]


def _books() -> list[dict[str, Any]]:
    """A snapshot of 50 levels a side and deltas of 2 to 8 rows that keep it at 50, deleting only what is there."""
    chance = random.Random(4)
    bids = {60_000 - n: "1.000" for n in range(1, 51)}
    asks = {60_000 + n: "1.000" for n in range(1, 51)}

    def rows_of(side: dict[int, str]) -> list[list[str]]:
        return [[f"{price}.00", size] for price, size in side.items()]

    def book(u: int, b: list[list[str]], a: list[list[str]]) -> dict[str, Any]:
        return {"s": "BTCUSDT", "b": b, "a": a, "u": u, "seq": u}

    messages = [_push("orderbook.50.BTCUSDT", book(100, rows_of(bids), rows_of(asks)))]
    for number in range(1, MESSAGES):
        changes: list[list[list[str]]] = []
        for side in (bids, asks):
            rows: list[list[str]] = []
            for price in chance.sample(sorted(side), chance.randrange(1, 5)):
                size = f"{chance.random() * 5 + 0.001:.3f}"
                side[price] = size
                rows.append([f"{price}.00", size])
            changes.append(rows)
        messages.append(_push("orderbook.50.BTCUSDT", book(100 + number, *changes), "delta", number))
    return messages
