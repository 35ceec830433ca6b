"""Market values → their JSON shapes: decimals as plain text, times in Unix milliseconds."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tradewright.core.instrument import Instrument
from tradewright.core.money import plain
from tradewright.exchange.ports import Candle, Ticker


def instrument_view(row: Instrument) -> dict[str, Any]:
    return {
        "category": row.id.category,
        "symbol": row.id.symbol,
        "status": row.status,
        "base_coin": row.base_coin,
        "quote_coin": row.quote_coin,
        "settle_coin": row.settle_coin,
        "tick_size": plain(row.tick_size),
        "min_price": plain(row.min_price),
        "max_price": plain(row.max_price),
        "quantity_step": plain(row.quantity_step),
        "min_quantity": plain(row.min_quantity),
        "max_limit_quantity": plain(row.max_limit_quantity),
        "max_market_quantity": plain(row.max_market_quantity),
        "min_notional": plain(row.min_notional),
        "max_leverage": plain(row.max_leverage),
    }


def ticker_view(row: Ticker) -> dict[str, Any]:
    return {
        "category": row.instrument.category,
        "symbol": row.instrument.symbol,
        "last_price": _text(row.last_price),
        "mark_price": _text(row.mark_price),
        "index_price": _text(row.index_price),
        "bid_price": _text(row.bid_price),
        "bid_size": _text(row.bid_size),
        "ask_price": _text(row.ask_price),
        "ask_size": _text(row.ask_size),
        "change_24h_ratio": _text(row.change_24h_ratio),
        "high_24h": _text(row.high_24h),
        "low_24h": _text(row.low_24h),
        "volume_24h": _text(row.volume_24h),
        "turnover_24h": _text(row.turnover_24h),
        "funding_rate": _text(row.funding_rate),
        "next_funding_at_ms": row.next_funding_at_ms,
        "exchange_time_ms": row.exchange_time_ms,
    }


def candle_view(row: Candle) -> list[Any]:
    return [
        row.open_time_ms,
        plain(row.open),
        plain(row.high),
        plain(row.low),
        plain(row.close),
        plain(row.volume),
        plain(row.turnover),
        row.confirmed,
    ]


def _text(value: Decimal | None) -> str | None:
    return None if value is None else plain(value)
