"""Messages in the shape of Bybit V5, with figures of our own."""

from __future__ import annotations

from typing import Any


def order_row(**changes: Any) -> dict[str, Any]:
    return {
        "orderId": "11111111-2222-3333-4444-555555555555",
        "orderLinkId": "tw0123456789abcdef0123456789abcdef",
        "symbol": "BTCUSDT",
        "side": "Buy",
        "orderType": "Limit",
        "orderStatus": "New",
        "price": "60000.50",
        "qty": "0.010",
        "cumExecQty": "0.000",
        "avgPrice": "",
        "timeInForce": "GTC",
        "rejectReason": "EC_NoError",
        "cancelType": "UNKNOWN",
        "reduceOnly": False,
        "createdTime": "1700000000001",
        "updatedTime": "1700000000002",
        "leavesQty": "0.010",
        "aFieldOfTheFuture": {"nested": [1, 2, 3]},
    } | changes


def execution_row(**changes: Any) -> dict[str, Any]:
    return {
        "execId": "99999999-0000-0000-0000-000000000001",
        "orderId": "11111111-2222-3333-4444-555555555555",
        "orderLinkId": "tw0123456789abcdef0123456789abcdef",
        "symbol": "BTCUSDT",
        "side": "Buy",
        "execPrice": "60000.50",
        "execQty": "0.004",
        "execFee": "0.1320011",
        "feeCurrency": "USDT",
        "isMaker": False,
        "execType": "Trade",
        "execTime": "1700000000500",
        "seq": 7001,
    } | changes


def position_row(**changes: Any) -> dict[str, Any]:
    return {
        "symbol": "BTCUSDT",
        "positionIdx": 0,
        "side": "Sell",
        "size": "0.25",
        "avgPrice": "61000.1",
        "markPrice": "60900",
        "liqPrice": "",
        "leverage": "10",
        "unrealisedPnl": "25.025",
        "cumRealisedPnl": "-3.5",
        "positionIM": "1525.0025",
        "updatedTime": "1700000000600",
        "seq": 7002,
    } | changes


def wallet_row(**changes: Any) -> dict[str, Any]:
    return {
        "accountType": "UNIFIED",
        "totalEquity": "100025.5",
        "totalAvailableBalance": "",
        "coin": [
            {
                "coin": "USDT",
                "walletBalance": "100000.475",
                "equity": "100025.5",
                "totalOrderIM": "60.0005",
                "totalPositionIM": "",
                "unrealisedPnl": "25.025",
            }
        ],
    } | changes


def instrument_row(**changes: Any) -> dict[str, Any]:
    return {
        "symbol": "BTCUSDT",
        "status": "Trading",
        "baseCoin": "BTC",
        "quoteCoin": "USDT",
        "settleCoin": "USDT",
        "priceFilter": {"minPrice": "0.10", "maxPrice": "1999999.80", "tickSize": "0.10"},
        "lotSizeFilter": {
            "minOrderQty": "0.001",
            "maxOrderQty": "1190.000",
            "maxMktOrderQty": "500.000",
            "qtyStep": "0.001",
            "minNotionalValue": "5",
        },
        "leverageFilter": {"minLeverage": "1", "maxLeverage": "100.00", "leverageStep": "0.01"},
        "fundingInterval": 480,
    } | changes


def ticker_data(**changes: Any) -> dict[str, Any]:
    return {
        "symbol": "BTCUSDT",
        "lastPrice": "60000.10",
        "markPrice": "60000.20",
        "indexPrice": "60000.30",
        "bid1Price": "60000.00",
        "bid1Size": "1.5",
        "ask1Price": "60000.10",
        "ask1Size": "2.5",
        "price24hPcnt": "-0.0125",
        "highPrice24h": "61000",
        "lowPrice24h": "59000",
        "volume24h": "12345.678",
        "turnover24h": "740000000.5",
        "fundingRate": "0.0001",
        "nextFundingTime": "1700006400000",
        "preOpenPrice": "",
    } | changes


def push(topic: str, data: object, kind: str = "snapshot", ts: int = 1_700_000_000_700) -> dict[str, Any]:
    return {"topic": topic, "type": kind, "ts": ts, "data": data, "cs": 1}


def private_push(topic: str, *rows: object) -> dict[str, Any]:
    return {"id": "m1", "topic": topic, "creationTime": 1_700_000_000_700, "data": list(rows)}


def page(*rows: object, cursor: str = "", category: str = "linear") -> dict[str, Any]:
    return {"category": category, "list": list(rows), "nextPageCursor": cursor}
