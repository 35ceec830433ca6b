"""Which environments have accounts: those whose markets are followed and whose instruments are kept."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tradewright.core.environment import Environment
from tradewright.storage.engine import reading


async def environments_with_accounts(engine: AsyncEngine) -> Sequence[Environment]:
    """Those of all accounts that do not rest: an exchange is the same for every workspace, so none is named."""
    async with reading(engine) as connection:
        found = await connection.execute(
            text("SELECT DISTINCT environment FROM accounts WHERE NOT resting ORDER BY environment")
        )
        return [row.environment for row in found]
