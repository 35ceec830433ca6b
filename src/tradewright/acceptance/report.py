"""The report of an acceptance: a page for people and the same as JSON for programs.

Lives here: `write_report`. It names the environment and the host, never the key and never the account's number.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tradewright.acceptance.model import Finding

_MARKS = {"passed": "✔", "differs": "≠", "failed": "✖", "skipped": "–"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """`left` is what could not be cleaned up, in words."""

    environment: str
    host: str
    symbol: str
    version: str
    begun_at: str
    findings: Sequence[Finding]
    left: Sequence[str]
    recordings: str
    recorded_lines: int

    @property
    def has_failed(self) -> bool:
        return bool(self.left) or any(finding.outcome == "failed" for finding in self.findings)


def summary(report: Report) -> str:
    """One line: how many steps ended how."""
    counts = Counter(finding.outcome for finding in report.findings)
    told = ", ".join(f"{counts[outcome]} {outcome}" for outcome in ("passed", "differs", "failed", "skipped"))
    return f"{len(report.findings)} steps: {told}"


def write_report(folder: Path, report: Report) -> Path:
    """Writes `report.md` and `report.json` into the folder; returns the page."""
    (folder / "report.json").write_text(
        json.dumps({**asdict(report), "summary": summary(report)}, ensure_ascii=False, indent=2) + "\n",
        encoding="utf-8",
    )
    page = folder / "report.md"
    page.write_text(_page(report), encoding="utf-8")
    return page


def _page(report: Report) -> str:
    lines = [
        f"# Acceptance: {report.environment.upper()}, {report.symbol}",
        "",
        f"{summary(report)}. Host {report.host}, begun {report.begun_at}, version {report.version}.",
        f"Recordings: `{report.recordings}` ({report.recorded_lines} lines, without key, signature or person).",
        "",
    ]
    if report.left:
        lines += ["**Left behind, look at the exchange:** " + "; ".join(report.left) + ".", ""]
    lines += ["| | Step | Claim | Found | s |", "|---|---|---|---|---|"]
    for finding in report.findings:
        facts = "; ".join(f"{name} {value}" for name, value in finding.facts.items())
        found = ". ".join(part for part in (finding.text, facts) if part)
        cells = [_MARKS[finding.outcome], str(finding.number), finding.claim, found, f"{finding.seconds:.1f}"]
        lines.append("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |")
    return "\n".join(lines) + "\n"
