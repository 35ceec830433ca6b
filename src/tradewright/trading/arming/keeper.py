"""What keeps an owner's knowledge of an arming true, and writes down that one is over.

Lives here: `ArmingKeeper`, a companion of a live account's session. Not here: the check at the send (`gate`), the rows
(`store`), what ends an arming (`model`).
The gate hears first and the tables after: an arming that is over opens nothing while its end cannot be written.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol
from uuid import UUID

import structlog
from sqlalchemy.exc import SQLAlchemyError

from tradewright.core.clock import Clock
from tradewright.storage.bus import Bus, Subscription
from tradewright.trading.arming.gate import Armed, ArmingRule
from tradewright.trading.arming.model import Arming, ArmingEnd, Standing, over
from tradewright.trading.beside import SessionView

log = structlog.get_logger()

ARMING_CHANNEL = "armings"
LOOK_S = 1.0


class ArmingStore(Protocol):
    """Of one account, for its owner."""

    async def standing(self) -> Standing: ...
    async def lapse(self, arming: Arming, why: ArmingEnd) -> None:
        """That it is over, with its audit row and its event; nothing where it was over already."""
        ...

    async def tell(self) -> None:
        """Tells whoever watches the account how it stands now."""
        ...


class ArmingKeeper:
    def __init__(
        self,
        rule: ArmingRule,
        store: ArmingStore,
        clock: Clock,
        *,
        real_trading: bool,
        latches: Callable[[], int],
        bus: Bus | None = None,
    ) -> None:
        self._rule = rule
        self._store = store
        self._clock = clock
        self._real_trading = real_trading
        self._latches = latches
        self._bus = bus
        self._told: UUID | None = None  # the arming that the account's watchers know of
        self._has_looked = False

    async def run(self, session: SessionView) -> None:
        hints = None if self._bus is None else self._bus.subscribe(ARMING_CHANNEL)
        try:
            while True:
                try:
                    await self._look(session)
                except (SQLAlchemyError, OSError) as error:
                    log.warning("arming.unread", account_id=str(session.account.id), error=type(error).__name__)
                await self._hint(hints)
        finally:
            if hints is not None:
                hints.close()

    async def _look(self, session: SessionView) -> None:
        read_s, latches = self._clock.monotonic(), self._latches()
        standing = await self._store.standing()
        arming = standing.arming
        why = None if arming is None else over(standing, real_trading=self._real_trading)
        if arming is None or why is not None:
            self._rule.know(None, read_s=read_s)
        else:
            self._rule.know(Armed(read_s + standing.left_s, arming.limits, latches), read_s=read_s)
        if arming is not None and why is not None:
            await self._store.lapse(arming, why)
            log.warning("arming.lapsed", account_id=str(session.account.id), why=why)
            arming = None
        elif self._has_looked and self._told != (None if arming is None else arming.id):
            await self._store.tell()
        if not self._has_looked or self._told != (None if arming is None else arming.id):
            session.wake()
        self._told, self._has_looked = None if arming is None else arming.id, True

    async def _hint(self, hints: Subscription | None) -> None:
        """Until somebody has armed or disarmed an account, or it is time to look all the same."""
        if hints is None:
            await self._clock.sleep(LOOK_S)
        else:
            await hints.get(LOOK_S)
