"""The other half of the whole simulation's seeds in `make test`, those that once were bad, and what seeds are worth.

The same seed is the same night, and the runs are about something.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sim.whole.campaign import Sum
from sim.whole.run import run_seed

_HERE = Path(__file__).parent
_SAVED = [int(line) for line in (_HERE / "seeds.txt").read_text().splitlines() if line and not line.startswith("#")]
_HASHED = 4


def test_no_order_is_lost_or_doubled_and_everything_is_as_the_exchange_has_it(later_batch: range) -> None:
    found = {seed: report.problems for seed in later_batch if (report := run_seed(seed)).problems}
    assert not found, f"bad seeds (add them to seeds.txt): {found}"


@pytest.mark.parametrize("seed", _SAVED)
def test_a_seed_that_once_found_something_finds_nothing_any_more(seed: int) -> None:
    assert run_seed(seed).problems == []


def test_the_same_seed_is_the_same_night_also_in_a_process_where_strings_hash_otherwise() -> None:
    environment = dict(os.environ) | {"PYTHONHASHSEED": "12345", "PYTHONPATH": str(_HERE.parent)}
    other = subprocess.run(
        [sys.executable, "-m", "sim.whole.campaign", "hashes", str(_HASHED)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert other.stdout.split() == [run_seed(seed).digest for seed in range(_HASHED)]


def test_runs_are_about_something() -> None:
    """Within a few dozen seeds there are orders, unknown outcomes, kills, and most kinds of faults."""
    summed = Sum()
    for seed in range(30):
        summed.add(run_seed(seed))
    assert summed.counts["truth_orders"] >= 50
    assert summed.counts["unknown_seen"] >= 20
    assert summed.crashes.total() >= 8
    assert len(+summed.strikes) >= 20
