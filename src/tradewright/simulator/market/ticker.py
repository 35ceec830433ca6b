"""Bybit's tickers as text fields, of every category.

Lives here: the shapes of a REST ticker item. Not here: where its numbers come from, what a stream makes of them
(`streams.topics`).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal

from tradewright.simulator.market.candles import Window
from tradewright.simulator.market.intervals import DAY_MS
from tradewright.simulator.market.model import InstrumentSpec, MarketBook

_RATIO = Decimal("0.000001")  # Bybit's six decimals of price24hPcnt
_FINE_RATIO = Decimal("0.00000001")
_CENT = Decimal("0.01")
_YEAR_MS = 365 * DAY_MS
_NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotes:
    """The numbers of one symbol at one moment. None: there is no such number in this market."""

    book: MarketBook
    last_price: Decimal
    mark_price: Decimal
    index_price: Decimal
    day: Window | None  # of inverse contracts volume is in USD and turnover in coin
    price_1h_ago: Decimal | None
    open_interest: Decimal | None  # base coin, inverse: USD
    funding_rate: Decimal
    next_funding_ms: int
    now_ms: int = 0  # market time; says how far the delivery of a dated contract is
    settling: Decimal | None = None  # what a dated contract will settle at, in the half hour before


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionQuotes:
    """The same of an option. Volatilities are fractions per year; None: nobody bids, or nothing traded for a day.

    The turnover of `day` is the value of the underlying.
    """

    book: MarketBook
    bid_iv: Decimal | None
    ask_iv: Decimal | None
    last_price: Decimal
    mark_price: Decimal
    mark_iv: Decimal
    index_price: Decimal
    underlying_price: Decimal
    open_interest: Decimal
    day: Window | None
    delta: Decimal
    gamma: Decimal
    vega: Decimal
    theta: Decimal
    settling: Decimal | None


def ticker_row(spec: InstrumentSpec, quotes: Quotes) -> dict[str, str]:
    """All fields of the REST item of the listing's category, options aside."""
    return spot_ticker(spec, quotes) if spec.is_spot else contract_ticker(spec, quotes)


def spot_ticker(spec: InstrumentSpec, quotes: Quotes) -> dict[str, str]:
    """All fields of a spot pair's REST item."""
    bid_price, bid_size, ask_price, ask_size = _best(quotes.book)
    return {
        "symbol": spec.symbol,
        "bid1Price": bid_price,
        "bid1Size": bid_size,
        "ask1Price": ask_price,
        "ask1Size": ask_size,
        "lastPrice": decimal_text(quotes.last_price),
        **_day_fields(quotes),
        "usdIndexPrice": decimal_text(quotes.index_price),
    }


def contract_ticker(spec: InstrumentSpec, quotes: Quotes) -> dict[str, str]:
    """All fields of the REST item of linear and inverse contracts; what one does not have is ""."""
    bid_price, bid_size, ask_price, ask_size = _best(quotes.book)
    interest = quotes.open_interest
    single = None if interest is None else one_sided(spec, interest)
    return {
        "symbol": spec.symbol,
        "lastPrice": decimal_text(quotes.last_price),
        "indexPrice": decimal_text(quotes.index_price),
        "markPrice": decimal_text(quotes.mark_price),
        **_day_fields(quotes),
        "prevPrice1h": decimal_text(quotes.price_1h_ago),
        "openInterest": decimal_text(interest),
        "openInterestValue": decimal_text(_value(spec, interest, quotes.mark_price)),
        "singleOpenInterest": decimal_text(single),
        "singleOpenInterestValue": decimal_text(_value(spec, single, quotes.mark_price)),
        **_ending(spec, quotes),
        "bid1Price": bid_price,
        "bid1Size": bid_size,
        "ask1Price": ask_price,
        "ask1Size": ask_size,
        "preOpenPrice": "",
        "preQty": "",
        "curPreListingPhase": "NotStarted" if spec.status == "PreLaunch" else "",
    }


