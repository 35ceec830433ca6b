"""`tradewright api`: the page, the API and the browser streams, by themselves."""

from __future__ import annotations

from collections.abc import Callable

import typer


def register(application: typer.Typer, serve: Callable[[], None]) -> None:
    @application.command()
    def api() -> None:
        """Serve the page and the API; `tradewright run` starts this by itself."""
        serve()
