"""The ledger's keeper: a companion of the session that posts what was booked and ties it out now and then.

Lives here: `LedgerKeeper` and when it does what. Not here: posting (`posting`), comparing (`tying`).
It reads and writes beside the session and never on the way of an order; what goes wrong here is told and tried again,
and ends no session.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta

import structlog
from sqlalchemy.exc import SQLAlchemyError

from tradewright.core.clock import Clock
from tradewright.core.environment import Environment
from tradewright.core.errors import ExchangeUnavailable
from tradewright.core.instrument import Instrument, InstrumentId
from tradewright.core.order import Execution
from tradewright.core.tie_out import Break
from tradewright.exchange.ports import LedgerGateway
from tradewright.trading.beside import SessionView
from tradewright.trading.journal import Journal
from tradewright.trading.ledger.books import BooksMoved, LedgerStore
from tradewright.trading.ledger.posting import coins_from, post_executions
from tradewright.trading.ledger.replaying import replay_breaks
from tradewright.trading.ledger.tying import LedgerParts, TiedOut, tie_out
from tradewright.trading.ownership import Dispossessed

log = structlog.get_logger()

TIE_EVERY_SECONDS = 900.0
_AGAIN_SECONDS = 60.0  # after one that failed, found no quiet moment, or found a break
_OPEN_SECONDS = 5.0  # at first while there are no books yet: what happens before they open is in no entry
_POST_PAUSE_SECONDS = 5.0  # a burst of fills is posted together
_REPLAY_EVERY_SECONDS = 86_400.0
_KEPT_DAYS = 730
_KEPT_DAYS_DEMO = 7


def kept_by(environment: Environment) -> timedelta:
    """How long an exchange keeps what it tells of an account's money."""
    return timedelta(days=_KEPT_DAYS_DEMO if environment == "demo" else _KEPT_DAYS)


class LedgerKeeper:
    """Of one account. Ties out once everything was read for the first time, after each whole reading that follows a
    lost connection, and every quarter of an hour."""

    def __init__(
        self,
        gateway: LedgerGateway,
        store: LedgerStore,
        instrument_of: Callable[[InstrumentId], Instrument | None],
        *,
        clock: Clock,
        kept: timedelta,
    ) -> None:
        self._gateway = gateway
        self._store = store
        self._coins_of = coins_from(instrument_of)
        self._clock = clock
        self._kept = kept
        self._next_tie_s = clock.monotonic()
        self._open_pause_s = _OPEN_SECONDS
        self._next_replay_s = clock.monotonic()
        self._replayed: list[Break] = []

    async def run(self, session: SessionView) -> None:
        seen = -1
        was_ready = False
        while True:
            is_ready = session.state == "ready"
            if is_ready and not was_ready:
                self._next_tie_s = self._clock.monotonic()  # everything was just read, after whatever there was
            was_ready = is_ready
            if is_ready:
                await self._look(session)
            seen = await self._changed(session, seen)

    async def _changed(self, session: SessionView, seen: int) -> int:
        """Until something was booked, the next tie-out is due, or it is worth looking whether the session is ready."""
        wait_s = min(max(self._next_tie_s - self._clock.monotonic(), 0.0), _AGAIN_SECONDS)
        await self._clock.sleep(_POST_PAUSE_SECONDS)
        try:
            async with asyncio.timeout(wait_s if session.state == "ready" else _POST_PAUSE_SECONDS):
                return await session.book.changed(seen)
        except TimeoutError:
            return seen

    async def _look(self, session: SessionView) -> None:
        now_s = self._clock.monotonic()
        try:
            if now_s < self._next_tie_s:
                await post_executions(self._store, self._coins_of)
                return
            if await self._store.books() is None:
                self._next_tie_s = now_s + self._open_pause_s
                self._open_pause_s = min(self._open_pause_s * 2, _AGAIN_SECONDS)  # it may be a key that may not read
            else:
                self._next_tie_s = now_s + _AGAIN_SECONDS
            found = await self.tie_out(session.journal)
        except (ExchangeUnavailable, BooksMoved, SQLAlchemyError, OSError) as problem:
            # The text of a database error holds statements and values, so only its kind is told.
            log.warning("ledger.failed", account_id=str(session.account.id), error=type(problem).__name__)
            return
        except Dispossessed:
            raise
        except Exception:
            # A mistake of the books must not end the session that looks after the money: it shows in `checked_at`.
            log.exception("ledger.bug", account_id=str(session.account.id))
            return
        if found.is_quiet and not found.breaks:
            self._next_tie_s = self._clock.monotonic() + TIE_EVERY_SECONDS

    async def tie_out(self, journal: Journal) -> TiedOut:
        """Once. Raises `ExchangeUnavailable`, `BooksMoved` and what the database raises."""

        async def book(executions: Sequence[Execution]) -> None:
            await journal.book(executions, "reconciliation")

        parts = LedgerParts(
            gateway=self._gateway,
            store=self._store,
            coins_of=self._coins_of,
            clock=self._clock,
            book=book,
            kept=self._kept,
            also=self._nightly,
        )
        found = await tie_out(parts)
        kinds = sorted({each.kind for each in found.breaks})
        log.info("ledger.tied" if not kinds else "ledger.break", is_quiet=found.is_quiet, kinds=kinds)
        return found

    async def _nightly(self) -> list[Break]:
        """The whole replay once a day, at the start too, and again each time while it finds something."""
        if self._replayed or self._clock.monotonic() >= self._next_replay_s:
            self._replayed = await replay_breaks(self._store, self._coins_of)
            self._next_replay_s = self._clock.monotonic() + _REPLAY_EVERY_SECONDS
        return self._replayed
