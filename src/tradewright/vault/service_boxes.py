"""Where secrets of the service keyring lie, and each of them under its newest key, row by row.

Lives here: `BoxColumn` and the list of them, `rewrap_service`, `needed_service_ids`. Not here: the keys
(`service_rotation`), who stores a secret. Each row is a transaction of its own: a kill leaves it as it was or as it
shall be, both of which the keyring opens, and the next run goes on with the rest. Rows of all workspaces: this is the
operator's work on the installation, and nothing of a row is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tradewright.storage.keyring_locks import hold_keyring
from tradewright.vault.binding import RowBinding
from tradewright.vault.service import ServiceKeyring
from tradewright.vault.wrapping import Unopenable, Wrapped, key_id_of

Reach = Callable[[str], None]  # a named point; a test ends the process there
_PASSES_MAX = 5  # rows that are stored meanwhile by a process that has not read the new key yet


@dataclass(frozen=True, slots=True, kw_only=True)
class BoxColumn:
    """`column` of `table` has what `Wrapped.joined` made; `key` names the row. `of_workspace`: the row has the column
    `workspace_id`, which is part of the binding."""

    table: str
    column: str
    key: str = "id"
    of_workspace: bool = False

    def binding(self, row_id: UUID, workspace_id: UUID | None = None) -> RowBinding:
        """What a secret is bound to when it is wrapped, and opened."""
        assert (workspace_id is not None) == self.of_workspace, f"{self.table}.{self.column}"
        return RowBinding(table=self.table, column=self.column, row_id=row_id, workspace_id=workspace_id)

    def binding_of(self, row: RowMapping) -> RowBinding:
        return self.binding(row["key"], row["workspace_id"])

    @property
    def selected(self) -> str:
        workspace = "workspace_id" if self.of_workspace else "CAST(NULL AS uuid)"
        named = f"{self.key} AS key, {workspace} AS workspace_id, {self.column} AS box"
        return f"SELECT {named} FROM {self.table}"  # noqa: S608  # names of ours alone


TOTP_SECRET: Final = BoxColumn(table="totp_factors", column="secret", key="user_id")
CHANNEL_ADDRESS: Final = BoxColumn(table="notification_channels", column="address", of_workspace=True)
BOX_COLUMNS: Final = (TOTP_SECRET, CHANNEL_ADDRESS)  # a test holds that none is missing


@dataclass(slots=True)
class RewrappedSecrets:
    """`unopenable` names rows (`table id`) that no key opens: left untouched, the right keyring may come back."""

    done: int = 0
    unopenable: set[str] = field(default_factory=set)


async def rewrap_service(engine: AsyncEngine, keyring: ServiceKeyring, reach: Reach) -> RewrappedSecrets:
    """Until no row is left that the newest key does not open. Resumable at any row."""
    found = RewrappedSecrets()
    for _ in range(_PASSES_MAX):
        before = found.done
        for column in BOX_COLUMNS:
            async with engine.connect() as connection:
                keys = list(await connection.scalars(text(f"SELECT {column.key} FROM {column.table} ORDER BY 1")))  # noqa: S608
            for key in keys:
                await _rewrap(engine, keyring, column, key, found, reach)
        if found.done == before:
            break
    return found


async def _rewrap(
    engine: AsyncEngine, keyring: ServiceKeyring, column: BoxColumn, key: UUID, found: RewrappedSecrets, reach: Reach
) -> None:
    async with engine.begin() as connection:
        await hold_keyring(connection, "service")
        rows = await connection.execute(text(f"{column.selected} WHERE {column.key} = :key FOR UPDATE"), {"key": key})
        row = rows.mappings().first()
        if row is None:
            return  # removed meanwhile
        wrapped = Wrapped.parted(bytes(row["box"]))
        try:
            if key_id_of(wrapped) == keyring.ring.active.key_id:
                return
            fresh = keyring.ring.rewrapped(wrapped, column.binding_of(row))
        except Unopenable:
            found.unopenable.add(f"{column.table} {key}")
            return
        reach("row.opened")
        await connection.execute(
            text(f"UPDATE {column.table} SET {column.column} = :box WHERE {column.key} = :key"),  # noqa: S608
            {"box": fresh.joined(), "key": key},
        )
        reach("row.written")
    found.done += 1
    reach("row.committed")


async def needed_service_ids(connection: AsyncConnection, every: Collection[bytes]) -> dict[bytes, int]:
    """Which keys rows name, and how many each; a row that does not say may need any of `every`."""
    needed: dict[bytes, int] = {}
    for column in BOX_COLUMNS:
        for row in (await connection.execute(text(column.selected))).mappings():
            for each in _ids_of(row, every):
                needed[each] = needed.get(each, 0) + 1
    return needed


def _ids_of(row: RowMapping, every: Collection[bytes]) -> Collection[Any]:
    try:
        named = key_id_of(Wrapped.parted(bytes(row["box"])))
    except Unopenable:
        return []
    return every if named is None else [named]
