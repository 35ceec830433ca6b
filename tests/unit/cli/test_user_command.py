"""The words of `tradewright user`, without an installation behind them."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import typer
from typer.testing import CliRunner

from tradewright.cli import user as cli_user
from tradewright.cli.user import ListedUser, UserDesk

ANN = ListedUser(
    username="Ann",
    is_operator=True,
    is_disabled=False,
    created_at=datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
    last_seen_at=datetime(2026, 2, 3, 4, 5, tzinfo=UTC),
    workspaces=2,
)
BOB = ListedUser(
    username="Bob Q",
    is_operator=False,
    is_disabled=True,
    created_at=datetime(2026, 1, 3, tzinfo=UTC),
    last_seen_at=None,
    workspaces=1,
)


def said(*arguments: str) -> tuple[str, list[tuple[str, bool]]]:
    """What the command prints, and what it had done."""
    done: list[tuple[str, bool]] = []
    application = typer.Typer()
    cli_user.register(
        application,
        UserDesk(
            claim_link=lambda: "a claim link",
            everybody=lambda: [ANN, BOB],
            set_enabled=lambda name, enabled: done.append((name, enabled)),
            password_link=lambda name: f"a link for {name}",
            reset_factors=lambda name: f"{name} has none",
        ),
    )
    result = CliRunner().invoke(application, ["user", *arguments])
    assert result.exit_code == 0, result.output
    return result.output, done


def test_users_are_listed_for_people_and_for_programs() -> None:
    assert said("list")[0].splitlines() == [
        "Ann (operator): since 2026-01-02, last seen 2026-02-03 04:05 UTC, workspaces: 2",
        "Bob Q (disabled): since 2026-01-03, no session, workspaces: 1",
    ]
    plain = json.loads(said("list", "--json")[0])
    assert [(each["username"], each["is_disabled"]) for each in plain] == [("Ann", False), ("Bob Q", True)]


def test_a_user_is_disabled_and_enabled_by_name() -> None:
    assert said("disable", "Bob Q") == ("Bob Q is disabled and signed out everywhere\n", [("Bob Q", False)])
    assert said("enable", "Bob Q")[1] == [("Bob Q", True)]


def test_a_link_for_a_new_password_is_all_that_is_printed() -> None:
    assert said("reset-password-link", "Bob Q")[0] == "a link for Bob Q\n"
