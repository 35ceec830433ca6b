"""The installation's users: listing, disabling and enabling them, by its operator or a shell on its machine.

Nobody is deleted: what somebody did keeps its name. Not here: a person's own profile (`profile`), workspaces
(`members`): the operator has no rights inside of one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.core.ids import UserId
from tradewright.identity.audited import By, note
from tradewright.identity.model import OperatorStays, UserUnknown
from tradewright.identity.tables import memberships, sessions, users
from tradewright.identity.usernames import username_key

LISTED_MAX = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownUser:
    id: UserId
    username: str
    is_operator: bool
    created_at: datetime
    disabled_at: datetime | None
    last_seen_at: datetime | None  # of the sessions that are still there
    workspaces: int


async def all_users(connection: AsyncConnection) -> Sequence[KnownUser]:
    """By name."""
    seen = select(func.max(sessions.c.last_seen_at)).where(sessions.c.user_id == users.c.id).scalar_subquery()
    places = select(func.count()).where(memberships.c.user_id == users.c.id).scalar_subquery()
    found = await connection.execute(
        select(users, seen.label("last_seen_at"), places.label("workspaces"))
        .order_by(users.c.username_key)
        .limit(LISTED_MAX)
    )
    return [
        KnownUser(
            id=UserId(row.id),
            username=row.username,
            is_operator=row.is_operator,
            created_at=row.created_at,
            disabled_at=row.disabled_at,
            last_seen_at=row.last_seen_at,
            workspaces=row.workspaces,
        )
        for row in found
    ]


async def user_named(connection: AsyncConnection, username: str) -> UserId:
    """Raises `UserUnknown`."""
    found = await connection.scalar(select(users.c.id).where(users.c.username_key == username_key(username)))
    if found is None:
        raise UserUnknown(f"this installation has no user {username!r}; `tradewright user list` names them")
    return UserId(found)


async def disable_user(connection: AsyncConnection, user_id: UserId, *, by: By) -> None:
    """They cannot sign in, and their sessions end at once. Harmless twice. Raises `UserUnknown`, `OperatorStays`."""
    is_operator, disabled_at = await _held(connection, user_id)
    if is_operator:
        raise OperatorStays("the operator cannot be disabled: nobody could enable them again")
    if disabled_at is None:
        await connection.execute(update(users).where(users.c.id == user_id).values(disabled_at=by.now))
        await _note(connection, by, "user.disable", user_id)
    await connection.execute(delete(sessions).where(sessions.c.user_id == user_id))


async def enable_user(connection: AsyncConnection, user_id: UserId, *, by: By) -> None:
    """They can sign in again. Harmless twice. Raises `UserUnknown`."""
    _, disabled_at = await _held(connection, user_id)
    if disabled_at is not None:
        await connection.execute(update(users).where(users.c.id == user_id).values(disabled_at=None))
        await _note(connection, by, "user.enable", user_id)


async def end_sessions_of(connection: AsyncConnection, user_id: UserId, *, by: By) -> int:
    """Signs a user out everywhere; how many sessions ended. Raises `UserUnknown`."""
    await _held(connection, user_id)
    ended = await connection.execute(delete(sessions).where(sessions.c.user_id == user_id))
    await _note(connection, by, "user.end_sessions", user_id, {"ended": ended.rowcount})
    return ended.rowcount


async def _held(connection: AsyncConnection, user_id: UserId) -> tuple[bool, datetime | None]:
    """(is the operator, when disabled); nobody else changes it until the caller's transaction ends."""
    found = await connection.execute(
        select(users.c.is_operator, users.c.disabled_at).where(users.c.id == user_id).with_for_update(key_share=True)
    )
    row = found.one_or_none()
    if row is None:
        raise UserUnknown("this installation has no such user")
    return row.is_operator, row.disabled_at


async def _note(
    connection: AsyncConnection, by: By, action: str, user_id: UserId, after: dict[str, object] | None = None
) -> None:
    await note(connection, by, action, workspace_id=None, object_kind="user", object_id=user_id, after=after)
