"""Public market endpoints, `/v5/market/*`.

Lives here: reading parameters and giving Bybit's rows. Not here: where prices come from (`market`).
Candles, trades and tickers are in market time; `/v5/market/time` is the wall's.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tradewright.simulator.commands import Body, read_symbol, require_linear, text
from tradewright.simulator.engine import Engine
from tradewright.simulator.errors import bad_parameter
from tradewright.simulator.market.intervals import INTERVALS
from tradewright.simulator.market.model import InstrumentSpec, Kline, Level
from tradewright.simulator.matching import price_bounds
from tradewright.simulator.paging import read_limit, whole
from tradewright.simulator.payloads import RISK_LIMIT_VALUE
from tradewright.simulator.rest import Call, Endpoint, Result
from tradewright.simulator.texts import plain, price_text, quantity_text

CATEGORIES = ("linear", "inverse", "spot", "option")


class MarketEndpoints:
    """The handlers; `all` lists them for the server."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._market = engine.market

    def all(self) -> list[Endpoint]:
        handlers = {
            "time": self._time,
            "instruments-info": self._instruments,
            "kline": self._klines,
            "orderbook": self._book,
            "tickers": self._tickers,
            "recent-trade": self._trades,
            "risk-limit": self._risk_limit,
            "price-limit": self._price_limit,
        }
        return [Endpoint(method="GET", path=f"/v5/market/{name}", handle=handle) for name, handle in handlers.items()]

    def _time(self, call: Call) -> Result:
        return {"timeSecond": str(call.now_ms // 1000), "timeNano": str(call.now_ms * 1_000_000)}

    def _instruments(self, call: Call) -> Result:
        """Everything listed is a linear contract that trades; the other categories are truthfully empty."""
        category, status = text(call.params, "category"), text(call.params, "status") or "Trading"
        if category not in CATEGORIES:
            raise bad_parameter(f"params error: category [{category}] is not one of {' '.join(CATEGORIES)}")
        read_limit(call.params, highest=1000, default=500)
        symbol, base_coin = text(call.params, "symbol"), text(call.params, "baseCoin")
        listed = [
            instrument_row(spec)
            for spec in self._market.instruments
            if category == spec.category
            and status == "Trading"
            and symbol in ("", spec.symbol)
            and base_coin in ("", spec.base_coin)
        ]
        if symbol and category == "linear" and symbol not in self._engine.specs:
            raise bad_parameter("params error: symbol invalid")
        result: Result = {"category": category, "list": listed}
        return result if category == "spot" else {**result, "nextPageCursor": ""}

    def _klines(self, call: Call) -> Result:
        spec = self._symbol(call.params, default_linear=True)
        interval = text(call.params, "interval")
        if interval not in INTERVALS:
            raise bad_parameter(f"params error: interval [{interval}] is not one of {' '.join(INTERVALS)}")
        rows = self._market.klines(
            spec.symbol,
            interval,
            whole(call.params, "start"),
            whole(call.params, "end"),
            read_limit(call.params, highest=1000, default=200),
        )
        return {"category": "linear", "symbol": spec.symbol, "list": [kline_row(row) for row in rows]}

    def _book(self, call: Call) -> Result:
        spec = self._symbol(call.params)
        depth = read_limit(call.params, highest=1000, default=25)
        book = self._market.book(spec.symbol)
        return {
            "s": spec.symbol,
            "b": [level_row(spec, level) for level in book.bids[:depth]],
            "a": [level_row(spec, level) for level in book.asks[:depth]],
            "ts": self._market.now_ms,
            "u": book.update_id,
            "seq": book.seq,
            "cts": book.time_ms,
        }

    def _tickers(self, call: Call) -> Result:
        require_linear(call.params)
        specs = [self._symbol(call.params)] if text(call.params, "symbol") else self._market.instruments
        return {"category": "linear", "list": [self._market.ticker(spec.symbol) for spec in specs]}

    def _trades(self, call: Call) -> Result:
        spec = self._symbol(call.params)
        trades = self._market.trades(spec.symbol, read_limit(call.params, highest=1000, default=500))
        rows = [
            {
                "execId": trade.trade_id,
                "symbol": spec.symbol,
                "price": price_text(spec, trade.price),
                "size": quantity_text(spec, trade.size),
                "side": trade.side,
                "time": str(trade.time_ms),
                "isBlockTrade": False,
                "isRPITrade": False,
                "seq": str(trade.seq),
            }
            for trade in trades
        ]
        return {"category": "linear", "list": rows}

    def _risk_limit(self, call: Call) -> Result:
        """One tier: the simulated contracts do not narrow the leverage of large positions."""
        require_linear(call.params)
        specs = [self._symbol(call.params)] if text(call.params, "symbol") else self._market.instruments
        rows = [
            {
                "id": number,
                "symbol": spec.symbol,
                "riskLimitValue": RISK_LIMIT_VALUE,
                "maintenanceMargin": plain(spec.maintenance_margin_rate),
                "initialMargin": plain(Decimal(1) / spec.max_leverage),
                "isLowestRisk": 1,
                "maxLeverage": str(spec.max_leverage),
                "mmDeduction": "",
            }
            for number, spec in enumerate(specs, start=1)
        ]
        return {"category": "linear", "list": rows, "nextPageCursor": ""}

    def _price_limit(self, call: Call) -> Result:
        spec = self._symbol(call.params, default_linear=True)
        lowest_sell, highest_buy = price_bounds(
            spec,
            mark_price=self._market.mark_price(spec.symbol),
            index_price=self._market.index_price(spec.symbol),
        )
        return {
            "symbol": spec.symbol,
            "buyLmt": price_text(spec, highest_buy),
            "sellLmt": price_text(spec, lowest_sell),
            "ts": str(call.now_ms),
        }

    def _symbol(self, params: Body, *, default_linear: bool = False) -> InstrumentSpec:
        if default_linear and not text(params, "category"):
            params = {**params, "category": "linear"}
        return read_symbol(params, self._engine.specs)


def instrument_row(spec: InstrumentSpec) -> dict[str, Any]:
    """An instrument as in instruments-info, numbers with the venue's own trailing zeros."""
    return {
        "symbol": spec.symbol,
        "symbolId": spec.symbol_id,
        "contractType": "LinearPerpetual",
        "status": "Trading",
        "baseCoin": spec.base_coin,
        "quoteCoin": spec.quote_coin,
        "settleCoin": spec.settle_coin,
        "symbolType": "",
        "launchTime": str(spec.launch_ms),
        "deliveryTime": "0",
        "deliveryFeeRate": "",
        "priceScale": str(spec.price_scale),
        "leverageFilter": {
            "minLeverage": str(spec.min_leverage),
            "maxLeverage": str(spec.max_leverage),
            "leverageStep": str(spec.leverage_step),
        },
        "priceFilter": {
            "minPrice": str(spec.min_price),
            "maxPrice": str(spec.max_price),
            "tickSize": str(spec.tick_size),
        },
        "lotSizeFilter": {
            "minOrderQty": str(spec.min_qty),
            "maxOrderQty": str(spec.max_limit_qty),
            "maxMktOrderQty": str(spec.max_market_qty),
            "qtyStep": str(spec.qty_step),
            "minNotionalValue": str(spec.min_notional),
            "postOnlyMaxOrderQty": str(spec.max_limit_qty),
        },
        "unifiedMarginTrade": True,
        "fundingInterval": spec.funding_interval_min,
        "copyTrading": "none",
        "upperFundingRate": str(spec.upper_funding_rate),
        "lowerFundingRate": str(spec.lower_funding_rate),
        "displayName": "",
        "forbidUplWithdrawal": False,
        "riskParameters": {
            "priceLimitRatioX": str(spec.price_limit_ratio_x),
            "priceLimitRatioY": str(spec.price_limit_ratio_y),
        },
        "isPreListing": False,
        "preListingInfo": None,
    }


def kline_row(row: Kline) -> list[str]:
    """`[start, open, high, low, close, volume, turnover]`: exactly seven texts. Numbers as the market has them."""
    numbers = (row.open, row.high, row.low, row.close, row.volume, row.turnover)
    return [str(row.start_ms), *(format(number, "f") for number in numbers)]


def level_row(spec: InstrumentSpec, level: Level) -> list[str]:
    price, size = level
    return [price_text(spec, price), quantity_text(spec, size)]
