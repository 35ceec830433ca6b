"""Five bugs of the kind that costs money, planted on purpose: the seeds must find each.

Lives here: the worlds with one bug each. Not here: finding them (`test_planted_bugs`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sim.whole.world import World
from tradewright.core.errors import OutcomeUnknown
from tradewright.core.ids import IntentId, RequestId, link_id_of
from tradewright.core.order import Execution, NewOrder
from tradewright.exchange.bybit.orders import BybitOrderGateway
from tradewright.exchange.ports import Acknowledged, MayGo, OrderGateway, always
from tradewright.lab.memory_journal import MemoryJournal
from tradewright.trading.journal import Fact, Journal, OpenedRequest
from tradewright.trading.model import EventSource, Intent
from tradewright.trading.resolution import EvidenceRule
from tradewright.trading.session import AccountSession
from tradewright.trading.session_parts import SessionParts


class _Around:
    """Stands before a part of the real one and is it in everything but its bug."""

    def __init__(self, real: Any) -> None:
        self._real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


class _WritesLater(_Around):
    """The request goes out while its row is still on its way to the database."""

    _written: set[asyncio.Task[Any]]

    async def open_request(self, intent: Intent, req_id: RequestId) -> OpenedRequest | None:
        self.__dict__.setdefault("_written", set())
        writing = asyncio.create_task(self._real.open_request(intent, req_id))
        self._written.add(writing)
        return OpenedRequest(req_id, 1, None)


class SendBeforeCommit(World):
    def make_journal(self, journal: MemoryJournal) -> Journal:
        late: Any = _WritesLater(journal)
        return late  # type: ignore[no-any-return]


class _RetriesAnew(_Around):
    """No answer: it is tried once more, as another order."""

    async def place(self, order: NewOrder, *, may_go: MayGo = always) -> Acknowledged:
        try:
            taken: Acknowledged = await self._real.place(order, may_go=may_go)
        except OutcomeUnknown:
            fresh = IntentId(UUID(int=int(order.link_id[2:], 16) ^ 1))
            taken = await self._real.place(replace(order, link_id=link_id_of(fresh)), may_go=may_go)
        return taken


class NewIdOnRetry(World):
    def make_gateway(self, gateway: BybitOrderGateway) -> OrderGateway:
        anew: Any = _RetriesAnew(gateway)
        return anew  # type: ignore[no-any-return]


class NotFoundMeansFailed(World):
    """An order that the exchange does not show at once is called failed."""

    def __init__(self, *arguments: Any) -> None:
        hasty = EvidenceRule(timedelta(0), timedelta(0), timedelta(0))
        super().__init__(*arguments, evidence=hasty)


class _TrustsTheStream(AccountSession):
    """After a reconnect it goes on as if nothing could have happened meanwhile."""

    async def _reconcile_until_done(self) -> None:
        if self._was_ready:
            await self._enter("ready", None)
        else:
            await super()._reconcile_until_done()


class EventDroppedOnReconnect(World):
    def make_session(self, parts: SessionParts) -> AccountSession:
        return _TrustsTheStream(parts)


class _CountsInFloats(_Around):
    """Fees go through a float on their way to the books."""

    async def book(self, facts: Sequence[Fact], source: EventSource) -> None:
        rounded = [
            replace(fact, fee=Decimal(float(fact.fee))) if isinstance(fact, Execution) else fact for fact in facts
        ]
        await self._real.book(rounded, source)


class FloatMoney(World):
    def make_journal(self, journal: MemoryJournal) -> Journal:
        floats: Any = _CountsInFloats(journal)
        return floats  # type: ignore[no-any-return]


# Each with the words under which it may be found.
BUGS = {
    "send before commit": (SendBeforeCommit, ("breaches",)),
    "new id on retry": (NewIdOnRetry, ("duplicates", "orphans", "breaches")),
    "not found means failed": (NotFoundMeansFailed, ("orphans", "breaches")),
    "dropped event on reconnect": (EventDroppedOnReconnect, ("diverged", "lost", "stuck")),
    "float money": (FloatMoney, ("diverged",)),
}
