"""Step-up: whether a session proved lately that it is still in its person's hands, and proving it once more.

Lives here: `is_proved` and `prove` with their SQL, and the proof by password. A log-in is a proof as well, so what
needs one can be done for ten minutes after it. Not here: which operations need one (`web.step_up`).
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tradewright.audit.model import AuditEntry
from tradewright.audit.store import record
from tradewright.core.clock import Clock, Ids
from tradewright.identity.commands import Caller
from tradewright.identity.model import Principal, ProofFailed, SessionId
from tradewright.identity.passwords import Passwords
from tradewright.identity.tables import sessions, users
from tradewright.identity.throttle import admit, forgive, keys_of
from tradewright.identity.usernames import username_key

LIFETIME = timedelta(minutes=10)


async def is_proved(connection: AsyncConnection, session_id: SessionId, now: datetime) -> bool:
    """Whether the session has proved itself within the last ten minutes. False for what is no session."""
    found = await connection.execute(select(sessions.c.proved_at).where(sessions.c.id == session_id))
    proved_at = found.scalar_one_or_none()
    return bool(proved_at is not None and proved_at > now - LIFETIME)


async def prove(
    connection: AsyncConnection, principal: Principal, *, by: str, now: datetime, ids: Ids, caller: Caller
) -> datetime:
    """Notes the proof, in the caller's transaction; returns until when it holds."""
    await connection.execute(update(sessions).where(sessions.c.id == principal.session_id).values(proved_at=now))
    await record(
        connection,
        AuditEntry(
            id=ids.new(),
            workspace_id=principal.membership.workspace_id,
            at=now,
            actor_kind="user",
            actor_id=principal.user.id,
            action="session.step_up",
            object_kind="user",
            object_id=str(principal.user.id),
            after={"by": by},
            ip=caller.ip,
            outcome="done",
        ),
    )
    return now + LIFETIME


async def prove_by_password(
    engine: AsyncEngine,
    principal: Principal,
    password: str,
    *,
    passwords: Passwords,
    clock: Clock,
    ids: Ids,
    caller: Caller,
) -> datetime:
    """A proof by the user's password. Its tries count with those of the login, for both guess the same secret.

    Raises `ProofFailed` or `TooManyTries`.
    """
    keys = keys_of(username_key(principal.user.username), caller.ip)
    async with engine.begin() as connection:
        attempt = await admit(connection, keys, now=clock.now(), ids=ids)
        found = await connection.execute(select(users.c.password_hash).where(users.c.id == principal.user.id))
        encoded = found.scalar_one_or_none()
    if not await passwords.matches(password, encoded):
        raise ProofFailed("the password is wrong")
    async with engine.begin() as connection:
        await forgive(connection, attempt, keys[0])
        return await prove(connection, principal, by="password", now=clock.now(), ids=ids, caller=caller)
