"""The fast backtest: a checked strategy over candles, to a `Result`. The one way in.

Lives here: working out the program's columns, and which kind of run it is. numpy is imported when a run begins.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import assert_never

from tradewright.backtest.feed import Feed
from tradewright.backtest.result import NoBars, Result
from tradewright.backtest.run import Run, Watch
from tradewright.backtest.settings import Settings
from tradewright.core.money import exactly
from tradewright.strategy.candles import Candles
from tradewright.strategy.model import Dca, Grid, Signal, Strategy


def run(strategy: Strategy, candles: Candles, settings: Settings, *, watch: Watch | None = None) -> Result:
    """Runs the bars asked for. The same arguments give the same result.

    `watch` is told now and then how many bars of how many are done, and says whether to go on.
    Raises `BadSettings`, `NoBars`, and `Cancelled` when `watch` said no.
    """
    from tradewright.strategy.evaluate.arrays import evaluate

    settings.check(strategy)
    read = read_until(candles, settings.to_ms)
    if not len(read):
        raise NoBars("there is no bar between the times asked for")
    with exactly():
        feed = Feed(read, evaluate(strategy.program, read), settings)
        played = _run_of(strategy, feed, settings, watch)
        played.go()
        return played.result()


def _run_of(strategy: Strategy, feed: Feed, settings: Settings, watch: Watch | None) -> Run:
    plan = strategy.plan
    match plan:
        case Signal():
            from tradewright.backtest.signal import SignalRun

            return SignalRun(strategy, plan, feed, settings, watch)
        case Dca():
            from tradewright.backtest.dca import DcaRun

            return DcaRun(strategy, plan, feed, settings, watch)
        case Grid():
            from tradewright.backtest.grid import GridRun

            return GridRun(strategy, plan, feed, settings, watch)
        case _:
            assert_never(plan)


def read_until(candles: Candles, to_ms: int | None) -> Candles:
    """The bars that open before then: what comes later is not even read."""
    if to_ms is None:
        return candles
    import numpy as np

    end = int(np.searchsorted(candles.open_time_ms, to_ms))
    columns = {field.name: getattr(candles, field.name)[:end] for field in fields(candles) if field.name != "timeframe"}
    return replace(candles, **columns)
