"""Half-open logins: the password was right, and the second step is awaited. No session is there yet.

Lives here: opening, finding, counting its tries, ending, with their SQL. It lasts five minutes and five tries; its
token is in a cookie of its own, and only its hash is kept. Not here: what the second step is (`second_step`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.core.ids import UserId
from tradewright.identity.second_factors import HalfOpenEnded
from tradewright.identity.tables import half_open_logins
from tradewright.identity.tokens import new_token, token_hash

LIFETIME = timedelta(minutes=5)
TRIES = 5
_OF_USER_MAX = 10  # who knows the password can open no more than these at a time; the oldest go first


@dataclass(frozen=True, slots=True)
class HalfOpen:
    user_id: UserId
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class OpenedHalf:
    """One just opened. `token` exists only here and in its cookie."""

    token: str
    expires_at: datetime

    def __repr__(self) -> str:
        return f"OpenedHalf(token=***, expires_at={self.expires_at.isoformat()})"


async def open_half(connection: AsyncConnection, user_id: UserId, now: datetime) -> OpenedHalf:
    await connection.execute(delete(half_open_logins).where(half_open_logins.c.expires_at <= now))
    kept = (
        select(half_open_logins.c.token_hash)
        .where(half_open_logins.c.user_id == user_id)
        .order_by(half_open_logins.c.created_at.desc())
        .limit(_OF_USER_MAX - 1)
    )
    await connection.execute(
        delete(half_open_logins).where(
            half_open_logins.c.user_id == user_id, half_open_logins.c.token_hash.not_in(kept)
        )
    )
    opened = OpenedHalf(new_token(), now + LIFETIME)
    await connection.execute(
        insert(half_open_logins).values(
            token_hash=token_hash(opened.token),
            user_id=user_id,
            created_at=now,
            expires_at=opened.expires_at,
            tries_left=TRIES,
        )
    )
    return opened


async def find_half(connection: AsyncConnection, token: str | None, now: datetime) -> HalfOpen | None:
    """The login under way that the token belongs to; None when it has ended."""
    if token is None:
        return None
    found = await connection.execute(
        select(half_open_logins.c.user_id, half_open_logins.c.expires_at).where(
            half_open_logins.c.token_hash == token_hash(token),
            half_open_logins.c.expires_at > now,
            half_open_logins.c.tries_left > 0,
        )
    )
    row = found.one_or_none()
    return None if row is None else HalfOpen(UserId(row.user_id), row.expires_at)


async def use_try(connection: AsyncConnection, token: str | None, now: datetime) -> HalfOpen:
    """Books one of its tries, before anything is compared; the caller commits. Raises `HalfOpenEnded`."""
    if token is not None:
        booked = await connection.execute(
            update(half_open_logins)
            .where(
                half_open_logins.c.token_hash == token_hash(token),
                half_open_logins.c.expires_at > now,
                half_open_logins.c.tries_left > 0,
            )
            .values(tries_left=half_open_logins.c.tries_left - 1)
            .returning(half_open_logins.c.user_id, half_open_logins.c.expires_at)
        )
        row = booked.one_or_none()
        if row is not None:
            return HalfOpen(UserId(row.user_id), row.expires_at)
    raise HalfOpenEnded("this login was too long ago or had too many wrong codes; begin again with the password")


async def end_half(connection: AsyncConnection, token: str) -> bool:
    """Ends it; False when another has ended it meanwhile, and then no session may come of it."""
    ended = await connection.execute(
        delete(half_open_logins)
        .where(half_open_logins.c.token_hash == token_hash(token))
        .returning(half_open_logins.c.user_id)
    )
    return ended.first() is not None


async def end_halves_of(connection: AsyncConnection, user_id: UserId) -> None:
    """All of a user: when the password or the factors change."""
    await connection.execute(delete(half_open_logins).where(half_open_logins.c.user_id == user_id))
