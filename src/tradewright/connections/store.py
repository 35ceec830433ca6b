"""The worker's side of connections on PostgreSQL: which wait for a check, and what became of them.

Lives here: the SQL. Not here: asking the exchange (`checks`), boxes (`boxes`), the API's side (`commands`).
A verdict is written only where the connection still waits for one: it may have been removed, or changed its key, while
the exchange was asked.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tradewright.audit.model import AuditEntry
from tradewright.audit.store import record
from tradewright.connections.boxes import keep_wrapped
from tradewright.connections.model import Connection, Credentials
from tradewright.connections.rows import COLUMNS, WIPED, connection_of, facts_as_json
from tradewright.connections.verdicts import NoAnswer, RefusedKey
from tradewright.core.clock import Ids
from tradewright.core.ids import AccountId, WorkspaceId
from tradewright.core.instrument import Category
from tradewright.core.order import KeyFacts
from tradewright.storage.engine import reading
from tradewright.vault.opening import Opener

CHECKS_AT_ONCE = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class GoodKey:
    """A connection whose key was found good, for whoever makes its account."""

    connection: Connection
    facts: KeyFacts
    categories: Sequence[Category]


# Makes the account of a good key, or wakes the one it had; raises `AlreadyOwned`.
Provision = Callable[[AsyncConnection, GoodKey, datetime], Awaitable[AccountId]]
RestAccount = Callable[[AsyncConnection, WorkspaceId, UUID], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A connection that waits for a check, and how many in a row came to no answer."""

    connection: Connection
    failures: int


async def waiting_for_check(engine: AsyncEngine, now: datetime, busy: Sequence[UUID]) -> Sequence[Waiting]:
    """Those whose time has come, the longest waiting first; not those that are being checked."""
    statement = text(
        f"SELECT {COLUMNS}, failures FROM connections"  # noqa: S608
        " WHERE state = 'checking' AND (next_check_at IS NULL OR next_check_at <= :now) AND NOT id = ANY(:busy)"
        " ORDER BY next_check_at NULLS FIRST, created_at LIMIT :most"
    )
    async with reading(engine) as connection:
        found = await connection.execute(statement, {"now": now, "busy": list(busy), "most": CHECKS_AT_ONCE})
        return [Waiting(connection_of(row), row["failures"]) for row in found.mappings()]


async def take(
    connection: AsyncConnection,
    keyring: Opener,
    good: GoodKey,
    credentials: Credentials,
    *,
    provision: Provision,
    now: datetime,
    ids: Ids,
) -> bool:
    """Wraps the key for its row, makes or wakes the account, and says so; False when nobody waits for it any more.

    Raises what `provision` raises; the caller's transaction then leaves everything as it was.
    """
    known = good.connection
    if not await _still_waits(connection, known):
        return False
    await keep_wrapped(connection, keyring, known, credentials, now, ids)
    account_id = await provision(connection, good, now)
    await _conclude(
        connection,
        known,
        {"state": "ok", "reason": None, "facts": facts_as_json(good.facts), "account": account_id},
        now,
    )
    after = {"uid": good.facts.uid, "categories": list(good.categories), "account_id": str(account_id)}
    await record_check(connection, known, "ok", after, now, ids, account_id=account_id)
    return True


async def refuse(
    connection: AsyncConnection,
    keyring: Opener,
    known: Connection,
    refused: RefusedKey,
    *,
    facts: KeyFacts | None,
    credentials: Credentials | None,
    rest_account: RestAccount,
    now: datetime,
    ids: Ids,
) -> bool:
    """Lets the account rest; wipes the key, or keeps it for another check: wrapped, or in the box that did not open.

    False when nobody waits any more.
    """
    if not await _still_waits(connection, known):
        return False
    if refused.for_good:
        await connection.execute(
            text("DELETE FROM connection_keys WHERE connection_id = :id AND workspace_id = :workspace"), _named(known)
        )
    elif credentials is not None:
        await keep_wrapped(connection, keyring, known, credentials, now, ids)
    await rest_account(connection, known.workspace_id, known.id)
    said = {
        "state": "refused",
        "reason": refused.fault.as_json(),
        "facts": None if facts is None else facts_as_json(facts),
        "account": known.account_id,
    }
    await _conclude(connection, known, said, now)
    if refused.for_good:
        await connection.execute(
            text(f"UPDATE connections SET {WIPED} WHERE id = :id AND workspace_id = :workspace"),  # noqa: S608
            _named(known),
        )
    after = {"reason": refused.fault.code, "wiped": refused.for_good}
    await record_check(connection, known, "refused", after, now, ids, account_id=known.account_id)
    return True


async def postpone(
    connection: AsyncConnection, waiting: Waiting, nothing: NoAnswer, *, now: datetime, pause_s: float
) -> None:
    """It stays as it is, says why, and is asked again after `pause_s`."""
    statement = text(
        "UPDATE connections SET reason = :reason, failures = failures + 1, next_check_at = :next"
        " WHERE id = :id AND workspace_id = :workspace AND state = 'checking'"
    ).bindparams(bindparam("reason", type_=JSONB))
    values = {"reason": nothing.fault.as_json(), "next": now + timedelta(seconds=pause_s)}
    await connection.execute(statement, values | _named(waiting.connection))


async def _still_waits(connection: AsyncConnection, known: Connection) -> bool:
    state = await connection.scalar(
        text("SELECT state FROM connections WHERE id = :id AND workspace_id = :workspace FOR UPDATE"), _named(known)
    )
    return bool(state == "checking")


async def _conclude(connection: AsyncConnection, known: Connection, said: Mapping[str, Any], now: datetime) -> None:
    statement = text(
        "UPDATE connections SET state = :state, reason = :reason, facts = coalesce(:facts, facts),"
        " account_id = :account, checked_at = :now, failures = 0, next_check_at = NULL"
        " WHERE id = :id AND workspace_id = :workspace"
    ).bindparams(
        bindparam("reason", type_=JSONB(none_as_null=True)), bindparam("facts", type_=JSONB(none_as_null=True))
    )
    await connection.execute(statement, {**said, "now": now} | _named(known))


async def record_check(
    connection: AsyncConnection,
    known: Connection,
    outcome: str,
    after: dict[str, Any],
    now: datetime,
    ids: Ids,
    *,
    account_id: AccountId | None,
    action: str = "connection.checked",
) -> None:
    entry = AuditEntry(
        id=ids.new(),
        at=now,
        actor_kind="exchange",
        action=action,
        object_kind="connection",
        object_id=str(known.id),
        outcome=outcome,
        workspace_id=known.workspace_id,
        account_id=account_id,
        after=after,
    )
    await record(connection, entry)


def _named(known: Connection) -> dict[str, Any]:
    return {"id": known.id, "workspace": known.workspace_id}
