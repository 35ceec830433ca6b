"""What a mutant is asked, cheap questions first, and how the copies are made to answer.

Lives here: the stages, running one of them in a copy, and `Baseline`: each stage without a mutant, which must pass
before its word counts, and which says which tests reach which function. A test that never enters the mutated function
cannot tell it from the one that was there, so only those that do are asked.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from campaigns.mutants.trees import Trees

_LIMIT_S = 2_400.0  # of one stage by the wall, for what sleeps for ever; tests have limits of CPU seconds (`asked`)
_PYTEST = ("-m", "pytest", "-q", "-x", "-n", "0", "-p", "no:cacheprovider", "-p", "campaigns.mutants.asked")
_CONTRACT = tuple(
    f"tests/contract/test_{name}.py"
    for name in ("journal", "ledger_store", "risk_store", "guard_reads", "differences", "placement")
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
_SEEDED = ("whole_seeds", "whole_seeds_more", "planted_bugs", "session_moves")
_SCENARIOS = ("tests/sim", *(f"--ignore=tests/sim/test_{name}.py" for name in _SEEDED))
SIMULATION = "simulation"


def stages(seeds: int) -> dict[str, tuple[str, ...]]:
    """Name → arguments of the interpreter; a stage is asked when those before it were passed."""
    return {
        "values": (*_PYTEST, *_UNIT, *_PROPERTY, *_CONTRACT, "-k", "not postgres"),
        "scenarios": (*_PYTEST, *_SCENARIOS),
        "database": (*_PYTEST, *_CONTRACT, "tests/integration/trading", *_WEB, "-k", "not memory"),
        SIMULATION: ("-m", "campaigns.mutants.seeds", str(seeds)),
    }


class NothingToSay(Exception):
    """A stage fails without any mutant: it would find everything, so it finds nothing."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Of one stage in one copy: whether it passed, the first failure, and what each test took."""

    passed: bool
    failed: str
    cpu_s: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Known:
    """Of one stage without a mutant: CPU seconds of each test, and the tests that reach each function."""

    cpu_s: Mapping[str, float]
    reached_by: Mapping[str, list[str]]

    def wanted(self, function: str | None) -> dict[str, float]:
        """The tests to ask about a mutant of this function, with what each takes; {"": 0} for all at once."""
        names = self.cpu_s if function is None else self.reached_by.get(function, [])
        # What ran outside of any test, while files were imported, may be anybody's.
        return dict(self.cpu_s) if "" in names and self.cpu_s else {name: self.cpu_s.get(name, 0.0) for name in names}


class Baseline:
    """Each stage without a mutant, run when it is first needed and kept in `kept` for this program and these tests."""

    def __init__(self, trees: Trees, kept: Path, seeds: int) -> None:
        self._trees = trees
        self._stages = stages(seeds)
        self._kept = kept
        self._known: dict[str, Known] = {}
        self._alone = {name: threading.Lock() for name in self._stages}

    def of(self, stage: str) -> Known:
        """Raises `NothingToSay` when the stage does not pass."""
        with self._alone[stage]:
            if stage not in self._known:
                self._known[stage] = self._read(stage) or self._run(stage)
            return self._known[stage]

    def _file(self, stage: str) -> Path:
        seeds = self._stages[stage][-1] if stage == SIMULATION else ""
        return self._kept / f"{self._trees.name}-{stage}{seeds}.json"

    def _read(self, stage: str) -> Known | None:
        file = self._file(stage)
        return Known(**json.loads(file.read_text())) if file.is_file() else None

    def _run(self, stage: str) -> Known:
        began = time.monotonic()
        with self._trees.mutated(self._trees.probed()) as tree:
            answer, reached_by = run(tree, self._stages[stage], wanted=None)
        if not answer.passed:
            raise NothingToSay(f"without any mutant, {stage} fails {answer.failed}: nothing can be said of mutants")
        known = Known(answer.cpu_s, reached_by)
        self._kept.mkdir(parents=True, exist_ok=True)
        self._file(stage).write_text(json.dumps({"cpu_s": known.cpu_s, "reached_by": known.reached_by}))
        cost = f"{len(known.cpu_s)} tests, {sum(known.cpu_s.values()):.0f} CPU s, {time.monotonic() - began:.0f} s"
        print(f"    {stage} passes without a mutant: {cost}", flush=True)
        return known


def run(
    tree: Path, arguments: tuple[str, ...], wanted: Mapping[str, float] | None
) -> tuple[Answer, dict[str, list[str]]]:
    """One stage in one copy: all of it, or the tests that are wanted. And who reached what, where there are probes."""
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
        code = _run(tree, arguments, settings, log)
        lines = _lines(told)
        failed = next((str(line["failed"]) for line in lines if "failed" in line), "")
        if code == 5:
            raise NothingToSay(f"none of {len(wanted or {})} tests was found: {log.read_text()[-1000:]}")
        if code != 0 and not failed:
            failed = "it did not end" if code < 0 else f"exit {code}: {log.read_text()[-600:].strip()}"
        cpu_s = {line["test"]: line["cpu_s"] for line in lines if "test" in line}
        return Answer(code == 0, failed, cpu_s), _reached(reached)


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
            return -running.wait()


def _lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()] if file.is_file() else []


def _reached(file: Path) -> dict[str, list[str]]:
    found: defaultdict[str, set[str]] = defaultdict(set)
    for line in file.read_text().splitlines() if file.is_file() else ():
        function, _, test = line.partition("\t")
        found[function].add(test)
    return {function: sorted(tests) for function, tests in sorted(found.items())}
