"""What a mutant is asked, cheap questions first, and how a copy is made to answer.

Lives here: the stages, and running one of them in a copy. Not here: the copies (`trees`), what the stages do without a
mutant (`baseline`).
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

_LIMIT_S = 2_400.0  # of one stage by the wall, for what sleeps for ever; tests have limits of CPU seconds (`asked`)
_NOTHING_FOUND = 5  # pytest's word
_PYTEST = ("-m", "pytest", "-q", "-x", "-n", "0", "-p", "no:cacheprovider", "-p", "campaigns.mutants.asked")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Tests of these folders and files, of those the names in `k`; or whole seeds of the simulation, where there are
    no paths."""

    name: str
    paths: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    k: str = ""
    seeds: int = 0

    def files(self, tree: Path) -> list[str]:
        found: set[Path] = set()
        for path in self.paths:
            found |= {tree / path} if path.endswith(".py") else set((tree / path).rglob("test_*.py"))
        return sorted(str(file.relative_to(tree)) for file in found if file.name not in self.without)

    def command(self, files: Collection[str]) -> tuple[str, ...]:
        """Arguments of the interpreter."""
        if not self.paths:
            return ("-m", "campaigns.mutants.seeds", str(self.seeds))
        return (*_PYTEST, *(("-k", self.k) if self.k else ()), *files)


_CONTRACT = tuple(
    f"tests/contract/test_{name}.py" for name in ("journal", "ledger_store", "risk_store", "guard_reads", "differences")
)
_PROPERTY = tuple(
    f"tests/property/test_{name}.py"
    for name in ("order_moves", "tracker_properties", "ledger_properties", "protection_plans")
)
_UNIT = (
    "tests/unit/trading",
    "tests/unit/audit",
    "tests/unit/exchange/test_errors.py",
    "tests/unit/test_crash_wishes.py",
)
_WEB = tuple(
    f"tests/integration/web/test_{name}_api.py"
    for name in ("changes", "differences", "kill", "ledger", "limits", "previews", "standing", "trading")
)
# Of `tests/sim`, what runs hundreds of whole seeds in one test: the last stage does that.
_SEEDED = tuple(f"test_{name}.py" for name in ("whole_seeds", "whole_seeds_more", "planted_bugs", "session_moves"))

# Restarts and bursts by the real clock: what they promise depends on how busy the machine is.
_BY_THE_CLOCK = tuple(f"test_{name}.py" for name in ("database_restarts", "commits_cut", "cancel_burst"))


def stages(seeds: int) -> list[Stage]:
    """In the order in which they are asked: each when those before it were passed. The simulation has no SQL, so
    PostgreSQL is asked too, and before it: seeds are the dearest."""
    return [
        Stage(name="values", paths=(*_UNIT, *_PROPERTY, *_CONTRACT), k="not postgres"),
        Stage(name="scenarios", paths=("tests/sim",), without=_SEEDED),
        Stage(
            name="database",
            paths=(*_CONTRACT, "tests/integration/trading", "tests/integration/connections", *_WEB),
            without=_BY_THE_CLOCK,
            k="not memory",
        ),
        Stage(name="simulation", seeds=seeds),
    ]


class NothingToSay(Exception):
    """A stage fails without any mutant: it would find everything, so it finds nothing."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Of one stage in one copy: whether it passed, the first failure, the CPU seconds of each test, and, where there
    are probes, the tests that reached each function."""

    passed: bool
    failed: str
    cpu_s: Mapping[str, float]
    reached_by: Mapping[str, list[str]]


def run(tree: Path, stage: Stage, files: Collection[str], wanted: Mapping[str, float] | None = None) -> Answer:
    """One stage in one copy: all tests of the files, or those that are wanted with what each takes without a mutant."""
    with TemporaryDirectory(prefix="mutants-told-") as folder:
        told, reached, log = Path(folder) / "told", Path(folder) / "reached", Path(folder) / "log"
        settings = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        settings |= {
            "PYTHONPATH": f"{tree / 'src'}:{tree / 'tests'}",
            "MUTANTS_TOLD": str(told),
            "MUTANTS_REACHED": str(reached),
        }
        if wanted is not None:
            (Path(folder) / "wanted").write_text(json.dumps(wanted))
            settings["MUTANTS_WANTED"] = str(Path(folder) / "wanted")
        code = _run(tree, stage.command(files), settings, log)
        lines = _lines(told)
        failed = next((str(line["failed"]) for line in lines if "failed" in line), "")
        if code == _NOTHING_FOUND and wanted is not None:
            raise NothingToSay(f"none of {len(wanted)} tests was found: {log.read_text()[-1000:]}")
        if code not in (0, _NOTHING_FOUND) and not failed:
            failed = "it did not end" if code < 0 else f"exit {code}: {log.read_text()[-600:].strip()}"
        cpu_s = {line["test"]: line["cpu_s"] for line in lines if "test" in line}
        return Answer(not failed, failed, cpu_s, _reached(reached))


def _run(tree: Path, arguments: tuple[str, ...], settings: Mapping[str, str], log: Path) -> int:
    with (
        log.open("w") as output,
        subprocess.Popen(
            [sys.executable, *arguments],
            cwd=tree,
            env=settings,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as running,
    ):
        try:
            return running.wait(timeout=_LIMIT_S)
        except subprocess.TimeoutExpired:
            os.killpg(running.pid, signal.SIGKILL)  # its own session: nobody else is in it
            running.wait()
            return -signal.SIGKILL


def _lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()] if file.is_file() else []


def _reached(file: Path) -> dict[str, list[str]]:
    found: defaultdict[str, set[str]] = defaultdict(set)
    for line in file.read_text().splitlines() if file.is_file() else ():
        function, _, test = line.partition("\t")
        found[function].add(test)
    return {function: sorted(tests) for function, tests in sorted(found.items())}
