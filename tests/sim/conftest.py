"""Options and fixtures of the simulation: how many seeds are run, and no log lines of a thousand sessions.

`pytest tests/sim --seeds N` runs seeds 0 to N-1; the saved bad ones of `seeds.txt` are always run as well.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
import structlog

_SEEDS = 300
_STEPS = 1_000  # at the risk limits, in lives of 250 each
_BATCHES_MIN = 20  # so that parallel workers share the seeds evenly


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seeds", type=int, default=_SEEDS, help="how many seeded sessions to simulate")
    parser.addoption("--steps", type=int, default=_STEPS, help="how many steps of concurrent askers at the risk limits")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "risk_seed" in metafunc.fixturenames:
        steps = metafunc.config.getoption("steps", default=_STEPS)
        metafunc.parametrize("risk_seed", range(max(1, steps // 250)))
    if "batch" not in metafunc.fixturenames:
        return
    count = metafunc.config.getoption("seeds", default=_SEEDS)
    size = max(1, min(50, count // _BATCHES_MIN))
    batches = [range(first, min(first + size, count)) for first in range(0, count, size)]
    metafunc.parametrize("batch", batches, ids=lambda batch: f"{batch.start}-{batch.stop - 1}")


@pytest.fixture(scope="session", autouse=True)
def quiet_logs() -> Iterator[None]:
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.configure(**before)
