"""What the simulated exchange always lists: contracts and spot pairs, with filters in the style of Bybit's own.

Lives here: the specs. Not here: what depends on the market (`dated`, `many`, options), prices (`habits`, `synthetic`),
the tiers of risk limits (`risk_tiers`). A replay may derive a finer tick from its file (`recorded_spec`). BTCUSDT and
ETHUSDT have the very filters that Bybit had; the others are of the same kind and size, but nobody compared them.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Final

from tradewright.simulator.market.model import PRICE_UNBOUNDED, InstrumentSpec
from tradewright.simulator.market.relatives import inverse_perpetual, usdc_perpetual

_PRICE_TICKS_MAX: Final = 19_999_998  # a contract's highest price, in ticks


def contract_of(
    base: str,
    symbol_id: int,
    tick: str,
    step: str,
    most: str,
    leverage: str,
    maintenance: str,
    far: str,
    launch_ms: int,
    *,
    funding_bound: str = "0.01",
    funding_min: int = 480,
) -> InstrumentSpec:
    """A row of the table below. `most` is the largest limit order (base coin), a fifth of it the largest market
    order; `maintenance` the margin rate of the first tier; `far` the second price limit ratio, half of it the first.
    """
    tick_size, qty_step = Decimal(tick), Decimal(step)
    return InstrumentSpec(
        category="linear",
        symbol=f"{base}USDT",
        symbol_id=symbol_id,
        base_coin=base,
        quote_coin="USDT",
        settle_coin="USDT",
        price_scale=_decimals(tick),
        tick_size=tick_size,
        min_price=tick_size,
        max_price=tick_size * _PRICE_TICKS_MAX,
        qty_step=qty_step,
        min_qty=qty_step,
        max_limit_qty=Decimal(most),
        max_market_qty=(Decimal(most) / 5).quantize(qty_step),
        min_notional=Decimal(5),
        min_leverage=Decimal(1),
        max_leverage=Decimal(leverage),
        leverage_step=Decimal("0.01"),
        maker_fee_rate=Decimal("0.0002"),
        taker_fee_rate=Decimal("0.00055"),
        maintenance_margin_rate=Decimal(maintenance),
        price_limit_ratio_x=Decimal(far) / 2,
        price_limit_ratio_y=Decimal(far),
        upper_funding_rate=Decimal(funding_bound),
        lower_funding_rate=-Decimal(funding_bound),
        funding_interval_min=funding_min,
        launch_ms=launch_ms,
    )


def _pair(
    base: str,
    symbol_id: int,
    *,
    tick: str,
    step: str,
    least: str,
    most: str,
    amount_step: str = "0.0000001",
    amount_min: str = "5",
    far: str = "0.02",
    quote: str = "USDT",
) -> InstrumentSpec:
    """A spot pair. `least` and `most` are of a limit order (base coin), half of `most` of a market order;
    `amount_step` and `amount_min` are in the quote coin.
    """
    return InstrumentSpec(
        category="spot",
        symbol=f"{base}{quote}",
        symbol_id=symbol_id,
        base_coin=base,
        quote_coin=quote,
        settle_coin="",
        price_scale=_decimals(tick),
        tick_size=Decimal(tick),
        min_price=Decimal(tick),
        max_price=PRICE_UNBOUNDED,
        qty_step=Decimal(step),
        min_qty=Decimal(least),
        max_limit_qty=Decimal(most),
        max_market_qty=Decimal(most) / 2,
        min_notional=Decimal(amount_min),
        min_leverage=Decimal(1),
        max_leverage=Decimal(1),
        leverage_step=Decimal(1),
        maker_fee_rate=Decimal("0.001"),
        taker_fee_rate=Decimal("0.001"),
        maintenance_margin_rate=Decimal(0),
        price_limit_ratio_x=Decimal(far) / 2,
        price_limit_ratio_y=Decimal(far),
        upper_funding_rate=Decimal(0),
        lower_funding_rate=Decimal(0),
        funding_interval_min=0,
        launch_ms=0,
        quote_precision=Decimal(amount_step),
    )


def _decimals(step: str) -> int:
    return len(step.partition(".")[2])


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

_ALT_CONTRACTS: Final = (
    contract_of("SOL", 7, "0.010", "0.1", "79770.0", "100.00", "0.005", "0.06", 1_634_256_000_000),
    contract_of("XRP", 8, "0.0001", "0.1", "3000000.0", "75.00", "0.0065", "0.06", 1_620_864_000_000),
    contract_of("DOGE", 9, "0.00001", "1", "15000000", "75.00", "0.0065", "0.06", 1_622_592_000_000),
    contract_of("BNB", 10, "0.10", "0.01", "2500.00", "75.00", "0.0065", "0.06", 1_625_011_200_000),
    contract_of("ADA", 11, "0.0001", "1", "4800000", "75.00", "0.0065", "0.06", 1_620_864_000_000),
    contract_of("AVAX", 12, "0.001", "0.1", "91000.0", "50.00", "0.01", "0.1", 1_631_664_000_000),
    contract_of("LINK", 13, "0.001", "0.1", "137000.0", "50.00", "0.01", "0.1", 1_620_864_000_000),
    contract_of("LTC", 14, "0.01", "0.1", "24000.0", "50.00", "0.01", "0.1", 1_610_928_000_000),
    contract_of("DOT", 15, "0.0001", "0.1", "260000.0", "50.00", "0.01", "0.1", 1_615_766_400_000),
    contract_of("TRX", 16, "0.00001", "1", "9600000", "50.00", "0.01", "0.1", 1_635_120_000_000),
    contract_of("BCH", 17, "0.05", "0.01", "4700.00", "50.00", "0.01", "0.1", 1_615_939_200_000),
    contract_of("NEAR", 18, "0.001", "0.1", "340000.0", "50.00", "0.01", "0.1", 1_634_256_000_000),
    contract_of("SUI", 19, "0.0001", "10", "2400000", "50.00", "0.01", "0.1", 1_683_072_000_000),
    contract_of("APT", 20, "0.0010", "0.01", "198000.00", "25.00", "0.02", "0.1", 1_666_137_600_000),
    contract_of("ARB", 21, "0.0001", "0.1", "1300000.0", "25.00", "0.02", "0.1", 1_679_529_600_000),
    contract_of("OP", 22, "0.0001", "0.1", "600000.0", "25.00", "0.02", "0.1", 1_654_041_600_000),
    contract_of("ATOM", 23, "0.001", "0.1", "160000.0", "25.00", "0.02", "0.1", 1_631_664_000_000),
    contract_of("UNI", 24, "0.001", "0.1", "150000.0", "25.00", "0.02", "0.1", 1_614_643_200_000),
    contract_of(
        "1000PEPE",
        25,
        "0.0000001",
        "100",
        "170000000",
        "50.00",
        "0.01",
        "0.1",
        1_683_244_800_000,
        funding_bound="0.02",
        funding_min=240,
    ),
    contract_of(
        "SHIB1000", 26, "0.000001", "10", "98000000", "50.00", "0.01", "0.1", 1_620_950_400_000, funding_bound="0.02"
    ),
)

SPOT_BTCUSDT: Final = _pair("BTC", 101, tick="0.1", step="0.000001", least="0.000011", most="83", far="0.01")
SPOT_ETHUSDT: Final = _pair("ETH", 102, tick="0.01", step="0.00001", least="0.00023", most="1500", far="0.01")

_ALT_PAIRS: Final = (
    _pair("SOL", 103, tick="0.01", step="0.001", least="0.004", most="16000", amount_step="0.00001"),
    _pair("XRP", 104, tick="0.0001", step="0.001", least="0.01", most="4000000"),
    _pair("DOGE", 105, tick="0.00001", step="0.01", least="0.1", most="16000000"),
    _pair("BNB", 106, tick="0.1", step="0.0001", least="0.0011", most="3300", amount_step="0.00001"),
    _pair("ADA", 107, tick="0.0001", step="0.01", least="0.1", most="2400000", amount_step="0.000001"),
    _pair("AVAX", 108, tick="0.001", step="0.001", least="0.01", most="40000"),
    _pair("LINK", 109, tick="0.001", step="0.001", least="0.01", most="92000"),
    _pair("LTC", 110, tick="0.01", step="0.001", least="0.01", most="11000", amount_step="0.00001"),
    _pair("PEPE", 111, tick="0.0000000001", step="1", least="1", most="29000000000", amount_min="1", far="0.06"),
    _pair("USDC", 112, tick="0.0001", step="0.01", least="1", most="6000000", amount_min="1"),
    _pair("BTC", 113, tick="0.1", step="0.000001", least="0.000011", most="41", far="0.01", quote="USDC"),
    _pair("ETH", 114, tick="0.01", step="0.00001", least="0.00023", most="750", far="0.01", quote="USDC"),
)
_SOLUSDT, _XRPUSDT = _ALT_CONTRACTS[:2]

USDT_PERPETUALS: Final = (BTCUSDT, ETHUSDT, *_ALT_CONTRACTS)
USDC_PERPETUALS: Final = (
    usdc_perpetual(BTCUSDT, 201, launch_ms=1_662_105_600_000),
    usdc_perpetual(ETHUSDT, 202, launch_ms=1_668_124_800_000),
    usdc_perpetual(_SOLUSDT, 203, launch_ms=1_670_284_800_000),
)
CONTRACTS: Final = (*USDT_PERPETUALS, *USDC_PERPETUALS)
PAIRS: Final = (SPOT_BTCUSDT, SPOT_ETHUSDT, *_ALT_PAIRS)
INVERSE: Final = (
    inverse_perpetual(BTCUSDT, 1, launch_ms=1_542_153_600_000),
    inverse_perpetual(ETHUSDT, 2, launch_ms=1_548_633_600_000),
    inverse_perpetual(_SOLUSDT, 4, launch_ms=1_645_056_000_000),
    inverse_perpetual(_XRPUSDT, 3, launch_ms=1_556_582_400_000),
)
PRE_LAUNCH: Final = replace(
    contract_of("NOVA", 301, "0.0001", "1", "1000000", "5.00", "0.1", "0.1", 4_102_444_800_000), status="PreLaunch"
)
"""A contract that is announced and not traded yet; it never launches (2100)."""
LISTED: Final = (*CONTRACTS, *PAIRS, *INVERSE, PRE_LAUNCH)
