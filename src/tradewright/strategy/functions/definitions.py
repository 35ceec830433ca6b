"""Every function's one definition, by name: what the evaluators run. How it is called stands in `table`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from tradewright.strategy.functions import (
    averages,
    direction,
    events,
    momentum,
    rings,
    trend,
    volatility,
    volume,
    windows,
)
from tradewright.strategy.functions.steps import Definition
from tradewright.strategy.functions.table import FUNCTIONS

DEFINITIONS: Mapping[str, Definition] = MappingProxyType(
    {
        "sma": Definition(averages.sma, averages.cells_sma),
        "ema": Definition(averages.ema, averages.cells_ema),
        "wma": Definition(averages.wma, averages.cells_wma),
        "dema": Definition(averages.dema, averages.cells_dema),
        "tema": Definition(averages.tema, averages.cells_tema),
        "kama": Definition(averages.kama, averages.cells_kama),
        "rma": Definition(averages.rma, averages.cells_ema),
        "hma": Definition(averages.hma, averages.cells_hma),
        "vwma": Definition(averages.vwma, averages.cells_vwma),
        "vwap": Definition(averages.vwap, averages.cells_vwap),
        "rsi": Definition(momentum.rsi, momentum.cells_rsi),
        "roc": Definition(momentum.roc, rings.cells_before),
        "mom": Definition(momentum.mom, rings.cells_before),
        "cci": Definition(momentum.cci, momentum.cells_cci),
        "willr": Definition(momentum.willr, momentum.cells_range),
        "mfi": Definition(momentum.mfi, momentum.cells_mfi),
        "adx": Definition(direction.adx, direction.cells_adx),
        "plus_di": Definition(direction.plus_di, direction.cells_di),
        "minus_di": Definition(direction.minus_di, direction.cells_di),
        "aroon_up": Definition(momentum.aroon_up, momentum.cells_aroon),
        "aroon_down": Definition(momentum.aroon_down, momentum.cells_aroon),
        "stoch_k": Definition(momentum.stoch_k, momentum.cells_stoch),
        "stoch_d": Definition(momentum.stoch_d, momentum.cells_stoch),
        "stochrsi_k": Definition(momentum.stochrsi_k, momentum.cells_stochrsi),
        "stochrsi_d": Definition(momentum.stochrsi_d, momentum.cells_stochrsi),
        "macd": Definition(momentum.macd, momentum.cells_macd),
        "macd_signal": Definition(momentum.macd_signal, momentum.cells_macd),
        "macd_hist": Definition(momentum.macd_hist, momentum.cells_macd),
        "atr": Definition(volatility.atr, volatility.cells_atr),
        "natr": Definition(volatility.natr, volatility.cells_atr),
        "tr": Definition(volatility.tr, volatility.cells_tr),
        "stddev": Definition(volatility.stddev, volatility.cells_variance),
        "bb_upper": Definition(volatility.bb_upper, volatility.cells_bb),
        "bb_middle": Definition(volatility.bb_middle, volatility.cells_bb_middle),
        "bb_lower": Definition(volatility.bb_lower, volatility.cells_bb),
        "bb_width": Definition(volatility.bb_width, volatility.cells_bb),
        "keltner_upper": Definition(volatility.keltner_upper, volatility.cells_keltner),
        "keltner_lower": Definition(volatility.keltner_lower, volatility.cells_keltner),
        "donchian_upper": Definition(rings.highest, rings.cells_highest),
        "donchian_lower": Definition(rings.lowest, rings.cells_highest),
        "supertrend": Definition(trend.supertrend, trend.cells_supertrend),
        "supertrend_dir": Definition(trend.supertrend_dir, trend.cells_supertrend),
        "psar": Definition(trend.psar, trend.cells_psar),
        "linreg_slope": Definition(trend.linreg_slope, trend.cells_linreg),
        "linreg": Definition(trend.linreg, trend.cells_linreg),
        "obv": Definition(volume.obv, volume.cells_obv),
        "ad": Definition(volume.ad, volume.cells_ad),
        "cmf": Definition(volume.cmf, volume.cells_cmf),
        "volume_sma": Definition(averages.sma, averages.cells_sma),
        "highest": Definition(rings.highest, rings.cells_highest),
        "lowest": Definition(rings.lowest, rings.cells_highest),
        "sum": Definition(rings.total, rings.cells_total),
        "change": Definition(momentum.mom, rings.cells_before),
        "percent_rank": Definition(windows.percent_rank, windows.cells_percent_rank),
        "zscore": Definition(windows.zscore, windows.cells_zscore),
        "count": Definition(rings.total, rings.cells_total),
        "crosses_above": Definition(events.crosses_above, events.cells_cross, afresh=False),
        "crosses_below": Definition(events.crosses_below, events.cells_cross, afresh=False),
        "crosses": Definition(events.crosses, events.cells_cross, afresh=False),
        "rising": Definition(events.rising, events.cells_run),
        "falling": Definition(events.falling, events.cells_run),
        "bars_since": Definition(events.bars_since, events.cells_since, afresh=False),
        "value_when": Definition(events.value_when, events.cells_value_when, afresh=False),
        "held": Definition(events.held, events.cells_held, afresh=False),
    }
)


def typed(name: str, constants: Sequence[float]) -> tuple[float, ...]:
    """A step's constants as its definition takes them: lengths are ints."""
    named = zip(FUNCTIONS[name].constants, constants, strict=True)
    return tuple(int(value) if parameter.kind == "length" else value for parameter, value in named)
