"""`tradewright where`: which worker owns each account, since when, and what its session says.

Lives here: the command and its two forms of output. Not here: the question (`app.where`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Annotated

import typer

from tradewright.cli.printable import printable


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """One account. `owner` and `since` (ISO 8601, UTC) are None and `epoch` is 0 where no worker ever claimed it;
    `beat_s` is the age of the owner's last beat; `is_alive` whether the owner holds what it owns now."""

    account_id: str
    name: str
    environment: str
    uid: str
    owner: str | None
    process: str | None
    epoch: int
    since: str | None
    beat_s: float | None
    is_alive: bool
    state: str


def register(application: typer.Typer, look: Callable[[], Sequence[Whereabouts]]) -> None:
    @application.command("where")
    def where(
        as_json: Annotated[bool, typer.Option("--json", help="One JSON array, for programs.")] = False,
    ) -> None:
        """Say which worker owns each account. Works for whoever may read HOME."""
        found = look()
        if as_json:
            typer.echo(json.dumps([asdict(one) for one in found]))
            return
        if not found:
            typer.echo("There is no account yet.")
        for one in found:
            typer.echo(f"{one.account_id}  {one.environment}  {printable(one.name)}  {one.state}  {_owner(one)}")


def _owner(one: Whereabouts) -> str:
    if one.owner is None or one.beat_s is None:
        return "no worker ever owned it"
    alive = "alive" if one.is_alive else "gone"
    return f"worker {one.owner} ({alive}, seen {one.beat_s:.1f} s ago), epoch {one.epoch} since {one.since}"
