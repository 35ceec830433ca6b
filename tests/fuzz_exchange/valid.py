"""Valid requests of the exchange, from which the others are made: calls by path, frames by stream.

Lives here: what a well-meaning client sends. Not here: spoiling it (`spoiling`), sending it (`campaign`).
A path that is not named here is asked with the fields that most of them take.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

Fields = dict[str, Any]
CATEGORIES = ("linear", "inverse", "spot", "option")


@dataclass(frozen=True, slots=True)
class Listed:
    """What an exchange says of an instrument: its steps, and where its price was."""

    category: str
    symbol: str
    tick: Decimal
    lot: Decimal
    smallest: Decimal
    price: Decimal

    def near(self, draw: random.Random) -> str:
        """A price on the grid, some per cent from where it was."""
        factor = Decimal(draw.choice((90, 97, 99, 100, 100, 101, 103, 110))) / 100
        return str(max(self.tick, (self.price * factor) // self.tick * self.tick))

    def some(self, draw: random.Random) -> str:
        return str(-(-self.smallest // self.lot) * self.lot * draw.choice((1, 2, 10, 50)))


PUBLIC = (
    "/v5/market/time",
    "/v5/market/instruments-info",
    "/v5/market/kline",
    "/v5/market/mark-price-kline",
    "/v5/market/index-price-kline",
    "/v5/market/premium-index-price-kline",
    "/v5/market/orderbook",
    "/v5/market/rpi_orderbook",
    "/v5/market/full_orderbook",
    "/v5/market/tickers",
    "/v5/market/recent-trade",
    "/v5/market/funding/history",
    "/v5/market/open-interest",
    "/v5/market/risk-limit",
    "/v5/market/price-limit",
    "/v5/market/delivery-price",
    "/v5/market/account-ratio",
    "/v5/market/insurance",
    "/v5/market/historical-volatility",
    "/v5/system/status",
)
OPERATIONS = ("create", "amend", "cancel", "create-batch", "amend-batch", "cancel-batch")


def order(place: Listed, draw: random.Random) -> Fields:
    """A new order without its category and symbol; kinds of all sorts, most of them possible."""
    made: Fields = {"side": draw.choice(("Buy", "Sell")), "qty": place.some(draw)}
    made["orderType"] = draw.choice(("Limit", "Limit", "Market"))
    if made["orderType"] == "Limit":
        made["price"] = place.near(draw)
        made["timeInForce"] = draw.choice(("GTC", "IOC", "FOK", "PostOnly"))
    if place.category == "option" or draw.random() < 0.5:
        made["orderLinkId"] = f"link-{draw.randrange(4_000)}"
    for chance, more in (
        (0.1, {"triggerPrice": place.near(draw), "triggerDirection": draw.choice((1, 2)), "triggerBy": "MarkPrice"}),
        (0.1, {"triggerPrice": place.near(draw), "orderFilter": draw.choice(("tpslOrder", "StopOrder"))}),
        (0.1, {"takeProfit": place.near(draw), "stopLoss": place.near(draw), "tpslMode": "Full"}),
        (0.1, {"reduceOnly": True}),
        (0.1, {"positionIdx": draw.choice((0, 1, 2))}),
        (0.05, {"marketUnit": draw.choice(("baseCoin", "quoteCoin"))}),
        (0.05, {"slippageToleranceType": "Percent", "slippageTolerance": "0.5"}),
        (0.05, {"smpType": "CancelMaker"}),
        (0.05, {"bboSideType": "Queue", "bboLevel": "1"}),
        (0.03, {"isLeverage": 1}),
    ):
        if draw.random() < chance:
            made |= more
    return made


def named(draw: random.Random, known: Sequence[Fields]) -> Fields:
    """What tells which order is meant: mostly one that exists, with its category and symbol."""
    if known and draw.random() < 0.8:
        return draw.choice(known)
    return {"orderLinkId": f"link-{draw.randrange(400)}"}


def change(place: Listed, draw: random.Random) -> Fields:
    options = (
        {"qty": place.some(draw)},
        {"price": place.near(draw)},
        {"takeProfit": "0"},
        {"triggerPrice": place.near(draw)},
    )
    return draw.choice(options)


def window(draw: random.Random, now_ms: int) -> Fields:
    start_ms = now_ms - draw.choice((0, 3_600_000, 6 * 86_400_000))
    return draw.choice(({}, {"startTime": start_ms, "endTime": now_ms}))


def fields_of(
    method: str, path: str, draw: random.Random, *, market: Sequence[Listed], now_ms: int, known: Sequence[Fields]
) -> Fields:
    """A valid request of an endpoint. `known` are ids of orders with their listings."""
    listed = draw.choice(market)
    place = {"category": listed.category, "symbol": listed.symbol}
    special: dict[str, Callable[[], Fields]] = {
        "/v5/order/create": lambda: {**place, **order(listed, draw)},
        "/v5/order/pre-check": lambda: {**place, **order(listed, draw)},
        "/v5/order/amend": lambda: {**place, **named(draw, known), **change(listed, draw)},
        "/v5/order/cancel": lambda: {**place, **named(draw, known)},
        "/v5/order/cancel-all": lambda: draw.choice((place, {"category": "linear", "settleCoin": "USDT"})),
        "/v5/order/create-batch": lambda: batch(draw, place, lambda: order(listed, draw)),
        "/v5/order/amend-batch": lambda: batch(draw, place, lambda: {**named(draw, known), **change(listed, draw)}),
        "/v5/order/cancel-batch": lambda: batch(draw, place, lambda: named(draw, known)),
        "/v5/order/disconnected-cancel-all": lambda: {
            "product": draw.choice(("SPOT", "OPTIONS", "DERIVATIVES")),
            "timeWindow": draw.choice((3, "10", 300)),
        },
        "/v5/position/set-leverage": lambda: {**place, "buyLeverage": "7", "sellLeverage": "7"},
        "/v5/position/switch-mode": lambda: draw.choice(({**place, "mode": 0}, {**place, "coin": "USDT", "mode": 3})),
        "/v5/position/trading-stop": lambda: {
            **place,
            "positionIdx": 0,
            **draw.choice(
                ({"takeProfit": "95000"}, {"stopLoss": "20000"}, {"trailingStop": "50"}, {"takeProfit": "0"})
            ),
            "tpslMode": draw.choice(("Full", "Partial")),
        },
        "/v5/position/add-margin": lambda: {**place, "margin": draw.choice(("10", "-5"))},
        "/v5/position/set-auto-add-margin": lambda: {**place, "autoAddMargin": draw.choice((0, 1))},
        "/v5/account/set-margin-mode": lambda: {
            "setMarginMode": draw.choice(("REGULAR_MARGIN", "ISOLATED_MARGIN", "PORTFOLIO_MARGIN"))
        },
        "/v5/account/set-hedging-mode": lambda: {"setHedgingMode": draw.choice(("ON", "OFF"))},
        "/v5/account/set-collateral-switch": lambda: {"coin": "BTC", "collateralSwitch": draw.choice(("ON", "OFF"))},
        "/v5/account/set-limit-px-action": lambda: {**place, "modifyEnable": draw.choice((True, False))},
        "/v5/account/withdrawal": lambda: {"coinName": draw.choice(("USDT", "BTC,USDC"))},
        "/v5/order/spot-borrow-check": lambda: {**place, "category": "spot", "side": draw.choice(("Buy", "Sell"))},
        "/v5/account/borrow": lambda: {"coin": "USDT", "amount": "5"},
        "/v5/account/demo-apply-money": lambda: {
            "adjustType": 0,
            "utaDemoApplyMoney": [{"coin": "USDT", "amountStr": "100"}],
        },
    }
    if path in special:
        return special[path]()
    if method == "POST":
        return {**place, "coin": "USDT"}
    return {
        **place,
        **window(draw, now_ms),
        **draw.choice(({}, {"limit": draw.choice((1, 20, 50))}, {"cursor": "p3"}, {"settleCoin": "USDT"})),
        **({"baseCoin": "BTC"} if listed.category == "option" else {}),
        **({"interval": draw.choice(("1", "5", "60"))} if "kline" in path else {}),
        **({"intervalTime": "1h"} if "open-interest" in path else {}),
        **({"period": "1h"} if "account-ratio" in path else {}),
        **({"accountType": "UNIFIED", "coin": "USDT"} if "/account/" in path or "/asset/" in path else {}),
        **(named(draw, known) if draw.random() < 0.1 else {}),
    }


def batch(draw: random.Random, place: Fields, item: Callable[[], Fields]) -> Fields:
    items = [{"symbol": place["symbol"], **item()} for _ in range(draw.choice((1, 2, 3)))]
    return {"category": place["category"], "request": items}


def topics(category: str, draw: random.Random, market: Sequence[Listed]) -> list[str]:
    if category == "misc/status":
        return ["system.status"]
    symbol = draw.choice([listed.symbol for listed in market if listed.category == category])
    kinds = (
        f"orderbook.{draw.choice((1, 25, 50, 100, 200, 1000))}.{symbol}",
        f"publicTrade.{symbol if category != 'option' else 'BTC'}",
        f"tickers.{symbol}",
        f"kline.{draw.choice(('1', '60', 'D'))}.{symbol}",
        f"allLiquidation.{symbol}",
        f"priceLimit.{symbol}",
        "insurance.USDT",
        "adlAlert.USDT",
    )
    return draw.sample(kinds, k=draw.randrange(1, 4))


PRIVATE_TOPICS = (
    "order", "execution", "execution.fast", "position", "wallet", "greeks", "dcp.future", "dcp.spot", "order.linear",
    "execution.spot", "position.inverse", "order.option",
)  # fmt: skip


def public_frame(category: str, draw: random.Random, market: Sequence[Listed]) -> Fields:
    op = draw.choice(("subscribe", "subscribe", "unsubscribe", "ping"))
    args = {} if op == "ping" else {"args": topics(category, draw, market)}
    return {"op": op, "req_id": draw.choice(("r", 7)), **args}


def private_frame(draw: random.Random) -> Fields:
    op = draw.choice(("subscribe", "subscribe", "unsubscribe", "ping"))
    return {"op": op, "req_id": "r", "args": draw.sample(PRIVATE_TOPICS, k=draw.randrange(1, 4))}


def trade_frame(draw: random.Random, *, market: Sequence[Listed], now_ms: int, known: Sequence[Fields]) -> Fields:
    operation = draw.choice(OPERATIONS)
    asked = fields_of("POST", f"/v5/order/{operation}", draw, market=market, now_ms=now_ms, known=known)
    return {
        "reqId": f"{draw.getrandbits(60):x}",
        "header": {"X-BAPI-TIMESTAMP": draw.choice((now_ms, str(now_ms))), "X-BAPI-RECV-WINDOW": "8000"},
        "op": f"order.{operation}",
        "args": [asked],
    }
