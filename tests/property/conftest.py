"""Settings of all property tests: no limit of time for one example, because a busy machine is no fault of ours.

Options: how many spoiled requests the simulated exchange is sent, and what they are drawn from.
"""

from __future__ import annotations

import pytest
from hypothesis import settings

settings.register_profile("steady", deadline=None)
settings.load_profile("steady")

_SEEDS = 30
_BODIES = 1_500


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--exchange-seeds", type=int, default=_SEEDS, help="how many sessions on the exchange to compare")
    parser.addoption("--exchange-bodies", type=int, default=_BODIES, help="how many spoiled requests to send it")
    parser.addoption("--exchange-bodies-seed", default="1", help="what the spoiled requests are drawn from")
