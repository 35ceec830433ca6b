"""Step-up: whether a session proved lately that it is still in its person's hands, and proving it once more.

Lives here: `is_proved` with its SQL, and the proofs by password, code and passkey. A log-in is a proof as well, so what
needs one can be done for ten minutes after it. Who has a second factor proves themselves by it. With the proof the
session gets another token, so that a copy of the old cookie gains nothing by it.
Not here: which operations need one (`web.step_up`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tradewright.identity.challenges import bound_to_session, new_challenge
from tradewright.identity.entering import Arriving
from tradewright.identity.model import OpenedSession, Principal, ProofFailed, SessionId
from tradewright.identity.passkeys import Credential, Site, assertion_options
from tradewright.identity.passwords import Passwords
from tradewright.identity.proofs import note_own, prove_code, prove_passkey
from tradewright.identity.second_factors import FactorNeeded, SecretBox, read_factors
from tradewright.identity.sessions import rotate
from tradewright.identity.tables import sessions, users
from tradewright.identity.throttle import admit, factor_keys_of, forgive, keys_of
from tradewright.identity.usernames import username_key

LIFETIME = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Proved:
    """`session` has the token that the caller goes on with; None: keep the one there is, which is new already."""

    until: datetime
    session: OpenedSession | None


async def is_proved(connection: AsyncConnection, session_id: SessionId, now: datetime) -> bool:
    """Whether the session has proved itself within the last ten minutes. False for what is no session."""
    until = await proved_until(connection, session_id)
    return until is not None and until > now


async def proved_until(connection: AsyncConnection, session_id: SessionId) -> datetime | None:
    found = await connection.execute(select(sessions.c.proved_at).where(sessions.c.id == session_id))
    proved_at: datetime | None = found.scalar_one_or_none()
    return None if proved_at is None else proved_at + LIFETIME


async def prove_by_password(
    engine: AsyncEngine, principal: Principal, password: str, *, passwords: Passwords, arriving: Arriving
) -> Proved:
    """A proof by the password. Its tries count with those of the login, for both guess the same secret.

    Raises `ProofFailed`, `TooManyTries`, or `FactorNeeded` for who has a second factor.
    """
    async with engine.connect() as connection:
        if (await read_factors(connection, principal.user.id)).has_any:
            raise FactorNeeded("you have a second factor: confirm with its code or with your passkey")
    await check_password(engine, principal, password, passwords=passwords, arriving=arriving)
    async with engine.begin() as connection:
        return await _prove(connection, principal, "password", arriving)


async def check_password(
    engine: AsyncEngine, principal: Principal, password: str, *, passwords: Passwords, arriving: Arriving
) -> None:
    """Raises `ProofFailed` or `TooManyTries`."""
    keys = keys_of(username_key(principal.user.username), arriving.caller.ip)
    async with engine.begin() as connection:
        attempt = await admit(connection, keys, now=arriving.clock.now(), ids=arriving.ids)
        found = await connection.execute(select(users.c.password_hash).where(users.c.id == principal.user.id))
        encoded = found.scalar_one_or_none()
    if not await passwords.matches(password, encoded):
        raise ProofFailed("the password is wrong")
    async with engine.begin() as connection:
        await forgive(connection, attempt, keys[0])


async def prove_by_code(
    engine: AsyncEngine, principal: Principal, code: str, *, box: SecretBox, arriving: Arriving
) -> Proved:
    """A proof by a one-time or a recovery code. Raises `ProofFailed`, `TooManyTries`."""
    user_id = principal.user.id
    keys = factor_keys_of(user_id, arriving.caller.ip)
    async with engine.begin() as connection:
        attempt = await admit(connection, keys, now=arriving.clock.now(), ids=arriving.ids)
    way = await prove_code(engine, user_id, code, box=box, arriving=arriving, action="session.step_up")
    if way is None:
        raise ProofFailed("the code is wrong, or it was used already")
    async with engine.begin() as connection:
        await forgive(connection, attempt, keys[0])
        return await _prove(connection, principal, way, arriving)


async def ask_passkey(engine: AsyncEngine, principal: Principal, site: Site, arriving: Arriving) -> dict[str, Any]:
    """What the browser asks the user's passkeys."""
    async with engine.begin() as connection:
        bound_to = bound_to_session(principal.session_id)
        challenge = await new_challenge(connection, bound_to, "step_up", arriving.clock.now())
        return await assertion_options(connection, principal.user.id, site=site, challenge=challenge)


async def prove_by_passkey(
    engine: AsyncEngine, principal: Principal, credential: Credential, *, site: Site, arriving: Arriving
) -> Proved:
    """Raises `ProofFailed`, `PasskeySuspect`."""
    bound_to = bound_to_session(principal.session_id)
    found = await prove_passkey(engine, credential, bound_to=bound_to, purpose="step_up", site=site, arriving=arriving)
    if found is None or found.user_id != principal.user.id:
        raise ProofFailed("this passkey is not yours, or its answer does not fit what was asked; try again")
    async with engine.begin() as connection:
        return await _prove(connection, principal, "passkey", arriving)


async def _prove(connection: AsyncConnection, principal: Principal, by: str, arriving: Arriving) -> Proved:
    """Notes the proof and replaces the token that it came with, in the caller's transaction."""
    now = arriving.clock.now()
    await connection.execute(update(sessions).where(sessions.c.id == principal.session_id).values(proved_at=now))
    workspace_id = principal.membership.workspace_id
    await note_own(connection, "session.step_up", principal.user.id, workspace_id, arriving, now=now, after={"by": by})
    token = arriving.replaces
    fresh = None if token is None else await rotate(connection, principal.session_id, token, now)
    return Proved(now + LIFETIME, fresh)
