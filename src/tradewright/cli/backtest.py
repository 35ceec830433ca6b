"""`tradewright backtest`: a strategy over recorded candles, to a report or a summary.

Lives here: its options (which `search` shares), what is printed where, and the exit codes (`exits`). Not here: reading
candles (`market.history`), the run (`backtest`). What is heavy is imported when the command runs.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, Protocol

import typer

from tradewright.cli.exits import BAD_CANDLES, BAD_SPEC, WRONG_USAGE, UsageCommand
from tradewright.cli.moments import moment_ms

if TYPE_CHECKING:
    from tradewright.backtest.result import Result
    from tradewright.backtest.run import Watch
    from tradewright.backtest.settings import Settings
    from tradewright.strategy.candles import Candles
    from tradewright.strategy.check import Checked
    from tradewright.strategy.model import Strategy

STANDARD = "-"
_DIGITS_MAX = 24  # of a number in an option, before the point or behind it
_PROGRESS_EVERY_PCT = 5


class Engine(Protocol):
    """A way to run a strategy: see `backtest.engine.run`."""

    def __call__(
        self, strategy: Strategy, candles: Candles, settings: Settings, *, watch: Watch | None = None
    ) -> Result: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestOptions:
    """As they were typed, but for what typer reads by itself. None: not given."""

    spec: str
    candles: str
    begin: str | None
    end: str | None
    equity: str
    fee_taker_bps: str | None
    fee_maker_bps: str | None
    slippage_bps: str
    tick_size: str | None
    qty_step: str
    min_qty: str
    min_notional: str
    maintenance_margin_pct: str
    funding: str | None
    fine: str | None
    engine: str
    fill_gaps: bool
    params: Sequence[str]
    report: str | None


def register(application: typer.Typer) -> None:
    @application.command("backtest", cls=UsageCommand)
    def backtest(
        file: Annotated[str, typer.Argument(metavar="FILE", help="The strategy, YAML or JSON.")],
        candles: Annotated[str, typer.Option(help="CSV (also .gz), Parquet or Feather; - is standard input.")],
        begin: Annotated[
            str | None, typer.Option("--from", metavar="TIME", help="First bar; those before are warm-up.")
        ] = None,
        end: Annotated[str | None, typer.Option("--to", metavar="TIME", help="Bars that open before it.")] = None,
        equity: Annotated[str, typer.Option(metavar="N", help="Capital given to the run.")] = "10000",
        fee_taker_bps: Annotated[
            str | None, typer.Option(metavar="N", help="Basis points. [default: 5.5; spot 10]")
        ] = None,
        fee_maker_bps: Annotated[
            str | None, typer.Option(metavar="N", help="Basis points. [default: 2; spot 10]")
        ] = None,
        slippage_bps: Annotated[str, typer.Option(metavar="N", help="Basis points, of market orders.")] = "1",
        tick_size: Annotated[
            str | None, typer.Option(metavar="N", help="Prices are rounded to it. [default: not rounded]")
        ] = None,
        qty_step: Annotated[str, typer.Option(metavar="N", help="Quantities are rounded down to it.")] = "0.000001",
        min_qty: Annotated[str, typer.Option(metavar="N", help="Smallest quantity.")] = "0",
        min_notional: Annotated[str, typer.Option(metavar="N", help="Smallest value of an order.")] = "0",
        maintenance_margin_pct: Annotated[str, typer.Option(metavar="N", help="For liquidation.")] = "0.5",
        funding: Annotated[
            str | None, typer.Option(metavar="FILE", help="CSV funding_time_ms,funding_rate; linear only.")
        ] = None,
        fine: Annotated[
            str | None, typer.Option(metavar="CANDLES", help="Finer candles: what happened inside a bar.")
        ] = None,
        engine: Annotated[str, typer.Option(metavar="fast|exact", help="Which of the two.")] = "fast",
        fill_gaps: Annotated[bool, typer.Option("--fill-gaps", help="Put bars without volume into gaps.")] = False,
        params: Annotated[
            list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A param's value; repeatable.")
        ] = None,
        report: Annotated[
            str | None, typer.Option("--json", metavar="OUT", help="The report as JSON; - is standard output.")
        ] = None,
    ) -> None:
        """Run a strategy over recorded candles.

        Exit codes: 0 fine, 2 the strategy (or a --set) is wrong, 3 the candles or funding are wrong, 64 wrong usage.
        """
        run_backtest(
            BacktestOptions(
                spec=file,
                candles=candles,
                begin=begin,
                end=end,
                equity=equity,
                fee_taker_bps=fee_taker_bps,
                fee_maker_bps=fee_maker_bps,
                slippage_bps=slippage_bps,
                tick_size=tick_size,
                qty_step=qty_step,
                min_qty=min_qty,
                min_notional=min_notional,
                maintenance_margin_pct=maintenance_margin_pct,
                funding=funding,
                fine=fine,
                engine=engine,
                fill_gaps=fill_gaps,
                params=params or (),
                report=report,
            )
        )


def run_backtest(options: BacktestOptions) -> None:
    """Prints, writes the report, and raises `typer.Exit` where the code is not 0."""
    from tradewright.market.history.faults import BadCandles, CannotOpen

    check_usage(options)
    checked = checked_spec(options)
    strategy = checked.strategy
    if strategy is None:
        stop_with(options, [fault.plain() for fault in checked.errors], BAD_SPEC, spec_lines(options, checked))
    try:
        _run(options, checked, strategy)
    except CannotOpen as error:
        usage(str(error))
    except BadCandles as error:
        faults = [fault.as_json() for fault in error.faults]
        stop_with(options, faults, BAD_CANDLES, [f"{fault.code}: {fault.message}" for fault in error.faults])


def _run(options: BacktestOptions, checked: Checked, strategy: Strategy) -> None:
    from importlib.metadata import version

    from tradewright.backtest.advice import advice_of, once_per_code
    from tradewright.backtest.report import pieces_of, report_of
    from tradewright.backtest.result import NoBars, Warned
    from tradewright.backtest.settings import BadSettings
    from tradewright.backtest.summary import summary_of
    from tradewright.market.history.faults import BadCandles, CandleFault
    from tradewright.market.history.files import read
    from tradewright.market.history.hashing import data_sha256

    try:
        run = _engine_of(options, strategy)
        settings = settings_of(options, strategy)
        candles = read(options.candles, strategy.market.timeframe, fill_gaps=options.fill_gaps)
        result = run(strategy, candles.candles, settings, watch=_progress())
    except BadSettings as error:
        usage(str(error))
    except NoBars as error:
        raise BadCandles([CandleFault(code="no_candles", message=f"{options.candles}: {error}")]) from None
    checks = [Warned(fault.code, fault.message, 1, None) for fault in checked.warnings]
    advice = advice_of(result, candles.candles, filled_bars=candles.filled_bars)
    report = report_of(
        result,
        warnings=once_per_code([*checks, *result.warnings, *advice]),
        data={"sha256": data_sha256(candles.candles), "timeframe": strategy.market.timeframe},
        program_version=version("tradewright"),
        engine="exact" if options.engine == "exact" else "fast",
    )
    if options.report is None:
        typer.echo(summary_of(report, strategy.name))
    else:
        write(options.report, pieces_of(report, result))


def _engine_of(options: BacktestOptions, strategy: Strategy) -> Engine:
    """Raises `BadSettings` for a strategy that the exact mode cannot run."""
    if options.engine == "fast":
        from tradewright.backtest.engine import run

        return run
    import structlog

    from tradewright.lab.exact import check_exact, run_exact

    check_exact(strategy)
    # The session and the exchange of the run would tell all that they do, on standard output.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    return run_exact


def settings_of(options: BacktestOptions, strategy: Strategy) -> Settings:
    from tradewright.backtest.settings import Settings
    from tradewright.market.history.fine import read_fine_candles
    from tradewright.market.history.funding import read_funding
    from tradewright.strategy.prices import Filters

    filters = Filters(
        tick_size=_decimal_or_none("--tick-size", options.tick_size),
        quantity_step=_decimal("--qty-step", options.qty_step),
        min_quantity=_decimal("--min-qty", options.min_qty),
        min_notional=_decimal("--min-notional", options.min_notional),
    )
    settings = Settings(
        equity=_decimal("--equity", options.equity),
        fee_taker_bps=_decimal_or_none("--fee-taker-bps", options.fee_taker_bps),
        fee_maker_bps=_decimal_or_none("--fee-maker-bps", options.fee_maker_bps),
        slippage_bps=_decimal("--slippage-bps", options.slippage_bps),
        filters=filters,
        maintenance_margin_pct=_decimal("--maintenance-margin-pct", options.maintenance_margin_pct),
        from_ms=_moment("--from", options.begin),
        to_ms=_moment("--to", options.end),
    )
    # What is wrong with the options is said before a file of them is read.
    settings.check(strategy, has_funding=options.funding is not None, has_fine=options.fine is not None)
    return replace(
        settings,
        funding=None if options.funding is None else read_funding(options.funding),
        fine=None if options.fine is None else read_fine_candles(options.fine, strategy.market.timeframe),
    )


def check_usage(options: BacktestOptions) -> None:
    if options.engine not in ("fast", "exact"):
        usage(f"--engine is {options.engine!r}; it is fast or exact")
    files = (options.spec, options.candles, options.funding, options.fine)
    if files.count(STANDARD) > 1:
        usage("standard input (-) can be only one of FILE, --candles, --funding and --fine")


def checked_spec(options: BacktestOptions) -> Checked:
    from tradewright.strategy.check import check_text

    return check_text(spec_text(options), settings=values_set(options))


def spec_text(options: BacktestOptions) -> bytes:
    try:
        return sys.stdin.buffer.read() if options.spec == STANDARD else Path(options.spec).read_bytes()
    except OSError as error:
        usage(f"{options.spec} cannot be read: {error.strerror or error}")


def values_set(options: BacktestOptions) -> dict[str, str]:
    """What `--set` says."""
    values: dict[str, str] = {}
    for param in options.params:
        name, equals, value = param.partition("=")
        if not equals or not name:
            usage(f"--set is {param!r}; it is written name=value, for example --set fast=9")
        values[name.strip()] = value.strip()
    return values


def spec_lines(options: BacktestOptions, checked: Checked) -> list[str]:
    lines = []
    for fault in checked.errors:
        place = f"{fault.place.line}:{fault.place.column}: " if fault.place else ""
        hint = f" ({fault.hint})" if fault.hint else ""
        lines.append(f"{options.spec}:{place}{fault.path}: {fault.code}: {fault.message}{hint}")
    return lines


def stop_with(options: BacktestOptions, errors: Sequence[Any], code: int, lines: Sequence[str]) -> NoReturn:
    """What is wrong, on standard error for a person and, where a report was asked for, there instead of it."""
    for line in lines:
        typer.echo(line, err=True)
    if options.report is not None:
        import json

        text = json.dumps({"ok": False, "errors": list(errors)}, ensure_ascii=False)
        write(options.report, [text.encode(), b"\n"])
    raise typer.Exit(code)


def write(where: str, pieces: Iterable[bytes]) -> None:
    if where == STANDARD:
        sys.stdout.buffer.writelines(pieces)
        sys.stdout.buffer.flush()
        return
    try:
        with Path(where).open("wb") as file:
            file.writelines(pieces)
    except OSError as error:
        usage(f"--json {where} cannot be written: {error.strerror or error}")


def _progress() -> Callable[[int, int], bool] | None:
    """Tells a person how far it is; nobody else."""
    if not sys.stderr.isatty():
        return None
    told = 0

    def watch(done: int, total: int) -> bool:
        nonlocal told
        pct = 100 * done // total
        if pct >= told + _PROGRESS_EVERY_PCT:
            told = pct
            typer.echo(f"\r{pct} % ", nl=False, err=True)
        return True

    return watch


def _decimal_or_none(option: str, text: str | None) -> Decimal | None:
    return None if text is None else _decimal(option, text)


def _decimal(option: str, text: str) -> Decimal:
    try:
        value = Decimal(text.strip())
    except InvalidOperation:
        usage(f"{option} is {text!r}; it must be a decimal number, such as 0.5")
    _, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int) or exponent < -_DIGITS_MAX or len(digits) + max(exponent, 0) > _DIGITS_MAX:
        usage(f"{option} is {text!r}; it must be a number of at most {_DIGITS_MAX} digits before or behind the point")
    return value


def _moment(option: str, text: str | None) -> int | None:
    return None if text is None else moment_ms(option, text)


def usage(message: str) -> NoReturn:
    typer.echo(f"tradewright: {message}", err=True)
    raise typer.Exit(WRONG_USAGE)
