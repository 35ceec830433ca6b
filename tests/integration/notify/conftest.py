"""A place of its own for each test."""

from __future__ import annotations

import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncEngine

from integration.notify.kit import Place, make_place


@pytest_asyncio.fixture
async def place(engine: AsyncEngine, database_url: str) -> Place:
    return await make_place(engine, database_url)
