"""One set of values over one stretch of time: bound, run, and its figures.

Lives here: which engine runs it. A spec that can be (`compiled.runs.why_plain`) is run compiled, where a loop is given;
every other, and a compiled run that cannot be sure, goes through the plain engine. Both give the same trades.
Not here: many sets (`sweep`), how a spec takes other values (`strategy.check.binding`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from tradewright.backtest.engine import run
from tradewright.backtest.result import Result, Trade
from tradewright.backtest.search.figures import Figures, figures_of
from tradewright.backtest.search.window import Window
from tradewright.backtest.settings import Settings
from tradewright.strategy.candles import Candles
from tradewright.strategy.check.binding import Bindings, Impossible
from tradewright.strategy.faults import Fault

if TYPE_CHECKING:
    from tradewright.backtest.search.compiled.runs import CompiledRuns, Loop

Values = Mapping[str, Decimal]
Engine = Literal["compiled", "plain"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """`figures` None: the set is none, and `faults` say why; then no engine ran it."""

    figures: Figures | None
    faults: tuple[Fault, ...] = ()
    engine: Engine | None = None


class Trials:
    """`params`: set for all trials. `loop`: where compiling is worth its seconds; the plain engine runs what it cannot.

    Raises `BadSettings`.
    """

    def __init__(
        self, text: bytes, params: Mapping[str, str], candles: Candles, settings: Settings, loop: Loop | None = None
    ) -> None:
        self.bindings = Bindings(text, params)
        self._candles, self._settings = candles, settings
        self._compiled: CompiledRuns | None = None
        settings.check(self.bindings.strategy)
        if loop is not None and self.why_plain() is None:
            from tradewright.backtest.search.compiled.runs import CompiledRuns

            self._compiled = CompiledRuns(self.bindings, candles, settings, loop)

    def why_plain(self) -> str | None:
        """What keeps the spec from being run compiled, in words; None: nothing does."""
        from tradewright.backtest.search.compiled.runs import why_plain

        return why_plain(self.bindings.strategy, self._settings)

    def outcome(self, values: Values, window: Window) -> Outcome:
        """Raises `NoBars` where the window has none."""
        if self._compiled is not None:
            bound = self.bindings.bind(values)
            if isinstance(bound, Impossible):
                return Outcome(None, bound.faults)
            figures = self._compiled.figures(bound, window)
            if figures is not None:
                return Outcome(figures, engine="compiled")
        result = self.result(values, window)
        if isinstance(result, Impossible):
            return Outcome(None, result.faults)
        return Outcome(figures_of(result), engine="plain")

    def result(self, values: Values, window: Window, *, equity: Decimal | None = None) -> Result | Impossible:
        """By the plain engine. `equity`: capital other than that of the settings."""
        strategy = self.bindings.strategy_of(values)
        if isinstance(strategy, Impossible):
            return strategy
        settings = replace(self._settings, from_ms=window.from_ms, to_ms=window.to_ms)
        return run(strategy, self._candles, settings if equity is None else replace(settings, equity=equity))

    def compiled_trades(self, values: Values, window: Window) -> list[Trade] | None:
        """What the compiled run of a set did; None where it is left to the plain engine, or there is no such set."""
        bound = self.bindings.bind(values)
        if self._compiled is None or isinstance(bound, Impossible):
            return None
        return self._compiled.trades(bound, window)
