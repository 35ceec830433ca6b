"""What may be asked of bots: make one, give it settings, rename, clone, archive, restore, remove. One function each, in
the caller's transaction, with its audit entry.

Not here: strategies (`strategies`), runs (`starting`, `wishes`), what settings must meet (`settings_rules`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.bots.deeds import Actor, tell
from tradewright.bots.model import BotSettings
from tradewright.bots.refusals import BotChanged, BotHasRun, BotIsArchived, IdUsed, NameTaken, TooManyKept
from tradewright.bots.strategies import lock_workspace
from tradewright.bots.version_rows import (
    current_version,
    insert_version,
    newest_number,
    values_of,
    values_of_row,
)
from tradewright.core.errors import InvalidInput, NotFound, Problem

BOTS_MAX = 500  # of a workspace; removed ones do not count
VERSIONS_MAX = 1_000  # of a bot

_LIVE_RUN = text(
    "SELECT number FROM runs WHERE bot_id = :bot AND workspace_id = :workspace AND ended_at IS NULL LIMIT 1"
)


async def create_bot(
    connection: AsyncConnection, actor: Actor, bot_id: UUID, name: str, settings: BotSettings | None
) -> None:
    """A new bot: ready with settings, a draft without. The same id again, with this name, is the same bot.

    Raises `IdUsed`, `NameTaken`, `TooManyKept`; then there is no new bot.
    """
    await lock_workspace(connection, actor)
    if await _is_known(connection, actor, bot_id, name):
        return
    await _insert(connection, actor, bot_id, name, settings)
    after = {"name": name, **({} if settings is None else values_of(settings))}
    await tell(connection, actor, "bot.create", "bot", bot_id, after=after)


async def edit_bot(
    connection: AsyncConnection, actor: Actor, bot_id: UUID, settings: BotSettings, *, version: int
) -> int:
    """Gives the bot settings: a new version, by number. What runs keeps its own. The settings it has make none.

    `version` is that of the bot's row as it was read. Raises `NotFound`, `BotChanged`, `BotIsArchived`, `TooManyKept`.
    """
    row = await read_for_change(connection, actor, bot_id)
    if row["state"] == "archived":
        raise _archived(row)
    before = await current_version(connection, actor, row)
    if before is not None and values_of_row(before) == values_of(settings):
        return int(before["number"])
    _require_version(row, version)
    number = 1 + (0 if before is None else await newest_number(connection, actor, bot_id))
    if number > VERSIONS_MAX:
        raise TooManyKept(f"this bot has {VERSIONS_MAX} versions, as many as one may: clone it")
    await insert_version(connection, actor, bot_id, number, settings)
    await connection.execute(
        text(
            "UPDATE bots SET state = 'ready', current_version = :number, updated_at = clock_timestamp(),"
            " version = version + 1 WHERE id = :bot AND workspace_id = :workspace"
        ),
        {"number": number, "bot": bot_id, "workspace": actor.workspace_id},
    )
    earlier = None if before is None else {"version": before["number"], **values_of_row(before)}
    after = {"version": number, **values_of(settings)}
    await tell(connection, actor, "bot.version", "bot", bot_id, before=earlier, after=after)
    return number


async def rename_bot(connection: AsyncConnection, actor: Actor, bot_id: UUID, name: str, *, version: int) -> None:
    """Raises `NotFound`, `BotChanged`, `NameTaken`."""
    await lock_workspace(connection, actor)
    row = await read_for_change(connection, actor, bot_id)
    if row["name"] == name:
        return
    _require_version(row, version)
    await _require_free(connection, actor, name)
    await _set(connection, actor, bot_id, "name = :name", {"name": name})
    await tell(connection, actor, "bot.rename", "bot", bot_id, before={"name": row["name"]}, after={"name": name})


async def clone_bot(connection: AsyncConnection, actor: Actor, bot_id: UUID, new_id: UUID, name: str) -> None:
    """A new bot with the current settings of another. The same id again, with this name, is the same bot.

    Raises `NotFound`, `IdUsed`, `NameTaken`, `TooManyKept`.
    """
    await lock_workspace(connection, actor)
    row = await read_for_change(connection, actor, bot_id)
    if await _is_known(connection, actor, new_id, name):
        return
    await _insert(connection, actor, new_id, name, None)
    current = await current_version(connection, actor, row)
    if current is not None:
        await insert_version(connection, actor, new_id, 1, values_of_row(current))
        await _set(connection, actor, new_id, "state = 'ready', current_version = 1", {})
    after = {"name": name, "from": str(bot_id), **({} if current is None else values_of_row(current))}
    await tell(connection, actor, "bot.create", "bot", new_id, after=after)


async def archive_bot(connection: AsyncConnection, actor: Actor, bot_id: UUID) -> None:
    """Out of the list of those to start. Raises `NotFound`, `BotHasRun` while a run of it has not ended."""
    row = await read_for_change(connection, actor, bot_id)
    if row["state"] == "archived":
        return
    await _require_no_run(connection, actor, row)
    await _set(connection, actor, bot_id, "state = 'archived', archived_at = clock_timestamp()", {})
    await tell(connection, actor, "bot.archive", "bot", bot_id, after={"name": row["name"]})


async def restore_bot(connection: AsyncConnection, actor: Actor, bot_id: UUID) -> None:
    """Raises `NotFound`."""
    row = await read_for_change(connection, actor, bot_id)
    if row["state"] != "archived":
        return
    state = "CASE WHEN current_version IS NULL THEN 'draft' ELSE 'ready' END"
    await _set(connection, actor, bot_id, f"state = {state}, archived_at = NULL", {})
    await tell(connection, actor, "bot.restore", "bot", bot_id, after={"name": row["name"]})


async def remove_bot(connection: AsyncConnection, actor: Actor, bot_id: UUID, typed: str) -> None:
    """Takes the bot out of every list, for good; its runs and their events stay. One that has runs is removed by
    typing its name.

    Raises `NotFound`, `BotHasRun`, and `InvalidInput` where what was typed is not the name.
    """
    row = await read_for_change(connection, actor, bot_id)
    await _require_no_run(connection, actor, row)
    if await count_runs(connection, actor, bot_id) and typed.strip().casefold() != row["name"].strip().casefold():
        raise InvalidInput([Problem("bot.name_not_typed", "name", {"expected": row["name"]})])
    await _set(connection, actor, bot_id, "deleted_at = clock_timestamp()", {})
    await tell(connection, actor, "bot.remove", "bot", bot_id, before={"name": row["name"]})


async def count_runs(connection: AsyncConnection, actor: Actor, bot_id: UUID, *, environment: str | None = None) -> int:
    """How many runs a bot ever had, in an environment or in all."""
    where = "" if environment is None else " AND environment = :environment"
    found = await connection.scalar(
        text(f"SELECT count(*) FROM runs WHERE bot_id = :bot AND workspace_id = :workspace{where}"),  # noqa: S608
        {"bot": bot_id, "workspace": actor.workspace_id, "environment": environment},
    )
    return int(found or 0)


async def read_for_change(connection: AsyncConnection, actor: Actor, bot_id: UUID) -> RowMapping:
    """Its row, held until the transaction ends. Raises `NotFound`, also for one that was removed."""
    found = await connection.execute(
        text("SELECT * FROM bots WHERE id = :id AND workspace_id = :workspace AND deleted_at IS NULL FOR UPDATE"),
        {"id": bot_id, "workspace": actor.workspace_id},
    )
    row = found.mappings().first()
    if row is None:
        raise NotFound(f"there is no bot {bot_id} in this workspace")
    return row


def _require_version(row: RowMapping, version: int) -> None:
    if row["version"] != version:
        raise BotChanged(f"the bot {row['name']!r} was changed since it was read; read it again")


def _archived(row: RowMapping) -> BotIsArchived:
    return BotIsArchived(f"the bot {row['name']!r} is archived; restore it first")


async def _require_no_run(connection: AsyncConnection, actor: Actor, row: RowMapping) -> None:
    number = await connection.scalar(_LIVE_RUN, {"bot": row["id"], "workspace": actor.workspace_id})
    if number is not None:
        raise BotHasRun(f"run {number} of the bot {row['name']!r} has not ended; stop it first")


async def _require_free(connection: AsyncConnection, actor: Actor, name: str) -> None:
    """By how it reads: names that differ by case alone would be taken for one another where one is typed."""
    taken = await connection.scalar(
        text(
            "SELECT 1 FROM bots WHERE workspace_id = :workspace AND lower(name) = lower(:name) AND deleted_at IS NULL"
        ),
        {"workspace": actor.workspace_id, "name": name},
    )
    if taken is not None:
        raise NameTaken(f"there is a bot named {name!r} in this workspace; choose another name")


async def _is_known(connection: AsyncConnection, actor: Actor, bot_id: UUID, name: str) -> bool:
    """Whether this bot is there. Raises `IdUsed` where the id stands for another one."""
    found = await connection.execute(
        text("SELECT workspace_id, name, deleted_at FROM bots WHERE id = :id"), {"id": bot_id}
    )
    row = found.first()
    if row is None:
        return False
    if row.workspace_id != actor.workspace_id or row.name != name or row.deleted_at is not None:
        raise IdUsed(f"the id {bot_id} was used for something else; make a new one")
    return True


async def _insert(
    connection: AsyncConnection, actor: Actor, bot_id: UUID, name: str, settings: BotSettings | None
) -> None:
    await _require_free(connection, actor, name)
    kept = await connection.scalar(
        text("SELECT count(*) FROM bots WHERE workspace_id = :workspace AND deleted_at IS NULL"),
        {"workspace": actor.workspace_id},
    )
    if kept is not None and kept >= BOTS_MAX:
        raise TooManyKept(f"this workspace has {kept} bots; {BOTS_MAX} are allowed: remove some")
    made = await connection.execute(
        text(
            "INSERT INTO bots (id, workspace_id, name, state, current_version, created_by, created_at, updated_at)"
            " VALUES (:id, :workspace, :name, :state, :current, :user, clock_timestamp(), clock_timestamp())"
            " ON CONFLICT (id) DO NOTHING RETURNING id"
        ),
        {
            "id": bot_id,
            "workspace": actor.workspace_id,
            "name": name,
            "state": "draft" if settings is None else "ready",
            "current": None if settings is None else 1,
            "user": actor.user_id,
        },
    )
    if made.first() is None:  # another workspace was quicker with the same id
        raise IdUsed(f"the id {bot_id} was used for something else; make a new one")
    if settings is not None:
        await insert_version(connection, actor, bot_id, 1, settings)


async def _set(connection: AsyncConnection, actor: Actor, bot_id: UUID, what: str, values: Mapping[str, Any]) -> None:
    """`what` is written here, in this file, and never by a caller of it."""
    await connection.execute(
        text(
            f"UPDATE bots SET {what}, updated_at = clock_timestamp(), version = version + 1"  # noqa: S608
            " WHERE id = :bot AND workspace_id = :workspace"
        ),
        {"bot": bot_id, "workspace": actor.workspace_id, **values},
    )
