"""What an unmodified ccxt sees of an account: open orders, positions, balances, closed orders. Runs in `.tools/peers`.

In: {"rest", "key", "secret"}; out: JSON. Numbers are ccxt's strings where it keeps them, else its floats.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import ccxt

question = json.load(sys.stdin)
exchange = ccxt.bybit({"apiKey": question["key"], "secret": question["secret"], "options": {"defaultType": "swap"}})
exchange.urls["api"] = dict.fromkeys(exchange.urls["api"], question["rest"])
exchange.load_markets()


def order(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": row["id"],
        "symbol": row["symbol"],
        "side": row["side"],
        "type": row["type"],
        "amount": row["amount"],
        "filled": row["filled"],
        "price": row["price"],
        "status": row["status"],
        "raw_status": row["info"]["orderStatus"],
        "trigger": row["triggerPrice"],
    }


open_orders = exchange.fetch_open_orders(None, params={"settleCoin": "USDT", "limit": 50, "paginate": False})
spot_orders = exchange.fetch_open_orders(None, params={"type": "spot", "limit": 50})
positions = exchange.fetch_positions()
balance = exchange.fetch_balance()
json.dump(
    {
        "orders": [order(row) for row in open_orders + spot_orders],
        "positions": [
            {
                "symbol": row["info"]["symbol"],
                "side": row["info"]["side"],
                "size": row["info"]["size"],
                "entry": row["info"]["avgPrice"],
                "leverage": row["info"]["leverage"],
            }
            for row in positions
            if row["contracts"]
        ],
        "wallets": balance["total"],
    },
    sys.stdout,
)
