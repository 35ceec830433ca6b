"""`tradewright data`: candles from the exchange or from files, in a store of our own below HOME/data.

Lives here: the options, what is printed, and the exit codes (`exits`). Not here: the store and what fills it
(`market.history`), which is imported when a command runs; where the exchange is (`app.data`); funding (`data_funding`).
"""

from __future__ import annotations

import contextlib
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn, cast

import typer

from tradewright.cli.exits import BAD_CANDLES, OUR_FAULT, WRONG_USAGE, UsageCommand, UsageGroup
from tradewright.cli.moments import moment_ms, shown

if TYPE_CHECKING:
    from tradewright.core.environment import Environment
    from tradewright.core.instrument import Category
    from tradewright.market.history.downloading import Downloaded, Progress
    from tradewright.market.history.faults import CandleFault
    from tradewright.market.history.manifest import Manifest
    from tradewright.market.history.series import Origin, Series
    from tradewright.market.history.store import Checked, DataStore
    from tradewright.strategy.timeframe import Timeframe

ENVIRONMENTS = ("live", "demo", "testnet", "sim")
SOURCES = ("klines", "archive")
ORIGINS: Mapping[str, Origin] = {"live": "bybit", "demo": "bybit", "testnet": "testnet", "sim": "sim"}
_ADDRESS = re.compile(r"https?://[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?(/[A-Za-z0-9._~-]+)*/?")

