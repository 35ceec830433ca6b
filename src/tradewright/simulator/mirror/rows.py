"""What Bybit's public rows mean, in the market's own words.

Lives here: instruments, candles, trades and funding from their JSON. Values in, values out. A row that cannot be read
raises `ValueError` or `KeyError`: the feed drops its connection then and starts anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, cast

from tradewright.simulator.market.intervals import bucket_end
from tradewright.simulator.market.model import (
    PRICE_UNBOUNDED,
    Bar,
    Category,
    ContractType,
    InstrumentSpec,
    Kline,
    Level,
    ListingStatus,
    MarketTrade,
    Side,
)

Row = Mapping[str, Any]

# Public data does not say what a fee is; these are the rates of an account without a VIP level. Not verified.
_CONTRACT_FEES: Final = (Decimal("0.0002"), Decimal("0.00055"))
_SPOT_FEES: Final = (Decimal("0.001"), Decimal("0.001"))
_MAINTENANCE_USUAL: Final = Decimal("0.01")
# Percent or fraction: the reference leaves it open. A first tier's initial margin times its leverage is 1 or 100.
_PERCENT_ABOVE: Final = 2


def spec_of(category: Category, row: Row, tier: Row | None) -> InstrumentSpec:
    """An instrument out of instruments-info; `tier` is its lowest row of risk-limit, None where there is none."""
    return _spot(row) if category == "spot" else _contract(category, row, tier)


def _contract(category: Category, row: Row, tier: Row | None) -> InstrumentSpec:
    price, lot, leverage = row["priceFilter"], row["lotSizeFilter"], row["leverageFilter"]
    ratios = row.get("riskParameters") or {}
    maker, taker = _CONTRACT_FEES
    return InstrumentSpec(
        category=category,
        symbol=row["symbol"],
        symbol_id=int(row.get("symbolId") or 0),
        base_coin=row["baseCoin"],
        quote_coin=row["quoteCoin"],
        settle_coin=row["settleCoin"],
        price_scale=int(row["priceScale"]),
        tick_size=Decimal(price["tickSize"]),
        min_price=Decimal(price["minPrice"]),
        max_price=Decimal(price["maxPrice"]),
        qty_step=Decimal(lot["qtyStep"]),
        min_qty=Decimal(lot["minOrderQty"]),
        max_limit_qty=Decimal(lot["maxOrderQty"]),
        max_market_qty=Decimal(lot["maxMktOrderQty"]),
        min_notional=number(lot.get("minNotionalValue")) or Decimal(0),
        min_leverage=Decimal(leverage["minLeverage"]),
        max_leverage=Decimal(leverage["maxLeverage"]),
        leverage_step=Decimal(leverage["leverageStep"]),
        maker_fee_rate=maker,
        taker_fee_rate=taker,
        maintenance_margin_rate=_maintenance(tier),
        price_limit_ratio_x=number(ratios.get("priceLimitRatioX")) or Decimal("0.05"),
        price_limit_ratio_y=number(ratios.get("priceLimitRatioY")) or Decimal("0.1"),
        upper_funding_rate=number(row.get("upperFundingRate")) or Decimal(0),
        lower_funding_rate=number(row.get("lowerFundingRate")) or Decimal(0),
        funding_interval_min=int(row.get("fundingInterval") or 0),
        launch_ms=int(row.get("launchTime") or 0),
        contract_type=cast(ContractType, row["contractType"]),
        status=cast(ListingStatus, row["status"]),
        delivery_ms=int(row.get("deliveryTime") or 0) if "Futures" in row["contractType"] else 0,
    )


def _spot(row: Row) -> InstrumentSpec:
    lot, tick = row["lotSizeFilter"], Decimal(row["priceFilter"]["tickSize"])
    ratios = row.get("riskParameters") or {}
    step = Decimal(lot["basePrecision"])
    most = number(lot.get("maxLimitOrderQty")) or Decimal(lot["maxOrderQty"])
    maker, taker = _SPOT_FEES
    return InstrumentSpec(
        category="spot",
        symbol=row["symbol"],
        symbol_id=int(row.get("symbolId") or 0),
        base_coin=row["baseCoin"],
        quote_coin=row["quoteCoin"],
        settle_coin="",
        price_scale=max(0, -cast(int, tick.normalize().as_tuple().exponent)),
        tick_size=tick,
        min_price=tick,
        max_price=PRICE_UNBOUNDED,
        qty_step=step,
        min_qty=number(lot.get("minOrderQty")) or step,
        max_limit_qty=most,
        max_market_qty=number(lot.get("maxMarketOrderQty")) or most,
        min_notional=number(lot.get("minOrderAmt")) or Decimal(0),
        min_leverage=Decimal(1),
        max_leverage=Decimal(1),
        leverage_step=Decimal(1),
        maker_fee_rate=maker,
        taker_fee_rate=taker,
        maintenance_margin_rate=Decimal(0),
        price_limit_ratio_x=number(ratios.get("priceLimitRatioX")) or Decimal("0.05"),
        price_limit_ratio_y=number(ratios.get("priceLimitRatioY")) or Decimal("0.1"),
        upper_funding_rate=Decimal(0),
        lower_funding_rate=Decimal(0),
        funding_interval_min=0,
        launch_ms=0,
        quote_precision=Decimal(lot["quotePrecision"]),
    )


def _maintenance(tier: Row | None) -> Decimal:
    if tier is None:
        return _MAINTENANCE_USUAL
    rate = Decimal(str(tier["maintenanceMargin"]))
    is_percent = Decimal(str(tier["initialMargin"])) * Decimal(str(tier["maxLeverage"])) > _PERCENT_ABOVE
    return rate / 100 if is_percent else rate


def kline_of(category: Category, interval: str, row: Sequence[str], now_ms: int) -> Kline:
    """A row of REST's kline; one whose time is not over is open."""
    start_ms = int(row[0])
    end_ms = bucket_end(interval, start_ms) - 1
    first, high, low, last, volume, turnover = map(Decimal, row[1:7])
    return Kline(
        start_ms=start_ms,
        end_ms=end_ms,
        open=first,
        high=high,
        low=low,
        close=last,
        volume=volume,
        turnover=turnover,
        confirm=end_ms < now_ms,
    )


