"""Servers of their own for the tests of the embedded PostgreSQL's life cycle."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tradewright.storage.embedded import EmbeddedPostgres

_numbers = itertools.count(1)


@pytest.fixture
def new_home(open_folder: Path) -> Path:
    """A HOME that does not exist yet, in a folder that every user can enter."""
    return open_folder / f"home-{next(_numbers)}"


@pytest.fixture(scope="module")
def home(open_folder: Path) -> Path:
    """A HOME that the tests of a module use one after the other: initialising is what takes the time."""
    return open_folder / f"shared-home-{next(_numbers)}"


@pytest.fixture
def make_server(open_folder: Path) -> Iterator[Callable[..., EmbeddedPostgres]]:
    """`make_server(home, **options)`; every server is stopped after the test."""
    made: list[EmbeddedPostgres] = []

    def make(home: Path, **options: Any) -> EmbeddedPostgres:
        options.setdefault("root_base", open_folder / "base")
        server = EmbeddedPostgres(home, **options)
        made.append(server)
        return server

    yield make
    for server in made:
        server.stop(fast_s=1, immediate_s=1)
