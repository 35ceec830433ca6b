"""Rows of instruments-info, one shape for contracts, spot pairs and options.

Lives here: the REST form of an `InstrumentSpec`. Not here: which are asked for (`rest.market`).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from tradewright.simulator.market.intervals import MINUTE_MS
from tradewright.simulator.market.model import InstrumentSpec
from tradewright.simulator.market.synthetic.options_chain import DELIVERY_FEE_RATE

Row = dict[str, Any]

# How long the phases of an auction before the launch take; continuous trading has no end.
_AUCTION_MIN: Final = (("CallAuction", 50), ("CallAuctionNoCancel", 5), ("CrossMatching", 5))


def instrument_row(spec: InstrumentSpec) -> Row:
    """An instrument as in instruments-info, numbers with the venue's own trailing zeros."""
    if spec.is_spot:
        return _spot_row(spec)
    return _option_row(spec) if spec.is_option else _contract_row(spec)


def contract_type(spec: InstrumentSpec) -> str:
    return spec.contract_type or ("InversePerpetual" if spec.is_inverse else "LinearPerpetual")


def _contract_row(spec: InstrumentSpec) -> Row:
    """What ends has no funding, and pays no fee for its delivery."""
    is_early = spec.status == "PreLaunch"
    return {
        "symbol": spec.symbol,
        "symbolId": spec.symbol_id,
        "contractType": contract_type(spec),
        "status": spec.status,
        "baseCoin": spec.base_coin,
        "quoteCoin": spec.quote_coin,
        "settleCoin": spec.settle_coin,
        "symbolType": "",
        "launchTime": str(spec.launch_ms),
        "deliveryTime": str(spec.delivery_ms),
        "deliveryFeeRate": "0" if spec.delivery_ms else "",
        "priceScale": str(spec.price_scale),
        "leverageFilter": {
            "minLeverage": _text(spec.min_leverage),
            "maxLeverage": _text(spec.max_leverage),
            "leverageStep": _text(spec.leverage_step),
        },
        "priceFilter": _price_filter(spec),
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
        "upperFundingRate": "" if spec.delivery_ms else _text(spec.upper_funding_rate),
        "lowerFundingRate": "" if spec.delivery_ms else _text(spec.lower_funding_rate),
        "displayName": "",
        "forbidUplWithdrawal": False,
        "riskParameters": _risk_parameters(spec),
        "isPreListing": is_early,
        "preListingInfo": _pre_listing(spec) if is_early else None,
    }


def _option_row(spec: InstrumentSpec) -> Row:
    assert spec.strike is not None, f"{spec.listing} is an option"
    day, strike, letter = spec.symbol.split("-")[1:4]
    return {
        "symbol": spec.symbol,
        "symbolId": spec.symbol_id,
        "status": spec.status,
        "baseCoin": spec.base_coin,
        "quoteCoin": spec.quote_coin,
        "settleCoin": spec.settle_coin,
        "optionsType": spec.option_type,
        "launchTime": str(spec.launch_ms),
        "deliveryTime": str(spec.delivery_ms),
        "deliveryFeeRate": _text(DELIVERY_FEE_RATE),
        "priceFilter": _price_filter(spec),
        "lotSizeFilter": {
            "maxOrderQty": _text(spec.max_limit_qty),
            "minOrderQty": _text(spec.min_qty),
            "qtyStep": _text(spec.qty_step),
        },
        "displayName": f"{spec.base_coin}{spec.quote_coin}-{day}-{strike}-{letter}",
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


def _price_filter(spec: InstrumentSpec) -> Row:
    return {
        "minPrice": _text(spec.min_price),
        "maxPrice": _text(spec.max_price),
        "tickSize": _text(spec.tick_size),
    }


def _pre_listing(spec: InstrumentSpec) -> Row:
    """Of a contract whose auction has not begun; it begins at the launch."""
    phases: list[Row] = []
    begins_ms = spec.launch_ms
    for phase, minutes in _AUCTION_MIN:
        ends_ms = begins_ms + minutes * MINUTE_MS
        phases.append({"phase": phase, "startTime": str(begins_ms), "endTime": str(ends_ms)})
        begins_ms = ends_ms
    phases.append({"phase": "ContinuousTrading", "startTime": str(begins_ms), "endTime": ""})
    return {
        "curAuctionPhase": "NotStarted",
        "phases": phases,
        "auctionFeeInfo": {"auctionFeeRate": "0", "takerFeeRate": "0.001", "makerFeeRate": "0.0004"},
        "skipCallAuction": False,
    }


def _text(value: Decimal) -> str:
    """With the number's own decimals, and never in exponent form, which small ticks would take."""
    return format(value, "f")
