"""Settings of all property tests: no limit of time for one example, because a busy machine is no fault of ours."""

from __future__ import annotations

import pytest
from hypothesis import settings

settings.register_profile("steady", deadline=None)
settings.load_profile("steady")

_SEEDS = 60


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--exchange-seeds", type=int, default=_SEEDS, help="how many sessions on the exchange to compare")
