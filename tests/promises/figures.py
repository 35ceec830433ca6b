"""The figures that campaigns have reached: `docs/figures.json`.

Lives here: reading and writing the file, and which run stays when there is another. Not here: running (`record`).
A figure is kept with its sizes, and a smaller run never takes the place of a larger one: neither a passed one that of a
passed one, nor a failed one that of a failed one. A failure stays until a run at least as large has passed.
"""

from __future__ import annotations

import fcntl
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docs/figures.json"
# From the root of a machine's tree: what such a path names is on one machine only.
_ABSOLUTE = re.compile(r"(?<![\w./:])/(?:[\w.@+-]+/)+[\w.@+-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of a campaign: sizes by make variable, its closing line, the commit it began at, a date of UTC."""

    sizes: Mapping[str, int]
    command: str
    line: str
    commit: str
    date: str
    machine: str
    seconds: int

    def covers(self, other: Run) -> bool:
        """Whether it is as large in everything."""
        return all(self.sizes.get(name, 0) >= size for name, size in other.sizes.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """The largest run that passed, and the largest that has failed since."""

    reached: Run | None = None
    failed: Run | None = None


def after_passing(figure: Figure, run: Run) -> Figure:
    """What is kept once `run` has passed: it stands unless the one that stands is larger in anything."""
    failed = None if figure.failed is not None and run.covers(figure.failed) else figure.failed
    return Figure(
        reached=run if figure.reached is None or run.covers(figure.reached) else figure.reached, failed=failed
    )


def after_failing(figure: Figure, run: Run) -> Figure:
    """What is kept once `run` has failed; what was reached before stays beside it."""
    return replace(figure, failed=run if figure.failed is None or run.covers(figure.failed) else figure.failed)


def plain(line: str) -> str:
    """A line without anything that is only so on this machine: absolute paths keep their last part."""
    line = line.replace(f"{ROOT}/", "").strip("= \t\r\n")
    return _ABSOLUTE.sub(lambda found: "…/" + found[0].rstrip("/").rsplit("/", 1)[-1], line)


def read(file: Path = FILE) -> dict[str, Figure]:
    """By campaign; nothing where there is no file yet. Raises `ValueError`, naming the campaign, for a broken entry."""
    if not file.exists():
        return {}
    return _figures(file.read_text())


def keep(name: str, run: Run, *, passed: bool, by_force: bool = False, file: Path = FILE) -> Figure:
    """Write a run down as far as it counts, and what stands then. `by_force` lets a smaller one take the place too.

    Two campaigns that end at once do not lose each other's entry.
    """
    file.touch()
    with file.open("r+") as opened:
        fcntl.flock(opened, fcntl.LOCK_EX)
        figures = _figures(opened.read() or "{}")
        before = Figure() if by_force else figures.get(name, Figure())
        figures[name] = (after_passing if passed else after_failing)(before, run)
        opened.seek(0)
        opened.write(_text(figures))
        opened.truncate()
    return figures[name]


def _figures(text: str) -> dict[str, Figure]:
    return {name: Figure(**{kind: _run(name, of) for kind, of in runs.items()}) for name, runs in _object(text).items()}


def _object(text: str) -> dict[str, dict[str, Any]]:
    found = json.loads(text)
    if not isinstance(found, dict):
        raise ValueError("figures are an object of campaigns")
    return found


def _run(name: str, of: Mapping[str, Any]) -> Run:
    try:
        return Run(**of)
    except TypeError as error:
        raise ValueError(f"the figure of {name} has not the fields of a run: {error}") from None


def _text(figures: Mapping[str, Figure]) -> str:
    kept = {
        name: {kind: run for kind, run in asdict(figure).items() if run is not None}
        for name, figure in sorted(figures.items())
    }
    return json.dumps(kept, indent=2, ensure_ascii=False) + "\n"
