"""One set of values over one stretch of time: bound, run, and its figures.

Not here: many sets (`sweep`), how a spec takes other values (`strategy.check.binding`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from tradewright.backtest.engine import run
from tradewright.backtest.result import Result
from tradewright.backtest.search.figures import Figures, figures_of
from tradewright.backtest.settings import Settings
from tradewright.strategy.candles import Candles
from tradewright.strategy.check.binding import Bindings, Impossible
from tradewright.strategy.faults import Fault

Values = Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class Window:
    """Bars with `from_ms` <= open time < `to_ms` are run; None: from the first, to the last."""

    from_ms: int | None = None
    to_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """`figures` None: the set is none, and `faults` say why."""

    figures: Figures | None
    faults: tuple[Fault, ...] = ()


class Trials:
    """`params`: set for all trials."""

    def __init__(self, text: bytes, params: Mapping[str, str], candles: Candles, settings: Settings) -> None:
        self.bindings = Bindings(text, params)
        self._candles, self._settings = candles, settings

    def outcome(self, values: Values, window: Window) -> Outcome:
        """Raises `NoBars` where the window has none."""
        result = self.result(values, window)
        if isinstance(result, Impossible):
            return Outcome(None, result.faults)
        return Outcome(figures_of(result))

    def result(self, values: Values, window: Window, *, equity: Decimal | None = None) -> Result | Impossible:
        """`equity`: capital other than that of the settings."""
        strategy = self.bindings.strategy_of(values)
        if isinstance(strategy, Impossible):
            return strategy
        settings = replace(self._settings, from_ms=window.from_ms, to_ms=window.to_ms)
        return run(strategy, self._candles, settings if equity is None else replace(settings, equity=equity))
