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
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
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
    by_the_clock: bool = False  # by the real one: a busy machine may fail it

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
    for name in ("arming", "changes", "differences", "kill", "ledger", "limits", "previews", "standing", "trading")
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
            k="not memory and not says_nothing_of_the_key",
            by_the_clock=True,
        ),
        Stage(name="simulation", seeds=seeds),
    ]


class NothingToSay(Exception):
    """A stage fails without any mutant: it would find everything, so it finds nothing."""


@dataclass(frozen=True, slots=True)
class Job:
    """One mutant for one stage: its code, put into this function's file (`line` is in it) without another import; or
    None, where the copy is the mutant's already. And the tests to ask with what each takes without a mutant."""

    wanted: Mapping[str, float]
    file: str = ""
    line: int = 0
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """Of one stage about one job: the first failure, "" when all passed; the CPU seconds of each test; and, where there
    are probes, the tests that reached each function."""

    failed: str
    cpu_s: Mapping[str, float]
    reached_by: Mapping[str, list[str]]


def run(tree: Path, stage: Stage, files: Collection[str]) -> Answer:
    """All tests of these files."""
    told, reached_by, failed = _run(tree, stage.command(files), None)
    failed = next((str(line["failed"]) for line in told if "failed" in line), failed)
    return Answer(failed, {line["test"]: line["cpu_s"] for line in told if "test" in line}, reached_by)


def ask(tree: Path, stage: Stage, jobs: Sequence[Job]) -> list[Answer]:
    """The wanted tests of each job, in the order of the jobs. Raises `NothingToSay` when a job came to no end."""
    files = sorted({test.partition("::")[0] for job in jobs for test in job.wanted})
    told, _, broken = _run(tree, stage.command(files), jobs)
    broken = next((str(line["failed"]) for line in told if "failed" in line and line["job"] == ""), broken)
    answers = []
    for number, job in enumerate(jobs):
        lines = [line for line in told if line["job"] == number]
        failed = next((str(line["failed"]) for line in lines if "failed" in line), "")
        asked = next((line["asked"] for line in lines if "asked" in line), None)
        if not failed and job.code is None:
            failed = broken  # what is mutated is run by the import: it may not even come to the tests
        if not failed and asked != len(job.wanted):
            raise NothingToSay(
                f"{stage.name}: {asked} of {len(job.wanted)} tests were asked about {job.file}: {broken}"
            )
        answers.append(Answer(failed, {line["test"]: line["cpu_s"] for line in lines if "test" in line}, {}))
    return answers


def _run(
    tree: Path, arguments: tuple[str, ...], jobs: Sequence[Job] | None
) -> tuple[list[dict[str, Any]], dict[str, list[str]], str]:
    """What was told, who reached what, and how it ended where that was not well."""
    with TemporaryDirectory(prefix="mutants-told-") as folder:
        told, reached, log = Path(folder) / "told", Path(folder) / "reached", Path(folder) / "log"
        settings = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        settings |= {
            "PYTHONPATH": f"{tree / 'src'}:{tree / 'tests'}",
            "MUTANTS_TOLD": str(told),
            "MUTANTS_REACHED": str(reached),
        }
        if jobs is not None:
            (Path(folder) / "jobs").write_text(json.dumps([{"id": at} | asdict(job) for at, job in enumerate(jobs)]))
            settings["MUTANTS_JOBS"] = str(Path(folder) / "jobs")
        code = _code_of(tree, arguments, settings, log)
        ended = {0: "", -signal.SIGKILL: "it did not end"}.get(code, f"exit {code}: {log.read_text()[-600:].strip()}")
        return _lines(told), _reached(reached), "" if code == _NOTHING_FOUND else ended


def _code_of(tree: Path, arguments: tuple[str, ...], settings: Mapping[str, str], log: Path) -> int:
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
