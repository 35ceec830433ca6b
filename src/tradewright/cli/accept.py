"""`tradewright accept`: numbered steps against the account of a connection, with a report and recordings.

Lives here: its options and what it prints. Not here: the steps (`acceptance`), how they reach the exchange
(`app.acceptance`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from tradewright.acceptance.model import Finding
from tradewright.acceptance.report import Report, summary

_MARKS = {"passed": "ok  ", "differs": "≠   ", "failed": "FAIL", "skipped": "–   "}


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptOptions:
    """`folder` None: a new one below HOME/acceptance."""

    connection: UUID
    symbol: str
    folder: Path | None
    even_if_in_use: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    page: Path
    report: Report


def register(application: typer.Typer, accept: Callable[[AcceptOptions, Callable[[Finding], None]], Accepted]) -> None:
    @application.command("accept")
    def accept_command(
        connection: Annotated[UUID, typer.Option(help="Id of the connection; the page of accounts shows it.")],
        symbol: Annotated[str, typer.Option(help="The contract to try it with.")] = "BTCUSDT",
        folder: Annotated[Path | None, typer.Option(help="Where report and recordings go.")] = None,
        even_if_in_use: Annotated[
            bool, typer.Option("--even-if-in-use", help="Although the contract has orders or a position already.")
        ] = False,
    ) -> None:
        """Try a demo or testnet account in 25 steps: orders, lost replies, reconnect, stops. Needs `tradewright run`.

        Places real orders of the smallest size on the account and cleans up after itself. Exit code 1: a step failed.
        """
        options = AcceptOptions(
            connection=connection, symbol=symbol.upper(), folder=folder, even_if_in_use=even_if_in_use
        )
        done = accept(options, _tell)
        typer.echo(f"{summary(done.report)}. Report: {done.page}")
        for what in done.report.left:
            typer.echo(f"left behind, look at the exchange: {what}", err=True)
        if done.report.has_failed:
            raise typer.Exit(1)


def _tell(finding: Finding) -> None:
    typer.echo(f"{_MARKS[finding.outcome]} {finding.number:>2}  {finding.claim}  ({finding.seconds:.1f} s)")
    if finding.text:
        typer.echo(f"          {finding.text}")
