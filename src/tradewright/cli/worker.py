"""`tradewright worker`: the owner of the accounts, by itself."""

from __future__ import annotations

from collections.abc import Callable

import typer


def register(application: typer.Typer, serve: Callable[[], None]) -> None:
    @application.command()
    def worker() -> None:
        """Own the accounts and trade for them; `tradewright run` starts this by itself."""
        serve()
