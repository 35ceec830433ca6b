"""Recovery codes: ten, shown once, each good once in the place of a second factor.

Lives here: making and taking them, with their SQL. A code has 125 random bits (25 letters and digits that are not
mistaken for one another), so a fast hash of it is enough, as of a session's token; a new set ends the old one.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.core.clock import Ids
from tradewright.core.ids import UserId
from tradewright.identity.tables import recovery_codes

CODES = 10
_LETTERS = "23456789abcdefghjkmnpqrstuvwxyz" + "1"  # 32 of them; `1` stands in for `i` and `l`, and there is no `0`
_GROUPS, _GROUP = 5, 5
_ALIKE = str.maketrans({"i": "1", "l": "1"})


def new_code() -> str:
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(_GROUP)) for _ in range(_GROUPS))


def looks_like_recovery(code: str) -> bool:
    """Told from a one-time code by its length, so that one field takes both."""
    return len(_plain(code)) == _GROUPS * _GROUP


def code_hash(user_id: UserId, code: str) -> bytes:
    """Of this user alone: the same letters at another user are another hash."""
    return hashlib.sha256(user_id.bytes + _plain(code).encode("utf-8", "surrogatepass")).digest()


async def make_codes(connection: AsyncConnection, user_id: UserId, *, now: datetime, ids: Ids) -> list[str]:
    """Ten new ones; those of before are no good any more."""
    codes = [new_code() for _ in range(CODES)]
    await connection.execute(delete(recovery_codes).where(recovery_codes.c.user_id == user_id))
    rows = [
        {"id": ids.new(), "user_id": user_id, "code_hash": code_hash(user_id, code), "created_at": now}
        for code in codes
    ]
    await connection.execute(insert(recovery_codes), rows)
    return codes


async def take_recovery_code(connection: AsyncConnection, user_id: UserId, code: str, now: datetime) -> bool:
    """Uses it up: one conditional UPDATE, so that of two at the same moment one is let in."""
    taken = await connection.execute(
        update(recovery_codes)
        .where(
            recovery_codes.c.user_id == user_id,
            recovery_codes.c.code_hash == code_hash(user_id, code),
            recovery_codes.c.used_at.is_(None),
        )
        .values(used_at=now)
        .returning(recovery_codes.c.id)
    )
    return taken.first() is not None


async def has_codes(connection: AsyncConnection, user_id: UserId) -> bool:
    """Whether there is one that is not used."""
    found = await connection.execute(
        select(func.count()).where(recovery_codes.c.user_id == user_id, recovery_codes.c.used_at.is_(None))
    )
    return bool(found.scalar_one())


def _plain(code: str) -> str:
    """As people type it: with or without dashes and spaces, in capitals, with an `l` for a `1`."""
    return "".join(code.split()).replace("-", "").lower().translate(_ALIKE)
