"""The boxes of connections' keys on PostgreSQL: opened with the keyring, and kept wrapped.

Lives here: `open_credentials`, `keep_wrapped`, and `access_of`, how an account is reached. Not here: verdicts
(`store`), new generations of the keyring (`rewrapping`). What was opened goes into a signer and nowhere else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tradewright.connections.model import Connection, Credentials, read_credentials
from tradewright.connections.rows import COLUMNS, connection_of
from tradewright.core.clock import Ids
from tradewright.core.errors import NotFound
from tradewright.core.ids import AccountId, WorkspaceId
from tradewright.core.instrument import Category
from tradewright.exchange.bybit.codec import categories_of
from tradewright.storage.engine import reading
from tradewright.storage.keyring_locks import hold_keyring
from tradewright.vault.binding import Binding
from tradewright.vault.opening import Opener
from tradewright.vault.wrapping import Unopenable, Wrapped


async def has_boxes(engine: AsyncEngine) -> bool:
    """Whether a key is stored, of whatever workspace, so that the keyring it was stored with is needed."""
    async with reading(engine) as connection:
        return bool(
            await connection.scalar(
                text(
                    "SELECT EXISTS (SELECT 1 FROM connection_keys)"
                    " OR EXISTS (SELECT 1 FROM connection_changes WHERE sealed IS NOT NULL)"
                )
            )
        )


async def open_credentials(
    connection: AsyncConnection, keyring: Opener, workspace_id: WorkspaceId, connection_id: UUID
) -> Credentials:
    """What was sealed or wrapped for this connection. Raises `Unopenable`, also when there is nothing."""
    found = await connection.execute(
        text(
            "SELECT id, sealed, data_key, secret FROM connection_keys"
            " WHERE connection_id = :id AND workspace_id = :workspace"
        ),
        {"id": connection_id, "workspace": workspace_id},
    )
    row = found.first()
    if row is None:
        raise Unopenable("this connection has no key any more; add its account anew")
    binding = Binding(workspace_id=workspace_id, connection_id=connection_id, row_id=row.id)
    if row.sealed is not None:
        return read_credentials(keyring.open(bytes(row.sealed), binding))
    return read_credentials(keyring.unwrap(Wrapped(bytes(row.data_key), bytes(row.secret)), binding))


async def box_stored_at(connection: AsyncConnection, workspace_id: WorkspaceId, connection_id: UUID) -> datetime | None:
    """When the connection's key was last stored; None while it has none."""
    found: datetime | None = await connection.scalar(
        text("SELECT stored_at FROM connection_keys WHERE connection_id = :id AND workspace_id = :workspace"),
        {"id": connection_id, "workspace": workspace_id},
    )
    return found


async def keep_wrapped(
    connection: AsyncConnection,
    keyring: Opener,
    known: Connection,
    credentials: Credentials,
    now: datetime,
    ids: Ids,
    *,
    is_another: bool = False,
) -> None:
    """In the connection's row, which is made where its key was wiped, and anew for another key: who armed an account
    for one key must see that it is not that one any more."""
    await hold_keyring(connection, "trading")
    named = {"id": known.id, "workspace": known.workspace_id}
    if is_another:
        await connection.execute(
            text("DELETE FROM connection_keys WHERE connection_id = :id AND workspace_id = :workspace"), named
        )
    row_id = await connection.scalar(
        text("SELECT id FROM connection_keys WHERE connection_id = :id AND workspace_id = :workspace FOR UPDATE"), named
    )
    is_new = row_id is None
    row_id = row_id or ids.new()
    binding = Binding(workspace_id=known.workspace_id, connection_id=known.id, row_id=row_id)
    wrapped = keyring.wrap(credentials.as_bytes(), binding)
    statement = (
        "INSERT INTO connection_keys (id, connection_id, workspace_id, data_key, secret, stored_at)"
        " VALUES (:row, :id, :workspace, :data_key, :secret, :now)"
        if is_new
        else "UPDATE connection_keys SET sealed = NULL, data_key = :data_key, secret = :secret, stored_at = :now"
        " WHERE id = :row AND connection_id = :id AND workspace_id = :workspace"
    )
    values = {"data_key": wrapped.data_key, "secret": wrapped.secret, "now": now, "row": row_id}
    await connection.execute(text(statement), values | named)


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How the account of a connection is reached. Its credentials go into a signer and nowhere else."""

    connection: Connection
    credentials: Credentials
    categories: Sequence[Category]


async def access_of(
    connection: AsyncConnection, keyring: Opener, workspace_id: WorkspaceId, account_id: AccountId
) -> Access:
    """The connection of an account; one that is checked again serves on. Raises `Unopenable`, `NotFound`."""
    found = await connection.execute(
        text(
            f"SELECT {COLUMNS} FROM connections WHERE account_id = :account AND workspace_id = :workspace"  # noqa: S608
            " AND state IN ('ok', 'checking') ORDER BY created_at DESC LIMIT 1"
        ),
        {"account": account_id, "workspace": workspace_id},
    )
    row = found.mappings().first()
    if row is None:
        raise NotFound("the account has no connection with a good key any more; add it anew")
    known = connection_of(row)
    credentials = await open_credentials(connection, keyring, workspace_id, known.id)
    categories = () if known.facts is None else categories_of(known.facts.permissions)
    return Access(connection=known, credentials=credentials, categories=categories)
