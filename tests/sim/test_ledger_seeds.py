"""The ledger beside a whole session with faults: lost and doubled events, kills, a database that fails at any commit.

When the faults are over its books are the exchange's, to the last digit, whatever was lost and told late before. What
is compared is in `whole.bookkeeping`; many more such nights are among those of `make sim`.
"""

from __future__ import annotations

from itertools import islice

import pytest

from sim.whole.planted_nights import nights_with
from sim.whole.run import run_seed

SEEDS = 4


@pytest.mark.parametrize("seed", list(islice(nights_with(lambda night: night.keeps_books), SEEDS)))
def test_after_whatever_faults_the_books_are_the_exchanges_to_the_last_digit(seed: int) -> None:
    assert run_seed(seed).problems == []
