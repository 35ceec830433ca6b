"""What the kill switch of a worker and its desk outside of one are made of.

Lives here: `kill_care` for the worker, `kill_desk` for API and command line. Not here: how an account is reached
(`sessions`), what they do (`trading.kill`).
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable

from tradewright.app.ground import Ground, database_url
from tradewright.audit.spool import Spool
from tradewright.settings import Settings
from tradewright.storage.engine import create_engine
from tradewright.system import SystemClock, SystemIds
from tradewright.trading.crash_points import Reach, nowhere
from tradewright.trading.kill.board import LatchBoard
from tradewright.trading.kill.care import KillCare
from tradewright.trading.kill.folder import LatchFolder
from tradewright.trading.kill.pulling import KillDesk
from tradewright.trading.kill.store import KillStore

_CONNECTIONS = 2  # of its own: those of the sessions may all wait for something


def _always() -> bool:
    return True


@contextlib.asynccontextmanager
async def kill_care(
    ground: Ground, *, may_act: Callable[[], bool] = _always, reach: Reach = nowhere
) -> AsyncIterator[KillCare]:
    """Reads every latch first, so that no session opens without knowing of one. `may_act`: nobody else can own the
    accounts now."""
    settings = ground.settings
    engine = create_engine(database_url(settings), pool_size=_CONNECTIONS, application="tradewright-kill")
    try:
        store = KillStore(engine, ground.clock, ground.ids)
        spool = Spool(settings.spool_home)
        spool.prepare()
        board = LatchBoard(LatchFolder(settings.kill_home), store, ground.clock, reach=reach)
        await board.start()
        yield KillCare(board, store.write, spool, ground.clock, ground.ids, may_act=may_act, reach=reach)
    finally:
        await engine.dispose()


def kill_desk(settings: Settings) -> KillDesk:
    return KillDesk(LatchFolder(settings.kill_home), settings.control_socket, SystemClock(), SystemIds())