def pushed_kline(row: Row) -> Kline:
    """A candle of the stream."""
    return Kline(
        start_ms=int(row["start"]),
        end_ms=int(row["end"]),
        open=Decimal(row["open"]),
        high=Decimal(row["high"]),
        low=Decimal(row["low"]),
        close=Decimal(row["close"]),
        volume=Decimal(row["volume"]),
        turnover=Decimal(row["turnover"]),
        confirm=row["confirm"] is True,
    )


def bar_of(row: Sequence[str]) -> Bar:
    """A row of the mark, index or premium candles."""
    first, high, low, last = map(Decimal, row[1:5])
    return Bar(start_ms=int(row[0]), open=first, high=high, low=low, close=last)


def pushed_trade(listing: str, row: Row, seq: int, not_before_ms: int) -> MarketTrade:
    """A trade of the stream. `seq` is ours; a time that runs back would break every reader of the market."""
    return MarketTrade(
        symbol=listing,
        time_ms=max(int(row["T"]), not_before_ms),
        price=Decimal(row["p"]),
        size=Decimal(row["v"]),
        side=cast(Side, row["S"]),
        trade_id=str(row["i"]),
        seq=seq,
    )


def listed_trade(listing: str, row: Row, seq: int) -> MarketTrade:
    """A trade of REST's recent-trade."""
    return MarketTrade(
        symbol=listing,
        time_ms=int(row["time"]),
        price=Decimal(row["price"]),
        size=Decimal(row["size"]),
        side=cast(Side, row["side"]),
        trade_id=str(row["execId"]),
        seq=seq,
    )


def levels_of(rows: Sequence[Sequence[str]]) -> list[Level]:
    return [(Decimal(price), Decimal(size)) for price, size in rows]


def number(text: Any) -> Decimal | None:
    """A decimal text; None for "" and for nothing."""
    return Decimal(str(text)) if text not in (None, "") else None
