"""The account's serial journal of events: one sequence without gaps, written in the transaction of what it tells.

Lives here: `EventWriter`, which numbers events, keeps them and notifies. Not here: who reads them (`queries`, `web`).
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.storage.engine import encode_json
from tradewright.trading.model import AccountRef, EventSource
from tradewright.trading.ownership import Dispossessed

EVENTS_CHANNEL = "account_events"

# Epoch 0 is that of an account that nobody ever claimed.
IS_OURS = "coalesce((SELECT epoch FROM account_owner WHERE account_id = :account FOR SHARE), 0) = :epoch"

_IS_OURS = text(f"SELECT {IS_OURS}")
_HINT = text(
    f"SELECT true, pg_notify('{EVENTS_CHANNEL}', CAST(a.id AS text) || ':' || a.event_seq)"  # noqa: S608
    f" FROM accounts a WHERE a.id = :account AND {IS_OURS}"
)
# Arrays, because several rows of values would be a round trip each.
_WRITE = text(
    f"""
WITH numbered AS (
     UPDATE accounts SET event_seq = event_seq + :count WHERE id = :account AND {IS_OURS} RETURNING event_seq),
written AS (
     INSERT INTO account_events (account_id, seq, workspace_id, kind, ref, source, payload, at)
     SELECT :account, n.event_seq - :count + e.number, :workspace, e.kind, e.ref, :source, e.payload, clock_timestamp()
       FROM numbered n, unnest(CAST(:kinds AS text[]), CAST(:refs AS uuid[]), CAST(:payloads AS jsonb[]))
            WITH ORDINALITY e(kind, ref, payload, number))
SELECT true, pg_notify('{EVENTS_CHANNEL}', CAST(:account AS text) || ':' || n.event_seq) FROM numbered n
"""  # noqa: S608
)


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
        if self._events:
            is_ours = await self._write()
        elif self._hinted:
            is_ours = await self._ask(_HINT)
        else:
            is_ours = await self._ask(_IS_OURS)
        if not is_ours:
            raise dispossessed(self._account)

    async def _write(self) -> bool:
        events, self._events = self._events, []
        return await self._ask(
            _WRITE,
            count=len(events),
            workspace=self._account.workspace_id,
            source=self._source,
            kinds=[kind for kind, _, _ in events],
            refs=[ref for _, ref, _ in events],
            payloads=[encode_json(payload) for _, _, payload in events],
        )

    async def _ask(self, statement: TextClause, **values: Any) -> bool:
        """Whether the account is ours: else the statement gives no row, or false, and does nothing."""
        given = {"account": self._account.id, "epoch": self._account.epoch, **values}
        return bool(await self._connection.scalar(statement, given))


def dispossessed(account: AccountRef) -> Dispossessed:
    """The error that says that the account has another owner by now."""
    return Dispossessed(f"the account {account.id} has a newer owner than epoch {account.epoch}")
