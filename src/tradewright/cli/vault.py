"""`tradewright vault`: the keyring that exchange keys are stored with: its generations, a new one, the end of old ones.

Lives here: the commands and their two forms of output. Not here: the work (`app.vault`). Nothing secret is shown but by
`new-keys`, whose purpose that is.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Annotated

import typer

_JSON = Annotated[bool, typer.Option("--json", help="One JSON object, for programs.")]
_PARTLY = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationState:
    """`rows` name it; `may_go`: it is not the newest and no row needs it."""

    seal_id: str
    wrap_id: str
    rows: int
    is_active: bool
    may_go: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Generations:
    """Oldest first. `foreign_rows` name a generation that the keyring does not hold."""

    source: str
    generations: Sequence[GenerationState]
    foreign_rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RotationOptions:
    """`only_rewrap`: no new generation is made; `retire`: those that no row needs are taken away."""

    only_rewrap: bool = False
    retire: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RotationReport:
    """`unopenable`: connections whose key no generation opens."""

    done: int
    unopenable: Sequence[str]
    retired: int
    generations: Generations


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultParts:
    """What the commands call."""

    state: Callable[[], Generations]
    rotate: Callable[[RotationOptions], RotationReport]
    new_keys: Callable[[bool], str]


def register(application: typer.Typer, parts: VaultParts) -> None:
    vault = typer.Typer(help="The keyring that exchange keys are stored with.", no_args_is_help=True)
    application.add_typer(vault, name="vault")

    @vault.command("status")
    def status(as_json: _JSON = False) -> None:
        """Say which generations the keyring has and how many stored keys need each."""
        found = parts.state()
        typer.echo(json.dumps(asdict(found)) if as_json else "\n".join(_lines(found)))

    @vault.command("rotate")
    def rotate(
        only_rewrap: Annotated[
            bool, typer.Option("--only-rewrap", help="Make no new generation; go on with what was interrupted.")
        ] = False,
        as_json: _JSON = False,
    ) -> None:
        """Make a new generation and store every key under it; the worker may run. Interrupted, call it again with
        --only-rewrap. The old generations stay, for backups of the database from before need them."""
        _tell(parts.rotate(RotationOptions(only_rewrap=only_rewrap)), as_json)

    @vault.command("retire")
    def retire(as_json: _JSON = False) -> None:
        """Take away the generations that no stored key needs. Older backups of the database cannot be opened any more,
        unless their HOME/vault is kept with them."""
        _tell(parts.rotate(RotationOptions(only_rewrap=True, retire=True)), as_json)

    @vault.command("new-keys")
    def new_keys(
        first: Annotated[bool, typer.Option("--first", help="There is no keyring yet: begin one.")] = False,
    ) -> None:
        """Print the keyring with a fresh generation, for one that is kept in a variable or behind a command
        (TRADEWRIGHT_VAULT_KEYS). SECRET: pipe it to where it is kept, not to the screen."""
        typer.echo(parts.new_keys(first), nl=False)


def _tell(report: RotationReport, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(asdict(report)))
    else:
        typer.echo(f"Stored under the newest generation: {report.done}. Generations taken away: {report.retired}.")
        for line in _lines(report.generations):
            typer.echo(line)
        if report.unopenable:
            typer.echo(
                "No generation opens the keys of these connections; they were left as they are. Restore the HOME/vault"
                f" they were stored with, or remove them and add their keys again: {', '.join(report.unopenable)}",
                err=True,
            )
    if report.unopenable:
        raise typer.Exit(_PARTLY)


def _lines(found: Generations) -> list[str]:
    lines = [f"Keyring: {found.source}"]
    for number, each in enumerate(found.generations, start=1):
        role = "seals and wraps" if each.is_active else "may be retired" if each.may_go else "is needed"
        lines.append(f"{number}. {each.wrap_id}  {role}; stored keys: {each.rows}")
    if found.foreign_rows:
        lines.append(f"Stored keys that another keyring wrapped: {found.foreign_rows}")
    return lines
