"""Bybit's tickers of contracts and spot pairs as text fields.

Lives here: the shapes of a REST ticker item. Not here: where its numbers come from.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

from tradewright.simulator.market.candles import Window
from tradewright.simulator.market.model import InstrumentSpec, MarketBook

_RATIO = Decimal("0.000001")  # Bybit's six decimals of price24hPcnt
_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotes:
    """The numbers of one symbol at one moment. None: there is no such number in this market."""

    book: MarketBook
    last_price: Decimal
    mark_price: Decimal
    index_price: Decimal
    day: Window | None
    price_1h_ago: Decimal | None
    open_interest: Decimal | None  # base coin
    funding_rate: Decimal
    next_funding_ms: int


def ticker_row(spec: InstrumentSpec, quotes: Quotes) -> dict[str, str]:
    """All fields of the REST item of the listing's category."""
    return spot_ticker(spec, quotes) if spec.is_spot else linear_ticker(spec, quotes)


def spot_ticker(spec: InstrumentSpec, quotes: Quotes) -> dict[str, str]:
    """All fields of a spot pair's REST item."""
    bid_price, bid_size = quotes.book.bids[0]
    ask_price, ask_size = quotes.book.asks[0]
    return {
        "symbol": spec.symbol,
        "bid1Price": decimal_text(bid_price),
        "bid1Size": decimal_text(bid_size),
        "ask1Price": decimal_text(ask_price),
        "ask1Size": decimal_text(ask_size),
        "lastPrice": decimal_text(quotes.last_price),
        **_day_fields(quotes),
        "usdIndexPrice": decimal_text(quotes.index_price),
    }


def linear_ticker(spec: InstrumentSpec, quotes: Quotes) -> dict[str, str]:
    """All fields of the REST item; what a perpetual contract does not have is ""."""
    bid_price, bid_size = quotes.book.bids[0]
    ask_price, ask_size = quotes.book.asks[0]
    interest = quotes.open_interest
    interest_value = None if interest is None else (interest * quotes.mark_price).quantize(_CENT, ROUND_HALF_EVEN)
    return {
        "symbol": spec.symbol,
        "lastPrice": decimal_text(quotes.last_price),
        "indexPrice": decimal_text(quotes.index_price),
        "markPrice": decimal_text(quotes.mark_price),
        **_day_fields(quotes),
        "prevPrice1h": decimal_text(quotes.price_1h_ago),
        "openInterest": decimal_text(interest),
        "openInterestValue": decimal_text(interest_value),
        "singleOpenInterest": decimal_text(interest),
        "singleOpenInterestValue": decimal_text(interest_value),
        "fundingRate": decimal_text(quotes.funding_rate),
        "nextFundingTime": str(quotes.next_funding_ms),
        "fundingIntervalHour": str(spec.funding_interval_min // 60),
        "fundingCap": decimal_text(spec.upper_funding_rate),
        "predictedDeliveryPrice": "",
        "basisRate": "",
        "basis": "",
        "basisRateYear": "",
        "deliveryFeeRate": "",
        "deliveryTime": "0",
        "bid1Price": decimal_text(bid_price),
        "bid1Size": decimal_text(bid_size),
        "ask1Price": decimal_text(ask_price),
        "ask1Size": decimal_text(ask_size),
        "preOpenPrice": "",
        "preQty": "",
        "curPreListingPhase": "",
    }


def _day_fields(quotes: Quotes) -> dict[str, str]:
    day = quotes.day
    return {
        "prevPrice24h": decimal_text(day.open if day else None),
        "price24hPcnt": decimal_text(_change(quotes.last_price, day.open) if day else None),
        "highPrice24h": decimal_text(day.high if day else None),
        "lowPrice24h": decimal_text(day.low if day else None),
        "turnover24h": decimal_text(day.turnover if day else None),
        "volume24h": decimal_text(day.volume if day else None),
    }


def decimal_text(value: Decimal | None) -> str:
    """Plain decimal text, never in exponent form; "" for nothing."""
    return "" if value is None else format(value, "f")


def next_funding_ms(spec: InstrumentSpec, now_ms: int) -> int:
    """The next multiple of the funding interval after `now_ms`; 0 for a spot pair, which has no funding."""
    if spec.is_spot:
        return 0
    interval_ms = spec.funding_interval_min * 60_000
    return now_ms - now_ms % interval_ms + interval_ms


def _change(last: Decimal, first: Decimal) -> Decimal:
    """Change since `first` as a fraction of it, rounded half even to Bybit's six decimals (a display figure)."""
    return ((last - first) / first).quantize(_RATIO, ROUND_HALF_EVEN)
