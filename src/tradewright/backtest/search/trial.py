"""One set of values over one stretch of time: bound, run, and its figures.

Lives here: which engine runs it. `signal` without anything that hangs on the position and without finer candles is
compiled; everything else, and a compiled run that cannot be sure, goes through the plain engine. Both give the same
trades. Not here: many sets (`sweep`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from tradewright.backtest.engine import run
from tradewright.backtest.result import NoBars, Result, Trade
from tradewright.backtest.search import kernel
from tradewright.backtest.search.figures import Figures, figures_of, figures_of_tape
from tradewright.backtest.settings import Settings
from tradewright.strategy.candles import Candles
from tradewright.strategy.check.binding import Bindings, Bound, Impossible
from tradewright.strategy.faults import Fault
from tradewright.strategy.model import Limits, Signal
from tradewright.strategy.program import POSITION_FIELDS

if TYPE_CHECKING:
    from tradewright.backtest.search.columns import KeptColumns
    from tradewright.strategy.evaluate.arrays import Functions

Values = Mapping[str, Decimal]
_WINDOWS_MAX = 4  # whose bars are kept


@dataclass(frozen=True, slots=True)
class Window:
    """Bars with `from_ms` <= open time < `to_ms` are run; None: from the first, to the last."""

    from_ms: int | None = None
    to_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """`figures` None: the set is none, and `faults` say why."""

    figures: Figures | None
    engine: Literal["compiled", "plain", "none"]
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class Loop:
    """`kernel.play` and how functions are taken over columns: both compiled (`compiled.compiled_loop`), or as they
    stand, to the same bits."""

    play: Callable[[kernel.Bars, kernel.Signals, kernel.Terms, kernel.Tape], int]
    functions: Functions


class Trials:
    """`params`: set for all trials. `loop`: the compiled one, where compiling is worth its seconds."""

    def __init__(
        self, text: bytes, params: Mapping[str, str], candles: Candles, settings: Settings, loop: Loop | None = None
    ) -> None:
        self.bindings = Bindings(text, params)
        self._candles, self._settings = candles, settings
        self._looped = _Looped(self.bindings, candles, settings, loop) if loop and self._may_loop() else None

    def _may_loop(self) -> bool:
        plan, program = self.bindings.strategy.plan, self.bindings.strategy.program
        hangs = any(step.name in POSITION_FIELDS for step in program.steps)
        return isinstance(plan, Signal) and not hangs and self._settings.fine is None

    def outcome(self, values: Values, window: Window) -> Outcome:
        """Raises `NoBars` where the window has none."""
        bound = self.bindings.bind(values)
        if isinstance(bound, Impossible):
            return Outcome(None, "none", bound.faults)
        if self._looped is not None:
            figures = self._looped.figures(bound, window)
            if figures is not None:
                return Outcome(figures, "compiled")
        result = self.result(values, window)
        if isinstance(result, Impossible):
            return Outcome(None, "none", result.faults)
        return Outcome(figures_of(result), "plain")

    def result(self, values: Values, window: Window, *, equity: Decimal | None = None) -> Result | Impossible:
        """By the plain engine. `equity`: capital other than that of the settings."""
        strategy = self.bindings.strategy_of(values)
        if isinstance(strategy, Impossible):
            return strategy
        settings = replace(self._settings, from_ms=window.from_ms, to_ms=window.to_ms)
        return run(strategy, self._candles, settings if equity is None else replace(settings, equity=equity))

    def looped_trades(self, values: Values, window: Window) -> list[Trade] | None:
        """What the loop found; None where it leaves the set to the plain engine, or there is no such set."""
        bound = self.bindings.bind(values)
        if self._looped is None or isinstance(bound, Impossible):
            return None
        return self._looped.trades(bound, window)


class _Looped:
    def __init__(self, bindings: Bindings, candles: Candles, settings: Settings, loop: Loop) -> None:
        from tradewright.backtest.search.columns import KeptColumns

        self._strategy, self._candles, self._settings = bindings.strategy, candles, settings
        self._columns: KeptColumns = KeptColumns(bindings.program, candles, loop.functions)
        self._play = loop.play
        self._bars: dict[Window, kernel.Bars] = {}  # hours and days are no numbers: no param can change them
        self._terms: tuple[Signal, kernel.Terms | None] | None = None
        self._tape: kernel.Tape | None = None

    def figures(self, bound: Bound, window: Window) -> Figures | None:
        played = self._played(bound, window)
        if played is None:
            return None
        bars, tape, count = played
        return figures_of_tape(tape, count, bars, float(self._settings.equity))

    def trades(self, bound: Bound, window: Window) -> list[Trade] | None:
        from tradewright.backtest.search.terms import trades_of

        played = self._played(bound, window)
        return None if played is None else trades_of(played[1], played[2])

    def _played(self, bound: Bound, window: Window) -> tuple[kernel.Bars, kernel.Tape, int] | None:
        from tradewright.backtest.search.terms import signals_of

        plan = bound.plan
        assert isinstance(plan, Signal), "only a signal is compiled"
        terms = self._terms_of(plan)
        if terms is None:
            return None
        bars = self._bars_of(window, plan.limits)
        tape = self._tape_of(bars)
        count = self._play(bars, signals_of(plan, self._columns.of(bound.program)), terms, tape)
        return None if count == kernel.UNSURE else (bars, tape, count)

    def _terms_of(self, plan: Signal) -> kernel.Terms | None:
        from tradewright.backtest.search.terms import terms_of

        if self._terms is None or self._terms[0] is not plan:
            strategy = self._strategy
            self._terms = (plan, terms_of(plan, strategy.leverage, strategy.market.category, self._settings))
        return self._terms[1]

    def _bars_of(self, window: Window, limits: Limits) -> kernel.Bars:
        import numpy as np

        from tradewright.backtest.search.terms import bars_of

        found = self._bars.get(window)
        if found is None:
            times = self._candles.open_time_ms
            first = 0 if window.from_ms is None else int(np.searchsorted(times, window.from_ms))
            end = len(times) if window.to_ms is None else int(np.searchsorted(times, window.to_ms))
            if first >= end:
                raise NoBars("there is no bar between the times asked for")
            if len(self._bars) >= _WINDOWS_MAX:
                self._bars.clear()
            found = bars_of(self._candles, self._settings, limits, first, end - 1)
            self._bars[window] = found
        return found

    def _tape_of(self, bars: kernel.Bars) -> kernel.Tape:
        from tradewright.backtest.search.terms import tape_for

        count, days = bars.last - bars.first + 1, int(bars.day[bars.last]) + 1
        if self._tape is None or len(self._tape.whole) <= count or len(self._tape.daily) < days:
            self._tape = tape_for(count, days)
        return self._tape
