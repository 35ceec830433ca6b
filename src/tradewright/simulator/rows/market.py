"""Rows of the public market endpoints, in Bybit's exact fields.

Lives here: the REST form of candles, levels, trades and risk tiers. Not here: instruments (`instruments`), tickers,
which the market itself gives (`market.ticker`), and what a request asks for (`rest.market`).
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from tradewright.simulator.market.model import Bar, InstrumentSpec, Kline, Level, MarketTrade
from tradewright.simulator.market.risk_tiers import RiskTier
from tradewright.simulator.texts import plain, recorded_text

Row = dict[str, Any]

_RATE = Decimal("0.000001")


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
        **option_quote_texts(trade),
        "seq": str(trade.seq),
    }


def option_quote_texts(trade: MarketTrade) -> dict[str, str]:
    """What an option was worth when it traded, in REST and on the stream; nothing of other trades."""
    quote = trade.option
    if quote is None:
        return {}
    return {
        "mP": plain(quote.mark_price),
        "iP": plain(quote.index_price),
        "mIv": plain(quote.mark_iv),
        "iv": plain(quote.iv),
    }


def kline_row(row: Kline) -> list[str]:
    """`[start, open, high, low, close, volume, turnover]`: exactly seven texts. Numbers as the market has them."""
    numbers = (row.open, row.high, row.low, row.close, row.volume, row.turnover)
    return [str(row.start_ms), *map(_text, numbers)]


def bar_row(row: Bar) -> list[str]:
    """`[start, open, high, low, close]`: exactly five texts."""
    return [str(row.start_ms), *map(_text, (row.open, row.high, row.low, row.close))]


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
