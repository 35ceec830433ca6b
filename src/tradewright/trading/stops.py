"""A stop: the exchange refused the key or the account itself, so nothing that adds exposure goes until somebody looked.

Lives here: `AccountStop`, the rule that refuses and the companion that keeps the stop over a restart and hears when it
is lifted. Not here: which answers mean it (`exchange.bybit.errors`), its row (`account_notes`), lifting it
(`resume_command`). What takes exposure away is still tried: each is one request, and it may be what gets through.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import structlog

from tradewright.core.clock import Clock
from tradewright.core.errors import Trace
from tradewright.trading.beside import Held, SessionView
from tradewright.trading.model import Intent, Reason

_LOOK_SECONDS = 1.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Stop:
    """What the exchange said, and when it was first seen."""

    exchange_code: int | None
    exchange_text: str
    at: datetime

    def reason(self) -> Reason:
        return Reason("account.stopped", {}, self.exchange_code, self.exchange_text or None)


class StopKeeper(Protocol):
    """Where an account's stop is kept. None of these raises for a database that is away: they say False instead."""

    async def read(self) -> tuple[bool, Stop | None]:
        """Whether it could be read, and what is kept."""
        ...

    async def write(self, stop: Stop) -> bool: ...
    async def tell_lifted(self) -> bool:
        """Tells whoever watches the account that it is stopped no more."""
        ...


class AccountStop:
    """Of one account. Until what is kept was read, nothing that adds exposure goes."""

    def __init__(self, keeper: StopKeeper, clock: Clock) -> None:
        self._keeper = keeper
        self._clock = clock
        self._is_known = False
        self._is_written = False
        self._stop: Stop | None = None

    @property
    def stop(self) -> Stop | None:
        return self._stop

    def note(self, trace: Trace) -> None:
        """A command or a read was answered with a code that means it. Only the first counts: the others follow."""
        if self._stop is None:
            self._stop = Stop(trace.ret_code, trace.ret_msg, self._clock.now())
            self._is_written = False
            log.error("account.stopped", exchange_code=trace.ret_code, exchange_text=trace.ret_msg)

    def judge(self, intent: Intent) -> Reason | Held | None:
        if intent.reduces:
            return None
        if self._stop is not None:
            return self._stop.reason()
        return None if self._is_known else Held(Reason("account.stopped"))

    async def run(self, session: SessionView) -> None:
        while True:
            await self._look(session)
            await self._clock.sleep(_LOOK_SECONDS)

    async def _look(self, session: SessionView) -> None:
        if not self._is_known:
            was_read, kept = await self._keeper.read()
            if was_read:
                self._is_known, self._is_written = True, kept is not None
                self._stop = kept or self._stop
                session.wake()
        elif self._stop is not None and not self._is_written:
            self._is_written = await self._keeper.write(self._stop)
        elif self._stop is not None:
            was_read, kept = await self._keeper.read()
            if was_read and kept is None and await self._keeper.tell_lifted():
                self._stop = None
                log.info("account.resumed", account_id=str(session.account.id))
                session.wake()
