"""The last step of every login: a session for a person who has proved all that was asked.

Lives here: `Arriving`, `enter`. Not here: the proofs (`logins`, `second_step`).
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.core.clock import Clock, Ids
from tradewright.core.ids import UserId, WorkspaceId
from tradewright.identity.audited import By, note
from tradewright.identity.model import Caller, LoginFailed, OpenedSession, UserDisabled
from tradewright.identity.sessions import USUAL, SessionLimits, open_session, revoke_token
from tradewright.identity.tables import memberships, users


@dataclass(frozen=True, slots=True, kw_only=True)
class Arriving:
    """Who arrives from where; `replaces` is the session token that they had so far, which ends."""

    caller: Caller
    clock: Clock
    ids: Ids
    replaces: str | None = None
    limits: SessionLimits = USUAL


@dataclass(frozen=True, slots=True)
class Person:
    id: UserId
    workspace_id: WorkspaceId


async def enter(connection: AsyncConnection, user_id: UserId, by: str, arriving: Arriving) -> OpenedSession:
    """Opens the session, in the caller's transaction. `by` says what proved it, such as `password, code`.

    Raises `UserDisabled`.
    """
    person = await require_person(connection, user_id)
    now = arriving.clock.now()
    if arriving.replaces is not None:
        await revoke_token(connection, arriving.replaces, now)
    opened = await open_session(
        connection,
        user_id=user_id,
        user_agent=arriving.caller.user_agent,
        address=arriving.caller.ip,
        now=now,
        ids=arriving.ids,
        limits=arriving.limits,
    )
    who = By(user_id=user_id, ip=arriving.caller.ip, now=now, ids=arriving.ids)
    await note(
        connection,
        who,
        "session.login",
        workspace_id=person.workspace_id,
        object_kind="user",
        object_id=user_id,
        after={"by": by},
    )
    return opened


async def require_person(connection: AsyncConnection, user_id: UserId) -> Person:
    """With the workspace that their deeds are noted in. Raises `UserDisabled`, or `LoginFailed` without a workspace."""
    found = await connection.execute(
        select(users.c.disabled_at, memberships.c.workspace_id)
        .join(memberships, memberships.c.user_id == users.c.id)
        .where(users.c.id == user_id)
        .order_by(memberships.c.workspace_id)
        .limit(1)
    )
    row = found.one_or_none()
    if row is None:
        raise LoginFailed("the name or the password is wrong")
    if row.disabled_at is not None:
        raise UserDisabled("the operator of this installation has disabled this user; ask them")
    return Person(user_id, WorkspaceId(row.workspace_id))
