"""`tradewright user`: what concerns the people of an installation."""

from __future__ import annotations

from collections.abc import Callable

import typer


def register(application: typer.Typer, make_claim_link: Callable[[], str]) -> None:
    user = typer.Typer(no_args_is_help=True, help="People of this installation.")
    application.add_typer(user, name="user")

    @user.callback()
    def group() -> None:
        """People of this installation."""

    @user.command("claim-link")
    def claim_link() -> None:
        """Print a fresh one-time link that makes its first user. Works for whoever may read HOME, until it is used."""
        typer.echo(make_claim_link())
