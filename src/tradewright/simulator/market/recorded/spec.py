"""The filters of a recorded listing: the exchange's own where it lists it, else such as its rows allow.

Lives here: `spec_for`. Not here: the listed instruments (`instruments`), reading files (`recording`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Final
from zlib import crc32

from tradewright.simulator.market.errors import MarketSpecError
from tradewright.simulator.market.instruments import BTCUSDT, LISTED
from tradewright.simulator.market.model import PRICE_UNBOUNDED, Category, InstrumentSpec
from tradewright.simulator.market.recorded.recording import Recordings
from tradewright.simulator.market.relatives import inverse_perpetual

CATEGORIES: Final[tuple[Category, ...]] = ("linear", "inverse", "spot")
# The least value of an order by quote coin: about five dollars' worth, as on Bybit.
_MIN_NOTIONAL: Final = {
    "USDT": Decimal("5"),
    "USDC": Decimal("5"),
    "BTC": Decimal("0.0001"),
    "ETH": Decimal("0.002"),
}
_LARGEST_ORDER: Final = Decimal(1_000_000)  # base coin; a recording says nothing of it
_SIZE_DECIMALS_OF_CANDLES: Final = 3  # a lot that fits most symbols: candles add trades up and do not tell it
_FEE: Final = Decimal("0.001")  # of a spot pair, maker and taker


def spec_for(category: Category, symbol: str, recordings: Recordings) -> InstrumentSpec:
    """The instrument of a recorded listing. Raises `MarketSpecError` for a symbol that cannot be one."""
    if category == "inverse" and recordings.trades is not None:
        raise MarketSpecError(
            f"inverse:{symbol} is given {recordings.trades.name} (trades), whose turnover would be told in USD "
            "instead of coin; give its candles"
        )
    listed = next((spec for spec in LISTED if (spec.category, spec.symbol) == (category, symbol)), None)
    spec = listed or (_inverse(symbol, recordings) if category == "inverse" else _derived(category, symbol, recordings))
    return _with_funding(_fitted(spec, recordings), recordings)


def _derived(category: Category, symbol: str, recordings: Recordings) -> InstrumentSpec:
    """Tick and lot from the decimals of the rows, the rest plausible."""
    quote = next((coin for coin in _MIN_NOTIONAL if symbol.endswith(coin) and symbol != coin), None)
    if quote is None:
        raise MarketSpecError(
            f"the symbol {symbol!r} ends in no coin that prices are told in; it must end in {', '.join(_MIN_NOTIONAL)}"
        )
    price_decimals = max(file.price_decimals for file in recordings.played)
    tick = Decimal(1).scaleb(-price_decimals)
    lot = Decimal(1).scaleb(-_decimals(_size_decimals(recordings), default=_SIZE_DECIMALS_OF_CANDLES))
    base = replace(
        BTCUSDT,
        category=category,
        symbol=symbol,
        symbol_id=crc32(f"{category}:{symbol}".encode()) % 1_000_000 + 1_000_000,  # no listed one is as high
        base_coin=symbol.removesuffix(quote),
        quote_coin=quote,
        settle_coin=quote,
        price_scale=price_decimals,
        tick_size=tick,
        min_price=tick,
        max_price=Decimal(1_000_000),
        qty_step=lot,
        min_qty=lot,
        max_limit_qty=_LARGEST_ORDER,
        max_market_qty=_LARGEST_ORDER,
        min_notional=_MIN_NOTIONAL[quote],
        max_leverage=Decimal("50.00"),
    )
    if category == "linear":
        if quote != BTCUSDT.settle_coin:
            raise MarketSpecError(
                f"the symbol {symbol!r} is asked for as linear; contracts of the simulated exchange are settled in "
                f"{BTCUSDT.settle_coin}, so give it as spot:{symbol}"
            )
        return base
    return replace(
        base,
        settle_coin="",
        max_price=PRICE_UNBOUNDED,
        min_leverage=Decimal(1),
        max_leverage=Decimal(1),
        leverage_step=Decimal(1),
        maker_fee_rate=_FEE,
        taker_fee_rate=_FEE,
        maintenance_margin_rate=Decimal(0),
        upper_funding_rate=Decimal(0),
        lower_funding_rate=Decimal(0),
        funding_interval_min=0,
        launch_ms=0,
        quote_precision=Decimal("0.00000001"),
    )


def _inverse(symbol: str, recordings: Recordings) -> InstrumentSpec:
    """As BTCUSD, in contracts of a dollar; the tick is what the rows have."""
    coin = symbol.removesuffix("USD")
    if not coin or coin == symbol:
        raise MarketSpecError(f"the symbol {symbol!r} is asked for as inverse; such a symbol must end in USD")
    price_decimals = max(file.price_decimals for file in recordings.played)
    tick = Decimal(1).scaleb(-price_decimals)
    like = _derived("linear", f"{coin}USDT", recordings)
    contract = replace(like, price_scale=price_decimals, tick_size=tick, min_price=tick)
    return inverse_perpetual(contract, crc32(f"inverse:{symbol}".encode()) % 1_000_000 + 1_000_000, launch_ms=0)


def _fitted(spec: InstrumentSpec, recordings: Recordings) -> InstrumentSpec:
    """The instrument's own filters if what was recorded fits them, else a finer tick or lot."""
    price_decimals = max(file.price_decimals for file in recordings.played)
    if price_decimals > _step_decimals(spec.tick_size):
        tick = Decimal(1).scaleb(-price_decimals)
        spec = replace(spec, tick_size=tick, min_price=min(tick, spec.min_price), price_scale=price_decimals)
    size_decimals = _decimals(_size_decimals(recordings), default=0)
    if size_decimals > _step_decimals(spec.qty_step):
        lot = Decimal(1).scaleb(-size_decimals)
        spec = replace(spec, qty_step=lot, min_qty=min(lot, spec.min_qty))
    return spec


def _with_funding(spec: InstrumentSpec, recordings: Recordings) -> InstrumentSpec:
    """A contract's funding interval as recorded."""
    funding = recordings.funding
    if funding is None:
        return spec
    if spec.is_spot:
        raise MarketSpecError(
            f"{spec.listing} is given {funding.name} (funding); spot has none, give it to linear:{spec.symbol}"
        )
    return replace(spec, funding_interval_min=funding.interval_min)


def _size_decimals(recordings: Recordings) -> list[int]:
    return [file.size_decimals for file in recordings.played if file.size_decimals is not None]


def _decimals(found: Iterable[int], *, default: int) -> int:
    return max(found, default=default)


def _step_decimals(step: Decimal) -> int:
    exponent = step.normalize().as_tuple().exponent
    assert isinstance(exponent, int), "a step is a finite number"
    return max(0, -exponent)
