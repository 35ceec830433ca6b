"""docs/exchange.md: its command starts the exchange, and its snippets for pybit and ccxt do what they say."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.doc_snippets import exchange_of_the_page, run_snippet
from support.exchange_process import ExchangeProcess
from support.peers import peers_python


@pytest.fixture(scope="module")
def exchange() -> Iterator[ExchangeProcess]:
    with exchange_of_the_page() as running:
        yield running


def test_pybit(exchange: ExchangeProcess, tmp_path: Path) -> None:
    assert "New" in run_snippet("pybit", exchange, Path(sys.executable), folder=tmp_path)


def test_ccxt(exchange: ExchangeProcess, tmp_path: Path) -> None:
    assert "New" in run_snippet("ccxt", exchange, peers_python("ccxt"), folder=tmp_path)
