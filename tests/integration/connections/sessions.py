"""The worker's sessions of connected accounts, as the composition root builds them; no exchange answers them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

from integration.connections.conftest import Desk
from tradewright.app.exchanges import ExchangePlaces
from tradewright.app.ground import Ground
from tradewright.app.kill import kill_care
from tradewright.app.sessions import session_factory
from tradewright.market.instruments import InstrumentLists
from tradewright.settings import load
from tradewright.trading.ownership import SoleOwner
from tradewright.trading.store import PostgresJournal
from tradewright.trading.worker import SessionKeeper
from tradewright.vault.opening import Opener

WAIT_S = 60.0


@contextlib.asynccontextmanager
async def kept(ground: Ground, keyring: Opener) -> AsyncIterator[asyncio.Task[None]]:
    """The worker's sessions run with this keyring, at the hosts that are set by now."""
    lists = InstrumentLists(ground.engine, ground.bus, clock=ground.clock)
    async with kill_care(ground) as care:
        keeper = SessionKeeper(
            ground.engine,
            ground.bus,
            session_factory(ground, lists, ExchangePlaces(load()), keyring, care, ownership=SoleOwner()),
            lambda account: PostgresJournal(ground.engine, account, clock=ground.clock, ids=ground.ids),
            clock=ground.clock,
            rng=ground.rng,
        )
        task = asyncio.create_task(keeper.run())
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.wait([task])


async def until_session(desk: Desk, so: Callable[[Any], bool]) -> Any:
    """`session_state` and `session_reason` of the connected account once they are so."""
    async with asyncio.timeout(WAIT_S):
        while True:
            (state,) = await desk.rows("SELECT session_state, session_reason FROM accounts WHERE environment = 'demo'")
            if so(state):
                return state
            await asyncio.sleep(0.01)
