"""The one-time link by which the first person claims the installation.

Lives here: making links and using one up, with their SQL. Not here: what a claim creates (`commands`).
The token stands in the link's fragment, so no server and no log sees it before the page sends it in a body.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, exists, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.identity.model import ClaimUnknown, ClaimUsed
from tradewright.identity.tables import claim_tokens, users
from tradewright.identity.tokens import new_token, token_hash

LIFETIME = timedelta(hours=24)
_KEPT = timedelta(days=7)  # an old link is told from a made-up one for a week

# One claim at a time, whatever its token: two links in two hands must not both create an operator.
_LOCK = text("SELECT pg_advisory_xact_lock(5711, 1)")


async def is_claimed(connection: AsyncConnection) -> bool:
    """Whether the installation has a user."""
    found = await connection.execute(select(exists().select_from(users)))
    return bool(found.scalar_one())


async def create_claim_link(connection: AsyncConnection, base_url: str, now: datetime) -> str:
    """A fresh link, good once and for 24 hours: `<base_url>/welcome#<token>`. Earlier ones stay good.

    The caller commits. Raises `ClaimUsed` when the installation has been claimed.
    """
    if await is_claimed(connection):
        raise ClaimUsed("this installation has been claimed; its owner can invite you")
    await connection.execute(delete(claim_tokens).where(claim_tokens.c.expires_at < now - _KEPT))
    token = new_token()
    await connection.execute(
        insert(claim_tokens).values(
            token_hash=token_hash(token), created_at=now, expires_at=now + LIFETIME, used_at=None
        )
    )
    return f"{base_url.rstrip('/')}/welcome#{token}"


async def use_claim_token(connection: AsyncConnection, token: str, now: datetime) -> None:
    """Uses the token up in the caller's transaction; every other claim waits until that has ended.

    Raises `ClaimUnknown` (never given out, or too old) or `ClaimUsed` (this token, or the installation).
    """
    await connection.execute(_LOCK)
    found = await connection.execute(
        select(claim_tokens.c.expires_at, claim_tokens.c.used_at)
        .where(claim_tokens.c.token_hash == token_hash(token))
        .with_for_update()
    )
    row = found.one_or_none()
    if row is None:
        raise ClaimUnknown("no such claim link; make a fresh one with `tradewright user claim-link`")
    if row.used_at is not None or await is_claimed(connection):
        raise ClaimUsed("this installation has been claimed already; log in, or ask its owner for an invitation")
    if row.expires_at <= now:
        raise ClaimUnknown(
            "this claim link is more than a day old; make a fresh one with `tradewright user claim-link`"
        )
    await connection.execute(
        update(claim_tokens).where(claim_tokens.c.token_hash == token_hash(token)).values(used_at=now)
    )


async def check_claim_token(connection: AsyncConnection, token: str, now: datetime) -> None:
    """The same refusals without using the token up: asked before a password is hashed, which costs time."""
    found = await connection.execute(
        select(claim_tokens.c.expires_at, claim_tokens.c.used_at).where(claim_tokens.c.token_hash == token_hash(token))
    )
    row = found.one_or_none()
    if row is not None and (row.used_at is not None or await is_claimed(connection)):
        raise ClaimUsed("this installation has been claimed already; log in, or ask its owner for an invitation")
    if row is None or row.expires_at <= now:
        raise ClaimUnknown("no such claim link; make a fresh one with `tradewright user claim-link`")
