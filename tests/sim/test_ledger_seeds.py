"""The ledger beside a whole session with faults: lost and doubled events, kills, a database that fails at any commit.

At every step of the database its books sum to zero; when the faults are over they are the exchange's, to the last
digit, whatever was lost and told late before. What is compared is in `whole.bookkeeping`; many more such nights are
among those of `make sim`.
"""

from __future__ import annotations

from itertools import islice

import pytest

from sim.whole.bookkeeping import RunningSums
from sim.whole.faults import FaultPlan
from sim.whole.planted_nights import nights_with
from sim.whole.run import run_seed
from sim.whole.wire import FaultyWire
from sim.whole.world import World

SEEDS = 4


@pytest.mark.parametrize("seed", list(islice(nights_with(lambda night: night.keeps_books), SEEDS)))
def test_whatever_fails_the_books_sum_to_zero_at_every_step_and_are_the_exchanges_in_the_end(seed: int) -> None:
    sums: list[RunningSums] = []

    def make_world(seed: int, plan: FaultPlan, wire: FaultyWire) -> World:
        world = World(seed, plan, wire)
        sums.append(world.sums)
        return world

    assert run_seed(seed, make_world).problems == []
    assert sums[0].steps > 100
