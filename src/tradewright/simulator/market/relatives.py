"""Contracts beside a USDT perpetual of the same coin: inverse, settled in USDC, dated, or not launched yet.

Lives here: how their filters follow from those of the USDT perpetual. Not here: which are listed (`instruments`,
`dated`), their prices (`following_contract`). Ticks are the perpetual's, so that prices can follow it tick by tick; the
other filters have the style of Bybit's own, but nobody compared them.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from tradewright.simulator.market.model import InstrumentSpec

_USD_STEP = Decimal(1)
_INVERSE_ORDER_MAX = Decimal(25_000_000)  # USD
_INVERSE_MARKET_ORDER_MAX = Decimal(5_000_000)
_FINER = Decimal("0.1")


def inverse_perpetual(usdt: InstrumentSpec, symbol_id: int, *, launch_ms: int) -> InstrumentSpec:
    """BTCUSD: quantities in contracts of one USD, margin, profit and fees in the coin."""
    return replace(
        usdt,
        category="inverse",
        symbol=f"{usdt.base_coin}USD",
        symbol_id=symbol_id,
        quote_coin="USD",
        settle_coin=usdt.base_coin,
        qty_step=_USD_STEP,
        min_qty=_USD_STEP,
        max_limit_qty=_INVERSE_ORDER_MAX,
        max_market_qty=_INVERSE_MARKET_ORDER_MAX,
        min_notional=_USD_STEP,
        launch_ms=launch_ms,
        contract_type="InversePerpetual",
    )


def inverse_future(usdt: InstrumentSpec, symbol_id: int, *, symbol: str, launch_ms: int, end_ms: int) -> InstrumentSpec:
    """BTCUSDZ26: as the inverse perpetual, until it delivers at `end_ms`."""
    return _ending(
        replace(inverse_perpetual(usdt, symbol_id, launch_ms=launch_ms), symbol=symbol, contract_type="InverseFutures"),
        end_ms,
    )


def usdc_perpetual(usdt: InstrumentSpec, symbol_id: int, *, launch_ms: int) -> InstrumentSpec:
    """BTCPERP: the same in USDC, in lots of a tenth."""
    return replace(
        _finer(usdt),
        symbol=f"{usdt.base_coin}PERP",
        symbol_id=symbol_id,
        quote_coin="USDC",
        settle_coin="USDC",
        launch_ms=launch_ms,
        contract_type="LinearPerpetual",
    )


def linear_future(
    usdt: InstrumentSpec, symbol_id: int, *, symbol: str, coin: str, launch_ms: int, end_ms: int
) -> InstrumentSpec:
    """BTCUSDT-25DEC26 or BTC-25DEC26, quoted and settled in `coin`, until it delivers at `end_ms`."""
    return _ending(
        replace(
            _finer(usdt),
            symbol=symbol,
            symbol_id=symbol_id,
            quote_coin=coin,
            settle_coin=coin,
            launch_ms=launch_ms,
            contract_type="LinearFutures",
        ),
        end_ms,
    )


def _finer(usdt: InstrumentSpec) -> InstrumentSpec:
    step = usdt.qty_step * _FINER
    return replace(
        usdt,
        qty_step=step,
        min_qty=step,
        max_limit_qty=(usdt.max_limit_qty * _FINER).quantize(step),
        max_market_qty=(usdt.max_market_qty * _FINER).quantize(step),
        max_leverage=min(usdt.max_leverage, Decimal("50.00")),
        maintenance_margin_rate=max(usdt.maintenance_margin_rate, Decimal("0.01")),
    )


def _ending(spec: InstrumentSpec, end_ms: int) -> InstrumentSpec:
    """No funding: its price meets the index at the end by itself."""
    return replace(
        spec,
        delivery_ms=end_ms,
        upper_funding_rate=Decimal(0),
        lower_funding_rate=Decimal(0),
        funding_interval_min=0,
    )
