"""`tradewright user`: what concerns the people of an installation, for whoever may read its HOME.

Lives here: the commands and their words. Not here: what is done (`identity`, put together in `app.users`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import typer

from tradewright.cli.printable import printable

_NAME = typer.Argument(help="The user's name, as `tradewright user list` shows it")


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedUser:
    username: str
    is_operator: bool
    is_disabled: bool
    created_at: datetime
    last_seen_at: datetime | None
    workspaces: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UserDesk:
    """What the commands do. Each that names a user raises `StartError` where there is none of that name."""

    claim_link: Callable[[], str]
    everybody: Callable[[], Sequence[ListedUser]]
    set_enabled: Callable[[str, bool], None]
    password_link: Callable[[str], str]
    reset_factors: Callable[[str], str]


def register(application: typer.Typer, desk: UserDesk) -> None:
    user = typer.Typer(no_args_is_help=True, help="People of this installation.")
    application.add_typer(user, name="user")

    @user.callback()
    def group() -> None:
        """People of this installation."""

    @user.command("claim-link")
    def claim_link() -> None:
        """Print a fresh one-time link that makes its first user. Works for whoever may read HOME, until it is used."""
        typer.echo(desk.claim_link())

    @user.command("list")
    def list_users(as_json: bool = typer.Option(False, "--json", help="For programs")) -> None:
        """Print who uses this installation."""
        found = desk.everybody()
        if as_json:
            typer.echo(json.dumps([_plain(each) for each in found]))
            return
        for each in found:
            typer.echo(_line(each))

    @user.command("disable")
    def disable(username: str = _NAME) -> None:
        """Let a user sign in no more, and end their sessions at once. What they did, and what runs, stays."""
        desk.set_enabled(username, False)
        typer.echo(f"{username} is disabled and signed out everywhere")

    @user.command("enable")
    def enable(username: str = _NAME) -> None:
        """Let a user sign in again."""
        desk.set_enabled(username, True)
        typer.echo(f"{username} can sign in again")

    @user.command("reset-password-link")
    def password_link(username: str = _NAME) -> None:
        """Print a one-time link, good for a day, by which a user sets a new password. A second factor stays asked."""
        typer.echo(desk.password_link(username))

    @user.command("reset-factors")
    def reset_factors(username: str = _NAME) -> None:
        """Remove a user's authenticator, passkeys and recovery codes, and end their sessions: for who lost them."""
        typer.echo(desk.reset_factors(username))


def _line(user: ListedUser) -> str:
    notes = [note for note, holds in (("operator", user.is_operator), ("disabled", user.is_disabled)) if holds]
    seen = "no session" if user.last_seen_at is None else f"last seen {user.last_seen_at:%Y-%m-%d %H:%M} UTC"
    said = f"since {user.created_at:%Y-%m-%d}, {seen}, workspaces: {user.workspaces}"
    return f"{printable(user.username)}{' (' + ', '.join(notes) + ')' if notes else ''}: {said}"


def _plain(user: ListedUser) -> dict[str, object]:
    return {
        "username": user.username,
        "is_operator": user.is_operator,
        "is_disabled": user.is_disabled,
        "created_at": user.created_at.isoformat(),
        "last_seen_at": None if user.last_seen_at is None else user.last_seen_at.isoformat(),
        "workspaces": user.workspaces,
    }
