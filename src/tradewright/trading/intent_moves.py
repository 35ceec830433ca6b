"""Moving an intent along: its row, its audit entry, and telling what follows for its order, in one transaction.

Lives here: `IntentMoves`, for one transaction of the account's owner. Not here: which move an answer or a piece of
evidence means (`store`), the moves that are allowed (`core.order_status`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.audit.model import AuditEntry
from tradewright.audit.store import record
from tradewright.core.clock import Clock, Ids
from tradewright.core.ids import ExchangeOrderId
from tradewright.core.order_status import IntentState, states_before
from tradewright.storage.engine import encode_json
from tradewright.trading.events import EventWriter
from tradewright.trading.model import AccountRef, Intent, PlaceIntent, ReadBackIntent, Reason
from tradewright.trading.queries import order_view_of
from tradewright.trading.views import Row

# What is known of an intent's row once it has moved, for its audit entry and for telling.
MOVED = "id, kind, state, category, symbol, target_id"
_OF_SYMBOLS = ("leverage", "exits", "position_mode")


@dataclass(frozen=True, slots=True)
class IntentMoves:
    connection: AsyncConnection
    account: AccountRef
    events: EventWriter
    clock: Clock
    ids: Ids

    async def end(
        self, intent: Intent, state: IntentState, reason: Reason | None, only_from: Sequence[IntentState] | None = None
    ) -> bool:
        """Moves an unsettled intent on; one that evidence has settled meanwhile stays as it is. Whether it moved."""
        changed = await self.connection.execute(
            text(
                "UPDATE intents SET state = :state, reason = CAST(:reason AS jsonb), version = version + 1,"  # noqa: S608
                " updated_at = clock_timestamp() WHERE id = :id AND account_id = :account AND state = ANY(:from)"
                f" RETURNING {MOVED}"
            ),
            {
                "state": state,
                "reason": None if reason is None else encode_json(reason.as_json()),
                "id": intent.id,
                "account": self.account.id,
                "from": list(only_from or states_before(state)),
            },
        )
        row = changed.mappings().one_or_none()
        if row is None:
            return False
        await self.moved(row, reason)
        return True

    async def moved(self, row: Row, reason: Reason | None = None) -> None:
        """Writes down and tells that the intent of this row (with the columns `MOVED`) has got where it is."""
        await self._audit(row, reason)
        await self.tell(row)

    async def tell(self, row: Row) -> None:
        """Tells the order that the intent is about; whoever waits for one about a symbol looks at its row."""
        order_id = row["id"] if row["kind"] == "place" else row["target_id"]
        if order_id is None:
            self.events.hint()
            return
        await self.tell_order(order_id)

    async def tell_order(self, order_id: UUID) -> None:
        view = await order_view_of(self.connection, self.account.id, order_id)
        if view is not None:
            self.events.add("order", {"kind": "order", "order": view}, ref=order_id)

    async def keep_exchange_order_id(self, intent: PlaceIntent, exchange_order_id: ExchangeOrderId) -> None:
        """A cancel or a look-up that comes before the first report can name the order as the exchange does."""
        await self.connection.execute(
            text("UPDATE intents SET exchange_order_id = :order WHERE account_id = :account AND id = :id"),
            {"order": exchange_order_id, "account": self.account.id, "id": intent.id},
        )

    async def read_back(self, intent: ReadBackIntent) -> None:
        """What the acknowledged intent came to is booked by now."""
        marked = await self.connection.execute(
            text(
                "UPDATE intents SET applied_at = clock_timestamp(), version = version + 1,"  # noqa: S608
                " updated_at = clock_timestamp() WHERE account_id = :account AND id = :id AND state = 'acknowledged'"
                f" AND applied_at IS NULL RETURNING {MOVED}"
            ),
            {"account": self.account.id, "id": intent.id},
        )
        row = marked.mappings().one_or_none()
        if row is not None:
            await self.tell(row)

    async def _audit(self, row: Row, reason: Reason | None) -> None:
        kind, object_id = _subject_of(row, self.account)
        entry = AuditEntry(
            id=self.ids.new(),
            workspace_id=self.account.workspace_id,
            account_id=self.account.id,
            at=self.clock.now(),
            actor_kind="system",
            actor_id=None,
            action=action_of(row["kind"]),
            object_kind=kind,
            object_id=object_id,
            before=None,
            after=None if reason is None else reason.as_json(),
            ip=None,
            outcome=row["state"],
        )
        await record(self.connection, entry)


def action_of(kind: str) -> str:
    """How the audit trail names what an intent of this kind does."""
    if kind == "margin_mode":
        return f"account.{kind}"
    return f"symbol.{kind}" if kind in _OF_SYMBOLS else f"order.{kind}"


def _subject_of(row: Row | dict[str, Any], account: AccountRef) -> tuple[str, str]:
    """(kind, id) of what an intent changes, for the audit trail."""
    if row["kind"] == "margin_mode":
        return "account", str(account.id)
    if row["kind"] in _OF_SYMBOLS:
        return "symbol", f"{row['category']}:{row['symbol']}"
    return "order", str(row["id"] if row["kind"] == "place" else row["target_id"])
