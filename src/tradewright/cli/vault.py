"""`tradewright vault`: the keyring that exchange keys are stored with, or with `--service` the one of second factors
and webhooks: its generations, a new one, the end of old ones.

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
_SERVICE = Annotated[
    bool,
    typer.Option("--service", help="The keyring of second factors and webhooks, not that of exchange keys."),
]
_PARTLY = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationState:
    """`rows` name it; `may_go`: it is not the newest and no row needs it. `seal_id`: what a seal names, null for the
    service keyring, for which nothing is sealed."""

    seal_id: str | None
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
    """`only_rewrap`: no new generation is made; `retire`: those that no row needs are taken away;
    `service`: of the service keyring."""

    only_rewrap: bool = False
    retire: bool = False
    service: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RotationReport:
    """`unopenable`: connections whose key no generation opens; of the service keyring the rows, by table and id."""

    done: int
    unopenable: Sequence[str]
    retired: int
    generations: Generations


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultParts:
    """What the commands call; the last flag of each says whether it is about the service keyring."""

    state: Callable[[bool], Generations]
    rotate: Callable[[RotationOptions], RotationReport]
    new_keys: Callable[[bool, bool], str]


def register(application: typer.Typer, parts: VaultParts) -> None:
    vault = typer.Typer(help="The keyrings that exchange keys and other secrets are stored with.", no_args_is_help=True)
    application.add_typer(vault, name="vault")

    @vault.command("status")
    def status(service: _SERVICE = False, as_json: _JSON = False) -> None:
        """Say which generations the keyring has and how many stored secrets need each."""
        found = parts.state(service)
        typer.echo(json.dumps(asdict(found)) if as_json else "\n".join(_lines(found)))

    @vault.command("rotate")
    def rotate(
        only_rewrap: Annotated[
            bool, typer.Option("--only-rewrap", help="Make no new generation; go on with what was interrupted.")
        ] = False,
        service: _SERVICE = False,
        as_json: _JSON = False,
    ) -> None:
        """Make a new generation and store every secret under it; everything may run. Interrupted, call it again with
        --only-rewrap. The old generations stay, for backups of the database from before need them."""
        _tell(parts.rotate(RotationOptions(only_rewrap=only_rewrap, service=service)), as_json)

    @vault.command("retire")
    def retire(service: _SERVICE = False, as_json: _JSON = False) -> None:
        """Take away the generations that no stored secret needs. Older backups of the database cannot be opened any
        more, unless their HOME/vault is kept with them."""
        _tell(parts.rotate(RotationOptions(only_rewrap=True, retire=True, service=service)), as_json)

    @vault.command("new-keys")
    def new_keys(
        first: Annotated[bool, typer.Option("--first", help="There is no keyring yet: begin one.")] = False,
        service: _SERVICE = False,
    ) -> None:
        """Print the keyring with a fresh generation, for one that is kept in a variable or behind a command
        (TRADEWRIGHT_VAULT_KEYS, TRADEWRIGHT_VAULT_SERVICE_KEYS). SECRET: pipe it to where it is kept, not to the
        screen."""
        typer.echo(parts.new_keys(first, service), nl=False)


def _tell(report: RotationReport, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(asdict(report)))
    else:
        typer.echo(f"Stored under the newest generation: {report.done}. Generations taken away: {report.retired}.")
        for line in _lines(report.generations):
            typer.echo(line)
        if report.unopenable:
            typer.echo(
                "No generation opens what is stored of these; it was left as it is. Restore the HOME/vault it was"
                f" stored with, or remove them and add them again: {', '.join(report.unopenable)}",
                err=True,
            )
    if report.unopenable:
        raise typer.Exit(_PARTLY)


def _lines(found: Generations) -> list[str]:
    lines = [f"Keyring: {found.source}"]
    for number, each in enumerate(found.generations, start=1):
        role = "seals and wraps" if each.is_active else "may be retired" if each.may_go else "is needed"
        lines.append(f"{number}. {each.wrap_id}  {role}; stored secrets: {each.rows}")
    if found.foreign_rows:
        lines.append(f"Stored secrets that another keyring wrapped: {found.foreign_rows}")
    return lines
