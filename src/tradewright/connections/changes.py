"""What may be changed of a connection: its name, and its key, region or proxy; one function each.

Each runs in the caller's transaction and leaves an audit entry there. Not here: adding and removing (`commands`), the
worker's check of a change (`change_checks`). A change waits beside what is in force until the exchange has been asked.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import UUID

from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.connections.change_model import AskedChange, ChangeConflict
from tradewright.connections.commands import Sealing, locked, tell
from tradewright.connections.model import Actor, Connection, ConnectionRemoved, KeyWiped, name_problems
from tradewright.connections.queries import read_connection
from tradewright.connections.tables import connection_changes
from tradewright.core.clock import Clock, Ids
from tradewright.core.errors import InvalidInput
from tradewright.core.ids import AccountId, WorkspaceId
from tradewright.storage.keyring_locks import hold_keyring
from tradewright.vault.binding import Binding

# Calls the account of a connection by another name, in the same transaction.
RenameAccount = Callable[[AsyncConnection, WorkspaceId, AccountId, str], Awaitable[None]]


async def rename_connection(
    connection: AsyncConnection,
    workspace_id: WorkspaceId,
    connection_id: UUID,
    *,
    name: str,
    rename_account: RenameAccount,
    actor: Actor,
    clock: Clock,
    ids: Ids,
) -> Connection:
    """Raises `NotFound`, `InvalidInput`, `ConnectionRemoved`."""
    problems = name_problems(name)
    if problems:
        raise InvalidInput(problems)
    known = await locked(connection, workspace_id, connection_id)
    _require_there(known)
    if known.name == name:
        return known
    await connection.execute(
        text("UPDATE connections SET name = :name WHERE id = :id AND workspace_id = :workspace"),
        {"name": name, "id": connection_id, "workspace": workspace_id},
    )
    if known.account_id is not None:
        await rename_account(connection, workspace_id, known.account_id, name)
    before, after = {"name": known.name}, {"name": name}
    await tell(
        connection,
        workspace_id,
        connection_id,
        "connection.rename",
        actor,
        clock.now(),
        ids,
        before=before,
        after=after,
    )
    return await read_connection(connection, workspace_id, connection_id)


async def ask_change(
    connection: AsyncConnection,
    workspace_id: WorkspaceId,
    connection_id: UUID,
    asked: AskedChange,
    *,
    sealing_key: Sealing,
    actor: Actor,
    clock: Clock,
    ids: Ids,
) -> Connection:
    """Stores what is new sealed, in the place of a change that waits, and has the worker check it. What is in force
    stays so until then. The same id again is the same change.

    Raises `NotFound`, `InvalidInput`, `ConnectionRemoved`, `KeyWiped`, `NothingChanged`, `ChangeConflict`.
    """
    known = await locked(connection, workspace_id, connection_id)
    _require_there(known)
    if known.change is not None and known.change.id == asked.id:
        return known
    asked.check(known)
    named = {"id": connection_id, "workspace": workspace_id}
    if asked.changed.key is None and not await connection.scalar(
        text("SELECT 1 FROM connection_keys WHERE connection_id = :id AND workspace_id = :workspace"), named
    ):
        raise KeyWiped(f"the key of {known.name} was refused and is not kept; give another key with its secret")
    if await connection.scalar(text("SELECT 1 FROM connection_changes WHERE id = :change"), {"change": asked.id}):
        raise ChangeConflict(f"the id {asked.id} was used for another change; make a new one for this one")
    await hold_keyring(connection, "trading")
    await _drop(connection, workspace_id, connection_id)
    now, region = clock.now(), asked.region or known.region
    binding = Binding(workspace_id=workspace_id, connection_id=connection_id, row_id=asked.id)
    await connection.execute(
        insert(connection_changes).values(
            id=asked.id,
            connection_id=connection_id,
            workspace_id=workspace_id,
            sealed=sealing_key().seal(asked.changed.as_bytes(), binding),
            key_shown=asked.key_shown,
            region=region,
            state="checking",
            asked_by=actor.user_id,
            created_at=now,
        )
    )
    before = {"key_shown": known.key_shown, "region": known.region, "proxy_shown": known.proxy_shown}
    after = {
        "key_shown": asked.key_shown or known.key_shown,
        "region": region,
        "proxy": "kept" if asked.changed.proxy is None else "changed",
    }
    await tell(
        connection, workspace_id, connection_id, "connection.change", actor, now, ids, before=before, after=after
    )
    return await read_connection(connection, workspace_id, connection_id)


async def drop_change(
    connection: AsyncConnection,
    workspace_id: WorkspaceId,
    connection_id: UUID,
    *,
    actor: Actor,
    clock: Clock,
    ids: Ids,
) -> Connection:
    """Gives up a change that waits, or puts a refused one away. Harmless twice. Raises `NotFound`."""
    known = await locked(connection, workspace_id, connection_id)
    if known.change is None:
        return known
    await _drop(connection, workspace_id, connection_id)
    before = {"key_shown": known.change.key_shown, "state": known.change.state}
    await tell(
        connection, workspace_id, connection_id, "connection.change_dropped", actor, clock.now(), ids, before=before
    )
    return await read_connection(connection, workspace_id, connection_id)


def _require_there(known: Connection) -> None:
    if known.state == "removed":
        raise ConnectionRemoved(f"the connection {known.name} was removed; add its account anew")


async def _drop(connection: AsyncConnection, workspace_id: WorkspaceId, connection_id: UUID) -> None:
    await connection.execute(
        text("DELETE FROM connection_changes WHERE connection_id = :id AND workspace_id = :workspace"),
        {"id": connection_id, "workspace": workspace_id},
    )
