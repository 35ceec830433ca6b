"""The worker's side of changes on PostgreSQL: which wait, what is in their boxes, and what became of them.

Lives here: the SQL. Not here: asking the exchange (`change_checks`), who asks for a change (`changes`).
A verdict is written only where that very change still waits: it may have been dropped, or another one asked for, while
the exchange was asked. The connection's row is locked first, as everywhere.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tradewright.connections.boxes import keep_wrapped
from tradewright.connections.change_model import Changed, read_change
from tradewright.connections.model import Connection, Credentials, OtherAccount, proxy_shown
from tradewright.connections.rows import CHANNEL, COLUMNS, connection_of, facts_as_json
from tradewright.connections.store import CHECKS_AT_ONCE, GoodKey, Provision, record_check
from tradewright.connections.verdicts import NoAnswer, RefusedKey
from tradewright.core.clock import Ids
from tradewright.core.ids import AccountId
from tradewright.storage.bus import notify
from tradewright.storage.engine import reading
from tradewright.vault.binding import Binding
from tradewright.vault.opening import Opener
from tradewright.vault.wrapping import Unopenable

# Has the session of an account opened anew, because the way there is another one.
Reroute = Callable[[AsyncConnection, AccountId], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class WaitingChange:
    """A connection whose change waits, and how many checks in a row came to no answer."""

    connection: Connection
    failures: int

    @property
    def change_id(self) -> UUID:
        assert self.connection.change is not None
        return self.connection.change.id


async def waiting_changes(engine: AsyncEngine, now: datetime, busy: Sequence[UUID]) -> Sequence[WaitingChange]:
    """Those whose time has come, the longest waiting first; not those that are being checked."""
    statement = text(
        f"SELECT {COLUMNS}, w.failures AS change_failures FROM connections"  # noqa: S608
        " JOIN (SELECT connection_id, failures, next_check_at AS due, created_at AS since FROM connection_changes"
        "       WHERE state = 'checking' AND (next_check_at IS NULL OR next_check_at <= :now)"
        "         AND NOT id = ANY(:busy)) w ON w.connection_id = connections.id"
        " ORDER BY w.due NULLS FIRST, w.since LIMIT :most"
    )
    async with reading(engine) as connection:
        found = await connection.execute(statement, {"now": now, "busy": list(busy), "most": CHECKS_AT_ONCE})
        return [WaitingChange(connection_of(row), row["change_failures"]) for row in found.mappings()]


async def open_change(connection: AsyncConnection, keyring: Opener, waiting: WaitingChange) -> Changed:
    """What was sealed. Raises `Unopenable`, also when there is nothing."""
    known = waiting.connection
    sealed = await connection.scalar(
        text("SELECT sealed FROM connection_changes WHERE id = :change AND workspace_id = :workspace"),
        {"change": waiting.change_id, "workspace": known.workspace_id},
    )
    if sealed is None:
        raise Unopenable("this change was given up meanwhile")
    binding = Binding(workspace_id=known.workspace_id, connection_id=known.id, row_id=waiting.change_id)
    return read_change(keyring.open(bytes(sealed), binding))


async def take_change(
    connection: AsyncConnection,
    keyring: Opener,
    waiting: WaitingChange,
    good: GoodKey,
    credentials: Credentials,
    *,
    provision: Provision,
    reroute: Reroute,
    is_rerouted: bool,
    now: datetime,
    ids: Ids,
) -> bool:
    """Puts what is new in the place of what was, tells the session, and is gone; False when nobody waits for it.

    Raises `OtherAccount` for the key of another exchange account, and what `provision` raises; the caller's transaction
    then leaves everything as it was.
    """
    known = waiting.connection
    if not await _still_waits(connection, waiting):
        return False
    if known.facts is not None and known.facts.uid != good.facts.uid:
        raise OtherAccount(f"the new key is of the exchange account {good.facts.uid}, not of {known.facts.uid}")
    shown = known.change
    assert shown is not None
    await keep_wrapped(connection, keyring, known, credentials, now, ids, is_another=shown.key_shown is not None)
    account_id = await provision(connection, good, now)
    if known.account_id is not None and known.account_id != account_id:
        raise OtherAccount(f"the new key is of the exchange account {good.facts.uid}, not of the connection's")
    after: dict[str, Any] = {
        "region": shown.region,
        "key_shown": shown.key_shown or known.key_shown,
        "proxy_shown": proxy_shown(credentials.proxy_text),
    }
    statement = text(
        "UPDATE connections SET state = 'ok', reason = NULL, facts = :facts, account_id = :account, region = :region,"
        " key_shown = :key_shown, proxy_shown = :proxy_shown, checked_at = :now, key_changed_at = :now, failures = 0,"
        " next_check_at = NULL WHERE id = :id AND workspace_id = :workspace"
    ).bindparams(bindparam("facts", type_=JSONB))
    values = {"facts": facts_as_json(good.facts), "account": account_id, "now": now}
    await connection.execute(statement, after | values | _named(known))
    await connection.execute(
        text("DELETE FROM connection_changes WHERE id = :change AND workspace_id = :workspace"),
        {"change": waiting.change_id, "workspace": known.workspace_id},
    )
    before = {"region": known.region, "key_shown": known.key_shown, "proxy_shown": known.proxy_shown}
    if is_rerouted:
        await reroute(connection, account_id)
    told = {"before": before, **after, "uid": good.facts.uid}
    await record_check(
        connection, known, "ok", told, now, ids, account_id=account_id, action="connection.change_checked"
    )
    await notify(connection, CHANNEL, str(known.id))
    return True


async def refuse_change(
    connection: AsyncConnection, waiting: WaitingChange, refused: RefusedKey, *, now: datetime, ids: Ids
) -> bool:
    """Wipes what was typed and says why; what is in force stays. False when nobody waits any more."""
    known = waiting.connection
    if not await _still_waits(connection, waiting):
        return False
    statement = text(
        "UPDATE connection_changes SET state = 'refused', sealed = NULL, reason = :reason, next_check_at = NULL"
        " WHERE id = :change AND workspace_id = :workspace"
    ).bindparams(bindparam("reason", type_=JSONB))
    values = {"reason": refused.fault.as_json(), "change": waiting.change_id, "workspace": known.workspace_id}
    await connection.execute(statement, values)
    after = {"reason": refused.fault.code, "key_shown": None if known.change is None else known.change.key_shown}
    await record_check(
        connection,
        known,
        "refused",
        after,
        now,
        ids,
        account_id=known.account_id,
        action="connection.change_checked",
    )
    return True


async def postpone_change(
    connection: AsyncConnection, waiting: WaitingChange, nothing: NoAnswer, *, now: datetime, pause_s: float
) -> None:
    statement = text(
        "UPDATE connection_changes SET reason = :reason, failures = failures + 1, next_check_at = :next"
        " WHERE id = :change AND workspace_id = :workspace AND state = 'checking'"
    ).bindparams(bindparam("reason", type_=JSONB))
    values = {"reason": nothing.fault.as_json(), "next": now + timedelta(seconds=pause_s)}
    named = {"change": waiting.change_id, "workspace": waiting.connection.workspace_id}
    await connection.execute(statement, values | named)


async def _still_waits(connection: AsyncConnection, waiting: WaitingChange) -> bool:
    known = waiting.connection
    state = await connection.scalar(
        text("SELECT state FROM connections WHERE id = :id AND workspace_id = :workspace FOR UPDATE"), _named(known)
    )
    if state in (None, "removed"):
        return False
    change = await connection.scalar(
        text("SELECT state FROM connection_changes WHERE id = :change AND workspace_id = :workspace FOR UPDATE"),
        {"change": waiting.change_id, "workspace": known.workspace_id},
    )
    return bool(change == "checking")


def _named(known: Connection) -> dict[str, Any]:
    return {"id": known.id, "workspace": known.workspace_id}
