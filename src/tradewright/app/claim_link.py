"""What `tradewright user claim-link` is made of: the database, and one new link."""

from __future__ import annotations

import asyncio

from tradewright.app.ground import database_url
from tradewright.core.errors import StartError
from tradewright.identity.claims import create_claim_link
from tradewright.identity.model import ClaimUsed
from tradewright.installation import page_address
from tradewright.settings import Settings, load
from tradewright.storage.engine import create_engine
from tradewright.system import SystemClock


def make_claim_link() -> str:
    """A fresh one-time link that claims the installation, for whoever may read HOME. `StartError` if it is claimed."""
    return asyncio.run(_claim_link(load()))


async def _claim_link(settings: Settings) -> str:
    page_url = page_address(settings.page_file) or settings.page_url
    engine = create_engine(database_url(settings), application="tradewright-cli", pool_size=1)
    try:
        async with engine.begin() as connection:
            return await create_claim_link(connection, page_url, SystemClock().now())
    except ClaimUsed as error:
        raise StartError(f"{error}", exit_code=2) from None
    finally:
        await engine.dispose()
