"""The account's serial journal of events: one sequence without gaps, written in the transaction of what it tells.

Lives here: `EventWriter`, which numbers events, keeps them and notifies. Not here: who reads them (`queries`, `web`).
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.storage.bus import notify
from tradewright.storage.engine import encode_json
from tradewright.trading.model import AccountRef, EventSource
from tradewright.trading.ownership import Dispossessed

EVENTS_CHANNEL = "account_events"

# Epoch 0 is that of an account that nobody ever claimed.
IS_OURS = "coalesce((SELECT epoch FROM account_owner WHERE account_id = :account FOR SHARE), 0) = :epoch"


class EventWriter:
    """Collects the events of one transaction of one account; `flush` writes them before the commit."""

    def __init__(self, connection: AsyncConnection, account: AccountRef, source: EventSource) -> None:
        self._connection = connection
        self._account = account
        self._source = source
        self._events: list[tuple[str, UUID | None, dict[str, Any]]] = []
        self._hinted = False

    def hint(self) -> None:
        """Something changed that is no event of the account: whoever waits for it is told to look."""
        self._hinted = True

    def add(self, kind: str, payload: dict[str, Any], ref: UUID | None = None) -> None:
        """`payload` is the browser stream's delta: `{"kind": kind, …}`."""
        self._events.append((kind, ref, payload))

    async def flush(self) -> None:
        """Raises `Dispossessed` when the account has another owner by now: then nothing of the transaction stays.

        The owner's row is locked until the commit, so that a claim waits for it and nothing slips in between. Looked at
        at the end, in the statement that numbers the events: it costs no round trip of its own.
        """
        if not self._events:
            await self._require_epoch()
            await self._tell_hint()
            return
        last = await self._connection.scalar(
            text(
                "UPDATE accounts SET event_seq = event_seq + :count WHERE id = :account"  # noqa: S608
                f" AND {IS_OURS} RETURNING event_seq"
            ),
            {"count": len(self._events), "account": self._account.id, "epoch": self._account.epoch},
        )
        if last is None:
            raise self._dispossessed()
        first = last - len(self._events) + 1
        await self._connection.execute(
            text(
                "INSERT INTO account_events (account_id, seq, workspace_id, kind, ref, source, payload, at)"
                " VALUES (:account, :seq, :workspace, :kind, :ref, :source, CAST(:payload AS jsonb), clock_timestamp())"
            ),
            [
                {
                    "account": self._account.id,
                    "seq": first + offset,
                    "workspace": self._account.workspace_id,
                    "kind": kind,
                    "ref": ref,
                    "source": self._source,
                    "payload": encode_json(payload),
                }
                for offset, (kind, ref, payload) in enumerate(self._events)
            ],
        )
        await notify(self._connection, EVENTS_CHANNEL, f"{self._account.id}:{last}")
        self._events.clear()

    async def _require_epoch(self) -> None:
        is_ours = await self._connection.scalar(
            text(f"SELECT {IS_OURS}"), {"account": self._account.id, "epoch": self._account.epoch}
        )
        if not is_ours:
            raise self._dispossessed()

    def _dispossessed(self) -> Dispossessed:
        return Dispossessed(f"the account {self._account.id} has a newer owner than epoch {self._account.epoch}")

    async def _tell_hint(self) -> None:
        if self._hinted:
            last = await self._connection.scalar(
                text("SELECT event_seq FROM accounts WHERE id = :account"), {"account": self._account.id}
            )
            await notify(self._connection, EVENTS_CHANNEL, f"{self._account.id}:{last}")
