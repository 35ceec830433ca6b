"""What may be asked of connections: add, have the key checked again, remove; one function each.

Each runs in the caller's transaction and leaves an audit entry there. The secret arrives, is sealed and is gone.
Not here: the worker's check (`checks`), the account (`trading`; what lets it rest comes in as a function).
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import insert, text
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.audit.model import AuditEntry
from tradewright.audit.store import record
from tradewright.connections.model import (
    ADDRESS_BLOCKED,
    Actor,
    Connection,
    ConnectionConflict,
    ConnectionRemoved,
    KeyWiped,
    NewConnection,
    TooManyConnections,
)
from tradewright.connections.queries import read_connection
from tradewright.connections.rows import CHANNEL, WIPED
from tradewright.connections.tables import connection_keys, connections
from tradewright.core.clock import Clock, Ids
from tradewright.core.errors import InvalidInput, Problem
from tradewright.core.ids import UserId, WorkspaceId
from tradewright.core.money import plain
from tradewright.identity.quota_model import USUAL, QuotaDefaults
from tradewright.identity.quotas import in_force
from tradewright.storage.bus import notify
from tradewright.storage.keyring_locks import hold_keyring
from tradewright.vault.binding import Binding
from tradewright.vault.digests import DigestKey
from tradewright.vault.sealing import SealingKey

CHECK_PAUSE = timedelta(seconds=5)
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('connections of ' || :workspace, 7))")
_ASKED = ("connection.add", "connection.check", "connection.change", "connection.top_up")  # the worker's answer follows
# Gives what seals; asked for once nothing of the keyring can be retired any more. Raises `VaultNotReady`.
Sealing = Callable[[], SealingKey]
# Lets the account of a connection rest, in the same transaction.
RestAccount = Callable[[AsyncConnection, WorkspaceId, UUID], Awaitable[None]]


async def add_connection(
    connection: AsyncConnection,
    workspace_id: WorkspaceId,
    asked: NewConnection,
    *,
    sealing_key: Sealing,
    digest_key: DigestKey,
    actor: Actor,
    clock: Clock,
    ids: Ids,
    real_trading: bool = False,
    quotas: QuotaDefaults = USUAL,
) -> Connection:
    """Stores the key sealed and has the worker check it. The same id and body again is the same connection.

    `real_trading`: whether the installation allows a live connection. Raises `InvalidInput`, `ConnectionConflict` (the
    id with another body), `TooManyConnections`.
    """
    environment = asked.checked_environment(real_trading=real_trading)
    now = clock.now()
    made = await connection.execute(
        postgres_insert(connections)
        .values(
            id=asked.id,
            workspace_id=workspace_id,
            environment=environment,
            name=asked.name,
            region=asked.region,
            state="checking",
            body_digest=asked.digest(digest_key),
            key_shown=asked.key_shown,
            proxy_shown=asked.proxy_shown,
            created_by=actor.user_id,
            created_at=now,
        )
        .on_conflict_do_nothing(index_elements=["id"])
        .returning(connections.c.id)
    )
    if made.first() is None:
        return await _the_same(connection, workspace_id, asked, digest_key)
    await _require_room(connection, workspace_id, actor.user_id, quotas)
    await hold_keyring(connection, "trading")
    binding = Binding(workspace_id=workspace_id, connection_id=asked.id, row_id=ids.new())
    await connection.execute(
        insert(connection_keys).values(
            id=binding.row_id,
            connection_id=asked.id,
            workspace_id=workspace_id,
            sealed=sealing_key().seal(asked.credentials.as_bytes(), binding),
            stored_at=now,
        )
    )
    shown = {
        "environment": environment,
        "name": asked.name,
        "region": asked.region,
        "key_shown": asked.key_shown,
        "key_digest": digest_key.shown(asked.credentials.key),
        "proxy_shown": asked.proxy_shown,
    }
    await tell(connection, workspace_id, asked.id, "connection.add", actor, now, ids, after=shown)
    return await read_connection(connection, workspace_id, asked.id)


async def ask_check(
    connection: AsyncConnection,
    workspace_id: WorkspaceId,
    connection_id: UUID,
    *,
    actor: Actor,
    clock: Clock,
    ids: Ids,
) -> Connection:
    """Has the worker ask the exchange about the key again; an account that trades goes on meanwhile.

    While the exchange blocks our address the silence it wants is kept.

    Raises `NotFound`, `ConnectionRemoved`, `KeyWiped`.
    """
    known = await locked(connection, workspace_id, connection_id)
    if known.state == "removed":
        raise ConnectionRemoved(f"the connection {known.name} was removed; add its account anew")
    has_key = await connection.scalar(
        text("SELECT 1 FROM connection_keys WHERE connection_id = :id AND workspace_id = :workspace"),
        {"id": connection_id, "workspace": workspace_id},
    )
    if has_key is None:
        raise KeyWiped(f"the key of {known.name} was refused and is not kept; add the account anew with another key")
    now = clock.now()
    if known.reason is None or known.reason.code != ADDRESS_BLOCKED:
        # Not at once after the last answer: whoever presses the button again and again must not have us blocked.
        earliest = None if known.checked_at is None else known.checked_at + CHECK_PAUSE
        await connection.execute(
            text(
                "UPDATE connections SET state = 'checking', reason = NULL, failures = 0, next_check_at = :earliest"
                " WHERE id = :id AND workspace_id = :workspace"
            ),
            {"id": connection_id, "workspace": workspace_id, "earliest": earliest},
        )
    before = {"state": known.state}
    await tell(connection, workspace_id, connection_id, "connection.check", actor, now, ids, before=before)
    return await read_connection(connection, workspace_id, connection_id)


async def remove_connection(
    connection: AsyncConnection,
    workspace_id: WorkspaceId,
    connection_id: UUID,
    *,
    name: str,
    rest_account: RestAccount,
    actor: Actor,
    clock: Clock,
    ids: Ids,
) -> Connection:
    """Wipes the key and what was known of it, and lets the account rest. Harmless twice.

    Orders and positions at the exchange stay as they are.

    Raises `NotFound`, and `InvalidInput` when `name` is not the connection's.
    """
    known = await locked(connection, workspace_id, connection_id)
    if name != known.name:
        raise InvalidInput([Problem("connection.name_mismatch", "name", {"expected": known.name})])
    if known.state == "removed":
        return known
    named = {"id": connection_id, "workspace": workspace_id}
    await connection.execute(
        text("DELETE FROM connection_keys WHERE connection_id = :id AND workspace_id = :workspace"), named
    )
    await connection.execute(
        text("DELETE FROM connection_changes WHERE connection_id = :id AND workspace_id = :workspace"), named
    )
    await connection.execute(
        text(
            f"UPDATE connections SET state = 'removed', reason = NULL, next_check_at = NULL, {WIPED}"  # noqa: S608
            " WHERE id = :id AND workspace_id = :workspace"
        ),
        named,
    )
    await rest_account(connection, workspace_id, connection_id)
    before = {"state": known.state, "key_shown": known.key_shown}
    await tell(connection, workspace_id, connection_id, "connection.remove", actor, clock.now(), ids, before=before)
    return await read_connection(connection, workspace_id, connection_id)


async def _the_same(
    connection: AsyncConnection, workspace_id: WorkspaceId, asked: NewConnection, digest_key: DigestKey
) -> Connection:
    """Compared by its digest; by what is still known where that was wiped, because a key may be refused for good before
    the request that brought it is repeated."""
    found = await connection.execute(
        text(
            "SELECT environment, name, region, key_shown, body_digest FROM connections"
            " WHERE id = :id AND workspace_id = :workspace"
        ),
        {"id": asked.id, "workspace": workspace_id},
    )
    row = found.first()
    said = (asked.environment, asked.name, asked.region, asked.key_shown)
    is_the_same = row is not None and (
        (row.environment, row.name, row.region, row.key_shown) == said
        if row.body_digest is None
        else hmac.compare_digest(bytes(row.body_digest), asked.digest(digest_key))
    )
    if not is_the_same:
        raise ConnectionConflict(f"the id {asked.id} was used for another connection; make a new one for this one")
    return await read_connection(connection, workspace_id, asked.id)


async def _require_room(
    connection: AsyncConnection, workspace_id: WorkspaceId, user_id: UserId, defaults: QuotaDefaults
) -> None:
    """Of the workspace, and of the person in it. One at a time: two that come together must not both see the last free
    place."""
    await connection.execute(_LOCK, {"workspace": str(workspace_id)})
    limits = await in_force(connection, workspace_id, defaults)
    found = await connection.execute(
        text(
            "SELECT count(*) AS of_workspace, count(*) FILTER (WHERE created_by = :user) AS of_user FROM connections"
            " WHERE workspace_id = :workspace AND state <> 'removed'"
        ),
        {"workspace": workspace_id, "user": user_id},
    )
    count = found.one()
    for whose, number, limit in (
        ("the workspace has", count.of_workspace, limits["workspace", "connections"]),
        ("you have in this workspace", count.of_user, limits["user", "connections"]),
    ):
        if number > limit:
            raise TooManyConnections(
                f"{whose} {number - 1} connections and {plain(limit)} are allowed; remove one before adding another, or"
                " ask the operator of this installation for more"
            )


async def locked(connection: AsyncConnection, workspace_id: WorkspaceId, connection_id: UUID) -> Connection:
    """The connection, which nobody else changes until the caller's transaction ends. Raises `NotFound`."""
    await connection.execute(
        text("SELECT 1 FROM connections WHERE id = :id AND workspace_id = :workspace FOR UPDATE"),
        {"id": connection_id, "workspace": workspace_id},
    )
    return await read_connection(connection, workspace_id, connection_id)


async def tell(
    connection: AsyncConnection,
    workspace_id: WorkspaceId,
    connection_id: UUID,
    action: str,
    actor: Actor,
    now: datetime,
    ids: Ids,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    """The audit entry, and the hint to the worker once the transaction commits."""
    entry = AuditEntry(
        id=ids.new(),
        at=now,
        actor_kind="user",
        actor_id=actor.user_id,
        action=action,
        object_kind="connection",
        object_id=str(connection_id),
        outcome="asked" if action in _ASKED else "done",
        workspace_id=workspace_id,
        before=before,
        after=after,
        ip=actor.ip,
    )
    await record(connection, entry)
    await notify(connection, CHANNEL, str(connection_id))
