"""The running API of `integration.web.kit`, fresh for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncEngine

from integration.web.kit import Site, User, started_site


@pytest_asyncio.fixture
async def site(engine: AsyncEngine, database_url: str) -> AsyncIterator[Site]:
    async with started_site(engine, database_url) as running:
        yield running


@pytest_asyncio.fixture
async def ann(site: Site) -> User:
    return await site.claim()
