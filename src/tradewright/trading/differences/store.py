"""What the keeper reads and writes of differences: `DifferenceStore`, its port, and the one on PostgreSQL.

Not here: telling what was found (`drifts`), deciding (`command`), rules (`model`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Literal, Protocol, cast

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tradewright.core.ids import IntentId, OrderId
from tradewright.core.instrument import InstrumentId
from tradewright.storage.engine import lines_of
from tradewright.storage.lines import Statement
from tradewright.trading.differences.model import Difference, next_close_id
from tradewright.trading.drifts import tell_moved
from tradewright.trading.events import EventWriter
from tradewright.trading.model import AccountRef
from tradewright.trading.queries import order_view_of
from tradewright.trading.views import Row

End = Literal["gone", "closed", "adopted", "open"]


class DifferenceStore(Protocol):
    """Of one account. Raises what the database raises."""

    async def live(self) -> Sequence[Difference]:
        """Those that are not over, the oldest first."""
        ...

    async def tell_decided(self) -> None:
        """Tells those that were decided and not told yet, and the orders that were adopted."""
        ...

    async def move(self, difference: Difference, state: End, why: str | None = None) -> None:
        """It is over; or open again, because of `why`. No change if somebody decided meanwhile."""
        ...

    async def close_again(self, difference: Difference) -> None:
        """What was to close it never got to the exchange: another intent is to (`next_close_id`)."""
        ...


class PostgresDifferences:
    def __init__(self, engine: AsyncEngine, account: AccountRef) -> None:
        self._engine = engine
        self._account = account
        self._lines = lines_of(engine)

    async def live(self) -> Sequence[Difference]:
        found = await self._lines.fetch(_LIVE, {"account": self._account.id})
        return [_difference(cast(Row, row)) for row in found]  # read by name alone, as a row is

    async def tell_decided(self) -> None:
        (found,) = await self._lines.fetch(_UNTOLD, {"account": self._account.id})
        if not found["is_untold"]:
            return  # asked again and again: a transaction only where it has a reason
        async with self._transaction() as (connection, events):
            decided = await connection.execute(
                text("UPDATE differences SET told = true WHERE account_id = :account AND NOT told RETURNING *"),
                {"account": self._account.id},
            )
            rows = list(decided.mappings())
            await tell_moved(connection, self._account, rows, events)
            for row in rows:
                if row["state"] == "adopted" and row["order_id"] is not None:
                    view = await order_view_of(connection, self._account.id, row["order_id"])
                    if view is not None:
                        events.add("order", {"kind": "order", "order": view}, ref=row["order_id"])

    async def move(self, difference: Difference, state: End, why: str | None = None) -> None:
        async with self._transaction() as (connection, events):
            moved = await connection.execute(
                text(
                    "UPDATE differences SET state = :state, why = :why, version = version + 1, told = true,"
                    " ended_at = CASE WHEN :state <> 'open' THEN clock_timestamp() END"
                    " WHERE account_id = :account AND id = :id AND state = :seen"
                    " AND close_id IS NOT DISTINCT FROM CAST(:close AS uuid) RETURNING *"
                ),
                {
                    "state": state,
                    "why": why,
                    "account": self._account.id,
                    "id": difference.id,
                    "seen": difference.state,
                    "close": difference.close_id,
                },
            )
            await tell_moved(connection, self._account, list(moved.mappings()), events)

    async def close_again(self, difference: Difference) -> None:
        async with self._transaction() as (connection, _):
            await connection.execute(
                text(
                    "UPDATE differences SET close_id = :next, version = version + 1 WHERE account_id = :account"
                    " AND id = :id AND state = 'closing' AND close_id = :close"
                ),
                {
                    "next": next_close_id(difference),
                    "account": self._account.id,
                    "id": difference.id,
                    "close": difference.close_id,
                },
            )

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[tuple[AsyncConnection, EventWriter]]:
        async with self._engine.begin() as connection:
            events = EventWriter(connection, self._account, "owner")
            yield connection, events
            await events.flush()


# The intent that closes it: of a cancel it is over with the intent, of an order with the order.
_LIVE = Statement.of(
    """
SELECT d.id, d.kind, d.state, d.category, d.symbol, d.position_index, d.order_id, d.part, d.close_id,
       d.version - coalesce(d.decided_version, d.version) AS tries,
       coalesce(o.state IN ('filled', 'cancelled', 'rejected', 'expired'), false) AS has_ended, c.state AS close_state,
       coalesce(c.state IN ('refused', 'rejected', 'expired', 'not_placed')
                OR (c.kind = 'cancel' AND c.state = 'acknowledged' AND c.applied_at IS NOT NULL)
                OR p.state IN ('filled', 'cancelled', 'rejected', 'expired'), false) AS close_has_ended,
       coalesce(p.state = 'filled', false) AS close_is_full
  FROM differences d
  LEFT JOIN orders o ON o.account_id = d.account_id AND o.id = d.order_id
  LEFT JOIN intents c ON c.account_id = d.account_id AND c.id = d.close_id
  LEFT JOIN orders p ON p.account_id = d.account_id AND p.intent_id = c.id
 WHERE d.account_id = :account AND d.state IN ('open', 'ignored', 'closing')
 ORDER BY d.found_at, d.id LIMIT 1000
""",
    {"account": "uuid"},
)
_UNTOLD = Statement.of(
    "SELECT EXISTS (SELECT 1 FROM differences WHERE account_id = :account AND NOT told) AS is_untold",
    {"account": "uuid"},
)


def _difference(row: Row) -> Difference:
    return Difference(
        id=row["id"],
        kind=row["kind"],
        state=row["state"],
        instrument=None if row["symbol"] is None else InstrumentId(row["category"], row["symbol"]),
        position_index=row["position_index"] or 0,
        order_id=None if row["order_id"] is None else OrderId(row["order_id"]),
        part=row["part"],
        close_id=None if row["close_id"] is None else IntentId(row["close_id"]),
        tries=row["tries"],
        has_ended=row["has_ended"],
        close_state=row["close_state"],
        close_has_ended=row["close_has_ended"],
        close_is_full=row["close_is_full"],
    )
