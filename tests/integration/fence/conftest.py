"""`pytest tests/integration/fence --fence-cycles N`: so many owners are stopped, replaced and let go on."""

from __future__ import annotations

import pytest

_CYCLES = 2  # with each `make test`


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--fence-cycles", type=int, default=_CYCLES, help="how many owners to stop and replace")
