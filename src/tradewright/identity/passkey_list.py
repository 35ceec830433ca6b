"""The passkeys that a user has: listing, renaming, removing, with their SQL. Not here: using them (`passkeys`)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.core.errors import NotFound
from tradewright.core.ids import UserId
from tradewright.identity.second_factors import drop_recovery_without_factors
from tradewright.identity.tables import passkeys


class PasskeyUnknown(NotFound):
    """No such passkey of this user."""

    code = "passkey.unknown"


@dataclass(frozen=True, slots=True)
class Passkey:
    id: UUID
    name: str
    rp_id: str
    synced: bool
    created_at: datetime
    last_used_at: datetime | None
    is_suspect: bool


async def passkeys_of(connection: AsyncConnection, user_id: UserId) -> list[Passkey]:
    """Oldest first."""
    found = await connection.execute(
        select(passkeys).where(passkeys.c.user_id == user_id).order_by(passkeys.c.created_at, passkeys.c.id)
    )
    return [
        Passkey(
            row.id,
            row.name,
            row.rp_id,
            row.synced,
            row.created_at,
            row.last_used_at,
            is_suspect=row.suspect_at is not None,
        )
        for row in found
    ]


async def rename(connection: AsyncConnection, user_id: UserId, passkey_id: UUID, name: str) -> None:
    """Raises `PasskeyUnknown`, also for another's."""
    named = await connection.execute(
        update(passkeys)
        .where(passkeys.c.id == passkey_id, passkeys.c.user_id == user_id)
        .values(name=name)
        .returning(passkeys.c.id)
    )
    if named.first() is None:
        raise PasskeyUnknown("you have no such passkey")


async def remove(connection: AsyncConnection, user_id: UserId, passkey_id: UUID) -> None:
    """Raises `PasskeyUnknown`, also for another's."""
    gone = await connection.execute(
        delete(passkeys).where(passkeys.c.id == passkey_id, passkeys.c.user_id == user_id).returning(passkeys.c.id)
    )
    if gone.first() is None:
        raise PasskeyUnknown("you have no such passkey")
    await drop_recovery_without_factors(connection, user_id)
