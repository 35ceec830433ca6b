"""ccxt.pro: a public trade into its handler, an order of the same price out. Runs in ccxt's own environment."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

import ccxt.pro
from tick_loop import KEY, QUANTITY, SECRET, TOPIC, frames, serve

MARKET: dict[str, Any] = {
    "id": "BTCUSDT",
    "lowercaseId": "btcusdt",
    "symbol": "BTC/USDT:USDT",
    "base": "BTC",
    "quote": "USDT",
    "settle": "USDT",
    "baseId": "BTC",
    "quoteId": "USDT",
    "settleId": "USDT",
    "type": "swap",
    "spot": False,
    "margin": False,
    "swap": True,
    "future": False,
    "option": False,
    "index": False,
    "active": True,
    "contract": True,
    "linear": True,
    "inverse": False,
    "contractSize": 1.0,
    "taker": 0.0006,
    "maker": 0.0001,
    "precision": {"amount": 0.001, "price": 0.1},
    "limits": {"amount": {}, "price": {}, "cost": {}, "leverage": {}},
    "info": {},
}


class _Client:
    """What a handler wants of the socket's client: to be told of news, which nobody waits for here."""

    url = "wss://stream.bybit.com/v5/public/linear"

    def resolve(self, *_arguments: Any) -> None:
        return None


async def _open(address: str) -> Any:
    exchange = ccxt.pro.bybit(
        {"apiKey": KEY, "secret": SECRET, "enableRateLimit": False, "options": {"enableUnifiedAccount": True}}
    )
    exchange.urls["api"] = dict.fromkeys(exchange.urls["api"], address)
    exchange.set_markets([MARKET])
    return exchange


async def _ticks(exchange: Any, pushes: Any, count: int) -> list[int]:
    client = _Client()
    began: list[int] = []
    for _ in range(count):
        text = next(pushes).decode()
        began.append(time.monotonic_ns())
        message = json.loads(text)  # its socket client does exactly this before the handler
        exchange.handle_trades(client, message)
        trade = exchange.trades["BTC/USDT:USDT"][-1]
        await exchange.create_order(
            "BTC/USDT:USDT", "limit", "buy", QUANTITY, trade["price"], {"orderLinkId": trade["id"], "positionIdx": 0}
        )
    return began


def main(address: str) -> None:
    with asyncio.Runner() as runner:
        exchange = runner.run(_open(address))
        pushes = frames()
        assert TOPIC.endswith(MARKET["id"])
        serve(lambda count: runner.run(_ticks(exchange, pushes, count)))
        runner.run(exchange.close())


if __name__ == "__main__":
    main(sys.argv[1])
