"""What each stage does without a mutant: it must pass before its word counts, and it says which tests reach what.

A test that never enters the mutated function cannot tell it from the one that was there, so only those that do are
asked. Kept from run to run, for each file of tests until it, or anything that it may run on, changes.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from campaigns.mutants.stages import Answer, NothingToSay, Stage, run
from campaigns.mutants.trees import Trees


@dataclass(frozen=True, slots=True)
class Known:
    """Of one stage without a mutant: CPU seconds of each test, and the tests that reach each function."""

    cpu_s: Mapping[str, float]
    reached_by: Mapping[str, list[str]]

    def asked(self, function: str | None) -> dict[str, float]:
        """The tests to ask about a mutant of this function (None: of what an import runs), with what each takes."""
        names = self.cpu_s if function is None else self.reached_by.get(function, [])
        # What ran outside of any test, while files were imported, may be anybody's.
        return dict(self.cpu_s) if "" in names else {name: self.cpu_s.get(name, 0.0) for name in names}

    def reaches(self, function: str | None) -> bool:
        return function is None or function in self.reached_by


class Baseline:
    """Each stage is run when it is first needed; `kept` is the folder for what it said."""

    def __init__(self, trees: Trees, kept: Path) -> None:
        self._trees = trees
        self._kept = kept
        self._known: dict[str, Known] = {}
        self._failed: NothingToSay | None = None
        self._alone = threading.Lock()

    def of(self, stage: Stage) -> Known:
        """Raises `NothingToSay` when the stage does not pass."""
        with self._alone:
            if self._failed is not None:
                raise self._failed
            if stage.name not in self._known:
                try:
                    self._known[stage.name] = self._find(stage)
                except NothingToSay as failed:
                    self._failed = failed
                    raise
            return self._known[stage.name]

    def _find(self, stage: Stage) -> Known:
        file = self._kept / f"{self._trees.program}-{stage.name}{stage.seeds or ''}.json"
        said: dict[str, Any] = json.loads(file.read_text()) if file.is_file() else {}
        files = stage.files(self._trees.base) or ["seeds"]
        new = [name for name in files if name not in said or said[name]["blob"] != self._trees.blob(name)]
        if new:
            answer = self._run(stage, new)
            # Files are run in this order, so those before the first failure have passed: the next run goes on there.
            passed = new if not answer.failed else new[: _place(answer.failed, new)]
            said |= {name: part | {"blob": self._trees.blob(name)} for name, part in _parts(passed, answer)}
            self._kept.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(said))
            if answer.failed:
                raise NothingToSay(
                    f"without any mutant, {stage.name} fails {answer.failed}: nothing can be said of any"
                )
        reached_by: dict[str, list[str]] = {}
        for name in files:
            for function, tests in said[name]["reached_by"].items():
                reached_by.setdefault(function, []).extend(tests)
        return Known({test: cpu_s for name in files for test, cpu_s in said[name]["cpu_s"].items()}, reached_by)

    def _run(self, stage: Stage, files: list[str]) -> Answer:
        began = time.monotonic()
        with self._trees.mutated(self._trees.probed()) as tree:
            answer = run(tree, stage, files)
        cost = f"{len(answer.cpu_s)} tests, {sum(answer.cpu_s.values()):.0f} CPU s, {time.monotonic() - began:.0f} s"
        print(f"    {stage.name} {'fails' if answer.failed else 'passes'} without a mutant: {cost}", flush=True)
        return answer


def _place(failed: str, files: list[str]) -> int:
    name = failed.partition("::")[0]
    return files.index(name) if name in files else 0


def _parts(files: list[str], answer: Answer) -> Iterator[tuple[str, dict[str, Any]]]:
    """What was said, for each file by itself; what no test of a file reached is said of each."""
    for name in files:
        cpu_s = {test: took_s for test, took_s in answer.cpu_s.items() if test.partition("::")[0] == name}
        reached = {
            function: [test for test in tests if not test or test.partition("::")[0] == name]
            for function, tests in answer.reached_by.items()
        }
        yield name, {"cpu_s": cpu_s, "reached_by": {function: tests for function, tests in reached.items() if tests}}
