"""The contracts the simulated exchange lists, with Bybit's own filters.

Lives here: the two specs. Not here: their prices. A replay may derive a finer tick from its file (`replay`).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from tradewright.simulator.market.model import InstrumentSpec

BTCUSDT: Final = InstrumentSpec(
    category="linear",
    symbol="BTCUSDT",
    symbol_id=5,
    base_coin="BTC",
    quote_coin="USDT",
    settle_coin="USDT",
    price_scale=2,
    tick_size=Decimal("0.10"),
    min_price=Decimal("0.10"),
    max_price=Decimal("1999999.80"),
    qty_step=Decimal("0.001"),
    min_qty=Decimal("0.001"),
    max_limit_qty=Decimal("1190.000"),
    max_market_qty=Decimal("500.000"),
    min_notional=Decimal("5"),
    min_leverage=Decimal("1"),
    max_leverage=Decimal("100.00"),
    leverage_step=Decimal("0.01"),
    maker_fee_rate=Decimal("0.0002"),
    taker_fee_rate=Decimal("0.00055"),
    maintenance_margin_rate=Decimal("0.005"),
    price_limit_ratio_x=Decimal("0.01"),
    price_limit_ratio_y=Decimal("0.02"),
    upper_funding_rate=Decimal("0.00375"),
    lower_funding_rate=Decimal("-0.00375"),
    funding_interval_min=480,
    launch_ms=1_585_526_400_000,
)

ETHUSDT: Final = InstrumentSpec(
    category="linear",
    symbol="ETHUSDT",
    symbol_id=6,
    base_coin="ETH",
    quote_coin="USDT",
    settle_coin="USDT",
    price_scale=2,
    tick_size=Decimal("0.01"),
    min_price=Decimal("0.01"),
    max_price=Decimal("199999.98"),
    qty_step=Decimal("0.01"),
    min_qty=Decimal("0.01"),
    max_limit_qty=Decimal("7240.00"),
    max_market_qty=Decimal("724.00"),
    min_notional=Decimal("5"),
    min_leverage=Decimal("1"),
    max_leverage=Decimal("100.00"),
    leverage_step=Decimal("0.01"),
    maker_fee_rate=Decimal("0.0002"),
    taker_fee_rate=Decimal("0.00055"),
    maintenance_margin_rate=Decimal("0.005"),
    price_limit_ratio_x=Decimal("0.01"),
    price_limit_ratio_y=Decimal("0.02"),
    upper_funding_rate=Decimal("0.00375"),
    lower_funding_rate=Decimal("-0.00375"),
    funding_interval_min=480,
    launch_ms=1_615_766_400_000,
)

LISTED: Final = (BTCUSDT, ETHUSDT)
