"""Logging in by name and password: a session, or the second step for who has a second factor.

A password takes 150 ms to hash, so no transaction is open meanwhile. Not here: the second step (`second_step`), HTTP.
"""

from __future__ import annotations

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from tradewright.core.ids import UserId
from tradewright.identity.entering import Arriving, enter, require_person
from tradewright.identity.half_open import OpenedHalf, open_half
from tradewright.identity.model import LoginFailed, OpenedSession
from tradewright.identity.passwords import Passwords
from tradewright.identity.second_factors import read_factors
from tradewright.identity.tables import users
from tradewright.identity.throttle import admit, forgive, keys_of
from tradewright.identity.usernames import username_key


async def login(
    engine: AsyncEngine, username: str, password: str, *, passwords: Passwords, arriving: Arriving
) -> OpenedSession | OpenedHalf:
    """A new session for a right name and password; for who has a second factor, a login that awaits its second step.

    Raises `LoginFailed`, the same and as slowly for an unknown name as for a wrong password, or `TooManyTries`; and
    `UserDisabled` only to who knew the password.
    """
    name = username_key(username)
    keys = keys_of(name, arriving.caller.ip)
    async with engine.begin() as connection:
        attempt = await admit(connection, keys, now=arriving.clock.now(), ids=arriving.ids)
        found = await connection.execute(
            select(users.c.id, users.c.password_hash).where(users.c.username_key == _storable(name))
        )
        row = found.one_or_none()
    if not await passwords.matches(password, None if row is None else row.password_hash) or row is None:
        raise LoginFailed("the name or the password is wrong")
    user_id = UserId(row.id)
    if passwords.is_of_another_cost(row.password_hash):
        await _rehash(engine, user_id, row.password_hash, await passwords.hash(password))
    async with engine.begin() as connection:
        await require_person(connection, user_id)
        await forgive(connection, attempt, keys[0])
        if (await read_factors(connection, user_id)).has_any:
            return await open_half(connection, user_id, arriving.clock.now())
        return await enter(connection, user_id, "password", arriving)


async def _rehash(engine: AsyncEngine, user_id: UserId, before: str, after: str) -> None:
    """Unless the password was changed meanwhile."""
    async with engine.begin() as connection:
        await connection.execute(
            update(users).where(users.c.id == user_id, users.c.password_hash == before).values(password_hash=after)
        )


def _storable(name: str) -> str:
    """PostgreSQL's text holds neither NUL nor half a surrogate pair; no user has such a name."""
    return "" if "\0" in name or not name.isprintable() else name
