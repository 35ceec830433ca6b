"""The simulation finds bugs also in what only some nights have: each planted one is found within forty such nights."""

from __future__ import annotations

from itertools import islice

import pytest

from sim.whole.planted_nights import NIGHT_BUGS, nights_with
from sim.whole.run import run_seed

_NIGHTS_MAX = 40


@pytest.mark.parametrize("bug", NIGHT_BUGS)
def test_a_bug_planted_in_part_of_a_night_is_found_within_forty_such_nights(bug: str) -> None:
    make_world, words, has = NIGHT_BUGS[bug]
    for seed in islice(nights_with(has), _NIGHTS_MAX):
        found = run_seed(seed, make_world).found
        if any(found[word] for word in words):
            return
    pytest.fail(f"{bug} is not found within {_NIGHTS_MAX} nights")
