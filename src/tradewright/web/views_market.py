"""Market values → their JSON shapes: decimals as plain text, times in Unix milliseconds."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tradewright.core.instrument import Instrument
from tradewright.core.money import plain
from tradewright.exchange.ports import Book, Candle, PublicTrade, Ticker

BOOK_LEVELS = 25


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
        "min_leverage": plain(row.min_leverage),
        "leverage_step": plain(row.leverage_step),
        "quote_step": _text(row.quote_step),
        "price_limit_ratio_x": _text(row.price_limit_ratio_x),
        "price_limit_ratio_y": _text(row.price_limit_ratio_y),
        "funding_interval_min": row.funding_interval_min,
        "launched_at_ms": row.launched_at_ms,
        "delivery_at_ms": row.delivery_at_ms,
        "risk_tiers": [
            {
                "value_max": plain(tier.value_max),
                "maintenance_rate": plain(tier.maintenance_rate),
                "deduction": plain(tier.deduction),
                "leverage_max": plain(tier.leverage_max),
            }
            for tier in row.risk_tiers
        ],
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


def book_view(row: Book) -> dict[str, Any]:
    """The best levels of each side: of a book that the exchange gives more of, too."""
    return {
        "category": row.instrument.category,
        "symbol": row.instrument.symbol,
        "bids": [[plain(price), plain(size)] for price, size in row.bids[:BOOK_LEVELS]],
        "asks": [[plain(price), plain(size)] for price, size in row.asks[:BOOK_LEVELS]],
        "exchange_time_ms": row.exchange_time_ms,
    }


def trade_view(row: PublicTrade) -> dict[str, Any]:
    return {
        "id": row.trade_id,
        "side": row.side,
        "price": plain(row.price),
        "quantity": plain(row.quantity),
        "time_ms": row.traded_at_ms,
    }


def _text(value: Decimal | None) -> str | None:
    return None if value is None else plain(value)
