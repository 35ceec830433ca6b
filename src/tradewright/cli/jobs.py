"""`tradewright jobs`: work that has an end, by itself."""

from __future__ import annotations

from collections.abc import Callable

import typer


def register(application: typer.Typer, serve: Callable[[], None]) -> None:
    @application.command()
    def jobs() -> None:
        """Run the backtests that were asked for over the API; `tradewright run` starts this by itself."""
        serve()
