"""Candles once for all tests, a database and a desk for each."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncEngine

from integration.backtests.kit import Desk, make_desk, make_store


@pytest.fixture(scope="session")
def home_with_candles(open_folder: Path) -> Path:
    home = open_folder / "candles-home"
    make_store(home / "data")
    return home


@pytest_asyncio.fixture
async def desk(engine: AsyncEngine, database_url: str, home_with_candles: Path) -> AsyncIterator[Desk]:
    yield await make_desk(engine, database_url, home_with_candles)
