"""Rows of the public market endpoints, in Bybit's exact fields.

Lives here: the REST form of instruments, candles, levels, trades and risk tiers. Not here: tickers, which the market
itself gives (`market.ticker`), and what a request asks for (`rest_market`).
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from tradewright.simulator.market.model import InstrumentSpec, Kline, Level, MarketTrade
from tradewright.simulator.market.risk_tiers import RiskTier
from tradewright.simulator.texts import plain, recorded_text

Row = dict[str, Any]

_RATE = Decimal("0.000001")


def instrument_row(spec: InstrumentSpec) -> Row:
    """An instrument as in instruments-info, numbers with the venue's own trailing zeros."""
    return _spot_row(spec) if spec.is_spot else _linear_row(spec)


def _linear_row(spec: InstrumentSpec) -> Row:
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
            "minLeverage": _text(spec.min_leverage),
            "maxLeverage": _text(spec.max_leverage),
            "leverageStep": _text(spec.leverage_step),
        },
        "priceFilter": {
            "minPrice": _text(spec.min_price),
            "maxPrice": _text(spec.max_price),
            "tickSize": _text(spec.tick_size),
        },
        "lotSizeFilter": {
            "minOrderQty": _text(spec.min_qty),
            "maxOrderQty": _text(spec.max_limit_qty),
            "maxMktOrderQty": _text(spec.max_market_qty),
            "qtyStep": _text(spec.qty_step),
            "minNotionalValue": _text(spec.min_notional),
            "postOnlyMaxOrderQty": _text(spec.max_limit_qty),
        },
        "unifiedMarginTrade": True,
        "fundingInterval": spec.funding_interval_min,
        "copyTrading": "none",
        "upperFundingRate": _text(spec.upper_funding_rate),
        "lowerFundingRate": _text(spec.lower_funding_rate),
        "displayName": "",
        "forbidUplWithdrawal": False,
        "riskParameters": _risk_parameters(spec),
        "isPreListing": False,
        "preListingInfo": None,
    }


def _spot_row(spec: InstrumentSpec) -> Row:
    """`innovation` and the deprecated sizes are still read by known clients. There is no margin trading here."""
    assert spec.quote_precision is not None, f"{spec.listing} is a spot pair"
    return {
        "symbol": spec.symbol,
        "symbolId": spec.symbol_id,
        "baseCoin": spec.base_coin,
        "quoteCoin": spec.quote_coin,
        "innovation": "0",
        "symbolType": "",
        "xstockMultiplier": "1",
        "status": "Trading",
        "marginTrading": "none",
        "stTag": "0",
        "lotSizeFilter": {
            "basePrecision": _text(spec.base_precision),
            "quotePrecision": _text(spec.quote_precision),
            "minOrderQty": _text(spec.min_qty),
            "maxOrderQty": _text(spec.max_limit_qty),
            "minOrderAmt": _text(spec.min_order_amount),
            "maxOrderAmt": "8000000",
            "maxLimitOrderQty": _text(spec.max_limit_qty),
            "maxMarketOrderQty": _text(spec.max_market_qty),
            "postOnlyMaxLimitOrderSize": _text(spec.max_limit_qty),
        },
        "priceFilter": {"tickSize": _text(spec.tick_size)},
        "riskParameters": _risk_parameters(spec),
    }


def _risk_parameters(spec: InstrumentSpec) -> Row:
    return {"priceLimitRatioX": _text(spec.price_limit_ratio_x), "priceLimitRatioY": _text(spec.price_limit_ratio_y)}


def trade_row(spec: InstrumentSpec, trade: MarketTrade) -> Row:
    return {
        "execId": trade.trade_id,
        "symbol": spec.symbol,
        "price": recorded_text(trade.price, spec.tick_size),
        "size": recorded_text(trade.size, spec.qty_step),
        "side": trade.side,
        "time": str(trade.time_ms),
        "isBlockTrade": False,
        "isRPITrade": False,
        "seq": str(trade.seq),
    }


def kline_row(row: Kline) -> list[str]:
    """`[start, open, high, low, close, volume, turnover]`: exactly seven texts. Numbers as the market has them."""
    numbers = (row.open, row.high, row.low, row.close, row.volume, row.turnover)
    return [str(row.start_ms), *map(_text, numbers)]


def level_row(spec: InstrumentSpec, level: Level) -> list[str]:
    price, size = level
    return [recorded_text(price, spec.tick_size), recorded_text(size, spec.qty_step)]


def risk_row(spec: InstrumentSpec, tier: RiskTier) -> Row:
    """A tier as in risk-limit. Rates are fractions; the lowest tier has no deduction."""
    return {
        "id": tier.number,
        "symbol": spec.symbol,
        "riskLimitValue": plain(tier.value_max),
        "maintenanceMargin": plain(tier.maintenance_rate),
        "initialMargin": plain(tier.initial_rate.quantize(_RATE, ROUND_HALF_EVEN)),
        "isLowestRisk": int(tier.number == 1),
        "maxLeverage": _text(tier.max_leverage),
        "mmDeduction": plain(tier.deduction) if tier.deduction else "",
    }


def _text(value: Decimal) -> str:
    """With the number's own decimals, and never in exponent form, which small ticks would take."""
    return format(value, "f")
