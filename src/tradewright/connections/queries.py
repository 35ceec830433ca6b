"""What may be read of connections: one function each. Nothing secret is ever selected."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.connections.model import Connection
from tradewright.connections.rows import COLUMNS, connection_of
from tradewright.core.errors import NotFound
from tradewright.core.ids import WorkspaceId


async def list_connections(connection: AsyncConnection, workspace_id: WorkspaceId) -> Sequence[Connection]:
    """The workspace's connections, oldest first, without those that were removed."""
    found = await connection.execute(
        text(
            f"SELECT {COLUMNS} FROM connections WHERE workspace_id = :workspace AND state <> 'removed'"  # noqa: S608
            " ORDER BY created_at, id"
        ),
        {"workspace": workspace_id},
    )
    return [connection_of(row) for row in found.mappings()]


async def read_connection(connection: AsyncConnection, workspace_id: WorkspaceId, connection_id: UUID) -> Connection:
    """One connection as it stands, also a removed one. Raises `NotFound`."""
    found = await connection.execute(
        text(f"SELECT {COLUMNS} FROM connections WHERE workspace_id = :workspace AND id = :id"),  # noqa: S608
        {"workspace": workspace_id, "id": connection_id},
    )
    row = found.mappings().first()
    if row is None:
        raise NotFound(f"there is no connection {connection_id} in this workspace")
    return connection_of(row)
