"""Market data rows into the types of the ports: instruments, tickers, candles, trades.

Lives here: one function a kind, each raising `Unreadable` and nothing else. Not here: merging order books (`book`).
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Literal

import msgspec

from tradewright.core.instrument import Instrument, InstrumentId, RiskTier
from tradewright.core.money import ZERO
from tradewright.exchange.bybit.values import (
    LEAST,
    LIMIT,
    Unreadable,
    amount,
    checked_amount,
    checked_price,
    identifier,
    millis,
    number,
    number_or_none,
    price,
    price_or_none,
    words,
)
from tradewright.exchange.bybit.wire import (
    FundingRow,
    InstrumentRow,
    KlineRow,
    Millis,
    RecentTradeRow,
    RiskLimitRow,
    TickerRow,
    TradeRow,
)
from tradewright.exchange.ports import Book, Candle, CandleUpdate, FundingRate, PublicTrade, Ticker

_KLINE_COLUMNS = 7
_NO_UPPER_BOUND = Decimal(10) ** 15  # spot states no highest price
_SPOT_LEVERAGE = Decimal(1)
_LEVERAGE_STEP = Decimal("0.01")
_PERCENT_ABOVE = Decimal(5)


def instrument(key: InstrumentId, row: InstrumentRow) -> Instrument:
    """The trading rules of one instrument; spot's filters under the names that linear has."""
    lot, tick = row.lotSizeFilter, price(row.priceFilter.tickSize, "tickSize")
    linear = key.category == "linear"
    step = price(lot.qtyStep if linear else lot.basePrecision, "qtyStep")
    return Instrument(
        id=key,
        status=words(row.status, 40),
        base_coin=identifier(row.baseCoin, "baseCoin"),
        quote_coin=identifier(row.quoteCoin, "quoteCoin"),
        settle_coin=identifier(row.settleCoin if linear else row.quoteCoin, "settleCoin"),
        tick_size=tick,
        min_price=price(row.priceFilter.minPrice, "minPrice") if linear else tick,
        max_price=price(row.priceFilter.maxPrice, "maxPrice") if linear else _NO_UPPER_BOUND,
        quantity_step=step,
        # On spot the least quantity is deprecated and not enforced: the least notional is what counts.
        min_quantity=price(lot.minOrderQty, "minOrderQty") if linear else step,
        max_limit_quantity=price(lot.maxOrderQty if linear else lot.maxLimitOrderQty, "maxOrderQty"),
        max_market_quantity=price(lot.maxMktOrderQty if linear else lot.maxMarketOrderQty, "maxMktOrderQty"),
        min_notional=amount(lot.minNotionalValue if linear else lot.minOrderAmt, "minNotionalValue"),
        max_leverage=price(row.leverageFilter.maxLeverage, "maxLeverage") if linear else _SPOT_LEVERAGE,
        min_leverage=price_or_none(row.leverageFilter.minLeverage, "minLeverage") or _SPOT_LEVERAGE,
        leverage_step=price_or_none(row.leverageFilter.leverageStep, "leverageStep") or _LEVERAGE_STEP,
        quote_step=None if linear else price_or_none(lot.quotePrecision, "quotePrecision"),
        price_limit_ratio_x=price_or_none(row.riskParameters.priceLimitRatioX, "priceLimitRatioX"),
        price_limit_ratio_y=price_or_none(row.riskParameters.priceLimitRatioY, "priceLimitRatioY"),
        funding_interval_min=row.fundingInterval if linear and row.fundingInterval > 0 else None,
        launched_at_ms=_time_or_none(row.launchTime, "launchTime"),
        delivery_at_ms=_time_or_none(row.deliveryTime, "deliveryTime"),
    )


def risk_tier(row: RiskLimitRow) -> RiskTier:
    """One step of a contract's risk limits.

    Rates were served as fractions and as percents over time. Whatever the unit, initial margin is what the highest
    leverage leaves of the value: their product is about 1 for fractions and about 100 for percents.
    """
    leverage = price(row.maxLeverage, "maxLeverage")
    initial = number_or_none(_bare(row.initialMargin), "initialMargin")
    maintenance = price(_bare(row.maintenanceMargin), "maintenanceMargin")
    percent = (initial or maintenance) * leverage > _PERCENT_ABOVE
    rate = maintenance / 100 if percent else maintenance
    if rate >= 1:
        raise Unreadable(f"maintenanceMargin: {maintenance} would be all of the value or more")
    return RiskTier(
        value_max=price(_bare(row.riskLimitValue), "riskLimitValue"),
        maintenance_rate=rate,
        deduction=number_or_none(row.mmDeduction, "mmDeduction") or ZERO,
        leverage_max=leverage,
    )


