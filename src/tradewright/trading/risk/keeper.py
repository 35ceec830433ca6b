"""What keeps an account's limits, its day and its leverages true while its session runs.

Lives here: `RiskKeeper`, a companion of the session. Not here: judging (`rule`), storage (`store`).
"""

from __future__ import annotations

import asyncio

import structlog
from sqlalchemy.exc import SQLAlchemyError

from tradewright.core.clock import Clock
from tradewright.core.errors import AppError, ExchangeUnavailable
from tradewright.core.instrument import InstrumentId
from tradewright.core.risk import tightest
from tradewright.storage.bus import Bus, Subscription
from tradewright.trading.beside import SessionView
from tradewright.trading.risk.exposure import Exposure
from tradewright.trading.risk.positions import DayStart
from tradewright.trading.risk.rule import RiskRule
from tradewright.trading.risk.store import LIMITS_CHANNEL, RiskStore

log = structlog.get_logger()

LOOK_S = 1.0
LIMITS_READ_EVERY_S = 30.0
_UNREAD_MAX = 100  # symbols whose leverage is to be read; whoever waits beyond it asks again


class RiskKeeper:
    """Of one account. While the database is away, what was read last goes on to hold."""

    def __init__(
        self,
        exposure: Exposure,
        rule: RiskRule,
        store: RiskStore,
        *,
        clock: Clock,
        bus: Bus | None = None,
    ) -> None:
        """Hints on the bus say that somebody set a limit; without one they are read every half a minute."""
        self._exposure = exposure
        self._rule = rule
        self._store = store
        self._clock = clock
        self._bus = bus
        self._unread: dict[InstrumentId, None] = {}  # whose leverage somebody waits for, in their order
        self._is_unread = asyncio.Event()

    async def run(self, session: SessionView) -> None:
        self._rule.wake = session.wake
        self._rule.want_leverage = self._want_leverage
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow_limits(session))
            tasks.create_task(self._follow_days(session))
            tasks.create_task(self._read_leverages(session))

    def _want_leverage(self, instrument: InstrumentId) -> None:
        if len(self._unread) < _UNREAD_MAX:
            self._unread[instrument] = None
            self._is_unread.set()

    async def _read_leverages(self, session: SessionView) -> None:
        """One after another, until cancelled. What could not be read is asked for again by whoever still waits."""
        while True:
            await self._is_unread.wait()
            self._is_unread.clear()
            while self._unread:
                instrument = next(iter(self._unread))
                try:
                    await session.read_position(instrument)
                except ExchangeUnavailable as error:
                    log.warning("risk.leverage_unread", symbol=instrument.symbol, error=str(error))
                    await self._clock.sleep(LOOK_S)
                self._unread.pop(instrument, None)
                session.wake()

    async def _follow_limits(self, session: SessionView) -> None:
        hints = None if self._bus is None else self._bus.subscribe(LIMITS_CHANNEL)
        try:
            while True:
                await self._read_limits(session)
                await self._hint(hints)
        finally:
            if hints is not None:
                hints.close()

    async def _read_limits(self, session: SessionView) -> None:
        while True:
            try:
                found = tightest(await self._store.levels())
                break
            except (SQLAlchemyError, OSError) as error:
                log.warning("risk.limits_unread", account_id=str(session.account.id), error=type(error).__name__)
                await self._clock.sleep(LOOK_S)
        if found != self._rule.limits:
            self._rule.limits = found
            log.info("risk.limits", account_id=str(session.account.id))
            session.wake()

    async def _hint(self, hints: Subscription | None) -> None:
        """Until somebody has set a limit, or it is time to look all the same: a hint may be lost."""
        until_s = self._clock.monotonic() + LIMITS_READ_EVERY_S
        while (left_s := until_s - self._clock.monotonic()) > 0:
            if hints is None:
                await self._clock.sleep(left_s)
            elif await hints.get(left_s) is not None:
                return

    async def _follow_days(self, session: SessionView) -> None:
        """A day begins with the first look after 00:00 UTC at an account that was read whole; the owner before us may
        have had it."""
        written: DayStart | None = None
        held = self._exposure.held
        while True:
            today, day = self._clock.now().date(), held.day
            is_new = day is None or day.day != today
            if (is_new and not session.book.is_whole) or (not is_new and day == written):
                await self._clock.sleep(LOOK_S)
                continue
            try:
                if day is None or is_new:
                    day = held.goes_on(await self._store.day(today)) or DayStart(today, held.equity(), held.realised())
                written = await self._store.open_day(day)
            except (SQLAlchemyError, OSError, AppError) as error:
                log.warning("risk.day_unwritten", account_id=str(session.account.id), error=type(error).__name__)
                await self._clock.sleep(LOOK_S)
                continue
            held.begin_day(written)
            session.wake()
