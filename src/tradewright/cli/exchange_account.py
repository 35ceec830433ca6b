"""`tradewright exchange-account`: another account of the simulated exchange that runs, with its key, to connect it.

Lives here: its options and words. Not here: the asking (`app.exchange_account`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated

import typer


@dataclass(frozen=True, slots=True)
class OpenedAccount:
    """The key is told this once."""

    uid: str
    key: str
    secret: str


def register(application: typer.Typer, open_account: Callable[[Mapping[str, str]], OpenedAccount]) -> None:
    @application.command("exchange-account")
    def exchange_account(
        fund: Annotated[
            list[str] | None, typer.Option(help="COIN=AMOUNT, may be repeated. [default: USDT=100000]")
        ] = None,
        as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for programs.")] = False,
    ) -> None:
        """Open another account of the simulated exchange that runs, and print its key and secret once."""
        pairs = [text.partition("=") for text in fund or ["USDT=100000"]]
        if not all(coin and amount for coin, _, amount in pairs):
            raise typer.BadParameter("--fund is COIN=AMOUNT, such as USDT=1000")
        opened = open_account({coin: amount for coin, _, amount in pairs})
        if as_json:
            typer.echo(json.dumps({"uid": opened.uid, "key": opened.key, "secret": opened.secret}))
            return
        typer.echo(f"Account {opened.uid} of the simulated exchange. Connect it on the page of accounts with")
        typer.echo(f"key     {opened.key}")
        typer.echo(f"secret  {opened.secret}")