Symbol = Annotated[str, typer.Option(help="The listing, such as BTCUSDT.")]
Kind = Annotated[str, typer.Option("--category", help="linear or spot.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs: one object on standard output.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadOptions:
    """`to_ms` None: up to now. `archive_address` None: Bybit's own."""

    series: Series
    environment: Environment
    from_ms: int
    to_ms: int | None
    source: Literal["klines", "archive"] = "klines"
    archive_address: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DataParts:
    """What `app` gives: the store of this HOME, and the way to the exchange."""

    store: Callable[[], DataStore]
    download: Callable[[DownloadOptions, Callable[[Progress], None]], Downloaded]


def register(application: typer.Typer, parts: DataParts) -> typer.Typer:
    """The group of its commands, for those that have a file of their own."""
    data = typer.Typer(cls=UsageGroup, no_args_is_help=True, help="Candles for backtests: get, take in, list, check.")
    application.add_typer(data, name="data")

    @data.command("download", cls=UsageCommand)
    def download(
        symbol: Symbol,
        begin: Annotated[str, typer.Option("--from", help="Milliseconds or ISO 8601, UTC when it names no zone.")],
        timeframe: Annotated[str, typer.Option(help="1m 3m 5m 15m 30m 1h 2h 4h 6h 12h 1d 1w.")] = "1m",
        end: Annotated[str | None, typer.Option("--to", help="The same; up to now if left out.")] = None,
        category: Kind = "linear",
        environment: Annotated[
            str, typer.Option(help="Whose prices: live, demo (the same), testnet, or sim of the running installation.")
        ] = "live",
        source: Annotated[
            str, typer.Option(help="klines, or archive: candles made of the trades of Bybit's public archive, by days.")
        ] = "klines",
        archive_address: Annotated[
            str | None,
            typer.Option(help="Where the archive is, if it is not Bybit's own: http(s)://HOST[:PORT][/PATH]."),
        ] = None,
        as_json: AsJson = False,
    ) -> None:
        """Get candles of the exchange that are not there yet. May be stopped and started again: it goes on.

        Exit codes: 0 fine, 1 the exchange did not answer or refused, 3 its candles are wrong, 64 wrong usage.
        """
        if environment not in ENVIRONMENTS:
            raise typer.BadParameter(f"--environment is {environment!r}; it is one of {', '.join(ENVIRONMENTS)}")
        _look_at_source(source, environment, archive_address)
        series = series_of(category, symbol, timeframe, ORIGINS[environment])
        options = DownloadOptions(
            series=series,
            environment=cast("Environment", environment),
            from_ms=moment_ms("--from", begin),
            to_ms=None if end is None else moment_ms("--to", end),
            source=cast(Literal["klines", "archive"], source),
            archive_address=archive_address,
        )
        with told("download", as_json):
            done = parts.download(options, _progress("pages" if source == "klines" else "days"))
            path = parts.store().path(series)
            if as_json:
                stored = None if done.manifest is None else _plain(done.manifest, path)
                counts = {"added": done.added, "was_there": done.was_there, "absent": done.absent}
                days = list(done.days_without_file)
                write_plain(
                    {"ok": True, **counts, "notes": list(done.notes), "days_without_file": days, "series": stored}
                )
                return
            for note in done.notes:
                typer.echo(f"note: {note}", err=True)
            typer.echo(f"{done.added} bars came in, {done.was_there} were there, {done.absent} the exchange has not")
            if done.manifest is not None:
                typer.echo(_line(series, done.manifest, path))

    @data.command("import", cls=UsageCommand)
    def import_file(
        file: Annotated[
            str, typer.Argument(metavar="FILE", help="CSV (also .gz), Parquet or Feather; - is standard input.")
        ],
        symbol: Symbol,
        category: Kind = "linear",
        timeframe: Annotated[
            str | None, typer.Option(help="If left out, the distance of the bars says it; of trades 1m.")
        ] = None,
        origin: Annotated[str, typer.Option(help="Whose prices they are: bybit, testnet or sim.")] = "bybit",
        on_conflict: Annotated[
            str, typer.Option(help="Where bars contradict those that are there: refuse, keep those, or replace them.")
        ] = "refuse",
        as_json: AsJson = False,
    ) -> None:
        """Take candles from a file into the store.

        Takes the columns of `--candles`, and those of Bybit's, Binance's, ccxt's and freqtrade's files, and makes
        candles of the trades of Bybit's archive; what it had to guess it says. Exit codes: 0 fine, 3 the candles are
        wrong or contradict those there, 64 wrong usage.
        """
        from tradewright.market.history.importing import import_candles

        if on_conflict not in ("refuse", "keep", "replace"):
            raise typer.BadParameter(f"--on-conflict is {on_conflict!r}; it is refuse, keep or replace")
        # The names are looked at before the file is.
        series_of(category, symbol, timeframe or "1m", origin)
        with told("import", as_json):
            store = parts.store()
            done = import_candles(
                store,
                file,
                category=cast("Category", category),
                symbol=symbol,
                timeframe=cast("Timeframe | None", timeframe),
                origin=cast("Origin", origin),
                on_conflict=cast(Literal["refuse", "keep", "replace"], on_conflict),
            )
            path, added = store.path(done.series), done.added
            if as_json:
                counts = {"added": added.added, "equal": added.equal, "conflicts": added.conflicts}
                write_plain({"ok": True, **counts, "notes": list(done.notes), "series": _plain(added.manifest, path)})
                return
            for note in done.notes:
                typer.echo(f"note: {note}", err=True)
            differ = f", {added.conflicts} contradicted ({on_conflict})" if added.conflicts else ""
            typer.echo(f"{added.added} bars came in, {added.equal} were there{differ}")
            typer.echo(_line(done.series, added.manifest, path))

    @data.command("list", cls=UsageCommand)
    def list_series(as_json: AsJson = False) -> None:
        """Say what is there: from when to when, how many bars, gaps, size, hash. Exit code 0."""
        with told("list", as_json):
            store = parts.store()
            found = store.all()
            if as_json:
                write_plain({"ok": True, "series": [_listed(series, manifest, store) for series, manifest in found]})
                return
            if not found:
                typer.echo(f"There are no candles yet below {store.root}.")
            for series, manifest in found:
                path = store.path(series)
                if manifest is None:
                    typer.echo(f"{series}  its manifest cannot be read; tradewright data check says why  {path}")
                    continue
                changed = "" if store.looks_whole(series, manifest) else "  NOT AS IT WAS: see tradewright data check"
                typer.echo(f"{_line(series, manifest, path)}{changed}")

    @data.command("check", cls=UsageCommand)
    def check(
        symbol: Annotated[str | None, typer.Option(help="Only of this listing.")] = None,
        category: Annotated[str | None, typer.Option(help="Only of this category.")] = None,
        timeframe: Annotated[str | None, typer.Option(help="Only of this timeframe.")] = None,
        as_json: AsJson = False,
    ) -> None:
        """Read everything again: checksums, gaps, bars that cannot be.

        Exit codes: 0 a backtest would take all of it, 3 it would refuse some, 64 wrong usage, or none of that name.
        """
        with told("check", as_json):
            store = parts.store()
            asked = ((symbol, "symbol"), (category, "category"), (timeframe, "timeframe"))
            chosen = [
                series
                for series, _ in store.all()
                if all(wish is None or getattr(series, name) == wish for wish, name in asked)
            ]
            if not chosen and any(wish is not None for wish, _ in asked):
                _stop(
                    "check",
                    f"there are no such candles below {store.root}; tradewright data list says which are there",
                    as_json,
                )
            checked = [store.check(series) for series in chosen]
            is_fine = not any(one.faults for one in checked)
            if as_json:
                write_plain({"ok": is_fine, "series": [_judged(one, store) for one in checked]})
            else:
                for one in checked:
                    _tell_check(one)
            if not is_fine:
                raise typer.Exit(BAD_CANDLES)

    return data


def _look_at_source(source: str, environment: str, archive_address: str | None) -> None:
    if source not in SOURCES:
        raise typer.BadParameter(f"--source is {source!r}; it is one of {', '.join(SOURCES)}")
    if source == "archive" and ORIGINS[environment] != "bybit":
        raise typer.BadParameter(f"--environment is {environment!r}; the archive has trades of the real market (live)")
    if archive_address is None:
        return
    if source != "archive":
        raise typer.BadParameter("--archive-address goes with --source archive")
    if not _ADDRESS.fullmatch(archive_address):
        raise typer.BadParameter(f"--archive-address is {archive_address[:80]!r}; it is http(s)://HOST[:PORT][/PATH]")


def series_of(category: str, symbol: str, timeframe: str, origin: str) -> Series:
    from tradewright.market.history.series import Series

    try:
        return Series(
            category=cast("Category", category),
            symbol=symbol,
            timeframe=cast("Timeframe", timeframe),
            origin=cast("Origin", origin),
        )
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


@contextlib.contextmanager
def told(command: str, as_json: bool) -> Iterator[None]:
    """What may go wrong with data, as a sentence or an object, and an exit code."""
    from tradewright.core.errors import ExchangeError
    from tradewright.market.history.faults import BadCandles, CannotOpen
    from tradewright.market.history.store import StoreBusy

    try:
        yield
    except BadCandles as bad:
        _tell_faults(command, bad.faults, as_json)
        raise typer.Exit(BAD_CANDLES) from None
    except (CannotOpen, ValueError) as error:
        _stop(command, str(error), as_json)
    except (StoreBusy, ExchangeError, OSError) as error:
        _stop(command, str(error), as_json, code=OUR_FAULT)
    except KeyboardInterrupt:
        typer.echo(f"tradewright data {command}: stopped; what came in stays", err=True)
        raise


def _stop(command: str, message: str, as_json: bool, *, code: int = WRONG_USAGE) -> NoReturn:
    if as_json:
        write_plain(
            {"ok": False, "errors": [{"code": "usage" if code == WRONG_USAGE else "failed", "message": message}]}
        )
    typer.echo(f"tradewright data {command}: {message}", err=True)
    raise typer.Exit(code)


def _tell_faults(command: str, faults: Sequence[CandleFault], as_json: bool) -> None:
    if as_json:
        write_plain({"ok": False, "errors": [fault.as_json() for fault in faults]})
    for fault in faults:
        typer.echo(f"tradewright data {command}: {fault.message} [{fault.code}]{_times(fault)}", err=True)


def _times(fault: CandleFault) -> str:
    more = " …" if fault.count > len(fault.times) else ""
    return f"\n    at {', '.join(map(shown, fault.times))}{more}" if fault.times else ""


def _tell_check(one: Checked) -> None:
    typer.echo(f"{one.series}: {'fine' if not one.faults else 'not fine'}")
    for fault in one.faults:
        typer.echo(f"  {fault.message} [{fault.code}]{_times(fault)}")
    if one.outside:
        typer.echo(f"  {one.outside} bars open or close outside their own low and high; they are taken as they are")


def _listed(series: Series, manifest: Manifest | None, store: DataStore) -> dict[str, Any]:
    if manifest is not None:
        return {**_plain(manifest, store.path(series)), "looks_whole": store.looks_whole(series, manifest)}
    names = {name: getattr(series, name) for name in ("category", "symbol", "timeframe", "origin")}
    return {**names, "path": str(store.path(series)), "error": "the manifest cannot be read"}


def _judged(one: Checked, store: DataStore) -> dict[str, Any]:
    names = {name: getattr(one.series, name) for name in ("category", "symbol", "timeframe", "origin")}
    faults = [fault.as_json() for fault in one.faults]
    return {**names, "path": str(store.path(one.series)), "faults": faults, "outside_their_range": one.outside}


def _plain(manifest: Manifest, path: Path) -> dict[str, Any]:
    from tradewright.market.history.store import as_json

    return {**as_json(manifest), "path": str(path)}


def _line(series: Series, manifest: Manifest, path: Path) -> str:
    gaps = f"{manifest.gaps} gaps ({manifest.missing_bars} bars)" if manifest.gaps else "no gaps"
    span = f"{shown(manifest.from_ms)} to {shown(manifest.to_ms)}"
    size = f"{manifest.file_bytes / 1_000_000:.1f} MB"
    return f"{series}  {span}  {manifest.bars} bars  {gaps}  {size}  {manifest.data_sha256[:12]}  {path}"


def _progress(what: str) -> Callable[[Progress], None]:
    """Tells a person how far it is; nobody else."""
    if not sys.stderr.isatty():
        return lambda _: None
    return lambda now: typer.echo(f"\r{now.pages} of {now.pages_in_all} {what}, {now.bars} bars ", nl=False, err=True)


def write_plain(plain: Mapping[str, Any]) -> None:
    """JSON is UTF-8, whatever the terminal is set to."""
    sys.stdout.buffer.write(json.dumps(plain, ensure_ascii=False).encode() + b"\n")
    sys.stdout.buffer.flush()
