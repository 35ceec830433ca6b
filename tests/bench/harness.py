"""Measuring us beside a peer: alternating, in one process, medians; never asserting a time.

Lives here: `Row`, `measure`, the table and `build/bench/results.json`. Not here: what is measured (`rows_*.py`, one
subject a file, each with `rows() -> list[Row]`; `__main__` lists them).
"""

from __future__ import annotations

import gc
import json
import platform
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

ROUNDS = 9
ROUND_S = 0.15  # of each side, so a row takes about 3 s


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One comparison. Each callable does its work `operations` times; `must` and `goal` are ratios peer / ours."""

    name: str
    ours: Callable[[], None]
    peer: Callable[[], None]
    peer_name: str
    operations: int
    must: float
    goal: float
    floor: Callable[[], None] | None = None  # the least that must be done, e.g. decoding alone


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Times in microseconds of one operation."""

    row: str
    ours: float
    peer: float
    peer_name: str
    ratio: float
    floor: float | None
    must: float
    goal: float
    met: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Absolute:
    """A figure without a peer: lower is better, `must` and `goal` are in its own unit."""

    row: str
    ours: float
    unit: str
    must: float
    goal: float

    @property
    def met(self) -> bool:
        return self.ours <= self.goal


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure that is only stated: nobody has one to compare it with. Higher or lower is for the reader to say."""

    row: str
    ours: float
    unit: str


def measure(row: Row) -> Result:
    sides = [row.ours, row.peer, *([row.floor] if row.floor else [])]
    repeats = [_repeats(side) for side in sides]
    times: list[list[float]] = [[] for _ in sides]
    for _ in range(ROUNDS):
        for side, repeat, taken in zip(sides, repeats, times, strict=True):
            gc.collect()
            taken.append(_time(side, repeat) / (repeat * row.operations) * 1e6)
    ours, peer, *floor = (statistics.median(taken) for taken in times)
    return Result(
        row=row.name,
        ours=round(ours, 3),
        peer=round(peer, 3),
        peer_name=row.peer_name,
        ratio=round(peer / ours, 2),
        floor=round(floor[0], 3) if floor else None,
        must=row.must,
        goal=row.goal,
        met=peer / ours >= row.goal,
    )


def write(results: Sequence[Result], absolutes: Sequence[Absolute], figures: Sequence[Figure], folder: Path) -> Path:
    """`results.json` in `folder`: the rows, the machine and the commit they were measured on."""
    folder.mkdir(parents=True, exist_ok=True)
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    machine = {
        "system": platform.system(),
        "processor": platform.machine(),
        "python": platform.python_version(),
    }
    rows = [{name: getattr(result, name) for name in Result.__slots__} | {"unit": "µs"} for result in results]
    rows += [
        {
            **dict.fromkeys(("peer", "peer_name", "ratio", "floor")),
            **{name: getattr(figure, name) for name in (*Absolute.__slots__, "met")},
        }
        for figure in absolutes
    ]
    rows += [{"row": one.row, "ours": round(one.ours, 1), "unit": one.unit} for one in figures]
    path = folder / "results.json"
    report = {"rows": rows, "machine": machine, "commit": commit.stdout.strip()}
    path.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n")
    return path


def table_of_figures(figures: Sequence[Figure]) -> str:
    return "\n".join(f"{figure.row:64} {figure.ours:10.1f} {figure.unit}" for figure in figures)


def table_of_absolutes(absolutes: Sequence[Absolute]) -> str:
    lines = [f"{'row':44} {'ours':>9} {'must':>9} {'goal':>9}"]
    for figure in absolutes:
        verdict = "goal met" if figure.met else "must met" if figure.ours <= figure.must else "ABOVE MUST"
        lines.append(
            f"{figure.row:44} {figure.ours:9.2f} {figure.must:9.4g} {figure.goal:9.4g} {figure.unit}  {verdict}"
        )
    return "\n".join(lines)


def table(results: Sequence[Result]) -> str:
    lines = [f"{'row':44} {'ours µs':>9} {'peer µs':>9} {'ratio':>7} {'floor µs':>9} {'must':>5} {'goal':>5}  verdict"]
    for result in results:
        verdict = "goal met" if result.met else "must met" if result.ratio >= result.must else "BELOW MUST"
        floor = "" if result.floor is None else f"{result.floor:.2f}"
        lines.append(
            f"{result.row:44} {result.ours:9.2f} {result.peer:9.2f} {result.ratio:6.1f}x {floor:>9} "
            f"{result.must:4.3g}x {result.goal:4.3g}x  {verdict} (against {result.peer_name})"
        )
    return "\n".join(lines)


def _repeats(side: Callable[[], None]) -> int:
    """How often to call, so that a round takes about `ROUND_S`; the first call also warms up."""
    side()
    return max(1, round(ROUND_S / max(_time(side, 1), 1e-6)))


def _time(side: Callable[[], None], repeat: int) -> float:
    started = time.perf_counter()
    for _ in range(repeat):
        side()
    return time.perf_counter() - started
