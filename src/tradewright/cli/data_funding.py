"""`tradewright data funding`: a contract's funding rates from the exchange, for backtests, beside its candles.

Lives here: the options and what is printed. Not here: the other commands of `data`, the download (`market.history`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from tradewright.cli.data import ENVIRONMENTS, ORIGINS, AsJson, Symbol, series_of, told, write_plain
from tradewright.cli.exits import UsageCommand
from tradewright.cli.moments import moment_ms

if TYPE_CHECKING:
    from tradewright.core.environment import Environment
    from tradewright.market.history.funding_download import DownloadedFunding
    from tradewright.market.history.series import Series


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingOptions:
    """`to_ms` None: up to now. Of the series the contract and its origin count."""

    series: Series
    environment: Environment
    from_ms: int
    to_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingParts:
    """What `app` gives: the way to the exchange, and where the rates are kept."""

    download: Callable[[FundingOptions], DownloadedFunding]
    path: Callable[[Series], Path]


def register(data: typer.Typer, parts: FundingParts) -> None:
    @data.command("funding", cls=UsageCommand)
    def funding(
        symbol: Symbol,
        begin: Annotated[str, typer.Option("--from", help="Milliseconds or ISO 8601, UTC when it names no zone.")],
        end: Annotated[str | None, typer.Option("--to", help="The same; up to now if left out.")] = None,
        environment: Annotated[
            str, typer.Option(help="Whose rates: live, demo (the same), testnet, or sim of the running installation.")
        ] = "live",
        as_json: AsJson = False,
    ) -> None:
        """Get the funding rates of a linear contract that are not there yet; the file is what --funding takes.

        Exit codes: 0 fine, 1 the exchange did not answer or refused, 3 its rates contradict those there, 64 usage.
        """
        if environment not in ENVIRONMENTS:
            raise typer.BadParameter(f"--environment is {environment!r}; it is one of {', '.join(ENVIRONMENTS)}")
        series = series_of("linear", symbol, "1m", ORIGINS[environment])
        options = FundingOptions(
            series=series,
            environment=cast("Environment", environment),
            from_ms=moment_ms("--from", begin),
            to_ms=None if end is None else moment_ms("--to", end),
        )
        with told("funding", as_json):
            done = parts.download(options)
            path = parts.path(series)
            if as_json:
                write_plain({"ok": True, "found": done.found, "added": done.added, "path": str(path)})
                return
            typer.echo(f"{done.added} rates came in, {done.found - done.added} were there: {path}")
