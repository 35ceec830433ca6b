"""The page `docs/promises.md`, from the rows, the campaigns and their figures.

Lives here: what is written. Not here: whether it is true (`held`), what is promised (`rows_*`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from promises import figures
from promises.campaigns import CAMPAIGNS
from promises.figures import ROOT, Figure, Run
from promises.model import GROUPS, Campaign, Owed, Promise, order
from promises.rows import OWED, PROMISES

FILE = ROOT / "docs/promises.md"
NOTE = "<!-- Written by `make reference` from tests/promises and docs/figures.json; a test holds it. Do not edit. -->"
_HEAD_MAX, _TAIL_MAX = 130, 40  # of a closing line


def page(
    promises: Sequence[Promise] = PROMISES,
    owed: Sequence[Owed] = OWED,
    reached: Mapping[str, Figure] | None = None,
) -> str:
    """The whole page; without `reached`, with the figures of the tree."""
    known = figures.read() if reached is None else reached
    parts = [
        "# Promises, and the tests that hold them",
        NOTE,
        "What Tradewright promises about safety today. A promise is here only while the tests named beside it are there"
        " and run in `make test`; what no test holds is under [Owed](#owed). A campaign is the same at length, run by"
        " hand; beside each promise stands what its campaign has reached, and one without a run at full size on record"
        " says so. No failures in N runs bounds the rate of failures at 3/N (95 %); it proves nothing.",
    ]
    for group in sorted({promise.id[0] for promise in promises}):
        rows = sorted((one for one in promises if one.id[0] == group), key=lambda one: order(one.id))
        parts.append(f"## {group}. {GROUPS[group]}")
        parts.append(
            _table(
                ("#", "Promise", "Held by", "At length"),
                ((one.id, one.says, _tests(one.tests), _at_length(one.campaigns, known)) for one in rows),
            )
        )
    parts += [
        "## Owed",
        "What the list of promises asks for by now, and no test holds: all of it where the number has no row above,"
        " else the part that its row does not say.",
        _table(
            ("#", "What", "Why"), ((one.id, one.what, one.why) for one in sorted(owed, key=lambda one: order(one.id)))
        ),
        "## Campaigns",
        "Run by hand, with `RECORD=1` to have the closing line written down here. A smaller run never takes the place"
        " of a larger one, and a failure stays until a run at least as large has passed.",
        _table(
            ("At full size", "What it does", "Figure"),
            ((f"`{one.command()}`", one.does, _figure(one, known.get(one.name))) for one in CAMPAIGNS.values()),
        ),
    ]
    return "\n\n".join(parts) + "\n"


def differs(file: Path = FILE) -> bool:
    """Whether the page is not what the rows and figures say."""
    return not file.exists() or file.read_text() != page()


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(["| " + " | ".join(head) + " |", "|" + "---|" * len(head), *lines])


def _tests(tests: Iterable[str]) -> str:
    return "<br>".join(f"`{test}`" for test in tests)


def _at_length(campaigns: Iterable[str], known: Mapping[str, Figure]) -> str:
    return "<br>".join(f"`make {name}`: {_short(CAMPAIGNS[name], known.get(name))}" for name in campaigns) or "–"


def _short(campaign: Campaign, figure: Figure | None) -> str:
    """What was reached, when; and what is missing."""
    if figure is None or figure.reached is None:
        said = f"no run at full size on record{_of(campaign.full)}"
    elif campaign.is_full(figure.reached.sizes):
        said = f"{_sizes(figure.reached.sizes) or 'passed'}, {figure.reached.date}: {_line(figure.reached)}"
    else:
        said = (
            f"no run at full size on record{_of(campaign.full)}; {_sizes(figure.reached.sizes)}, {figure.reached.date}"
        )
    if figure is not None and figure.failed is not None:
        said += f"; **failed** with {_sizes(figure.failed.sizes) or 'the same'}, {figure.failed.date}"
    return said


def _figure(campaign: Campaign, figure: Figure | None) -> str:
    """In full: the line, where and how long."""
    said = []
    if figure is None or figure.reached is None or not campaign.is_full(figure.reached.sizes):
        said.append("no run at full size on record")
    if figure is not None and figure.reached is not None:
        said.append(f"{_sizes(figure.reached.sizes) or 'passed'}: {_told(figure.reached)}")
    if figure is not None and figure.failed is not None:
        said.append(f"**failed** with {_sizes(figure.failed.sizes) or 'the same'}: {_told(figure.failed)}")
    return "<br>".join(said)


def _told(run: Run) -> str:
    return f"{_line(run)} ({run.seconds} s on {run.machine}, {run.date}, commit {run.commit})"


def _line(run: Run) -> str:
    """The closing line as code; of a long one its beginning and its end, cut at blanks."""
    line = run.line.replace("`", "'")
    if len(line) > _HEAD_MAX + _TAIL_MAX:
        line = f"{line[:_HEAD_MAX].rpartition(' ')[0]} … {line[-_TAIL_MAX:].partition(' ')[2]}"
    return f"`{line}`"


def _sizes(sizes: Mapping[str, int]) -> str:
    return " ".join(f"{variable}={size}" for variable, size in sizes.items())


def _of(full: Mapping[str, int]) -> str:
    return f" ({_sizes(full)})" if full else ""
