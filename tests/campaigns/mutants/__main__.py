"""Mutants of `trading/`, each in a copy of the tree: `python -m campaigns.mutants N SEED SEEDS`.

Lives here: the copy, what is asked of each mutant one after another until something fails, and the line at the end. Not
here: drawing (`draw`, by cosmic-ray, in an environment of its own).

What fails, or takes far longer than it may, has found the mutant. A survivor is to be looked at: either a test is
missing, or nobody could tell the difference.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from support.peers import ROOT, peers_python

_TRADING = Path("src/tradewright/trading")
_NOT_MUTATED = ("tables.py", "__init__.py")
_LIMIT_S = 900.0  # of one question; without a mutant the longest takes a third of it
_PYTEST = ("-m", "pytest", "-q", "-x", "-n", "2", "-p", "no:cacheprovider")


def questions(seeds: int) -> dict[str, tuple[str, ...]]:
    """Whoever answers first, quick ones first. The simulation has no SQL: for that there are the last two."""
    return {
        "scenarios": (
            *_PYTEST,
            "tests/sim",
            "--ignore=tests/sim/test_whole_seeds.py",
            "--ignore=tests/sim/test_whole_seeds_more.py",
        ),
        "simulation": ("-m", "sim.whole.campaign", str(seeds)),
        "units": (*_PYTEST, "tests/unit", "tests/property", "-k", "not house and not simulator and not codec"),
        "contract": (
            *_PYTEST,
            "tests/contract/test_journal.py",
            "tests/contract/test_ledger_store.py",
            "tests/contract/test_risk_store.py",
        ),
        "database": (*_PYTEST, "tests/integration/trading"),
    }


def main(count: str, seed: str, seeds: str) -> int:
    files = sorted(
        str(file.relative_to(ROOT)) for file in (ROOT / _TRADING).rglob("*.py") if file.name not in _NOT_MUTATED
    )
    draw = [str(peers_python("mutation")), "tests/campaigns/mutants/draw.py", seed, count, *files]
    drawn = [json.loads(line) for line in subprocess.check_output(draw, cwd=ROOT, text=True).splitlines()]
    wrong = _found_by(None, int(seeds))
    if wrong is not None:
        print(f"without any mutant the copy fails {wrong}: nothing can be said of mutants")
        return 2
    survivors = []
    for number, mutant in enumerate(drawn, 1):
        by = _found_by(mutant, int(seeds))
        print(f"{number:3} {by or 'SURVIVED':12} {mutant['file']}:{mutant['line']} {mutant['operator']}")
        print(f"      - {mutant['before']}\n      + {mutant['after']}", flush=True)
        if by is None:
            survivors.append(mutant)
    print(f"mutants={len(drawn)} found={len(drawn) - len(survivors)} survived={len(survivors)} seed={seed}")
    return 0 if len(survivors) * 15 <= len(drawn) * 2 else 1


def _found_by(mutant: dict[str, str] | None, seeds: int) -> str | None:
    """The first question that the mutant (or the tree as it is) fails; None when it passes all of them."""
    with tempfile.TemporaryDirectory(prefix="tw-mutant-") as folder:
        tree = Path(folder)
        tree.chmod(0o755)  # as root, PostgreSQL runs as another user
        for name in ("src", "tests"):
            shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", tree)
        if mutant is not None:
            (tree / mutant["file"]).write_text(mutant["code"])
        for name, arguments in questions(seeds).items():
            if not _passes(tree, arguments):
                return name
    return None


def _passes(tree: Path, arguments: Sequence[str]) -> bool:
    settings = os.environ | {"PYTHONPATH": f"{tree / 'src'}:{tree / 'tests'}"}
    with subprocess.Popen(
        [sys.executable, *arguments],
        cwd=tree,
        env=settings,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as running:
        until = time.monotonic() + _LIMIT_S
        while running.poll() is None and time.monotonic() < until:
            time.sleep(0.2)
        if running.returncode is None:
            os.killpg(running.pid, signal.SIGKILL)  # its own session: nobody else is in it
            return False
        return running.returncode == 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
