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
    from tradewright.strategy.words.language import Language

STANDARD = "-"


def register(application: typer.Typer) -> None:
    spec = typer.Typer(cls=UsageGroup, no_args_is_help=True, help="Strategies as files: check, explain, compare.")
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

    @spec.command("explain", cls=UsageCommand)
    def explain(
        file: Annotated[str, typer.Argument(metavar="FILE", help="YAML or JSON; - is standard input.")],
        lang: Annotated[str, typer.Option("--lang", help="en or ru.")] = "en",
        as_json: Annotated[bool, typer.Option("--json", help="For programs: one object on standard output.")] = False,
    ) -> None:
        """Say in plain words what a strategy does.

        Exit codes: 0 fine, 2 the strategy is wrong, 64 wrong usage, a file that cannot be opened included.
        """
        from tradewright.strategy.words import explain

        language = _language(lang)
        checked = _right(file, as_json=as_json)
        explanation = explain(checked, language)
        if as_json:
            _write({**checked.plain(), **explanation.plain()})
        else:
            _say(explanation.text())

    @spec.command("diff", cls=UsageCommand)
    def diff(
        old: Annotated[str, typer.Argument(metavar="OLD", help="YAML or JSON; - is standard input.")],
        new: Annotated[str, typer.Argument(metavar="NEW", help="YAML or JSON; - is standard input.")],
        lang: Annotated[str, typer.Option("--lang", help="en or ru.")] = "en",
        as_json: Annotated[bool, typer.Option("--json", help="For programs: one object on standard output.")] = False,
    ) -> None:
        """Say in plain words what changed in meaning from one strategy to another.

        Exit codes: 0 fine, with or without changes; 2 one of them is wrong; 64 wrong usage.
        """
        from tradewright.strategy.words import differences

        language = _language(lang)
        if old == new == STANDARD:
            _usage("only one of the two files can be standard input")
        changes = differences(_right(old, as_json=as_json), _right(new, as_json=as_json), language)
        if as_json:
            _write({"ok": True, "language": language.code, "changes": [change.plain() for change in changes]})
            return
        _say("\n".join([change.text for change in changes] or [language.says["same"]]))


def _language(code: str) -> Language:
    from tradewright.strategy.words import LANGUAGES

    if code not in LANGUAGES:
        _usage(f"--lang {code!r} is none of {', '.join(LANGUAGES)}")
    return LANGUAGES[code]


def _say(text: str) -> None:
    """Whatever the terminal cannot show is a question mark there, and no fault of the command."""
    encoding = sys.stdout.encoding or "utf-8"
    typer.echo(text.encode(encoding, "replace").decode(encoding))


def _right(file: str, *, as_json: bool) -> Checked:
    """A spec without errors; tells them and ends the command with 2 where it has some."""
    from tradewright.strategy.check import check_text

    checked = check_text(read_spec(file))
    if not checked.errors:
        return checked
    if as_json:
        _write({"file": file, **checked.plain()})
    else:
        _tell(file, checked)
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
