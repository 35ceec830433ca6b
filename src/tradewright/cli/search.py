"""`tradewright sweep` and `tradewright walk-forward`: a strategy's ranged params tried over recorded candles.

Lives here: their options, progress, and what is printed where. Options, files and exit codes are those of `backtest`.
Not here: the search (`backtest.search`). What is heavy is imported when a command runs.
"""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tradewright.cli.backtest import (
    BacktestOptions,
    check_usage,
    settings_of,
    spec_lines,
    spec_text,
    stop_with,
    usage,
    values_set,
    write,
)
from tradewright.cli.exits import BAD_CANDLES, BAD_SPEC, UsageCommand

if TYPE_CHECKING:
    from tradewright.backtest.search.figures import MetricName
    from tradewright.backtest.search.sharing import Job
    from tradewright.backtest.search.space import Space
    from tradewright.backtest.settings import Settings
    from tradewright.market.history.files import Read
    from tradewright.strategy.check import Checked
    from tradewright.strategy.model import Strategy

_JOBS_MAX = 256

File = Annotated[str, typer.Argument(metavar="FILE", help="The strategy, YAML or JSON.")]
CandlesFile = Annotated[str, typer.Option("--candles", metavar="CANDLES", help="CSV (also .gz), Parquet or Feather.")]
Random = Annotated[int | None, typer.Option("--random", metavar="N", help="So many sets by chance. [default: all]")]
Seed = Annotated[int, typer.Option("--seed", metavar="N", help="The same seed draws the same sets.")]
Metric = Annotated[str, typer.Option("--metric", metavar="NAME", help="What the best is the best of.")]
Jobs = Annotated[int, typer.Option("--jobs", metavar="N", help="Processes. [default: one for each core]")]
Begin = Annotated[str | None, typer.Option("--from", metavar="TIME", help="First bar; those before are warm-up.")]
End = Annotated[str | None, typer.Option("--to", metavar="TIME", help="Bars that open before it.")]
Number = Annotated[str, typer.Option(metavar="N", help="As for `tradewright backtest`.")]
MaybeNumber = Annotated[str | None, typer.Option(metavar="N", help="As for `tradewright backtest`.")]
Funding = Annotated[str | None, typer.Option("--funding", metavar="FILE", help="CSV; linear only.")]
Fine = Annotated[str | None, typer.Option("--fine", metavar="CANDLES", help="Finer candles: slow, for all of them.")]
FillGaps = Annotated[bool, typer.Option("--fill-gaps", help="Put bars without volume into gaps.")]
Set = Annotated[list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A param that is not to vary.")]
Out = Annotated[str | None, typer.Option("--json", metavar="OUT", help="The report; - is standard output.")]
TrainDays = Annotated[int, typer.Option("--train-days", metavar="N", help="Days to look for the best in.")]
TestDays = Annotated[int, typer.Option("--test-days", metavar="N", help="Days after them to try it on.")]
Anchored = Annotated[bool, typer.Option("--anchored", help="Look from the first bar on, and not in the last days.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchOptions:
    backtest: BacktestOptions
    sets: int | None
    seed: int
    metric: str
    jobs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ground:
    """What both searches stand on."""

    strategy: Strategy
    settings: Settings
    read: Read
    job: Job
    space: Space
    metric: MetricName
    jobs: int
    seed: int | None
    warnings: Sequence[Any]


def register(application: typer.Typer) -> None:
    def sweep(options: SearchOptions) -> None:
        """Try all values of the ranged params, or some by chance, and say what the best is worth.

        Exit codes are those of `tradewright backtest`.
        """
        run_sweep(options)

    def walk_forward(
        options: SearchOptions, train_days: TrainDays, test_days: TestDays, anchored: Anchored = False
    ) -> None:
        """Find the best values in one stretch of time and try them on the next, again and again.

        Exit codes are those of `tradewright backtest`.
        """
        run_walk_forward(options, train_days=train_days, test_days=test_days, anchored=anchored)

    for name, command in (("sweep", sweep), ("walk-forward", walk_forward)):
        application.command(name, cls=UsageCommand)(_with_search_options(command))


def _with_search_options(command: Callable[..., None]) -> Callable[..., None]:
    """The command as typer is to see it: its `options` are the options of every search, its others stay its own."""
    shared = inspect.signature(_search_options, eval_str=True).parameters
    own = dict(inspect.signature(command, eval_str=True).parameters)
    del own["options"]

    def run(**given: Any) -> None:
        options = _search_options(**{name: given.pop(name) for name in shared})
        command(options, **given)

    parameters = [
        parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in (*shared.values(), *own.values())
    ]
    run.__doc__ = command.__doc__
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined] # typer reads it
    return run


def _search_options(
    file: File,
    candles: CandlesFile,
    random: Random = None,
    seed: Seed = 1,
    metric: Metric = "net_profit",
    jobs: Jobs = 0,
    begin: Begin = None,
    end: End = None,
    equity: Number = "10000",
    fee_taker_bps: MaybeNumber = None,
    fee_maker_bps: MaybeNumber = None,
    slippage_bps: Number = "1",
    tick_size: MaybeNumber = None,
    qty_step: Number = "0.000001",
    min_qty: Number = "0",
    min_notional: Number = "0",
    maintenance_margin_pct: Number = "0.5",
    funding: Funding = None,
    fine: Fine = None,
    fill_gaps: FillGaps = False,
    params: Set = None,
    report: Out = None,
) -> SearchOptions:
    backtest = BacktestOptions(
        spec=file, candles=candles, begin=begin, end=end, equity=equity, fee_taker_bps=fee_taker_bps,
        fee_maker_bps=fee_maker_bps, slippage_bps=slippage_bps, tick_size=tick_size, qty_step=qty_step,
        min_qty=min_qty, min_notional=min_notional, maintenance_margin_pct=maintenance_margin_pct,
        funding=funding, fine=fine, engine="fast", fill_gaps=fill_gaps, params=params or (), report=report,
    )  # fmt: skip
    return SearchOptions(backtest=backtest, sets=random, seed=seed, metric=metric, jobs=jobs)


def run_sweep(options: SearchOptions) -> None:
    """Prints, writes the report, and raises `typer.Exit` where the code is not 0."""
    _guarded(options, _sweep)


def run_walk_forward(options: SearchOptions, *, train_days: int, test_days: int, anchored: bool) -> None:
    """The same."""
    _guarded(options, lambda options, ground: _walk(options, ground, train_days, test_days, anchored=anchored))


def _guarded(options: SearchOptions, search: Callable[[SearchOptions, _Ground], None]) -> None:
    from tradewright.backtest.result import NoBars
    from tradewright.backtest.search.sharing import WorkerDied
    from tradewright.backtest.search.space import BadSearch
    from tradewright.backtest.settings import BadSettings
    from tradewright.market.history.faults import BadCandles, CandleFault, CannotOpen
    from tradewright.strategy.check import check_text

    backtest = options.backtest
    check_usage(backtest)
    text, params = spec_text(backtest), values_set(backtest)
    checked = check_text(text, settings=params)
    if checked.strategy is None:
        stop_with(backtest, [fault.plain() for fault in checked.errors], BAD_SPEC, spec_lines(backtest, checked))
    try:
        search(options, _ground(options, text, params, checked))
    except (BadSearch, BadSettings, CannotOpen, WorkerDied) as error:
        usage(str(error))
    except (BadCandles, NoBars) as error:
        faults = (
            error.faults
            if isinstance(error, BadCandles)
            else [CandleFault(code="no_candles", message=f"{backtest.candles}: {error}")]
        )
        lines = [f"{fault.code}: {fault.message}" for fault in faults]
        stop_with(backtest, [fault.as_json() for fault in faults], BAD_CANDLES, lines)


def _ground(options: SearchOptions, text: bytes, params: dict[str, str], checked: Checked) -> _Ground:
    from tradewright.backtest.result import Warned
    from tradewright.backtest.search.figures import METRICS
    from tradewright.backtest.search.sharing import Job
    from tradewright.backtest.search.space import drawn, whole_grid
    from tradewright.backtest.search.sweep import is_worth_compiling
    from tradewright.market.history.files import read
    from tradewright.strategy.check.binding import Bindings

    metric = next((name for name in METRICS if name == options.metric), None)
    if metric is None:
        usage(f"--metric is {options.metric!r}; it is one of {', '.join(METRICS)}")
    if not 0 <= options.jobs <= _JOBS_MAX:
        usage(f"--jobs is {options.jobs}; it must be from 1 to {_JOBS_MAX}, or 0 for one for each core")
    bindings = Bindings(text, params)
    strategy, ranges = bindings.strategy, bindings.ranges
    space = whole_grid(ranges) if options.sets is None else drawn(ranges, options.sets, options.seed)
    settings = settings_of(options.backtest, strategy)
    candles = read(options.backtest.candles, strategy.market.timeframe, fill_gaps=options.backtest.fill_gaps)
    bars = len(candles.candles)
    return _Ground(
        strategy=strategy,
        settings=settings,
        read=candles,
        job=Job(text=text, params=params, settings=settings, is_compiled=is_worth_compiling(len(space), bars)),
        space=space,
        metric=metric,
        jobs=min(options.jobs or os.cpu_count() or 1, len(space)),
        seed=None if options.sets is None else options.seed,
        warnings=[Warned(fault.code, fault.message, 1, None) for fault in checked.warnings],
    )


def _sweep(options: SearchOptions, ground: _Ground) -> None:
    from importlib.metadata import version

    from tradewright.backtest.search.report import sweep_report, sweep_summary, window_of
    from tradewright.backtest.search.sweep import searching

    window = window_of(ground.settings)
    with searching(ground.job, ground.read.candles, ground.jobs) as searcher:
        found = searcher.sweep(ground.space, ground.metric, window, _progress())
        if found.ranking:
            searcher.confirm(found, found.ranking[0], searcher.result(found, found.ranking[0], window))
    report = sweep_report(
        found,
        ground.strategy,
        ground.settings,
        data=_data(ground),
        seed=ground.seed,
        program_version=version("tradewright"),
        warnings=ground.warnings,
    )
    _tell(options, report, sweep_summary(report, ground.strategy.name))


def _walk(options: SearchOptions, ground: _Ground, train_days: int, test_days: int, *, anchored: bool) -> None:
    from importlib.metadata import version

    from tradewright.backtest.search.report import walked_report, walked_summary
    from tradewright.backtest.search.sweep import searching
    from tradewright.backtest.search.walk_forward import pairs, walk

    settings, candles = ground.settings, ground.read.candles
    from_ms, to_ms = _span(ground)
    windows = pairs(from_ms, to_ms, train_days, test_days, "anchored" if anchored else "rolling")
    with searching(ground.job, candles, ground.jobs) as searcher:
        walked = walk(searcher, ground.space, ground.metric, windows, settings.equity, _progress())
    report = walked_report(
        walked,
        ground.space,
        ground.strategy,
        settings,
        metric=ground.metric,
        mode="anchored" if anchored else "rolling",
        data=_data(ground),
        seed=ground.seed,
        program_version=version("tradewright"),
        warnings=ground.warnings,
    )
    _tell(options, report, walked_summary(report, ground.strategy.name))


def _span(ground: _Ground) -> tuple[int, int]:
    """From the first bar that may be run to the close of the last."""
    from tradewright.backtest.result import NoBars
    from tradewright.strategy.timeframe import length_ms

    candles, settings = ground.read.candles, ground.settings
    times = [
        time_ms
        for time_ms in candles.open_time_ms.tolist()
        if (settings.from_ms is None or time_ms >= settings.from_ms)
        and (settings.to_ms is None or time_ms < settings.to_ms)
    ]
    if not times:
        raise NoBars("there is no bar between the times asked for")
    return times[0], times[-1] + length_ms(candles.timeframe)


def _data(ground: _Ground) -> dict[str, str]:
    from tradewright.market.history.hashing import data_sha256

    return {"sha256": data_sha256(ground.read.candles), "timeframe": ground.strategy.market.timeframe}


def _tell(options: SearchOptions, report: dict[str, Any], summary: str) -> None:
    import msgspec

    if options.backtest.report is None:
        typer.echo(summary)
    else:
        write(options.backtest.report, [msgspec.json.encode(report), b"\n"])


def _progress() -> Callable[[int, int], bool] | None:
    """Tells a person how many tries are done; nobody else."""
    if not sys.stderr.isatty():
        return None

    def watch(done: int, total: int) -> bool:
        typer.echo(f"\r{done} of {total} tries ", nl=done == total, err=True)
        return True

    return watch
