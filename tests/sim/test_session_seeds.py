"""Seeded runs of the account session: faults, kills and a moving market; then peace, and everything must add up.

Lives here: the runs. What a run does is in `seeded`, what must hold in `checks`. A seed that fails is written into
`twin_seeds.txt` by hand, with what it was.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from sim.seeded import run_seed
from tradewright.trading.resolution import EvidenceRule

_HERE = Path(__file__).parent
_SEEDS = 60  # the twin of the exchange is quicker to say what is wrong; most seeds are run with the real one
_SAVED = [
    int(line) for line in (_HERE / "twin_seeds.txt").read_text().splitlines() if line and not line.startswith("#")
]


@pytest.mark.parametrize("first", range(0, _SEEDS, 10))
def test_no_order_is_lost_or_doubled_and_everything_adds_up_when_the_faults_are_over(first: int) -> None:
    seeds = range(first, first + 10)
    found = {seed: report.problems for seed in seeds if (report := run_seed(seed)).problems}
    assert not found, f"bad seeds (add them to twin_seeds.txt): {found}"


@pytest.mark.parametrize("seed", _SAVED)
def test_a_seed_that_once_found_something_finds_nothing_any_more(seed: int) -> None:
    assert run_seed(seed).problems == ()


def test_the_same_seed_is_the_same_night() -> None:
    for seed in range(5):
        assert run_seed(seed).digest == run_seed(seed).digest


def test_the_same_seed_is_the_same_night_in_another_process() -> None:
    """Also where strings hash otherwise: nothing may depend on the order of a set."""
    program = (
        "import json, logging, structlog\n"
        "structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))\n"
        "from sim.seeded import run_seed\n"
        "print(json.dumps([run_seed(seed).digest for seed in range(8)]))\n"
    )
    beside = f"{_HERE.parent}{os.pathsep}{_HERE.parents[1] / 'src'}"  # this program's, where a copy of it is tested
    environment = dict(os.environ) | {"PYTHONHASHSEED": "12345", "PYTHONPATH": beside}
    other = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    assert json.loads(other.stdout) == [run_seed(seed).digest for seed in range(8)]


def test_runs_are_about_something() -> None:
    """Kills, orders and every way an intent can end are met within a few dozen seeds."""
    reports = [run_seed(seed) for seed in range(40)]
    assert sum(report.kills for report in reports) >= 20
    assert sum(report.orders for report in reports) >= 100
    states = {state for report in reports for state in report.states}
    assert states >= {"acknowledged", "rejected", "refused", "expired", "not_placed"}
    happened = {what for report in reports for what in report.happened}
    assert happened >= {"accepted", "filled", "cancelled", "amended", "triggered", "leverage", "exits", "refused"}


def test_a_rule_of_evidence_that_is_too_short_is_found_out() -> None:
    """The checks can fail: with 1 s instead of 21 s orders are called not placed that the exchange then accepts."""
    hasty = EvidenceRule(timedelta(0), timedelta(0), timedelta(seconds=1))
    problems = [problem for seed in range(40) for problem in run_seed(seed, hasty).problems]
    assert any("was called not placed" in problem for problem in problems)
    assert any("order.unexpected" in problem for problem in problems)
