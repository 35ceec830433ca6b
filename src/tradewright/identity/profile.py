"""A person's own profile: the language, and the password, changed by who knows it or set anew by a one-time link.

A new password ends every other session of the person. Not here: second factors; a link sets the password alone, and
whoever has a factor is asked for it at the next log-in.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tradewright.core.clock import Clock, Ids
from tradewright.core.errors import InvalidInput, Problem
from tradewright.core.ids import UserId
from tradewright.identity.audited import By, note
from tradewright.identity.half_open import end_halves_of
from tradewright.identity.model import Language, PasswordLinkUnknown, Principal, ProofFailed
from tradewright.identity.passwords import Passwords, password_problems
from tradewright.identity.tables import password_links, sessions, users
from tradewright.identity.throttle import admit, forgive, keys_of
from tradewright.identity.tokens import new_token, token_hash
from tradewright.identity.usernames import username_key

LINK_LIFETIME = timedelta(hours=24)


async def set_language(connection: AsyncConnection, principal: Principal, language: Language, *, by: By) -> None:
    if language == principal.user.language:
        return
    await connection.execute(update(users).where(users.c.id == principal.user.id).values(language=language))
    await note(
        connection,
        by,
        "user.language",
        workspace_id=principal.membership.workspace_id,
        object_kind="user",
        object_id=principal.user.id,
        before={"language": principal.user.language},
        after={"language": language},
    )


async def change_password(
    engine: AsyncEngine,
    principal: Principal,
    *,
    old: str,
    new: str,
    passwords: Passwords,
    clock: Clock,
    ids: Ids,
    ip: str | None,
) -> None:
    """Sets another password and ends every other session of the person. Wrong old ones count as tries to log in.

    Raises `InvalidInput` (the new one), `ProofFailed` (the old one), `TooManyTries`.
    """
    found = password_problems(new, principal.user.username)
    problems = [Problem(each.code, "new_password", each.params) for each in found]
    if not problems and new == old:
        problems = [Problem("password.unchanged", "new_password", {})]
    if problems:
        raise InvalidInput(problems)
    keys = keys_of(username_key(principal.user.username), ip)
    async with engine.begin() as connection:
        attempt = await admit(connection, keys, now=clock.now(), ids=ids)
        stored = await connection.scalar(select(users.c.password_hash).where(users.c.id == principal.user.id))
    if not await passwords.matches(old, stored):
        raise ProofFailed("the old password is wrong; nothing was changed")
    encoded = await passwords.hash(new)
    async with engine.begin() as connection:
        await forgive(connection, attempt, keys[0])
        # Only in the place of the one that was proved: of two changes at once the second has an old password no more.
        changed = await connection.execute(
            update(users)
            .where(users.c.id == principal.user.id, users.c.password_hash == stored)
            .values(password_hash=encoded)
        )
        if not changed.rowcount:
            raise ProofFailed("the password was changed meanwhile; nothing was changed")
        await connection.execute(
            delete(sessions).where(sessions.c.user_id == principal.user.id, sessions.c.id != principal.session_id)
        )
        await end_halves_of(connection, principal.user.id)
        await note(
            connection,
            By(user_id=principal.user.id, ip=ip, now=clock.now(), ids=ids),
            "user.password",
            workspace_id=principal.membership.workspace_id,
            object_kind="user",
            object_id=principal.user.id,
        )


async def make_password_link(connection: AsyncConnection, user_id: UserId, base_url: str, *, by: By) -> str:
    """`<base_url>/reset#<token>`, good once and for a day; earlier ones of the user are good no more."""
    await connection.execute(delete(password_links).where(password_links.c.user_id == user_id))
    token = new_token()
    await connection.execute(
        insert(password_links).values(
            token_hash=token_hash(token), user_id=user_id, created_at=by.now, expires_at=by.now + LINK_LIFETIME
        )
    )
    await note(connection, by, "user.password_link", workspace_id=None, object_kind="user", object_id=user_id)
    return f"{base_url.rstrip('/')}/reset#{token}"


async def set_password_by_link(
    engine: AsyncEngine,
    token: str,
    new: str,
    *,
    passwords: Passwords,
    clock: Clock,
    ids: Ids,
    ip: str | None,
) -> None:
    """Uses the link up, sets the password and ends every session of its user. Raises `InvalidInput`,
    `PasswordLinkUnknown`."""
    async with engine.connect() as connection:
        whose = await _user_of(connection, token, clock.now())
        username = await connection.scalar(select(users.c.username).where(users.c.id == whose))
    problems = password_problems(new, str(username))
    if problems:
        raise InvalidInput(problems)
    encoded = await passwords.hash(new)
    async with engine.begin() as connection:
        now = clock.now()
        user_id = await _user_of(connection, token, now, hold=True)
        await connection.execute(
            update(password_links).where(password_links.c.token_hash == token_hash(token)).values(used_at=now)
        )
        await connection.execute(update(users).where(users.c.id == user_id).values(password_hash=encoded))
        await connection.execute(delete(sessions).where(sessions.c.user_id == user_id))
        await end_halves_of(connection, user_id)
        await note(
            connection,
            By(user_id=user_id, ip=ip, now=now, ids=ids),
            "user.password_by_link",
            workspace_id=None,
            object_kind="user",
            object_id=user_id,
        )


async def _user_of(connection: AsyncConnection, token: str, now: datetime, *, hold: bool = False) -> UserId:
    wanted = select(password_links).where(password_links.c.token_hash == token_hash(token))
    row = (await connection.execute(wanted.with_for_update() if hold else wanted)).one_or_none()
    if row is None or row.used_at is not None or row.expires_at <= now:
        raise PasswordLinkUnknown(
            "no such link, or it was used or is too old; make another with `tradewright user reset-password-link`"
        )
    return UserId(row.user_id)
