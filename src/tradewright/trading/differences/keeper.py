"""What keeps differences true while an account's session runs: blocks symbols, ends what is over, closes what is to be.

Lives here: `DifferenceKeeper`, a rule and a companion of the session. Not here: storage (`store`), deciding
(`command`), finding (`reconciliation`, `booking`).

Rows are read a moment after they were written. Until then what opens on a symbol is held as soon as the account's own
memory has a foreign order, or a size, that the last look at the rows did not know.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

import structlog
from sqlalchemy.exc import SQLAlchemyError

from tradewright.core.clock import Clock
from tradewright.core.ids import ExchangeOrderId, OrderId, intent_of
from tradewright.core.instrument import InstrumentId, Side
from tradewright.core.order import RemoteOrder
from tradewright.storage.bus import Bus, Subscription
from tradewright.trading.account_book import AccountBook
from tradewright.trading.beside import Held, SessionView
from tradewright.trading.bodies import CancelBody, PlaceBody
from tradewright.trading.differences.model import CHANNEL, FOREIGN_ORDERS, SIZE, Difference
from tradewright.trading.differences.store import DifferenceStore, End
from tradewright.trading.model import AmendIntent, Intent, PlaceIntent, Reason

log = structlog.get_logger(__name__)

LOOK_S = 1.0  # while there is something to look after, or no bus to be told by
LOOK_SELDOM_S = 5.0  # a hint may be lost, and what it was about waits or is held until then
CLOSE_TRIES = 5
_CLOSING = Reason("difference.close")


class DifferenceKeeper:
    """Of one account. Until what is kept was read, nothing that adds exposure goes."""

    def __init__(self, store: DifferenceStore, clock: Clock, bus: Bus | None = None) -> None:
        """Hints on the bus say that there is a difference, or a decision; without one it looks every second."""
        self._store = store
        self._clock = clock
        self._bus = bus
        self._is_known = False
        self._blocked: dict[InstrumentId, str] = {}  # with the kind of difference
        self._is_busy = False
        self._book: AccountBook | None = None
        self._seen: frozenset[ExchangeOrderId] = frozenset()  # orders that the rows which were read know of
        self._seen_broken = 0

    @property
    def blocked(self) -> frozenset[InstrumentId]:
        return frozenset(self._blocked)

    def judge(self, intent: Intent) -> Reason | Held | None:
        if intent.reduces or not isinstance(intent, PlaceIntent | AmendIntent):
            return None
        kind = self._blocked.get(intent.instrument)
        if kind is None:
            return None if self._is_known and not self._is_new(intent.instrument) else Held(Reason("difference.open"))
        return Reason("difference.open", {"symbol": intent.instrument.symbol, "kind": kind})

    def _is_new(self, instrument: InstrumentId) -> bool:
        """Whether the account's memory has something on a symbol that was not looked for in the rows yet."""
        book = self._book
        if book is None:
            return True
        if instrument in book.broken and book.broken_version != self._seen_broken:
            return True
        return any(
            order.exchange_order_id not in self._seen and order.instrument == instrument and _is_foreign(order)
            for order in book.orders()
        )

    async def run(self, session: SessionView) -> None:
        hints = None if self._bus is None else self._bus.subscribe(CHANNEL)
        try:
            while True:
                await self._look(session)
                await self._next(session, hints)
        finally:
            if hints is not None:
                hints.close()

    async def _look(self, session: SessionView) -> None:
        try:
            await self._store.tell_decided()
            book = session.book
            seen, broken = frozenset(order.exchange_order_id for order in book.orders()), book.broken_version
            live = await self._store.live()  # what was in memory before was written before
            self._book, self._seen, self._seen_broken = book, seen, broken
            self._take(live, session)
            for difference in live:
                await self._look_after(difference, session)
        except (SQLAlchemyError, OSError) as error:  # what was blocked stays so
            self._is_busy = True
            log.warning("difference.unread", account_id=str(session.account.id), error=type(error).__name__)

    def _take(self, live: Sequence[Difference], session: SessionView) -> None:
        blocked = {one.instrument: one.kind for one in live if one.blocks and one.instrument is not None}
        changed = blocked != self._blocked or not self._is_known
        self._blocked, self._is_known, self._is_busy = blocked, True, bool(live)
        if changed:
            log.info("difference.blocks", account_id=str(session.account.id), symbols=sorted(map(str, blocked)))
            session.wake()

    async def _look_after(self, difference: Difference, session: SessionView) -> None:
        match difference.state:
            case "open" | "ignored":
                if difference.has_ended:
                    await self._store.move(difference, "gone")
            case "closing":
                await self._close(difference, session)
            case "adopted" | "closed" | "gone":
                return
            case _:
                assert_never(difference.state)

    async def _close(self, difference: Difference, session: SessionView) -> None:
        if difference.has_ended or difference.close_is_full:
            await self._store.move(difference, "closed")
        elif difference.close_state == "not_placed" and difference.tries < CLOSE_TRIES:
            await self._store.close_again(difference)  # it never arrived; the wish stands
        elif difference.close_has_ended:
            # The order is as it was: somebody may decide again. Of a position the base has moved: it is ours.
            state: End = "adopted" if difference.kind == SIZE else "open"
            await self._store.move(difference, state, "difference.not_closed")
        elif difference.close_state is None and session.book.is_whole:  # before, nobody knows what is there
            body = _body(difference, session)
            proposed = "moot" if body is None else await session.journal.propose(body, source="drift", reason=_CLOSING)
            if proposed == "moot":
                await self._store.move(difference, "closed")
            session.wake()

    async def _next(self, session: SessionView, hints: Subscription | None) -> None:
        """Until there is a hint of this account, or it is time to look all the same: a hint may be lost."""
        wait_s = LOOK_S if self._is_busy or hints is None else LOOK_SELDOM_S
        until_s = self._clock.monotonic() + wait_s
        while (left_s := until_s - self._clock.monotonic()) > 0:
            if hints is None:
                await self._clock.sleep(left_s)
            elif await hints.get(left_s) == str(session.account.id):
                return


def _is_foreign(order: RemoteOrder) -> bool:
    return intent_of(order.link_id) is None and not order.is_attached


def _body(difference: Difference, session: SessionView) -> CancelBody | PlaceBody | None:
    """The cancel of the order, or the order that takes the foreign part off; None: there is nothing left of it."""
    assert difference.close_id is not None, "whoever decided has named it"
    if difference.kind in FOREIGN_ORDERS:
        if difference.order_id is None:
            return None
        return CancelBody(id=difference.close_id, order_id=OrderId(difference.order_id))
    if difference.instrument is None or not difference.part:
        return None
    held = session.book.position(difference.instrument, difference.position_index)
    side: Side = "Buy" if difference.part > 0 else "Sell"
    if held is None or held.side != side or not held.size:
        return None
    return PlaceBody(
        id=difference.close_id,
        category=difference.instrument.category,
        symbol=difference.instrument.symbol,
        side="Sell" if side == "Buy" else "Buy",
        order_type="Market",
        quantity=min(abs(difference.part), held.size),  # never more than there is
        price=None,
        time_in_force="IOC",
        reduce_only=True,
        note=None,
        position_index=difference.position_index,
    )
