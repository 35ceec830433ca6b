"""Options and fixtures of the simulation: how many seeds are run, and no log lines of a thousand sessions.

`pytest tests/sim --seeds N` runs seeds 0 to N-1 of the whole simulation; the saved bad ones of `seeds.txt` always run.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
import structlog

_SEEDS = 500
_STEPS = 1_000  # at the risk limits, in lives of 250 each
_BATCH = 25


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seeds", type=int, default=_SEEDS, help="how many seeded sessions to simulate")
    parser.addoption("--steps", type=int, default=_STEPS, help="how many steps of concurrent askers at the risk limits")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "risk_seed" in metafunc.fixturenames:
        steps = metafunc.config.getoption("steps", default=_STEPS)
        metafunc.parametrize("risk_seed", range(max(1, steps // 250)))
    count = metafunc.config.getoption("seeds", default=_SEEDS)
    # Two files with half of them each: a file is one process's.
    for name, seeds in (("batch", range(count // 2)), ("later_batch", range(count // 2, count))):
        if name in metafunc.fixturenames:
            batches = [seeds[first : first + _BATCH] for first in range(0, len(seeds), _BATCH)]
            metafunc.parametrize(name, batches, ids=lambda batch: f"{batch.start}-{batch.stop - 1}")


@pytest.fixture(scope="module", autouse=True)
def quiet_logs() -> Iterator[None]:
    """Of a module, not of the session: what comes after it in the same process may look at log lines."""
    before = structlog.get_config() if structlog.is_configured() else None
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.reset_defaults()
    if before is not None:
        structlog.configure(**before)
