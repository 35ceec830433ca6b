"""What a whole installation costs: from `tradewright run` to ready, and the memory of all its processes at rest.

Warm: the database exists and compiled files are there. Memory is the proportional set size, so that what processes
share is counted once; Linux only.
"""

from __future__ import annotations

import re
import statistics
import sys
import time
from pathlib import Path

from tests.bench.harness import Absolute

sys.path.insert(0, str(Path(__file__).parents[1]))  # the tests' own helpers are imported from their folder
from support.installation import Installation, installed

STARTS = 5
AT_REST_S = 5.0


def measured() -> list[Absolute]:
    starts: list[float] = []
    with installed() as installation:
        installation.claim()
        installation.account()
        for _ in range(STARTS):
            installation.stop()
            began = time.perf_counter()
            installation.start()
            starts.append(time.perf_counter() - began)
        installation.account()
        time.sleep(AT_REST_S)
        memory = sum(_pss_mb(pid) for pid in _processes(installation))
    return [
        Absolute(
            row="start of `tradewright run`, warm", ours=round(statistics.median(starts), 2), unit="s", must=6, goal=3
        ),
        Absolute(row="memory of all processes at rest (PSS)", ours=round(memory, 1), unit="MB", must=500, goal=350),
    ]


def _processes(installation: Installation) -> set[int]:
    """Everything started by `run`, and the servers that PostgreSQL forked, whose environment is not readable."""
    found = set(installation.pids())
    parents = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                status = (folder / "status").read_text()
            except OSError:
                continue
            parents[int(folder.name)] = int(re.search(r"PPid:\s+(\d+)", status)[1])  # type: ignore[index]
    grown = True
    while grown:
        more = {pid for pid, parent in parents.items() if parent in found} - found
        grown = bool(more)
        found |= more
    return found


def _pss_mb(pid: int) -> float:
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    return int(re.search(r"^Pss:\s+(\d+)", rollup, re.MULTILINE)[1]) / 1024  # type: ignore[index]
