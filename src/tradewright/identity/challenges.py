"""Challenges of passkeys: each bound to a session or to a login under way, and good for one answer.

Lives here: making and taking them, with their SQL. Taking one deletes it in a transaction of its own before the answer
is looked at, so no answer, right or wrong, is tried twice on the same challenge.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tradewright.identity.model import SessionId
from tradewright.identity.tables import passkey_challenges
from tradewright.identity.tokens import token_hash

Purpose = Literal["register", "login", "second", "step_up"]
CHALLENGE_BYTES = 32
CHALLENGE_FOR = timedelta(minutes=5)


def bound_to_session(session_id: SessionId) -> str:
    return f"session:{session_id}"


def bound_to_login(token: str) -> str:
    """By the token in the cookie of a login under way, of which only the hash is kept."""
    return f"login:{token_hash(token).hex()}"


async def new_challenge(connection: AsyncConnection, bound_to: str, purpose: Purpose, now: datetime) -> bytes:
    """One that is good for five minutes; the one of before is not any more. Old ones are swept."""
    await connection.execute(delete(passkey_challenges).where(passkey_challenges.c.expires_at <= now))
    values = {"challenge": secrets.token_bytes(CHALLENGE_BYTES), "expires_at": now + CHALLENGE_FOR}
    made = await connection.execute(
        upsert(passkey_challenges)
        .values(bound_to=bound_to, purpose=purpose, **values)
        .on_conflict_do_update(index_elements=["bound_to", "purpose"], set_=values)
        .returning(passkey_challenges.c.challenge)
    )
    return bytes(made.scalar_one())


async def take_challenge(engine: AsyncEngine, bound_to: str, purpose: Purpose, now: datetime) -> bytes | None:
    """Takes it out and commits; None when there is none, or it is too old."""
    async with engine.begin() as connection:
        taken = await connection.execute(
            delete(passkey_challenges)
            .where(passkey_challenges.c.bound_to == bound_to, passkey_challenges.c.purpose == purpose)
            .returning(passkey_challenges.c.challenge, passkey_challenges.c.expires_at)
        )
        row = taken.one_or_none()
    return None if row is None or row.expires_at <= now else bytes(row.challenge)
