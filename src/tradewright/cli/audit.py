"""`tradewright audit`: whether the audit trail is as it was written, and the heads of its chains.

Lives here: the commands and their words. Not here: what is looked at (`audit.links`, put together in `app.audit`).
Exit codes of `verify`: 0 everything is as it was written; 13 something is not; 1 it could not be looked at; 2 an option
is wrong.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Protocol

import typer

NOT_AS_WRITTEN = 13
_SHOWN_MAX = 50

_WORDS = {
    "entry.changed": "the entry does not say any more what it said when it was written",
    "entry.missing": "the entry was removed",
    "entry.unlinked": "the entry was put in past the chains",
    "link.changed": "the stored hash is not that of its entry",
    "link.missing": "places of the chain were removed, or their order was changed",
    "link.unknown": "the link is of a version that this program does not know; a newer Tradewright can tell",
    "head.changed": "the head is not the end of the chain",
    "head.missing": "the head was removed",
    "tail.cut": "the end of the chain was cut off",
    "export.cut": "the chain was longer when its head was exported: its end was cut off, or an older backup restored",
    "export.rewritten": "the chain was written anew: it had another hash when its head was exported",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFinding:
    """`subject` says whose chain it is; `sequence` is 0 where an entry is in no place."""

    code: str
    chain: str
    subject: str
    sequence: int
    entry_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """`found` counts all of them, `findings` are the first. `heads_file` is None where none was compared."""

    chains: int
    entries: int
    heads_compared: int
    heads_file: str | None
    heads_newest: str | None
    found: int
    findings: Sequence[AuditFinding]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditHead:
    at: str
    chain: str
    sequence: int
    hash: str


class AuditParts(Protocol):
    """What the commands ask for; each may raise `StartError`."""

    def verify(self, heads: Path | None) -> AuditReport: ...
    def heads(self) -> Sequence[AuditHead]: ...


def register(application: typer.Typer, parts: Callable[[], AuditParts]) -> None:
    group = typer.Typer(help="The audit trail: whether it is as it was written.", no_args_is_help=True)
    application.add_typer(group, name="audit")

    @group.command("verify")
    def verify(
        heads: Annotated[
            Path | None,
            typer.Option(help="A file of exported heads, kept elsewhere. Unless given, HOME/audit/heads.jsonl"),
        ] = None,
        as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for programs.")] = False,
    ) -> None:
        """Look at every entry of every chain: was one changed, removed, put in, moved, or the end cut off?

        A chain that was rewritten whole is told by heads that were exported before, and only by those: keep a copy
        where the database's administrator cannot write.
        """
        report = parts().verify(heads)
        typer.echo(json.dumps(asdict(report)) if as_json else _words(report))
        if report.found:
            raise typer.Exit(NOT_AS_WRITTEN)

    @group.command("heads")
    def print_heads() -> None:
        """Print the head of each chain as it is now, one JSON object a line, to be kept elsewhere."""
        for head in parts().heads():
            typer.echo(json.dumps(asdict(head), separators=(",", ":")))


def _words(report: AuditReport) -> str:
    lines = [f"{report.entries} entries in {report.chains} chains."]
    if report.heads_file is None:
        lines.append("No exported heads to compare with: a chain that was rewritten whole would not be found.")
    else:
        newest = "" if report.heads_newest is None else f", the newest of {report.heads_newest}"
        lines.append(f"Compared with {report.heads_compared} exported heads in {report.heads_file}{newest}.")
    if not report.found:
        return "\n".join([*lines, "Everything is as it was written."])
    lines.append(f"{report.found} things are not as they were written:")
    lines += [f"  {_place(each)}: {_WORDS.get(each.code, each.code)}" for each in report.findings[:_SHOWN_MAX]]
    if report.found > _SHOWN_MAX:
        lines.append(f"  … and {report.found - _SHOWN_MAX} more (--json tells the first {len(report.findings)})")
    return "\n".join(lines)


def _place(finding: AuditFinding) -> str:
    place = f", place {finding.sequence}" if finding.sequence else ""
    entry = f", entry {finding.entry_id}" if finding.entry_id else ""
    return f"{finding.subject}{place}{entry}"
