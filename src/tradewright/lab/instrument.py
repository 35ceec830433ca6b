"""The one instrument of an exact run, as the simulated exchange lists it and as the core holds it.

Lives here: `listed`, `held`. Not here: the run's own settings (`backtest.settings`).

What the run does not name binds nobody: no largest order, no price limits, no tiers, and leverage as the strategy wants
it. Without a tick size prices are told to 18 decimals, as they are in reports.
"""

from __future__ import annotations

from decimal import Decimal

from tradewright.backtest.settings import Settings
from tradewright.core.instrument import Instrument, InstrumentId
from tradewright.core.money import ZERO
from tradewright.lab.played_market import MOST, SMALLEST
from tradewright.simulator.market import InstrumentSpec
from tradewright.strategy.model import Strategy

QUOTE = "USDT"
_PRICE_MAX = Decimal(10) ** 15
_VALUE_MAX = Decimal(10) ** 15  # of a position, at any leverage
_LIMITS_RATIO = Decimal("0.99")  # of a price: as far from it orders may lie
_SLIPS_RATIO = Decimal("0.9")


def listed(strategy: Strategy, settings: Settings) -> InstrumentSpec:
    symbol, filters = strategy.market.symbol, settings.filters
    tick = filters.tick_size or SMALLEST
    return InstrumentSpec(
        category="linear",
        symbol=symbol,
        symbol_id=1,
        base_coin=symbol.removesuffix(QUOTE) or symbol,
        quote_coin=QUOTE,
        settle_coin=QUOTE,
        price_scale=max(0, -int(tick.normalize().as_tuple().exponent)),
        tick_size=tick,
        min_price=tick,
        max_price=_PRICE_MAX // tick * tick,
        qty_step=filters.quantity_step,
        min_qty=max(filters.min_quantity, filters.quantity_step),
        max_limit_qty=MOST,
        max_market_qty=MOST,
        min_notional=ZERO,  # the strategy's own check has said what is too small, at its reference price
        min_leverage=Decimal(1),
        max_leverage=max(Decimal(100), strategy.leverage),
        leverage_step=Decimal("0.01"),
        maker_fee_rate=settings.maker_rate("linear"),
        taker_fee_rate=settings.taker_rate("linear"),
        maintenance_margin_rate=ZERO,
        price_limit_ratio_x=_SLIPS_RATIO,
        price_limit_ratio_y=_LIMITS_RATIO,
        upper_funding_rate=Decimal(1),
        lower_funding_rate=Decimal(-1),
        funding_interval_min=480,
        launch_ms=0,
        first_tier_value=_VALUE_MAX,
    )


def held(spec: InstrumentSpec) -> Instrument:
    """The same, as the exchange would tell it."""
    return Instrument(
        id=InstrumentId("linear", spec.symbol),
        status=spec.status,
        base_coin=spec.base_coin,
        quote_coin=spec.quote_coin,
        settle_coin=spec.settle_coin,
        tick_size=spec.tick_size,
        min_price=spec.min_price,
        max_price=spec.max_price,
        quantity_step=spec.qty_step,
        min_quantity=spec.min_qty,
        max_limit_quantity=spec.max_limit_qty,
        max_market_quantity=spec.max_market_qty,
        min_notional=spec.min_notional,
        max_leverage=spec.max_leverage,
        min_leverage=spec.min_leverage,
        leverage_step=spec.leverage_step,
    )
