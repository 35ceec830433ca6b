"""The same seed gives the same bytes: in another process, with another order of its sets and dictionaries' hashes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
FIRST_SEED = 1


def digests(count: int, *, hash_seed: str) -> list[str]:
    environment = {
        **os.environ,
        "PYTHONHASHSEED": hash_seed,
        "PYTHONPATH": f"{TESTS}{os.pathsep}{TESTS.parent / 'src'}",
    }
    command = [sys.executable, "-m", "support.seeded_session", str(FIRST_SEED), str(count)]
    done = subprocess.run(command, env=environment, cwd=TESTS, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_the_same_seed_says_the_same_bytes(request: pytest.FixtureRequest) -> None:
    count = int(request.config.getoption("--exchange-seeds"))
    once, again = digests(count, hash_seed="1"), digests(count, hash_seed="2")
    assert len(once) == count
    different = [seed for seed, (one, other) in enumerate(zip(once, again, strict=True), FIRST_SEED) if one != other]
    assert different == [], f"{len(different)} of {count} seeds said something else"
    assert len(set(once)) == count, "two seeds said the same, so the digest says nothing"
