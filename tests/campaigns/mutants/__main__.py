"""Mutants of `trading/`, each in a copy of the last commit: `python -m campaigns.mutants N SEED SEEDS`.

Lives here: one mutant's way through the stages until something fails, and the line at the end. Not here: drawing
(`draw`, by cosmic-ray, in an environment of its own), the copies (`trees`), the stages (`stages`).

What fails twice, or takes far longer than it may, has found the mutant. A survivor is to be looked at: either a test is
missing, or nobody could tell the difference. The latter is written down in `equivalent.toml` with the reason, is told
beside the survivor, and makes it no less a survivor. Exit 0 when at least 13 of 15 were found, 1 when not, 2 when a
stage fails without a mutant.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from campaigns.mutants.stages import SIMULATION, Baseline, NothingToSay, run, stages
from campaigns.mutants.trees import Trees
from support.peers import ROOT, peers_python

_HERE = Path(__file__).parent
_KEPT = ROOT / "build" / "mutants"  # what the stages do without a mutant, for each state of program and tests
_AT_ONCE = 2


class Campaign:
    def __init__(self, trees: Trees, seeds: int) -> None:
        self._trees = trees
        self._stages = stages(seeds)
        self._baseline = Baseline(trees, _KEPT, seeds)

    def found_by(self, mutant: dict[str, str]) -> tuple[str, str, float]:
        """The stage that finds the mutant, what fails there, and the seconds it took; ("", "", …) of a survivor."""
        began = time.monotonic()
        function = self._trees.function_at(mutant["file"], int(mutant["line"]))
        with self._trees.mutated({mutant["file"]: mutant["code"]}) as tree:
            for stage, arguments in self._stages.items():
                wanted = self._baseline.of(stage).wanted(function)
                while wanted:
                    answer, _ = run(tree, arguments, None if stage == SIMULATION else wanted)
                    if answer.passed:
                        break
                    if answer.failed not in wanted or self._fails_again(tree, arguments, answer.failed):
                        return stage, answer.failed, time.monotonic() - began
                    # Once and not again is no word on the mutant; what comes after it still is asked.
                    wanted = {test: cpu_s for test, cpu_s in wanted.items() if test not in answer.cpu_s}
        return "", "", time.monotonic() - began

    def _fails_again(self, tree: Path, arguments: tuple[str, ...], test: str) -> bool:
        answer, _ = run(tree, arguments, {test: 0.0})
        return not answer.passed


def main(count: str, seed: str, seeds: str) -> int:
    began = time.monotonic()
    equivalent = tomllib.loads((_HERE / "equivalent.toml").read_text())["mutant"]
    with tempfile.TemporaryDirectory(prefix="tw-mutants-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        trees = Trees(ROOT, Path(folder))
        draw = [str(peers_python("mutation")), str(_HERE / "draw.py"), seed, count, *trees.files()]
        drawn = [json.loads(line) for line in subprocess.check_output(draw, cwd=trees.base, text=True).splitlines()]
        campaign = Campaign(trees, int(seeds))
        survivors = 0
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            try:
                for number, (mutant, (stage, failed, took_s)) in enumerate(
                    zip(drawn, pool.map(campaign.found_by, drawn), strict=True), 1
                ):
                    survivors += not stage
                    place = f"{mutant['file']}:{mutant['line']} {mutant['operator']}"
                    print(f"{number:3} {stage or 'SURVIVED':10} {place} {took_s:.0f} s")
                    print(f"      - {mutant['before']}\n      + {mutant['after']}")
                    print(f"      {failed or _why_not(mutant, equivalent)}", flush=True)
            except NothingToSay as error:
                pool.shutdown(cancel_futures=True)
                print(error)
                return 2
    found = len(drawn) - survivors
    which = f"seed={seed} commit={trees.commit[:10]}"
    print(f"mutants={len(drawn)} found={found} survived={survivors} {which} {time.monotonic() - began:.0f} s")
    return 0 if found * 15 >= len(drawn) * 13 else 1


def _why_not(mutant: dict[str, str], equivalent: Sequence[dict[str, str]]) -> str:
    for told in equivalent:
        if all(told[name] == mutant[name] for name in ("file", "before", "after")):
            return f"nobody can tell: {told['why']}"
    return "no test tells"


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
