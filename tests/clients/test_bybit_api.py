"""Unmodified bybit-api, the Node client, on the simulated exchange; its tests are `tests/peers/bybit_api_suite`."""

from __future__ import annotations

import pytest

from support.exchange_process import UNHURRIED, exchange_process
from support.peers import check, node_suite_tests, run_node_suite

NAME, SUITE = "bybit-api", "bybit_api_suite"


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    with exchange_process(*UNHURRIED, "--speed", "5") as exchange:
        return run_node_suite(NAME, exchange, tmp_path_factory.mktemp("bybit-api") / "report.xml")


@pytest.mark.parametrize("name", node_suite_tests(SUITE))
def test_bybit_api(outcomes: dict[str, str], name: str) -> None:
    check(outcomes, name)