def merged_ticker(known: Ticker | None, key: InstrumentId, row: TickerRow, at_ms: int) -> Ticker:
    """`known` with what the row has; pass None for a snapshot. A price of "" or zero is None: there is none."""
    old = known or Ticker(instrument=key)
    # A delta changes a third of the fields: asking before calling is what keeps the others cheap.
    return Ticker(
        instrument=key,
        last_price=old.last_price if row.lastPrice is None else price_or_none(row.lastPrice, "lastPrice"),
        mark_price=old.mark_price if row.markPrice is None else price_or_none(row.markPrice, "markPrice"),
        index_price=old.index_price if row.indexPrice is None else price_or_none(row.indexPrice, "indexPrice"),
        bid_price=old.bid_price if row.bid1Price is None else price_or_none(row.bid1Price, "bid1Price"),
        bid_size=old.bid_size if row.bid1Size is None else number_or_none(row.bid1Size, "bid1Size"),
        ask_price=old.ask_price if row.ask1Price is None else price_or_none(row.ask1Price, "ask1Price"),
        ask_size=old.ask_size if row.ask1Size is None else number_or_none(row.ask1Size, "ask1Size"),
        change_24h_ratio=old.change_24h_ratio
        if row.price24hPcnt is None
        else number_or_none(row.price24hPcnt, "price24hPcnt"),
        high_24h=old.high_24h if row.highPrice24h is None else price_or_none(row.highPrice24h, "highPrice24h"),
        low_24h=old.low_24h if row.lowPrice24h is None else price_or_none(row.lowPrice24h, "lowPrice24h"),
        volume_24h=old.volume_24h if row.volume24h is None else number_or_none(row.volume24h, "volume24h"),
        turnover_24h=old.turnover_24h if row.turnover24h is None else number_or_none(row.turnover24h, "turnover24h"),
        funding_rate=old.funding_rate if row.fundingRate is None else number_or_none(row.fundingRate, "fundingRate"),
        next_funding_at_ms=old.next_funding_at_ms
        if row.nextFundingTime is None
        else _funding_time(row.nextFundingTime),
        exchange_time_ms=millis(at_ms, "ts"),
    )


def with_best(ticker: Ticker, book: Book) -> Ticker:
    """The ticker with bid and ask of a book; its time is that of whichever is later."""
    (bid_price, bid_size), (ask_price, ask_size) = (
        side[0] if side else (None, None) for side in (book.bids, book.asks)
    )
    if (bid_price, bid_size, ask_price, ask_size) == (
        ticker.bid_price,
        ticker.bid_size,
        ticker.ask_price,
        ticker.ask_size,
    ):
        return ticker
    return msgspec.structs.replace(
        ticker,
        bid_price=bid_price,
        bid_size=bid_size,
        ask_price=ask_price,
        ask_size=ask_size,
        exchange_time_ms=max(ticker.exchange_time_ms, book.exchange_time_ms),
    )


def candle_of_page(columns: list[str]) -> tuple[int, Candle]:
    """One row of REST's klines, taken as not closed; whether it is, the caller knows from the market clock."""
    if len(columns) < _KLINE_COLUMNS:
        raise Unreadable(f"kline: {len(columns)} columns; expected {_KLINE_COLUMNS}")
    open_ms = millis(columns[0], "startTime")
    candle = Candle(
        open_time_ms=open_ms,
        open=price(columns[1], "open"),
        high=price(columns[2], "high"),
        low=price(columns[3], "low"),
        close=price(columns[4], "close"),
        volume=amount(columns[5], "volume"),
        turnover=amount(columns[6], "turnover"),
        confirmed=False,
    )
    if not (candle.low <= candle.open <= candle.high and candle.low <= candle.close <= candle.high):
        raise Unreadable(f"kline: {', '.join(columns[1:5])} do not fit together as open, high, low, close")
    return open_ms, candle


def candle_update(key: InstrumentId, interval: str, row: KlineRow) -> CandleUpdate:
    """One row of a kline push; `interval` is the topic's."""
    if not _fits(row):
        low, high = checked_price(row.low, "low"), checked_price(row.high, "high")
        opened, close = checked_price(row.open, "open"), checked_price(row.close, "close")
        raise Unreadable(f"kline: {opened}, {high}, {low}, {close} do not fit together as open, high, low, close")
    candle = Candle(
        open_time_ms=millis(row.start, "start"),
        open=row.open,
        high=row.high,
        low=row.low,
        close=row.close,
        volume=checked_amount(row.volume, "volume"),
        turnover=checked_amount(row.turnover, "turnover"),
        confirmed=row.confirm,
    )
    return CandleUpdate(key, interval, candle)


def trade(key: InstrumentId, row: TradeRow) -> PublicTrade:
    return PublicTrade(
        trade_id=identifier(row.i, "i"),
        instrument=key,
        side=_side(row.S, "S"),
        price=checked_price(row.p, "p"),
        quantity=checked_amount(row.v, "v"),
        traded_at_ms=millis(row.T, "T"),
    )


def recent_trade(key: InstrumentId, row: RecentTradeRow) -> PublicTrade:
    return PublicTrade(
        trade_id=identifier(row.execId, "execId"),
        instrument=key,
        side=_side(row.side, "side"),
        price=price(row.price, "price"),
        quantity=amount(row.size, "size"),
        traded_at_ms=millis(row.time, "time"),
    )


def funding_rate(row: FundingRow) -> FundingRate:
    return FundingRate(
        due_at_ms=millis(row.fundingRateTimestamp, "fundingRateTimestamp"), rate=number(row.fundingRate, "fundingRate")
    )


def _side(text: str, field: str) -> Literal["Buy", "Sell"]:
    if text == "Buy":
        return "Buy"
    if text == "Sell":
        return "Sell"
    raise Unreadable(f"{field}: {text[:40]!r} is neither Buy nor Sell")


def _fits(row: KlineRow) -> bool:
    """All checks of the prices in one go, because nearly every row passes; which one failed is found out afterwards."""
    low, high = row.low, row.high
    try:
        return LEAST <= low <= row.open <= high < LIMIT and low <= row.close <= high
    except InvalidOperation:  # NaN compares with nothing
        return False


def _bare(raw: msgspec.Raw) -> str:
    """A figure's text, whether it was sent as a number or as text."""
    return bytes(raw)[:60].decode("utf-8", "replace").strip('"')


def _time_or_none(value: Millis, field: str) -> int | None:
    return None if value == "" else millis(value, field) or None


def _funding_time(text: str) -> int | None:
    return (millis(text, "nextFundingTime") or None) if text else None
