"""Follows every account's journal of events by a place that is kept in the database: nothing twice, no hole.

Lives here: `Follower`, with its SQL. Not here: which events are told (`facts`), what no event tells (`looks`).
The place moves on in the transaction that writes the notifications, and only from where it was read: a second follower
that was there before leaves nothing to do. The journal forgets fills after its last 10,000 events; what an installation
without any API process missed beyond those is passed over, and the page's own lists still have it.
"""

from __future__ import annotations

import structlog
from sqlalchemy import RowMapping, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from tradewright.core.clock import Clock, Ids
from tradewright.core.ids import WorkspaceId
from tradewright.notify.facts import KINDS_READ, Event, fact_of
from tradewright.notify.model import AccountOf, Fact
from tradewright.notify.writing import Carry, carry_nothing, write_facts
from tradewright.storage.bus import Bus
from tradewright.trading.events import EVENTS_CHANNEL

log = structlog.get_logger(__name__)

BATCH = 500  # events of one account in one transaction
PAUSE_S = 0.25  # so that a burst is read in few batches
_ACCOUNTS_MAX = 200

_BEHIND = text(
    "SELECT a.id, a.workspace_id, a.name, a.environment, a.event_seq, coalesce(c.seq, 0) AS seq FROM accounts a"
    " LEFT JOIN notification_cursors c ON c.account_id = a.id"
    " WHERE a.event_seq <> coalesce(c.seq, 0) ORDER BY a.id LIMIT :most"
)
_EVENTS = text(
    "SELECT seq, kind, payload, at FROM account_events WHERE account_id = :account AND workspace_id = :workspace"
    " AND seq > :after AND seq <= :until AND kind = ANY(:kinds) ORDER BY seq"
)
_FIRST = text(
    "INSERT INTO notification_cursors (account_id, workspace_id, seq) VALUES (:account, :workspace, 0)"
    " ON CONFLICT DO NOTHING"
)
_MOVE = text(
    "UPDATE notification_cursors SET seq = :until WHERE account_id = :account AND workspace_id = :workspace"
    " AND seq = :after"
)


class Follower:
    def __init__(self, engine: AsyncEngine, bus: Bus, clock: Clock, ids: Ids, *, carry: Carry = carry_nothing) -> None:
        self._engine, self._bus, self._clock, self._ids, self._carry = engine, bus, clock, ids, carry

    async def run(self) -> None:
        """Until cancelled. A database that is away is asked again at the next poll of the bus."""
        subscription = self._bus.subscribe(EVENTS_CHANNEL)
        try:
            while True:
                await subscription.get()
                await self._clock.sleep(PAUSE_S)
                while subscription.poll():
                    pass  # one reading answers them all
                try:
                    while await self.catch_up():
                        pass
                except (TimeoutError, SQLAlchemyError, OSError) as error:
                    log.warning("notify.events_unread", error=type(error).__name__)
        finally:
            subscription.close()

    async def catch_up(self) -> bool:
        """Reads one batch of every account that is behind; whether there is more."""
        async with self._engine.connect() as connection:
            found = await connection.execute(_BEHIND, {"most": _ACCOUNTS_MAX})
            behind = list(found.mappings())
        has_more = len(behind) == _ACCOUNTS_MAX
        for row in behind:
            has_more |= await self._read(row)
        return has_more

    async def _read(self, row: RowMapping) -> bool:
        after, last = int(row["seq"]), int(row["event_seq"])
        if last < after:
            # A journal that is shorter than our place is another one: a restored back-up. It was told before it was
            # backed up, or its facts are known by their sources.
            after = 0
        until = min(last, after + BATCH)
        account = AccountOf(
            id=row["id"],
            workspace_id=WorkspaceId(row["workspace_id"]),
            name=row["name"],
            environment=row["environment"],
        )
        named = {"account": account.id, "workspace": account.workspace_id}
        async with self._engine.begin() as connection:
            await connection.execute(_FIRST, named)
            moved = await connection.execute(_MOVE, {**named, "until": until, "after": int(row["seq"])})
            if not moved.rowcount:
                return False  # another follower has read it
            span = {**named, "after": after, "until": until, "kinds": list(KINDS_READ)}
            events = await connection.execute(_EVENTS, span)
            facts = [fact for each in events.mappings() if (fact := _fact_or_log(account, each)) is not None]
            await write_facts(connection, facts, self._ids, self._carry)
        return until < last


def _fact_or_log(account: AccountOf, row: RowMapping) -> Fact | None:
    """An event in a shape that nobody expected must not hold up those behind it for ever."""
    event = Event(account=account, seq=int(row["seq"]), kind=row["kind"], payload=row["payload"], at=row["at"])
    try:
        return fact_of(event)
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        log.error("notify.event_unreadable", account_id=str(account.id), seq=event.seq, error=repr(error))
        return None
