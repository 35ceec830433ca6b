"""Unmodified nautilus_trader against the simulated exchange; its tests are `tests/peers/nautilus_suite`.

It needs Python 3.12 or newer, which need not be ours: where none is found this says so and runs nothing.
"""

from __future__ import annotations

import pytest

from support.exchange_process import UNHURRIED, exchange_process
from support.peers import NO_NEWER_PYTHON, check, newer_python, peers_python, run_suite, suite_tests

SUITE = "nautilus_suite"


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    base = newer_python()
    if base is None:
        pytest.skip(NO_NEWER_PYTHON)
    python = peers_python("nautilus", base)
    with exchange_process(*UNHURRIED, "--speed", "5") as exchange:
        return run_suite(python, SUITE, exchange, tmp_path_factory.mktemp("nautilus") / "report.xml")


@pytest.mark.parametrize("name", suite_tests(SUITE))
def test_nautilus(outcomes: dict[str, str], name: str) -> None:
    check(outcomes, name)
