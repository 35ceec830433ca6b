"""Accepting an invitation: as a new person, or as one who is signed in already.

A password takes 150 ms to hash, so the offer is looked at before, and held and used up after. The name, the membership
and the session are made in one transaction, so that of two who hold the same link one comes in.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tradewright.core.clock import Clock, Ids
from tradewright.core.errors import InvalidInput, Problem
from tradewright.core.ids import UserId
from tradewright.identity.audited import By
from tradewright.identity.invitations import read_offer, take_up
from tradewright.identity.model import Caller, Language, OpenedSession, Principal
from tradewright.identity.passwords import Passwords, password_problems
from tradewright.identity.sessions import SessionLimits, open_session, set_workspace
from tradewright.identity.tables import users
from tradewright.identity.usernames import username_key, username_problems


@dataclass(frozen=True, slots=True, kw_only=True)
class Newcomer:
    """Who comes in by a link and was not here before."""

    token: str
    username: str
    password: str
    language: Language

    def __repr__(self) -> str:
        return f"Newcomer(username={self.username!r})"


async def join_as_new(
    engine: AsyncEngine,
    asked: Newcomer,
    *,
    passwords: Passwords,
    limits: SessionLimits,
    clock: Clock,
    ids: Ids,
    caller: Caller,
) -> OpenedSession:
    """Makes the user, a member of the workspace, and a session that is about it; all or nothing.

    Raises `InvalidInput` (name, also one that is taken; password), `InvitationUnknown`, `InvitationUsed`; the link is
    spent only by success.
    """
    problems = username_problems(asked.username) + password_problems(asked.password, asked.username)
    if problems:
        raise InvalidInput(problems)
    async with engine.connect() as connection:
        await read_offer(connection, asked.token, clock.now())
        await _require_free(connection, asked.username)
    encoded = await passwords.hash(asked.password)
    async with engine.begin() as connection:
        now = clock.now()
        offer = await read_offer(connection, asked.token, now, hold=True)
        user_id = UserId(ids.new())
        made = await connection.execute(
            insert(users)
            .values(
                id=user_id,
                username=asked.username,
                username_key=username_key(asked.username),
                password_hash=encoded,
                language=asked.language,
                is_operator=False,
                created_at=now,
            )
            .on_conflict_do_nothing(index_elements=["username_key"])
            .returning(users.c.id)
        )
        if made.first() is None:
            raise _taken(asked.username)
        await take_up(connection, offer, user_id, by=By(user_id=user_id, ip=caller.ip, now=now, ids=ids))
        return await open_session(
            connection,
            user_id=user_id,
            user_agent=caller.user_agent,
            address=caller.ip,
            workspace_id=offer.workspace_id,
            now=now,
            ids=ids,
            limits=limits,
        )


async def join_as(connection: AsyncConnection, principal: Principal, token: str, *, by: By) -> None:
    """Somebody who is signed in comes in, and their session is about the workspace from then on.

    Raises `InvitationUnknown`, `InvitationUsed`, `AlreadyMember`.
    """
    offer = await read_offer(connection, token, by.now, hold=True)
    await take_up(connection, offer, principal.user.id, by=by)
    await set_workspace(connection, principal, offer.workspace_id)


async def _require_free(connection: AsyncConnection, username: str) -> None:
    """Whoever holds an invitation may learn that a name is taken; nobody else is told."""
    known = select(users.c.id).where(users.c.username_key == username_key(username))
    if (await connection.execute(known)).first() is not None:
        raise _taken(username)


def _taken(username: str) -> InvalidInput:
    return InvalidInput([Problem("username.taken", "username", {"value": username})])
