"""Mutants of `trading/`, each in a copy of a commit: `python -m campaigns.mutants N SEED SEEDS [COMMIT]`.

Lives here: the mutants' way through the stages until something fails, and the line at the end. Not here: drawing
(`draw`, by cosmic-ray, in an environment of its own), the copies (`trees`), the stages (`stages`, `baseline`).

What fails twice, or takes far longer than it may, has found the mutant. A survivor is to be looked at: either a test is
missing, or it is the same program written otherwise. The latter is written down in `equivalent.toml` with the reason.
It is asked like any other, must survive, is told with its reason, and the next one that was drawn takes its place.
Exit 0 when at least 13 of 15 were found, 1 when not, 2 when a stage fails without a mutant or an "equivalent" is found.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from campaigns.mutants.baseline import Baseline
from campaigns.mutants.stages import NothingToSay, Stage, run, stages
from campaigns.mutants.trees import Trees
from support.peers import ROOT, peers_python

_HERE = Path(__file__).parent
_KEPT = ROOT / "build" / "mutants"
_AT_ONCE = 2
Mutant = dict[str, str]
_DRAWN_TIMES = 2  # as many as are wanted: what stands by for equivalents


class Campaign:
    def __init__(self, trees: Trees, seeds: int) -> None:
        self._trees = trees
        self._stages = stages(seeds)
        self._baseline = Baseline(trees, _KEPT)

    def run(self, mutants: Sequence[Mutant]) -> Iterator[tuple[Mutant, str, str, float]]:
        """As they are found: the mutant, the stage that finds it, what fails there and the seconds of that stage; in
        the end the survivors, with ("", "", 0). Every mutant is asked by a stage before any by the next one, which is
        dearer. Raises `NothingToSay`."""
        left = list(mutants)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for stage in self._stages:
                survivors = []
                for mutant, (failed, took_s) in zip(left, pool.map(partial(self._asked, stage), left), strict=True):
                    if failed:
                        yield mutant, stage.name, failed, took_s
                    else:
                        survivors.append(mutant)
                left = survivors
        yield from ((mutant, "", "", 0.0) for mutant in left)

    def _asked(self, stage: Stage, mutant: Mutant) -> tuple[str, float]:
        began = time.monotonic()
        function = self._trees.function_at(mutant["file"], int(mutant["line"]))
        if not self._baseline.of(stage).reaches(function):
            return "", 0.0
        with self._trees.mutated({mutant["file"]: mutant["code"]}) as tree:
            return self._failed(tree, stage, function), time.monotonic() - began

    def _failed(self, tree: Path, stage: Stage, function: str | None) -> str:
        if not stage.paths:
            return run(tree, stage, ()).failed
        wanted = self._baseline.of(stage).asked(function)
        while wanted:
            answer = run(tree, stage, _files_of(wanted), wanted)
            if answer.passed:
                break
            if (
                answer.failed not in wanted
                or not run(tree, stage, _files_of([answer.failed]), {answer.failed: 0}).passed
            ):
                return answer.failed
            # Once and not again is no word on the mutant; what comes after it still is asked.
            wanted = {test: cpu_s for test, cpu_s in wanted.items() if test not in answer.cpu_s}
        return ""


def main(count: str, seed: str, seeds: str, commit: str = "HEAD") -> int:
    began = time.monotonic()
    listed = tomllib.loads((_HERE / "equivalent.toml").read_text())["mutant"]
    with tempfile.TemporaryDirectory(prefix="tw-mutants-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        trees = Trees(ROOT, Path(folder), commit)
        drawn = _drawn(trees, seed, int(count), listed)
        campaign = Campaign(trees, int(seeds))
        found = survived = wrongly_listed = 0
        try:
            for mutant, stage, failed, took_s in campaign.run(drawn):
                why = _why_same(mutant, listed)
                found += bool(stage and not why)
                survived += not (stage or why)
                wrongly_listed += bool(stage and why)
                verdict = stage or ("equivalent" if why else "SURVIVED")
                place = f"{mutant['file']}:{mutant['line']} {mutant['function']}"
                print(f"{verdict:10} {place} {mutant['operator']} {took_s:.0f} s")
                print(f"      - {mutant['before']}\n      + {mutant['after']}")
                print(f"      {failed or why or 'no test tells'}", flush=True)
        except NothingToSay as error:
            print(error)
            return 2
    counts = f"mutants={found + survived} found={found} survived={survived} equivalent={len(drawn) - found - survived}"
    print(f"{counts} seed={seed} commit={trees.commit[:10]} {time.monotonic() - began:.0f} s")
    if wrongly_listed:
        print("what equivalent.toml calls the same program is not: a test has told")
        return 2
    return 0 if found * 15 >= (found + survived) * 13 else 1


def _drawn(trees: Trees, seed: str, count: int, listed: Sequence[dict[str, str]]) -> list[Mutant]:
    """As many as are wanted in the order in which they were drawn, and between them those that are no mutants."""
    draw = [str(peers_python("mutation")), str(_HERE / "draw.py"), seed, str(_DRAWN_TIMES * count), *trees.files()]
    told = subprocess.check_output(draw, cwd=trees.base, text=True, stderr=subprocess.DEVNULL)
    drawn: list[Mutant] = []
    for mutant in map(json.loads, told.splitlines()):
        if sum(not _why_same(each, listed) for each in drawn) < count:
            drawn.append(mutant)
    return drawn


def _files_of(tests: Iterable[str]) -> list[str]:
    return sorted({test.partition("::")[0] for test in tests})


def _why_same(mutant: Mutant, listed: Sequence[dict[str, str]]) -> str:
    for told in listed:
        if all(told[name] == mutant[name] for name in ("file", "function", "before", "after")):
            return f"the same program: {told['why']}"
    return ""


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
