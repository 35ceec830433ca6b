"""The journal with the account's memory beside it: what was committed is in memory a moment later.

Lives here: `KeptJournal`, a journal that hands every call on and, once it is committed, tells the `AccountBook` and the
`Exposure`. Not here: storage (`store`), what is told (`account_book`, `risk.exposure`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from tradewright.core.clock import Clock
from tradewright.core.fault import Fault
from tradewright.core.ids import RequestId
from tradewright.core.order import AccountModes, RemotePosition
from tradewright.trading.account_book import AccountBook
from tradewright.trading.bodies import OwnBody
from tradewright.trading.differences.model import SIZE, place_of
from tradewright.trading.guardian.model import Guarded, ProtectionNews
from tradewright.trading.journal import (
    Answer,
    AnsweredNotSent,
    AnsweredRefused,
    Drift,
    Fact,
    Journal,
    Listed,
    LiveOrder,
    OpenedRequest,
    Reading,
    UnknownIntent,
)
from tradewright.trading.model import (
    AmendIntent,
    CancelIntent,
    EventSource,
    Intent,
    OwnSource,
    PlaceIntent,
    Proposed,
    ReadBackIntent,
    Reason,
    SessionState,
    SymbolFacts,
)
from tradewright.trading.own_orders import OwnOrder
from tradewright.trading.risk.exposure import Exposure, Holdings


class KeptJournal:
    """Of one account. Raises what the journal raises; then nothing is told."""

    def __init__(
        self,
        journal: Journal,
        book: AccountBook,
        exposure: Exposure,
        clock: Clock,
        holdings: Callable[[], Awaitable[Holdings]] | None = None,
    ) -> None:
        """`holdings` tells what the owner before has left as exposure; it is asked once, at the takeover."""
        self._journal = journal
        self._book = book
        self._exposure = exposure
        self._clock = clock
        self._holdings = holdings
        self._read_at: datetime | None = None

    async def take_over(self) -> None:
        await self._journal.take_over()
        if self._holdings is not None:
            self._exposure.load(await self._holdings(), self._clock.monotonic())

    async def proposed(self) -> Sequence[Intent]:
        return await self._journal.proposed()

    async def propose(
        self,
        body: OwnBody,
        *,
        source: OwnSource,
        reason: Reason,
        validity: timedelta | None = None,
        run_id: UUID | None = None,
    ) -> Proposed:
        return await self._journal.propose(body, source=source, reason=reason, validity=validity, run_id=run_id)

    async def refuse(self, intent: Intent, reason: Reason) -> None:
        await self._journal.refuse(intent, reason)
        self._exposure.dropped(intent.id)

    async def withdraw(self, place: PlaceIntent, cancel: CancelIntent) -> None:
        await self._journal.withdraw(place, cancel)

    async def expire_overdue(self) -> None:
        await self._journal.expire_overdue()

    async def open_request(self, intent: Intent, req_id: RequestId) -> OpenedRequest | None:
        """With the verdict it was let go with. Committed, it counts until there is word of what became of it."""
        verdict = self._exposure.verdict_of(intent)
        if verdict is not None and isinstance(intent, PlaceIntent | AmendIntent):
            intent = replace(intent, verdict=verdict.as_json())
        opened = await self._journal.open_request(intent, req_id)
        if opened is None:
            self._exposure.ended(intent.id)
        else:
            self._exposure.opened(intent, self._clock.monotonic())
        return opened

    async def open_own(self, own: OwnOrder, intent: PlaceIntent, req_id: RequestId) -> OpenedRequest | None:
        verdict = self._exposure.verdict_of(intent)
        if verdict is not None:
            intent = replace(intent, verdict=verdict.as_json())
        opened = await self._journal.open_own(own, intent, req_id)
        if opened is None:
            self._exposure.dropped(intent.id)  # what was sent under its id before counts as it did
        else:
            self._exposure.opened(intent, self._clock.monotonic())
        return opened

    async def reject(self, intent: Intent, reason: Reason) -> None:
        await self._journal.reject(intent, reason)
        self._exposure.ended(intent.id)

    async def answer(self, intent: Intent, request: OpenedRequest, answer: Answer) -> None:
        await self._journal.answer(intent, request, answer)
        if isinstance(answer, AnsweredRefused) or (isinstance(answer, AnsweredNotSent) and not answer.retry):
            self._exposure.ended(intent.id)

    async def unknowns(self) -> Sequence[UnknownIntent]:
        return await self._journal.unknowns()

    async def resolve(
        self,
        intent: Intent,
        *,
        happened: bool,
        source: EventSource = "reconciliation",
        reason: Reason | None = None,
        attempts: int | None = None,
    ) -> bool:
        is_resolved = await self._journal.resolve(
            intent, happened=happened, source=source, reason=reason, attempts=attempts
        )
        if is_resolved and not happened:
            self._exposure.ended(intent.id)
        return is_resolved

    async def book(self, facts: Sequence[Fact], source: EventSource) -> None:
        await self._journal.book(facts, source)
        self._book.take(facts)
        self._exposure.take(facts)

    async def confirm(self, intent: ReadBackIntent, facts: Sequence[Fact], source: EventSource) -> None:
        await self._journal.confirm(intent, facts, source)
        self._book.take(facts)
        self._exposure.take(facts)
        self._exposure.ended(intent.id)

    async def begin_reading(self) -> Reading:
        return await self._journal.begin_reading()

    async def note_reconciled(self, began_at: datetime, modes: AccountModes) -> None:
        await self._journal.note_reconciled(began_at, modes)
        self._book.take([modes])
        self._book.is_whole = True
        if self._read_at is not None:
            self._exposure.read_whole(self._read_at)

    async def note_symbol(self, facts: SymbolFacts) -> None:
        await self._journal.note_symbol(facts)

    async def live_orders(self) -> Sequence[LiveOrder]:
        return await self._journal.live_orders()

    async def end_unseen(self, order: LiveOrder) -> None:
        await self._journal.end_unseen(order)
        self._book.end_order(order.exchange_order_id)
        self._exposure.end_unseen(order.exchange_order_id)

    async def executions_read_until(self) -> datetime | None:
        return await self._journal.executions_read_until()

    async def note_executions_read(self, until: datetime) -> None:
        await self._journal.note_executions_read(until)
        self._read_at = until

    async def position_breaks(
        self, positions: Sequence[RemotePosition], listed: Listed | None = None
    ) -> Sequence[Drift] | None:
        return await self._journal.position_breaks(positions, listed)

    async def flatten_absent(self, positions: Sequence[RemotePosition]) -> None:
        await self._journal.flatten_absent(positions)
        self._book.flatten_absent(positions)
        self._exposure.held.flatten_absent(positions)

    async def forget_events(self, *, keep: int) -> None:
        await self._journal.forget_events(keep=keep)

    async def keep_protection(self, guarded: Guarded, news: ProtectionNews | None) -> None:
        await self._journal.keep_protection(guarded, news)

    async def record_drift(self, drifts: Sequence[Drift], *, compared: Collection[str] = ()) -> None:
        await self._journal.record_drift(drifts, compared=compared)
        if SIZE in compared:
            self._book.note_broken(
                frozenset(place for one in drifts if one.kind == SIZE and (place := place_of(one)[0]) is not None)
            )

    async def set_session(self, state: SessionState, reason: Fault | None) -> None:
        await self._journal.set_session(state, reason)
        if state != "ready":
            self._exposure.held.doubt_leverages()
