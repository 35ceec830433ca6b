"""Shapes of market data."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tradewright.core.instrument import Category
from tradewright.web.schemas.base import DecimalText, Environment, Output, UnixMs

Interval = Literal["1", "3", "5", "15", "30", "60", "120", "240", "360", "720", "D", "W", "M"]
AgeMs = Annotated[int | None, Field(description="Milliseconds since this was received; null when it never was", ge=0)]


class RiskTier(Output):
    value_max: DecimalText
    maintenance_rate: DecimalText
    deduction: DecimalText
    leverage_max: DecimalText


class Instrument(Output):
    category: Category
    symbol: str
    status: str
    base_coin: str
    quote_coin: str
    settle_coin: str
    tick_size: DecimalText
    min_price: DecimalText
    max_price: DecimalText
    quantity_step: DecimalText
    min_quantity: DecimalText
    max_limit_quantity: DecimalText
    max_market_quantity: DecimalText
    min_notional: DecimalText
    max_leverage: DecimalText
    min_leverage: DecimalText
    leverage_step: DecimalText
    quote_step: DecimalText | None = Field(description="Spot: the step of an amount in quote coin")
    price_limit_ratio_x: DecimalText | None
    price_limit_ratio_y: DecimalText | None
    funding_interval_min: int | None
    launched_at_ms: UnixMs | None
    delivery_at_ms: UnixMs | None
    risk_tiers: list[RiskTier] = Field(description="Lowest first; empty where the exchange was not asked")


class InstrumentList(Output):
    environment: Environment
    category: Category
    instruments: list[Instrument]
    version: int | None = Field(description="The same version is the same list; null when it was never read", ge=1)
    age_ms: AgeMs


class Ticker(Output):
    category: Category
    symbol: str
    last_price: DecimalText | None
    mark_price: DecimalText | None
    index_price: DecimalText | None
    bid_price: DecimalText | None
    bid_size: DecimalText | None
    ask_price: DecimalText | None
    ask_size: DecimalText | None
    change_24h_ratio: DecimalText | None
    high_24h: DecimalText | None
    low_24h: DecimalText | None
    volume_24h: DecimalText | None
    turnover_24h: DecimalText | None
    funding_rate: DecimalText | None
    next_funding_at_ms: UnixMs | None
    exchange_time_ms: UnixMs


class TickerList(Output):
    environment: Environment
    category: Category
    tickers: list[Ticker]
    age_ms: AgeMs


# Open time, open, high, low, close, volume (base coin), turnover (quote coin), confirmed.
CandleRow = Annotated[
    tuple[UnixMs, DecimalText, DecimalText, DecimalText, DecimalText, DecimalText, DecimalText, bool],
    Field(description="[open_ms, open, high, low, close, volume, turnover, confirmed]"),
]


class CandleGap(Output):
    """From the first missing open time to the next open time that is there."""

    from_ms: UnixMs
    to_ms: UnixMs


# Price and size (base coin).
BookLevel = Annotated[tuple[DecimalText, DecimalText], Field(description="[price, size]")]


class Book(Output):
    """The best 25 levels a side: bids descending, asks ascending."""

    category: Category
    symbol: str
    bids: list[BookLevel]
    asks: list[BookLevel]
    exchange_time_ms: UnixMs


class PublicTrade(Output):
    id: str
    side: Literal["Buy", "Sell"]
    price: DecimalText
    quantity: DecimalText
    time_ms: UnixMs


class CandleList(Output):
    environment: Environment
    category: Category
    symbol: str
    interval: Interval
    candles: list[CandleRow]
    gaps: list[CandleGap]
    market_now_ms: UnixMs | None
    age_ms: AgeMs
