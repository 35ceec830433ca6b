"""`tradewright spec`: is this strategy right, and what does one look like?

Lives here: the options, what is printed where, and the exit codes (`exits`). Not here: the language (`strategy`), which
is imported when a command runs.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from tradewright.cli.exits import BAD_SPEC, WRONG_USAGE, UsageCommand, UsageGroup

if TYPE_CHECKING:
    from tradewright.strategy.check import Checked, Facts
    from tradewright.strategy.faults import Fault

STANDARD = "-"


def register(application: typer.Typer) -> None:
    spec = typer.Typer(cls=UsageGroup, no_args_is_help=True, help="Strategies as files: check one, get the schema.")
    application.add_typer(spec, name="spec")

    @spec.command("schema", cls=UsageCommand)
    def schema() -> None:
        """Print the JSON Schema of a strategy, for editors and other programs."""
        from tradewright.strategy.check.json_schema import json_schema

        _write(json_schema(), indent=1)

    @spec.command("check", cls=UsageCommand)
    def check(
        file: Annotated[str, typer.Argument(metavar="FILE", help="YAML or JSON; - is standard input.")],
        as_json: Annotated[bool, typer.Option("--json", help="For programs: one object on standard output.")] = False,
    ) -> None:
        """Say whether a strategy is right and what it needs, without running it.

        Exit codes: 0 fine, 2 the strategy is wrong, 64 wrong usage, a file that cannot be opened included.
        """
        from tradewright.strategy.check import check_text

        checked = check_text(read_spec(file))
        if as_json:
            _write(checked.plain())
        else:
            _tell(file, checked)
        if checked.errors:
            raise typer.Exit(BAD_SPEC)


def read_spec(file: str) -> bytes:
    """A spec's bytes; of one that is too large only so many that this is seen. Ends the command with 64 where it cannot
    be read."""
    from tradewright.strategy.document.reading import SIZE_MAX

    try:
        if file == STANDARD:
            return sys.stdin.buffer.read(SIZE_MAX + 1)
        with Path(file).open("rb") as opened:
            return opened.read(SIZE_MAX + 1)
    except (OSError, ValueError) as error:  # a name with a zero byte is a ValueError
        _usage(f"{file!r} cannot be read: {getattr(error, 'strerror', None) or error}")


def _write(plain: dict[str, Any], *, indent: int | None = None) -> None:
    """JSON is UTF-8, whatever the terminal is set to."""
    sys.stdout.buffer.write(json.dumps(plain, ensure_ascii=False, indent=indent).encode() + b"\n")
    sys.stdout.buffer.flush()


def _usage(message: str) -> NoReturn:
    typer.echo(f"tradewright spec: {message}", err=True)
    raise typer.Exit(WRONG_USAGE)


def _tell(file: str, checked: Checked) -> None:
    for fault in checked.errors:
        typer.echo(_line(file, fault), err=True)
    for fault in checked.warnings:
        typer.echo(_line(file, fault, "warning: "), err=True)
    if checked.facts is not None and checked.strategy is not None:
        typer.echo(f"{checked.strategy.name}: fine")
        for line in _facts(checked.facts):
            typer.echo(f"  {line}")
    elif checked.errors:
        count = len(checked.errors)
        typer.echo(f"{count} {'error' if count == 1 else 'errors'}", err=True)


def _line(file: str, fault: Fault, kind: str = "") -> str:
    place = f"{fault.place.line}:{fault.place.column}: " if fault.place else ""
    where = f"{fault.path}: " if fault.path else ""
    hint = f" ({fault.hint})" if fault.hint else ""
    return f"{file}:{place}{kind}{where}{fault.message}{hint} [{fault.code}]"


def _facts(facts: Facts) -> list[str]:
    plain = facts.plain()
    unknown = "depends on equity or on prices"
    return [
        f"candles: {', '.join(facts.timeframes)}; {facts.warm_up_bars} bars of each before the first decision",
        f"all that it may open at once, in the quote coin: {plain['max_position_quote'] or unknown}",
        f"lost at the stop, before costs and slippage: {plain['max_loss_quote'] or unknown}",
    ]
