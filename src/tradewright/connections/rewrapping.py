"""Every stored key under the newest generation of the trading keyring, row by row, as often as it is interrupted.

Lives here: `rewrap_all`, `needed_ids`. Not here: generations (`vault.rotation`). Each row is a transaction of its own:
a kill leaves it as it was or as it shall be, both of which the keyring opens, and the next run goes on with the rest.
Rows of all workspaces: this is the operator's work on the installation, and nothing of a row is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tradewright.storage.keyring_locks import hold_keyring
from tradewright.vault.binding import Binding
from tradewright.vault.opening import TradingKeyring
from tradewright.vault.sealing import KEY_ID_LENGTH
from tradewright.vault.wrapping import Unopenable, Wrapped, key_id_of

Reach = Callable[[str], None]
_PASSES_MAX = 5  # rows that are stored meanwhile by a worker that has not read the new keyring yet


@dataclass(slots=True)
class Rewrapped:
    """`unopenable` are connections whose key no generation opens: left untouched, the right keyring may come back."""

    done: int = 0
    unopenable: set[UUID] = field(default_factory=set)


async def rewrap_all(engine: AsyncEngine, keyring: TradingKeyring, reach: Reach) -> Rewrapped:
    """Until no row is left that the newest generation does not open. Resumable at any row."""
    found = Rewrapped()
    for _ in range(_PASSES_MAX):
        if not await _one_pass(engine, keyring, found, reach):
            break
    return found


async def _one_pass(engine: AsyncEngine, keyring: TradingKeyring, found: Rewrapped, reach: Reach) -> bool:
    """Whether any row had to be done."""
    async with engine.connect() as connection:
        keys = list(await connection.scalars(text("SELECT id FROM connection_keys ORDER BY id")))
        changes = list(
            await connection.scalars(text("SELECT id FROM connection_changes WHERE sealed IS NOT NULL ORDER BY id"))
        )
    before = found.done
    for row_id in keys:
        await _key(engine, keyring, row_id, found, reach)
    for row_id in changes:
        await _change(engine, keyring, row_id, found, reach)
    return found.done > before


async def _key(engine: AsyncEngine, keyring: TradingKeyring, row_id: UUID, found: Rewrapped, reach: Reach) -> None:
    async with engine.begin() as connection:
        await hold_keyring(connection, "trading")
        row = await _locked(connection, "SELECT * FROM connection_keys WHERE id = :id FOR UPDATE", row_id)
        if row is None:
            return  # removed meanwhile
        binding = Binding(workspace_id=row.workspace_id, connection_id=row.connection_id, row_id=row_id)
        try:
            fresh = _fresh(keyring, row, binding)
        except Unopenable:
            found.unopenable.add(row.connection_id)
            return
        if fresh is None:
            return
        reach("row.opened")
        await connection.execute(
            text("UPDATE connection_keys SET sealed = NULL, data_key = :data_key, secret = :secret WHERE id = :id"),
            {"data_key": fresh.data_key, "secret": fresh.secret, "id": row_id},
        )
        reach("row.written")
    found.done += 1
    reach("row.committed")


def _fresh(keyring: TradingKeyring, row: Row[tuple[object, ...]], binding: Binding) -> Wrapped | None:
    """What the row shall hold; None where it is so already."""
    if row.sealed is not None:
        sealed = bytes(row.sealed)
        return None if keyring.is_sealed_anew(sealed) else keyring.wrap(keyring.open(sealed, binding), binding)
    wrapped = Wrapped(bytes(row.data_key), bytes(row.secret))
    if key_id_of(wrapped) == keyring.ring.active.key_id:
        return None
    return keyring.ring.rewrapped(wrapped, binding)


async def _change(engine: AsyncEngine, keyring: TradingKeyring, row_id: UUID, found: Rewrapped, reach: Reach) -> None:
    async with engine.begin() as connection:
        await hold_keyring(connection, "trading")
        row = await _locked(connection, "SELECT * FROM connection_changes WHERE id = :id FOR UPDATE", row_id)
        if row is None or row.sealed is None or keyring.is_sealed_anew(bytes(row.sealed)):
            return
        binding = Binding(workspace_id=row.workspace_id, connection_id=row.connection_id, row_id=row_id)
        try:
            fresh = keyring.sealing_key().seal(keyring.open(bytes(row.sealed), binding), binding)
        except Unopenable:
            found.unopenable.add(row.connection_id)
            return
        reach("row.opened")
        await connection.execute(
            text("UPDATE connection_changes SET sealed = :sealed WHERE id = :id"), {"sealed": fresh, "id": row_id}
        )
        reach("row.written")
    found.done += 1
    reach("row.committed")


async def needed_ids(connection: AsyncConnection, every: Collection[bytes]) -> dict[bytes, int]:
    """Which ids rows name, and how many each; a row that does not say may need any of `every`."""
    needed: dict[bytes, int] = {}

    def note(ids: Collection[bytes]) -> None:
        for each in ids:
            needed[each] = needed.get(each, 0) + 1

    for row in await connection.execute(text("SELECT sealed, data_key, secret FROM connection_keys")):
        note(_ids_of(row.sealed, None if row.data_key is None else Wrapped(bytes(row.data_key), b""), every))
    for row in await connection.execute(text("SELECT sealed FROM connection_changes WHERE sealed IS NOT NULL")):
        note(_ids_of(row.sealed, None, every))
    return needed


def _ids_of(sealed: bytes | None, wrapped: Wrapped | None, every: Collection[bytes]) -> Collection[bytes]:
    if sealed is not None:
        return [bytes(sealed)[1 : 1 + KEY_ID_LENGTH]]
    assert wrapped is not None, "a row has one box"
    try:
        named = key_id_of(wrapped)
    except Unopenable:
        return []
    return every if named is None else [named]


async def _locked(connection: AsyncConnection, statement: str, row_id: UUID) -> Row[tuple[object, ...]] | None:
    return (await connection.execute(text(statement), {"id": row_id})).first()
