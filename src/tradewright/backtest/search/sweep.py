"""Many sets of values over the same candles, over the cores; ranked, and what the best of them is worth.

The order and the numbers are the same whatever the number of processes: a set's outcome hangs on nothing but the set.
What is kept for each set is its figures, so memory is bounded by how many sets there may be (`space.SETS_MAX`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal

from tradewright.backtest.result import Cancelled, Result
from tradewright.backtest.run import Watch
from tradewright.backtest.search.deflated import Deflated, deflated
from tradewright.backtest.search.figures import Figures, MetricName
from tradewright.backtest.search.sharing import Job, Task, Workers, trials_of, workers
from tradewright.backtest.search.space import Space
from tradewright.backtest.search.trial import Outcome, Trials
from tradewright.backtest.search.window import Window
from tradewright.strategy.candles import Candles
from tradewright.strategy.check.binding import Impossible

COMPILED_FROM_BARS = 4_000_000  # bars times sets: with fewer the plain engine is done before anything is compiled
_TASK_SETS_MAX = 64
_TASKS_PER_JOB = 8
_SAME_RATIO = 1e-6


@dataclass(frozen=True, slots=True)
class Sweep:
    """`outcomes[k]` is that of set k of `space`. `ranking`: numbers of the sets that ran, the best first.

    `why_plain`: what kept the search from being run compiled, in words; None: nothing did.
    """

    space: Space
    metric: MetricName
    outcomes: Sequence[Outcome]
    ranking: Sequence[int]
    why_plain: str | None = None

    @property
    def tries(self) -> int:
        return len(self.ranking)

    @property
    def skipped(self) -> list[int]:
        """Sets that are none."""
        return [number for number, outcome in enumerate(self.outcomes) if outcome.figures is None]

    def figures(self, number: int) -> Figures:
        figures = self.outcomes[number].figures
        assert figures is not None, "only sets that ran are ranked"
        return figures

    def worth(self) -> Deflated | None:
        """What the best is worth after so many tries; None when nothing ran."""
        if not self.ranking:
            return None
        best = self.figures(self.ranking[0])
        return deflated(
            best.daily_sharpe_ratio,
            days=best.days,
            skewness=best.skewness,
            kurtosis=best.kurtosis,
            ratios_tried=[self.figures(number).daily_sharpe_ratio for number in self.ranking],
        )


class Searcher:
    """Runs sweeps over the same candles, one after the other. Made by `searching`."""

    def __init__(self, trials: Trials, pool: Workers | None, jobs: int, why_plain: str | None) -> None:
        self.trials, self._why_plain = trials, why_plain
        self._pool, self._jobs = pool, jobs

    def sweep(self, space: Space, metric: MetricName, window: Window, watch: Watch | None = None) -> Sweep:
        """`watch` is told how many sets of how many are done, and says whether to go on.

        Raises `NoBars` for a window without bars, and `Cancelled` when `watch` said no.
        """
        total = len(space)
        outcomes: list[Outcome | None] = [None] * total
        done = 0
        for number, found in self._found(space, window):
            outcomes[number : number + len(found)] = found
            done += len(found)
            if watch is not None and not watch(done, total):
                raise Cancelled
        all_done = [outcome for outcome in outcomes if outcome is not None]
        assert len(all_done) == total, "every set has an outcome"
        ran = [number for number, outcome in enumerate(all_done) if outcome.figures is not None]
        sweep = Sweep(space, metric, all_done, ran, self._why_plain)
        return replace(sweep, ranking=sorted(ran, key=lambda number: -sweep.figures(number).rank(metric)))

    def result(self, sweep: Sweep, number: int, window: Window, *, equity: Decimal | None = None) -> Result:
        """Set `number` again, by the plain engine. Where its capital is that of the sweep, it must say the same."""
        result = self.trials.result(sweep.space.values(number), window, equity=equity)
        assert not isinstance(result, Impossible), "a set that ran is one"
        return result

    def confirm(self, sweep: Sweep, number: int, result: Result) -> None:
        """Raises `AssertionError` where the plain engine says something else of the set: then we have a fault."""
        figures = sweep.figures(number)
        net = float(result.final_equity - result.capital)
        near = _SAME_RATIO * max(abs(net), figures.fees, 1e-6)
        assert figures.trades == len(result.trades), (
            f"set {number}: {figures.trades} trades, {len(result.trades)} plain"
        )
        assert abs(figures.net_profit - net) <= near, f"set {number}: net profit {figures.net_profit}, {net} plain"

    def _found(self, space: Space, window: Window) -> Iterator[tuple[int, Sequence[Outcome]]]:
        if self._pool is None:
            for number in range(len(space)):
                yield number, [self.trials.outcome(space.values(number), window)]
            return
        for done in self._pool.run(_tasks(space, window, self._jobs)):
            yield done.number, done.outcomes


@contextmanager
def searching(job: Job, candles: Candles, jobs: int) -> Iterator[Searcher]:
    """`jobs`: processes; 1 runs everything in this one."""
    if jobs == 1:
        trials = trials_of(job, candles, is_compiled=job.is_compiled)
        yield Searcher(trials, None, 1, _why_plain(job, trials))
        return
    with workers(job, candles, jobs) as pool:
        # What is run here is run by the plain engine: nothing has to be compiled once more.
        trials = trials_of(job, candles, is_compiled=False)
        yield Searcher(trials, pool, jobs, _why_plain(job, trials))


def _why_plain(job: Job, trials: Trials) -> str | None:
    return trials.why_plain() if job.is_compiled else "it is done sooner than anything is compiled"


def is_worth_compiling(sets: int, bars: int) -> bool:
    """`bars`: those that each set runs."""
    return sets * bars >= COMPILED_FROM_BARS


def _tasks(space: Space, window: Window, jobs: int) -> Iterator[Task]:
    """Neighbours stay together: they share most of their columns."""
    size = max(1, min(_TASK_SETS_MAX, len(space) // (jobs * _TASKS_PER_JOB)))
    for first in range(0, len(space), size):
        numbers = range(first, min(first + size, len(space)))
        yield Task(first, tuple(space.values(number) for number in numbers), window)
