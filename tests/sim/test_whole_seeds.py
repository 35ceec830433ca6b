"""Seeded runs of the whole: the real session, gateway and stream against the real simulated exchange, over a network
that loses, delays and cuts; with faults, kills and people; then peace, and everything must add up.

Lives here: the first half of the runs of `make test`. What a run does is in `whole.run`, what must hold in
`whole.checkers`, ten thousand of them in `make sim`. A seed that fails is written into `seeds.txt` by hand, and what it
was.
"""

from __future__ import annotations

from sim.whole.run import run_seed


def test_no_order_is_lost_or_doubled_and_everything_is_as_the_exchange_has_it(batch: range) -> None:
    found = {seed: report.problems for seed in batch if (report := run_seed(seed)).problems}
    assert not found, f"bad seeds (add them to seeds.txt): {found}"
