"""Mutants of `trading/`, each in a copy of a commit: `python -m campaigns.mutants N SEED SEEDS [COMMIT]`.

Lives here: the mutants' way through the stages until something fails, and the line at the end. Not here: drawing
(`draw`, by cosmic-ray, in an environment of its own), the copies (`trees`), the stages (`stages`, `baseline`).

What fails, or takes far longer than it may, has found the mutant. A survivor is to be looked at: either a test is
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
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from campaigns.mutants.baseline import Baseline
from campaigns.mutants.stages import Job, NothingToSay, Stage, ask, run, stages
from campaigns.mutants.trees import Trees
from support.peers import ROOT, peers_python

_HERE = Path(__file__).parent
_KEPT = ROOT / "build" / "mutants"
Mutant = dict[str, str]
_DRAWN_TIMES = 2  # as many as are wanted: what stands by for equivalents


class Campaign:
    def __init__(self, trees: Trees, seeds: int) -> None:
        self._trees = trees
        self._stages = stages(seeds)
        self._baseline = Baseline(trees, _KEPT)

    def run(self, mutants: Sequence[Mutant]) -> Iterator[tuple[Mutant, str, str]]:
        """As they are found: the mutant, the stage that finds it, and what fails there; in the end the survivors, with
        two empty words. Every mutant is asked by a stage before any is by the next one, which is dearer. Raises
        `NothingToSay`."""
        left = list(mutants)
        for stage in self._stages:
            found = self._found(stage, left)
            yield from ((mutant, stage.name, failed) for mutant, failed in zip(left, found, strict=True) if failed)
            left = [mutant for mutant, failed in zip(left, found, strict=True) if not failed]
        yield from ((mutant, "", "") for mutant in left)

    def _found(self, stage: Stage, mutants: Sequence[Mutant]) -> list[str]:
        """What fails first of each mutant, "" of one that passes."""
        if not mutants:
            return []
        known, found = self._baseline.of(stage), [""] * len(mutants)
        together: dict[int, Job] = {}  # all of them in forks of one process
        for at, mutant in enumerate(mutants):
            function = self._trees.function_at(mutant["file"], int(mutant["line"]))
            wanted = known.asked(function)
            if not stage.paths and known.reaches(function):
                with self._trees.mutated({mutant["file"]: mutant["code"]}) as tree:
                    found[at] = run(tree, stage, ()).failed
            elif function is None:
                with self._trees.mutated({mutant["file"]: mutant["code"]}) as tree:
                    found[at] = _failures(tree, stage, {at: Job(wanted)})[at]
            elif wanted:
                together[at] = Job(wanted, mutant["file"], int(mutant["line"]), mutant["code"])
        if together:
            with self._trees.mutated({}) as tree:
                for at, failed in _failures(tree, stage, together).items():
                    found[at] = failed
        return found


def _failures(tree: Path, stage: Stage, jobs: Mapping[int, Job]) -> dict[int, str]:
    """By the real clock a failure must come twice: once and not again is no word on a mutant, and what comes after that
    test still is asked."""
    found: dict[int, str] = {}
    left = dict(jobs)
    while left:
        answers = dict(zip(left, ask(tree, stage, list(left.values())), strict=True))
        found |= {at: answer.failed for at, answer in answers.items()}
        doubted = {
            at: replace(left[at], wanted={answer.failed: left[at].wanted[answer.failed]})
            for at, answer in answers.items()
            if stage.by_the_clock and answer.failed in left[at].wanted
        }
        again = dict(zip(doubted, ask(tree, stage, list(doubted.values())), strict=True)) if doubted else {}
        left = {
            at: replace(
                left[at], wanted={test: s for test, s in left[at].wanted.items() if test not in answers[at].cpu_s}
            )
            for at, answer in again.items()
            if not answer.failed
        }
        found |= dict.fromkeys(left, "")
        left = {at: job for at, job in left.items() if job.wanted}
    return found


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
            for mutant, stage, failed in campaign.run(drawn):
                why = _why_same(mutant, listed)
                found += bool(stage and not why)
                survived += not (stage or why)
                wrongly_listed += bool(stage and why)
                verdict = stage or ("equivalent" if why else "SURVIVED")
                place = f"{mutant['file']}:{mutant['line']} {mutant['function']}"
                print(f"{verdict:10} {place} {mutant['operator']}")
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


def _why_same(mutant: Mutant, listed: Sequence[dict[str, str]]) -> str:
    for told in listed:
        if all(told[name] == mutant[name] for name in ("file", "function", "before", "after")):
            return f"the same program: {told['why']}"
    return ""


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
