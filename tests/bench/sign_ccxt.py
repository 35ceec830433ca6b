"""ccxt: an order to its signed body and headers, as often as it is told. Runs in ccxt's own environment.

Reads a line `N`, does N, answers `done`.
"""

from __future__ import annotations

import sys

import ccxt
from tick_ccxt import MARKET
from tick_loop import KEY, QUANTITY, SECRET


def main(link: str, price: float) -> None:
    exchange = ccxt.bybit({"apiKey": KEY, "secret": SECRET, "options": {"enableUnifiedAccount": True}})
    exchange.set_markets([MARKET])
    params = {"orderLinkId": link, "positionIdx": 0}
    symbol, quantity = MARKET["symbol"], float(QUANTITY)
    print("ready", flush=True)
    for line in sys.stdin:
        for _ in range(int(line)):
            request = exchange.create_order_request(symbol, "limit", "buy", quantity, price, params)
            exchange.sign("v5/order/create", ["private"], "POST", request)
        print("done", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