def option_ticker(spec: InstrumentSpec, quotes: OptionQuotes) -> dict[str, str]:
    """All fields of an option's REST item. What there is nothing of is "0", as in the documented example.

    `totalVolume` and `totalTurnover` reach back a day only: no more is known of an option's trades.
    """
    bid_price, bid_size, ask_price, ask_size = _best(quotes.book, nothing="0")
    day = quotes.day
    return {
        "symbol": spec.symbol,
        "bid1Price": bid_price,
        "bid1Size": bid_size,
        "bid1Iv": decimal_text(quotes.bid_iv or _NOTHING),
        "ask1Price": ask_price,
        "ask1Size": ask_size,
        "ask1Iv": decimal_text(quotes.ask_iv or _NOTHING),
        "lastPrice": decimal_text(quotes.last_price),
        "highPrice24h": decimal_text(day.high if day else _NOTHING),
        "lowPrice24h": decimal_text(day.low if day else _NOTHING),
        "markPrice": decimal_text(quotes.mark_price),
        "indexPrice": decimal_text(quotes.index_price),
        "markIv": decimal_text(quotes.mark_iv),
        "underlyingPrice": decimal_text(quotes.underlying_price),
        "openInterest": decimal_text(quotes.open_interest),
        "turnover24h": decimal_text(day.turnover if day else _NOTHING),
        "volume24h": decimal_text(day.volume if day else _NOTHING),
        "totalVolume": decimal_text(day.volume if day else _NOTHING),
        "totalTurnover": decimal_text(day.turnover if day else _NOTHING),
        "delta": decimal_text(quotes.delta),
        "gamma": decimal_text(quotes.gamma),
        "vega": decimal_text(quotes.vega),
        "theta": decimal_text(quotes.theta),
        "predictedDeliveryPrice": decimal_text(quotes.settling or _NOTHING),
        "change24h": decimal_text(_change(quotes.last_price, day.open, _FINE_RATIO) if day else _NOTHING),
    }


def _ending(spec: InstrumentSpec, quotes: Quotes) -> dict[str, str]:
    """Funding of what never ends, basis and delivery of what does. Before its last half hour nothing is predicted."""
    funded = {
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
    }
    if not spec.delivery_ms:
        return funded
    rate = _change(quotes.mark_price, quotes.index_price, _FINE_RATIO)
    left_ms = max(spec.delivery_ms - quotes.now_ms, 1)
    return {
        **dict.fromkeys(funded, ""),
        "predictedDeliveryPrice": decimal_text(quotes.settling or _NOTHING),
        "basisRate": decimal_text(rate),
        "basis": decimal_text(quotes.last_price - quotes.index_price),
        "basisRateYear": decimal_text((rate * _YEAR_MS / left_ms).quantize(_FINE_RATIO, ROUND_HALF_EVEN)),
        "deliveryFeeRate": "0",
        "deliveryTime": str(spec.delivery_ms),
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
    """The next multiple of the funding interval after `now_ms`; 0 for what has no funding."""
    if not spec.funding_interval_min:
        return 0
    interval_ms = spec.funding_interval_min * 60_000
    return now_ms - now_ms % interval_ms + interval_ms


def _best(book: MarketBook, nothing: str = "") -> tuple[str, str, str, str]:
    """Price and size of the best bid and ask. A side may be empty."""
    sides = (
        [decimal_text(number) for number in side[0]] if side else [nothing, nothing] for side in (book.bids, book.asks)
    )
    (bid_price, bid_size), (ask_price, ask_size) = sides
    return bid_price, bid_size, ask_price, ask_size


def one_sided(spec: InstrumentSpec, interest: Decimal) -> Decimal:
    """Open interest counts both sides; this is that of one, as in Bybit's example rounded up to the step."""
    return (interest / 2).quantize(spec.qty_step, ROUND_HALF_UP)


def _value(spec: InstrumentSpec, interest: Decimal | None, mark_price: Decimal) -> Decimal | None:
    """Of the open interest, in settle coin."""
    if interest is None:
        return None
    value = interest / mark_price if spec.is_inverse else interest * mark_price
    return value.quantize(_CENT, ROUND_HALF_EVEN)


def _change(last: Decimal, first: Decimal, places: Decimal = _RATIO) -> Decimal:
    """Change since `first` as a fraction of it, rounded half even (a display figure)."""
    return ((last - first) / first).quantize(places, ROUND_HALF_EVEN)
