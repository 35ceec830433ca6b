"""What tells people things: the keeper of notifications, which runs in the API process that leads.

Lives here: `notify_keeper`. Its lock is on a connection past a pooler, where a lock belongs to somebody.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from tradewright.app.ground import Ground, direct_database_url
from tradewright.market.markets import Markets
from tradewright.notify.alerts.keeping import AlertKeeper
from tradewright.notify.alive import Alive
from tradewright.notify.deliveries import Deliveries
from tradewright.notify.dispatching import Dispatcher
from tradewright.notify.following import Follower
from tradewright.notify.keeping import NotifyKeeper
from tradewright.notify.leading import Leader
from tradewright.notify.looks import Links, Looks, kills, unknown_orders
from tradewright.notify.preferences import Keyring
from tradewright.notify.runs import run_moves, silent_runs
from tradewright.notify.sending import Sending
from tradewright.storage.engine import create_engine


@contextlib.asynccontextmanager
async def notify_keeper(
    ground: Ground, markets: Markets, keyring: Keyring, sending: Sending
) -> AsyncIterator[NotifyKeeper]:
    direct = create_engine(direct_database_url(ground.settings), application="tradewright-notify", pool_size=1)
    engine, clock, ids = ground.engine, ground.clock, ground.ids
    carry = Deliveries(clock, ids).carry
    looks = [unknown_orders, kills, Links(clock).look, run_moves, silent_runs]
    parts = {
        "events": Follower(engine, ground.bus, clock, ids, carry=carry).run,
        "looks": Looks(engine, clock, ids, looks, carry=carry).run,
        "alerts": AlertKeeper(engine, ground.bus, markets, clock, ids, carry=carry).run,
        "channels": Dispatcher(engine, clock, keyring, sending).run,
        "alive": Alive(engine, clock, ids).run,
    }
    try:
        yield NotifyKeeper(engine, Leader(direct, clock), clock, parts)
    finally:
        await direct.dispose()
