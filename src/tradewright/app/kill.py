"""What the kill switch of a worker is made of.

Lives here: `kill_care`. Not here: how an account is reached (`sessions`), what it does (`trading.kill`), the desk
outside of the worker (`kill_command`).
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable

from tradewright.app.ground import Ground
from tradewright.audit.spool import Spool
from tradewright.storage.engine import create_engine
from tradewright.trading.crash_points import Reach, nowhere
from tradewright.trading.kill.board import LatchBoard
from tradewright.trading.kill.care import KillCare
from tradewright.trading.kill.folder import LatchFolder
from tradewright.trading.kill.store import KillStore

_CONNECTIONS = 2  # of its own: those of the sessions may all wait for something


def _always() -> bool:
    return True


@contextlib.asynccontextmanager
async def kill_care(
    ground: Ground,
    *,
    may_act: Callable[[], bool] = _always,
    give_up: Callable[[], None] = lambda: None,
    reach: Reach = nowhere,
) -> AsyncIterator[KillCare]:
    """Reads every latch first, so that no session opens without knowing of one. `may_act`: nobody else can own the
    accounts now; `give_up` is called when somebody does."""
    settings = ground.settings
    url = ground.engine.url.render_as_string(hide_password=False)
    engine = create_engine(url, pool_size=_CONNECTIONS, application="tradewright-kill")
    try:
        store = KillStore(engine, ground.clock, ground.ids)
        spool = Spool(settings.spool_home)
        spool.prepare()
        board = LatchBoard(LatchFolder(settings.kill_home, spool.give_room), store, ground.clock, reach=reach)
        await board.start()
        yield KillCare(
            board, store.write, spool, ground.clock, ground.ids, may_act=may_act, reach=reach, give_up=give_up
        )
    finally:
        await engine.dispose()
