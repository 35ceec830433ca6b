"""docs/exchange.md: its snippets for nautilus_trader and bybit-api do what they say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.doc_snippets import exchange_of_the_page, run_snippet
from support.exchange_process import ExchangeProcess
from support.peers import NO_NEWER_PYTHON, newer_python, peers_node, peers_python


@pytest.fixture(scope="module")
def exchange() -> Iterator[ExchangeProcess]:
    with exchange_of_the_page() as running:
        yield running


def test_nautilus_trader(exchange: ExchangeProcess, tmp_path: Path) -> None:
    base = newer_python()
    if base is None:
        pytest.skip(NO_NEWER_PYTHON)
    assert "ACCEPTED" in run_snippet("nautilus_trader", exchange, peers_python("nautilus", base), folder=tmp_path)


def test_bybit_api(exchange: ExchangeProcess, tmp_path: Path) -> None:
    node, home = peers_node("bybit-api")
    modules = str(home / "node_modules")
    assert "New" in run_snippet("bybit-api", exchange, node, suffix=".cjs", folder=tmp_path, NODE_PATH=modules)
