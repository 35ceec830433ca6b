"""Unmodified ccxt, synchronous, asynchronous and pro, against the simulated exchange.

ccxt lives in an environment of its own; its tests are `tests/peers/ccxt_suite` and run there, all in one process.
"""

from __future__ import annotations

import pytest

from support.exchange_process import UNHURRIED, exchange_process
from support.peers import check, peers_python, run_suite, suite_tests

SUITE = "ccxt_suite"


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    python = peers_python("ccxt")
    with exchange_process(*UNHURRIED, "--speed", "2") as exchange:
        return run_suite(python, SUITE, exchange, tmp_path_factory.mktemp("ccxt") / "report.xml")


@pytest.mark.parametrize("name", suite_tests(SUITE))
def test_ccxt(outcomes: dict[str, str], name: str) -> None:
    check(outcomes, name)
