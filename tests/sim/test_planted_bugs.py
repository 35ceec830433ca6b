"""The simulation finds bugs: five that were planted on purpose are each found within 500 seeds."""

from __future__ import annotations

import pytest

from sim.whole.planted import BUGS
from sim.whole.run import run_seed

_SEEDS_MAX = 500


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_found_within_five_hundred_seeds(bug: str) -> None:
    make_world, words = BUGS[bug]
    for seed in range(_SEEDS_MAX):
        found = run_seed(seed, make_world).found
        if any(found[word] for word in words):
            return
    pytest.fail(f"{bug} is not found within {_SEEDS_MAX} seeds")
