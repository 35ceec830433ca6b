"""Compiled runs of one spec over the same candles, one set of values after the other.

Lives here: which specs can be run so (`why_plain`), and one set's run. What is left to the plain engine gives None.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradewright.backtest.result import NoBars, Trade
from tradewright.backtest.search.compiled import layout
from tradewright.backtest.search.compiled.tape import days_of, figures_of_tape, tape_for, trades_of
from tradewright.backtest.search.compiled.terms import bars_of, signals_of, terms_of, unit_parts_of
from tradewright.backtest.search.figures import Figures
from tradewright.backtest.search.window import Window
from tradewright.backtest.settings import Settings
from tradewright.strategy.candles import Candles
from tradewright.strategy.check.binding import Bindings, Bound
from tradewright.strategy.model import Limits, Signal, Strategy
from tradewright.strategy.program import POSITION_FIELDS

if TYPE_CHECKING:
    from tradewright.backtest.search.compiled.columns import Crossed
    from tradewright.strategy.evaluate.arrays import Functions

_WINDOWS_MAX = 4  # whose bars are kept


@dataclass(frozen=True, slots=True)
class Loop:
    """`play.play`, `totals.summed`, `crossings.crossed_above`, and how functions are taken over columns: compiled
    (`machine.compiled_loop`), or as they stand (`interpreted_loop`), to the same bits."""

    play: Callable[[layout.Bars, layout.Signals, layout.Terms, layout.Tape], int]
    summed: Callable[[layout.Tape, int, int, float], None]
    crossed_above: Crossed
    functions: Functions


def interpreted_loop() -> Loop:
    """Slow, and there at once."""
    from tradewright.backtest.search.compiled.crossings import crossed_above
    from tradewright.backtest.search.compiled.play import play
    from tradewright.backtest.search.compiled.totals import summed
    from tradewright.strategy.evaluate import stretches

    return Loop(play, summed, crossed_above, stretches.run)


def why_plain(strategy: Strategy, settings: Settings) -> str | None:
    """What keeps a spec from being run compiled, in words; None: nothing does."""
    if not isinstance(strategy.plan, Signal):
        return "only specs of kind signal are compiled"
    if any(step.name in POSITION_FIELDS for step in strategy.program.steps):
        return "an expression names position"
    if settings.fine is not None:
        return "finer candles are walked inside the bars"
    if terms_of(strategy.plan, strategy, settings, 1) is None:
        return "the tick or the step of quantity has too many digits"
    return None


class CompiledRuns:
    """For a spec of which `why_plain` says None."""

    def __init__(self, bindings: Bindings, candles: Candles, settings: Settings, loop: Loop) -> None:
        from tradewright.backtest.search.compiled.columns import SharedColumns

        self._strategy, self._candles, self._settings = bindings.strategy, candles, settings
        self._columns: SharedColumns = SharedColumns(bindings.program, candles, loop.functions, loop.crossed_above)
        self._loop, self._unit_parts = loop, unit_parts_of(candles, settings.filters)
        self._bars: dict[Window, layout.Bars] = {}  # hours and days are no numbers: no param can change them
        self._terms: tuple[Signal, layout.Terms | None] | None = None
        self._tape: layout.Tape | None = None

    def figures(self, bound: Bound, window: Window) -> Figures | None:
        """Raises `NoBars` where the window has none."""
        bars = self._bars_of(window, bound)
        count = self._played(bound, bars)
        if count is None:
            return None
        tape, capital = self._tape_of(bars), float(self._settings.equity)
        self._loop.summed(tape, count, days_of(bars, int(tape.totals[layout.LAST_BAR])), capital)
        return figures_of_tape(tape, count, bars, capital)

    def trades(self, bound: Bound, window: Window) -> list[Trade] | None:
        """Raises `NoBars` where the window has none."""
        bars = self._bars_of(window, bound)
        count = self._played(bound, bars)
        return None if count is None else trades_of(self._tape_of(bars), count)

    def _played(self, bound: Bound, bars: layout.Bars) -> int | None:
        plan = bound.plan
        assert isinstance(plan, Signal), "only a signal is compiled"
        terms = self._terms_of(plan)
        if terms is None:
            return None
        signals = signals_of(plan, self._columns.of(bound.program))
        count = self._loop.play(bars, signals, terms, self._tape_of(bars))
        return None if count == layout.UNSURE else count

    def _terms_of(self, plan: Signal) -> layout.Terms | None:
        if self._terms is None or self._terms[0] is not plan:
            self._terms = (plan, terms_of(plan, self._strategy, self._settings, self._unit_parts))
        return self._terms[1]

    def _bars_of(self, window: Window, bound: Bound) -> layout.Bars:
        import numpy as np

        found = self._bars.get(window)
        if found is None:
            times = self._candles.open_time_ms
            first = 0 if window.from_ms is None else int(np.searchsorted(times, window.from_ms))
            end = len(times) if window.to_ms is None else int(np.searchsorted(times, window.to_ms))
            if first >= end:
                raise NoBars("there is no bar between the times asked for")
            if len(self._bars) >= _WINDOWS_MAX:
                self._bars.clear()
            found = self._bars[window] = bars_of(self._candles, self._settings, _limits(bound), first, end - 1)
        return found

    def _tape_of(self, bars: layout.Bars) -> layout.Tape:
        count, days = bars.last - bars.first + 1, days_of(bars, bars.last)
        if self._tape is None or len(self._tape.whole) < count or len(self._tape.daily) < days:
            self._tape = tape_for(count, days)
        return self._tape


def _limits(bound: Bound) -> Limits:
    assert isinstance(bound.plan, Signal), "only a signal is compiled"
    return bound.plan.limits
