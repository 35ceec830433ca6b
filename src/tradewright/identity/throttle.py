"""How often a secret may be tried: at most 20 wrong ones in an hour for each name and for each address.

Passwords, the codes of a user's second factor, and questions for a passkey of nobody yet are counted apart.

Lives here: `admit`, `forgive`, with their SQL. The count is in the database, so it holds over all processes and after a
restart; when the database is away nobody logs in. A try is booked before the comparing, so parallel tries cannot all
see the same free place. The price: who knows a name can lock it for an hour. Sessions that are open stay open.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.core.clock import Ids
from tradewright.identity.model import TooManyTries
from tradewright.identity.tables import login_attempts

TRIES_MAX = 20
WINDOW = timedelta(hours=1)
_SWEPT_MAX = 1_000  # old rows swept at one login

_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 7))")


def keys_of(username_key: str, address: str | None) -> tuple[str, str]:
    """The two keys of a try, hashed: people type passwords into the name's field. IPv6 counts by its /64."""
    return _hashed("name", username_key), _hashed("address", network_of(address))


def factor_keys_of(user_id: UUID, address: str | None) -> tuple[str, str]:
    """The two keys of a code that is tried, at a login or a step-up: of whose factor it is, and the address."""
    return _hashed("factor", str(user_id)), _hashed("factor address", network_of(address))


def passkey_key_of(address: str | None) -> str:
    """The key of who begins to log in by a passkey: nobody's name is known yet."""
    return _hashed("passkey address", network_of(address))


async def admit(connection: AsyncConnection, keys: Sequence[str], *, now: datetime, ids: Ids) -> UUID:
    """Books one try under every key and returns its id; the caller commits before comparing.

    Raises `TooManyTries` when one of the keys has used its tries; then nothing is booked.
    """
    for key in sorted(keys):  # in one order, so that two logins cannot wait for each other
        await connection.execute(_LOCK, {"key": key})
    since = now - WINDOW
    old = (
        select(login_attempts.c.id)
        .where(login_attempts.c.at <= since)
        .limit(_SWEPT_MAX)
        .with_for_update(skip_locked=True)
    )
    await connection.execute(delete(login_attempts).where(login_attempts.c.id.in_(old)))
    waits = []
    for key in keys:
        found = await connection.execute(
            select(login_attempts.c.at)
            .where(login_attempts.c.key == key, login_attempts.c.at > since)
            .order_by(login_attempts.c.at.desc())
            .offset(TRIES_MAX - 1)
            .limit(1)
        )
        blocking = found.scalar_one_or_none()
        if blocking is not None:
            waits.append(blocking + WINDOW - now)
    if waits:
        raise TooManyTries(max(1, -(-max(waits) // timedelta(seconds=1))))
    attempt = ids.new()
    await connection.execute(
        insert(login_attempts), [{"id": ids.new(), "attempt_id": attempt, "key": key, "at": now} for key in keys]
    )
    return attempt


async def forgive(connection: AsyncConnection, attempt: UUID, name_key: str) -> None:
    """After a right password: this try does not count for the address, and none counts for the name any more."""
    await connection.execute(
        delete(login_attempts).where((login_attempts.c.attempt_id == attempt) | (login_attempts.c.key == name_key))
    )


async def tries_in_window(connection: AsyncConnection, key: str, now: datetime) -> int:
    """How many tries count under a key just now."""
    found = await connection.execute(
        select(func.count()).where(login_attempts.c.key == key, login_attempts.c.at > now - WINDOW)
    )
    return int(found.scalar_one())


def _hashed(kind: str, value: str) -> str:
    return hashlib.sha256(f"{kind}\0{value}".encode("utf-8", "surrogatepass")).hexdigest()


def network_of(address: str | None) -> str:
    """An IPv4 address as it is, an IPv6 address by its /64: one household has 2^64 of those."""
    if address is None:
        return ""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
