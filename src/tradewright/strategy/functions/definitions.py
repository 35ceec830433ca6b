"""Every function's one definition, by name: what the evaluators run. How it is called stands in `table`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from tradewright.strategy.functions import averages, events
from tradewright.strategy.functions.steps import Definition

DEFINITIONS: Mapping[str, Definition] = MappingProxyType(
    {
        "sma": Definition(averages.sma, averages.cells_total),
        "ema": Definition(averages.ema, averages.cells_ema),
        "crosses_above": Definition(events.crosses_above, events.cells_cross, afresh=False),
        "crosses_below": Definition(events.crosses_below, events.cells_cross, afresh=False),
        "crosses": Definition(events.crosses, events.cells_cross, afresh=False),
    }
)
