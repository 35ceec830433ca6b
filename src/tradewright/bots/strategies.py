"""What may be asked of kept strategies: save one, add a version, rename, archive, restore. One function each, in the
caller's transaction, with its audit entry.

Not here: whether a text is a strategy (the caller has had it checked and brings what was found), reading
(`strategy_queries`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.bots.deeds import Actor, tell
from tradewright.bots.model import AuthorKind
from tradewright.bots.refusals import IdUsed, StrategyIsArchived, TooManyKept
from tradewright.core.errors import InvalidInput, NotFound, Problem

STRATEGIES_MAX = 500  # of a workspace
VERSIONS_MAX = 1_000  # of a strategy

_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('bots of ' || :workspace, 7))")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSpec:
    """A text that was found to be a strategy: `sha256` of its meaning and `spec_name` are what the check told.
    `version_id` is the caller's."""

    version_id: UUID
    text: str
    sha256: str
    spec_name: str
    author: AuthorKind
    message: str = ""


async def lock_workspace(connection: AsyncConnection, actor: Actor) -> None:
    """One at a time in a workspace, until the transaction ends: what was counted stays so."""
    await connection.execute(_LOCK, {"workspace": str(actor.workspace_id)})


async def save_strategy(connection: AsyncConnection, actor: Actor, strategy_id: UUID, name: str, spec: NewSpec) -> None:
    """Keeps a new strategy with its first version. The same ids and text again are the same strategy.

    Raises `IdUsed`, `TooManyKept`; then nothing is kept.
    """
    await lock_workspace(connection, actor)
    if await _is_known(connection, actor, strategy_id, spec):
        return
    kept = await connection.scalar(
        text("SELECT count(*) FROM strategies WHERE workspace_id = :workspace"), {"workspace": actor.workspace_id}
    )
    if kept is not None and kept >= STRATEGIES_MAX:
        raise TooManyKept(f"this workspace keeps {kept} strategies; {STRATEGIES_MAX} may be kept: add versions to one")
    made = await connection.execute(
        text(
            "INSERT INTO strategies (id, workspace_id, name, created_by, created_at)"
            " VALUES (:id, :workspace, :name, :user, clock_timestamp()) ON CONFLICT (id) DO NOTHING RETURNING id"
        ),
        {"id": strategy_id, "workspace": actor.workspace_id, "name": name, "user": actor.user_id},
    )
    if made.first() is None:
        raise _used(strategy_id)
    await _insert_version(connection, actor, strategy_id, 1, None, spec)
    after = {"name": name, "version": 1, "sha256": spec.sha256, "author": spec.author}
    await tell(connection, actor, "strategy.create", "strategy", strategy_id, after=after)


async def add_version(
    connection: AsyncConnection, actor: Actor, strategy_id: UUID, spec: NewSpec, *, parent: int | None
) -> int:
    """Keeps one more version; its number. `parent` is the number of the one that it was made from, None: the newest.

    The same id and text again are the same version, and the text of the newest again makes none. Raises `NotFound`,
    `InvalidInput` for a parent that is none, `IdUsed`, `StrategyIsArchived`, `TooManyKept`.
    """
    await lock_workspace(connection, actor)
    strategy = await read_for_change(connection, actor, strategy_id)
    known = await _version_by_id(connection, spec.version_id)
    if known is not None:
        if known["strategy_id"] != strategy_id or known["text"] != spec.text:
            raise _used(spec.version_id)
        return int(known["number"])
    if strategy["archived_at"] is not None:
        raise StrategyIsArchived(f"the strategy {strategy['name']!r} is archived; restore it first")
    newest = await _version(connection, actor, strategy_id, None)
    assert newest is not None, "a strategy has a first version"
    if newest["text"] == spec.text:
        return int(newest["number"])
    before = newest if parent is None else await _version(connection, actor, strategy_id, parent)
    if before is None:
        raise InvalidInput([Problem("strategy.version_unknown", "parent", {"value": str(parent)})])
    number = int(newest["number"]) + 1
    if number > VERSIONS_MAX:
        raise TooManyKept(f"this strategy has {VERSIONS_MAX} versions, as many as one may: begin another with its text")
    await _insert_version(connection, actor, strategy_id, number, before["id"], spec)
    after = {"version": number, "sha256": spec.sha256, "author": spec.author}
    await tell(
        connection,
        actor,
        "strategy.version",
        "strategy",
        strategy_id,
        before={"version": before["number"], "sha256": before["sha256"]},
        after=after,
    )
    return number


