"""What may be read of kept strategies: one function each, as the API tells them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.bots.pages import Place, page_of, place_of
from tradewright.core.clock import milliseconds
from tradewright.core.errors import NotFound
from tradewright.core.ids import WorkspaceId

Row = dict[str, Any]
VERSIONS_SHOWN_MAX = 1_000

_STRATEGY = (
    "SELECT s.id, s.name, s.created_by, s.created_at, s.archived_at, v.id AS version_id, v.number, v.sha256,"
    " v.name AS spec_name, v.author_kind, v.created_at AS version_at FROM strategies s CROSS JOIN LATERAL"
    " (SELECT * FROM spec_versions WHERE strategy_id = s.id AND workspace_id = :workspace ORDER BY number DESC LIMIT 1)"
    " v WHERE s.workspace_id = :workspace"
)
_VERSION = (
    "SELECT v.id, v.strategy_id, v.number, v.sha256, v.name, v.author_kind, v.created_by, v.message, v.created_at,"
    " p.number AS parent FROM spec_versions v LEFT JOIN spec_versions p ON p.id = v.parent_id"
    " WHERE v.strategy_id = :strategy AND v.workspace_id = :workspace"
)


async def list_strategies(
    connection: AsyncConnection, workspace_id: WorkspaceId, *, archived: bool, limit: int, before: str | None
) -> tuple[Sequence[Row], str | None]:
    """Newest first, those that are archived or those that are not: (strategies, cursor of the next page or None).
    Raises `InvalidInput` for a cursor that is none."""
    place = Place.of(before)
    found = await connection.execute(
        text(
            f"{_STRATEGY} AND (s.archived_at IS NOT NULL) = :archived {place_of('s', place)}"
            " ORDER BY s.created_at DESC, s.id DESC LIMIT :limit"
        ),
        {"workspace": workspace_id, "archived": archived, "limit": limit + 1, **place.values()},
    )
    return page_of(list(found.mappings()), limit, strategy_view)


async def read_strategy(connection: AsyncConnection, workspace_id: WorkspaceId, strategy_id: UUID) -> Row:
    """One with its versions, newest first, without their texts. Raises `NotFound`."""
    values = {"workspace": workspace_id, "strategy": strategy_id}
    found = await connection.execute(text(f"{_STRATEGY} AND s.id = :strategy"), values)
    row = found.mappings().first()
    if row is None:
        raise NotFound(f"there is no strategy {strategy_id} in this workspace")
    versions = await connection.execute(
        text(f"{_VERSION} ORDER BY v.number DESC LIMIT :limit"), values | {"limit": VERSIONS_SHOWN_MAX}
    )
    return strategy_view(row) | {"versions": [version_view(each) for each in versions.mappings()]}


async def read_version(connection: AsyncConnection, workspace_id: WorkspaceId, strategy_id: UUID, number: int) -> Row:
    """One version with its text. Raises `NotFound`."""
    found = await connection.execute(
        text(f"{_VERSION} AND v.number = :number".replace("SELECT v.id", "SELECT v.text, v.id", 1)),
        {"workspace": workspace_id, "strategy": strategy_id, "number": number},
    )
    row = found.mappings().first()
    if row is None:
        raise NotFound(f"there is no version {number} of a strategy {strategy_id} in this workspace")
    return version_view(row) | {"text": row["text"]}


async def spec_text(connection: AsyncConnection, workspace_id: WorkspaceId, version_id: UUID) -> str | None:
    """The text of a version; None where the workspace has no such version."""
    found: str | None = await connection.scalar(
        text("SELECT text FROM spec_versions WHERE id = :id AND workspace_id = :workspace"),
        {"id": version_id, "workspace": workspace_id},
    )
    return found


def strategy_view(row: RowMapping) -> Row:
    """As `web.schemas.strategies.KeptStrategy`."""
    return {
        "id": str(row["id"]),
        "name": row["name"],
        "created_by": str(row["created_by"]),
        "created_ms": milliseconds(row["created_at"]),
        "archived_ms": None if row["archived_at"] is None else milliseconds(row["archived_at"]),
        "newest": {
            "id": str(row["version_id"]),
            "number": row["number"],
            "sha256": row["sha256"],
            "spec_name": row["spec_name"],
            "author": row["author_kind"],
            "created_ms": milliseconds(row["version_at"]),
        },
    }


def version_view(row: RowMapping) -> Row:
    """As `web.schemas.strategies.SpecVersion`."""
    return {
        "id": str(row["id"]),
        "strategy_id": str(row["strategy_id"]),
        "number": row["number"],
        "sha256": row["sha256"],
        "spec_name": row["name"],
        "author": row["author_kind"],
        "created_by": str(row["created_by"]),
        "message": row["message"],
        "parent": row["parent"],
        "created_ms": milliseconds(row["created_at"]),
    }
