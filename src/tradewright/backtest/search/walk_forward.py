"""Walking forward: what is best in one stretch of time, tried on the next, which it has never seen; again and again.

Lives here: the windows, the equity stitched from the stretches out of sample, and how steady the chosen params are.
Not here: finding the best of a stretch (`sweep`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from tradewright.backtest.metrics import daily_returns
from tradewright.backtest.result import Cancelled, Result
from tradewright.backtest.run import Watch
from tradewright.backtest.search.figures import Figures, MetricName, Moments, figures_of, moments_of
from tradewright.backtest.search.space import BadSearch, Space
from tradewright.backtest.search.sweep import Searcher, Sweep
from tradewright.backtest.search.window import Window
from tradewright.strategy.timeframe import DAY_MS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Mode = Literal["rolling", "anchored"]
WINDOWS_MAX = 200


@dataclass(frozen=True, slots=True)
class Pair:
    """Where the best is looked for, and where it is tried."""

    inside: Window
    outside: Window


@dataclass(frozen=True, slots=True)
class Step:
    """One pair walked. `number`: the best set of `sweep`; `result` is its run out of sample, None where no set of the
    stretch before it ever traded: then nothing was done, and the equity stayed."""

    pair: Pair
    sweep: Sweep
    number: int | None
    result: Result | None

    def inside(self) -> Figures | None:
        return None if self.number is None else self.sweep.figures(self.number)

    def outside(self) -> Figures | None:
        return None if self.result is None else figures_of(self.result)


@dataclass(frozen=True, slots=True)
class Steadiness:
    """Of one param: the values chosen, and how wide they lie, as a part of its range (0: always the same)."""

    name: str
    chosen: tuple[Decimal, ...]
    spread_ratio: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Walked:
    """`equity`: points out of sample, one after the other: each stretch begins with what the one before left."""

    steps: Sequence[Step]
    capital: Decimal
    final_equity: Decimal
    times_ms: NDArray[np.int64]
    equity: NDArray[np.float64]
    max_drawdown_pct: float
    moments: Moments
    trades: int
    steadiness: Sequence[Steadiness]

    @property
    def tries(self) -> int:
        return sum(step.sweep.tries for step in self.steps)

    @property
    def efficiency_ratio(self) -> float | None:
        """Gain a day out of sample against that in sample; None when there was none in sample."""
        inside = _daily_gain([step.inside() for step in self.steps])
        outside = _daily_gain([step.outside() for step in self.steps])
        return outside / inside if inside > 0 else None


def pairs(from_ms: int, to_ms: int, train_days: int, test_days: int, mode: Mode) -> list[Pair]:
    """Windows over [from, to): each stretch out of sample begins where the one before it ended, the last may be shorter
    (at least a day). Rolling: the stretch before it is `train_days` long; anchored: it always begins at `from`.

    Raises `BadSearch` where there is no room for one, or they are more than WINDOWS_MAX.
    """
    for name, value in (("--train-days", train_days), ("--test-days", test_days)):
        if value < 1:
            raise BadSearch(f"{name} is {value}; it must be 1 or more")
    train_ms, test_ms = train_days * DAY_MS, test_days * DAY_MS
    found: list[Pair] = []
    begin = from_ms + train_ms
    while to_ms - begin >= DAY_MS:
        if len(found) == WINDOWS_MAX:
            raise BadSearch(f"there are more than {WINDOWS_MAX} windows; take a larger --test-days")
        start = begin - train_ms if mode == "rolling" else from_ms
        found.append(Pair(Window(start, begin), Window(begin, min(begin + test_ms, to_ms))))
        begin += test_ms
    if not found:
        days = (to_ms - from_ms) / DAY_MS
        raise BadSearch(f"the candles cover {days:.1f} days, and --train-days {train_days} leaves no day to try on")
    return found


def walk(
    searcher: Searcher,
    space: Space,
    metric: MetricName,
    windows: Sequence[Pair],
    capital: Decimal,
    watch: Watch | None = None,
) -> Walked:
    """`watch` is told how many trials of how many are done. Raises `Cancelled`, and `NoBars` for a window without."""
    steps: list[Step] = []
    equity = capital
    total = len(space) * len(windows)
    for number, pair in enumerate(windows):
        before = number * len(space)
        sweep = searcher.sweep(space, metric, pair.inside, _shifted(watch, before, total))
        best = sweep.ranking[0] if sweep.ranking and sweep.figures(sweep.ranking[0]).trades else None
        result = None
        if best is not None and equity > 0:
            result = searcher.result(sweep, best, pair.outside, equity=equity)
            equity = result.final_equity
        steps.append(Step(pair, sweep, best, result))
        if watch is not None and not watch(before + len(space), total):
            raise Cancelled
    return _stitched(steps, capital, equity, space)


def _shifted(watch: Watch | None, before: int, total: int) -> Watch | None:
    return None if watch is None else lambda done, _: watch(before + done, total)


def _stitched(steps: Sequence[Step], capital: Decimal, final: Decimal, space: Space) -> Walked:
    import numpy as np

    results = [step.result for step in steps if step.result is not None]
    times = [result.close_times_ms for result in results]
    curves = [result.equity for result in results]
    points = np.concatenate([[float(capital)], *curves])
    peaks = np.maximum.accumulate(points)
    returns = [each for result in results for each in daily_returns(result).tolist()]
    return Walked(
        steps=steps,
        capital=capital,
        final_equity=final,
        times_ms=np.concatenate(times) if times else np.empty(0, dtype=np.int64),
        equity=points[1:],
        max_drawdown_pct=float(((peaks - points) / peaks).max() * 100.0),
        moments=moments_of(returns),
        trades=sum(len(result.trades) for result in results),
        steadiness=_steadiness(steps, space),
    )


def _steadiness(steps: Sequence[Step], space: Space) -> list[Steadiness]:
    chosen = [space.values(step.number) for step in steps if step.number is not None]
    found = []
    for each in space.ranges:
        values = tuple(one[each.name] for one in chosen)
        width = each.value(each.count - 1) - each.low
        spread = float((max(values) - min(values)) / width) if values and width else 0.0
        found.append(Steadiness(each.name, values, spread))
    return found


def _daily_gain(figures: Sequence[Figures | None]) -> float:
    """Mean log return a day, in per cent."""
    there = [one for one in figures if one is not None and one.days]
    days = sum(one.days for one in there)
    gains = [math.log(max(1e-12, 1 + one.net_profit_pct / 100)) for one in there]
    return 100 * math.fsum(gains) / days if days else 0.0
