"""What is the same in every run: the account with its key and funds, the instruments, the points of death, the clocks.

Lives here: constants, `MachineClock`, and the two ends that a call may find: `DatabaseAway` and `Killed`.
Not here: the world of a run (`world`), one life of the worker (`process`).
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

from sim.world import BTC, BTC_SPOT, RULES
from support.scripted_market import START_MS
from tradewright.core.ids import AccountId, WorkspaceId
from tradewright.exchange.ports import ApiKey
from tradewright.lab.virtual_loop import EPOCH, VirtualClock
from tradewright.trading.crash_points import CRASH_POINTS
from tradewright.trading.model import AccountRef

INSTRUMENTS: Final = {BTC: RULES, BTC_SPOT: replace(RULES, id=BTC_SPOT)}
ACCOUNT: Final = AccountRef(AccountId(UUID(int=1)), WorkspaceId(UUID(int=2)), "sim", "1")
KEY: Final = ApiKey("K" * 18, "S" * 36)
FUNDS: Final = (("USDT", Decimal(100_000)), ("BTC", Decimal(2)))
BEGAN: Final = datetime.fromtimestamp(START_MS / 1000, UTC) - EPOCH
# Where the journal's twin may be killed: before anything of a commit has happened, and after it with nobody told.
JOURNAL_POINTS: Final = tuple(
    f"{method}.{side}"
    for method in ("take_over", "open_request", "answer", "book", "resolve", "confirm", "set_session")
    for side in ("before", "after")
)
POINTS: Final = tuple(point for point in (*CRASH_POINTS, *JOURNAL_POINTS) if not point.startswith("kill."))
# Met only while a kill is carried out: a night with one draws its own (`nights`).
KILL_POINTS: Final = (
    *(point for point in CRASH_POINTS if point.startswith("kill.")),
    "kill_write.before",
    "kill_write.after",
)
# Of the books, in a night that keeps them.
LEDGER_POINTS: Final = ("ledger_post.before", "ledger_post.after")


class DatabaseAway(OSError):
    """The database did not answer: before the commit nothing happened, after it everything did."""


class Killed(BaseException):
    """The process is dead; nothing that it still does counts."""


class MachineClock(VirtualClock):
    """Our machine's clock, which may be off and may be set; its monotonic time is true."""

    def __init__(self, loop: asyncio.AbstractEventLoop, off: timedelta) -> None:
        super().__init__(loop, BEGAN + off)
        self._steps = timedelta(0)

    def step(self, by: timedelta) -> None:
        self._steps += by

    def now(self) -> datetime:
        return super().now() + self._steps