async def rename_strategy(connection: AsyncConnection, actor: Actor, strategy_id: UUID, name: str) -> None:
    """Raises `NotFound`. The spec's own name stays what its text says."""
    row = await read_for_change(connection, actor, strategy_id)
    if row["name"] == name:
        return
    await connection.execute(
        text("UPDATE strategies SET name = :name WHERE id = :id AND workspace_id = :workspace"),
        {"name": name, "id": strategy_id, "workspace": actor.workspace_id},
    )
    before, after = {"name": row["name"]}, {"name": name}
    await tell(connection, actor, "strategy.rename", "strategy", strategy_id, before=before, after=after)


async def archive_strategy(connection: AsyncConnection, actor: Actor, strategy_id: UUID, *, archived: bool) -> None:
    """Out of the list of those to choose from, or back. Bots of its versions are as they were. Raises `NotFound`."""
    row = await read_for_change(connection, actor, strategy_id)
    if (row["archived_at"] is not None) == archived:
        return
    await connection.execute(
        text(
            "UPDATE strategies SET archived_at = CASE WHEN :archived THEN clock_timestamp() END"
            " WHERE id = :id AND workspace_id = :workspace"
        ),
        {"archived": archived, "id": strategy_id, "workspace": actor.workspace_id},
    )
    action = "strategy.archive" if archived else "strategy.restore"
    await tell(connection, actor, action, "strategy", strategy_id, after={"name": row["name"]})


async def read_for_change(connection: AsyncConnection, actor: Actor, strategy_id: UUID) -> RowMapping:
    """Its row, held until the transaction ends. Raises `NotFound`."""
    found = await connection.execute(
        text("SELECT * FROM strategies WHERE id = :id AND workspace_id = :workspace FOR UPDATE"),
        {"id": strategy_id, "workspace": actor.workspace_id},
    )
    row = found.mappings().first()
    if row is None:
        raise NotFound(f"there is no strategy {strategy_id} in this workspace")
    return row


async def _is_known(connection: AsyncConnection, actor: Actor, strategy_id: UUID, spec: NewSpec) -> bool:
    """Whether exactly this was saved before. Raises `IdUsed` where either id stands for something else."""
    found = await connection.execute(text("SELECT workspace_id FROM strategies WHERE id = :id"), {"id": strategy_id})
    row, version = found.first(), await _version_by_id(connection, spec.version_id)
    if row is None and version is None:
        return False
    if row is None or version is None or row.workspace_id != actor.workspace_id:
        raise _used(strategy_id if row is not None else spec.version_id)
    if version["strategy_id"] != strategy_id or version["text"] != spec.text:
        raise _used(spec.version_id)
    return True


async def _version_by_id(connection: AsyncConnection, version_id: UUID) -> RowMapping | None:
    found = await connection.execute(
        text("SELECT workspace_id, strategy_id, number, text FROM spec_versions WHERE id = :id"), {"id": version_id}
    )
    return found.mappings().first()


async def _version(
    connection: AsyncConnection, actor: Actor, strategy_id: UUID, number: int | None
) -> RowMapping | None:
    """One version by its number, or the newest."""
    which = "" if number is None else " AND number = :number"
    found = await connection.execute(
        text(
            "SELECT id, number, text, sha256 FROM spec_versions"  # noqa: S608
            f" WHERE strategy_id = :strategy AND workspace_id = :workspace{which} ORDER BY number DESC LIMIT 1"
        ),
        {"strategy": strategy_id, "workspace": actor.workspace_id, "number": number},
    )
    return found.mappings().first()


async def _insert_version(
    connection: AsyncConnection, actor: Actor, strategy_id: UUID, number: int, parent_id: UUID | None, spec: NewSpec
) -> None:
    values: dict[str, Any] = {
        "id": spec.version_id,
        "workspace": actor.workspace_id,
        "strategy": strategy_id,
        "number": number,
        "text": spec.text,
        "sha256": spec.sha256,
        "name": spec.spec_name,
        "author": spec.author,
        "user": actor.user_id,
        "message": spec.message,
        "parent": parent_id,
    }
    made = await connection.execute(
        text(
            "INSERT INTO spec_versions (id, workspace_id, strategy_id, number, text, sha256, name, author_kind,"
            " created_by, message, parent_id, created_at) VALUES (:id, :workspace, :strategy, :number, :text, :sha256,"
            " :name, :author, :user, :message, :parent, clock_timestamp()) ON CONFLICT (id) DO NOTHING RETURNING id"
        ),
        values,
    )
    if made.first() is None:
        raise _used(spec.version_id)


def _used(some_id: UUID) -> IdUsed:
    return IdUsed(f"the id {some_id} was used for something else; make a new one")
