"""Sessions: opened at login and claim, ended by logout, by 12 h without use, or 30 days after they were opened.

Lives here: opening, resolving, rotating, revoking and which workspace a session is about, with their SQL. Not here: the
cookie (`web.auth`), the list that a person reads (`session_list`). Both limits are settings.
An open stream of the browser counts as use, so that a terminal on a screen is not logged out under its reader's eyes.
Revoking deletes the row, so it holds at once for every process; open streams look again every two seconds.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, ScalarSelect, and_, delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.core.clock import Ids
from tradewright.core.ids import UserId, WorkspaceId
from tradewright.identity.model import Membership, OpenedSession, Principal, SessionId, User
from tradewright.identity.tables import memberships, sessions, users, workspaces
from tradewright.identity.tokens import new_token, token_hash

TOUCH_EVERY = timedelta(minutes=1)  # so that a busy page does not write a row with every request
SESSIONS_OF_USER_MAX = 50  # the oldest go first
USER_AGENT_LENGTH_MAX = 256
REPLACED_FOR = timedelta(seconds=10)  # what was sent before the page had its new cookie has arrived by then
MEMBERSHIPS_MAX = 100  # of one person, that a request knows of


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """How long a session lasts: without use, and at most. A shorter limit holds at once for those that are open."""

    inactivity: timedelta = timedelta(hours=12)
    lifetime: timedelta = timedelta(days=30)


USUAL = SessionLimits()


async def open_session(
    connection: AsyncConnection,
    *,
    user_id: UserId,
    user_agent: str,
    now: datetime,
    ids: Ids,
    address: str | None = None,
    workspace_id: WorkspaceId | None = None,
    limits: SessionLimits = USUAL,
) -> OpenedSession:
    """A new session with a fresh token. Ended ones of the same user are swept, and the oldest beyond 50.

    It is about `workspace_id`, or the user's oldest workspace.
    """
    await connection.execute(delete(sessions).where(sessions.c.user_id == user_id, ~is_alive(now, limits)))
    kept = (
        select(sessions.c.id)
        .where(sessions.c.user_id == user_id)
        .order_by(sessions.c.last_seen_at.desc())
        .limit(SESSIONS_OF_USER_MAX - 1)
    )
    await connection.execute(delete(sessions).where(sessions.c.user_id == user_id, sessions.c.id.not_in(kept)))
    opened = OpenedSession(SessionId(ids.new()), new_token(), now + limits.lifetime)
    await connection.execute(
        insert(sessions).values(
            id=opened.id,
            user_id=user_id,
            token_hash=token_hash(opened.token),
            created_at=now,
            last_seen_at=now,
            expires_at=opened.expires_at,
            user_agent=clean_user_agent(user_agent),
            proved_at=now,  # a session begins with a proof
            address=address,
            workspace_id=_oldest_of(user_id) if workspace_id is None else workspace_id,
        )
    )
    return opened


async def resolve_session(
    connection: AsyncConnection, token: str, now: datetime, limits: SessionLimits = USUAL
) -> Principal | None:
    """Who the token belongs to, in the session's workspace; None for an unknown or ended session, and for a user who is
    disabled. The oldest membership counts where the session's workspace is not theirs (any more). So does the token
    that a step-up has just replaced, for `REPLACED_FOR`: the principal says so.

    Counts as use of the session: `last_seen_at` moves on, at most once a minute.
    """
    found = await connection.execute(
        select(
            sessions.c.id,
            sessions.c.last_seen_at,
            users.c.id.label("user_id"),
            users.c.username,
            users.c.language,
            users.c.is_operator,
            memberships.c.workspace_id,
            memberships.c.role,
            workspaces.c.name,
            (sessions.c.token_hash != token_hash(token)).label("is_replaced"),
        )
        .join(users, users.c.id == sessions.c.user_id)
        .join(memberships, memberships.c.user_id == users.c.id)
        .join(workspaces, workspaces.c.id == memberships.c.workspace_id)
        .where(_has_token(token, now), users.c.disabled_at.is_(None), is_alive(now, limits))
        .order_by(
            (memberships.c.workspace_id == sessions.c.workspace_id).desc().nulls_last(),
            workspaces.c.created_at,
            workspaces.c.id,
        )
        .limit(MEMBERSHIPS_MAX)
    )
    rows = found.all()
    if not rows:
        return None
    row = rows[0]
    if now - row.last_seen_at >= TOUCH_EVERY:
        await connection.execute(update(sessions).where(sessions.c.id == row.id).values(last_seen_at=now))
    return Principal(
        SessionId(row.id),
        User(UserId(row.user_id), row.username, row.language, row.is_operator),
        _membership(row),
        elsewhere=tuple(_membership(other) for other in rows[1:]),
        is_replaced=row.is_replaced,
    )


async def rotate(connection: AsyncConnection, session_id: SessionId, token: str, now: datetime) -> OpenedSession | None:
    """Another token in the place of `token`, which is known for a moment longer; None where it was replaced already.

    What was under way with the old one is answered, so nobody is logged out by their own page. Of two who replace one
    token at once the second changes nothing: the browser has one cookie.
    """
    fresh = new_token()
    changed = await connection.execute(
        update(sessions)
        .where(sessions.c.id == session_id, sessions.c.token_hash == token_hash(token))
        .values(token_hash=token_hash(fresh), replaced_hash=token_hash(token), replaced_until=now + REPLACED_FOR)
        .returning(sessions.c.expires_at)
    )
    row = changed.one_or_none()
    return None if row is None else OpenedSession(session_id, fresh, row.expires_at)


async def revoke_session(connection: AsyncConnection, session_id: SessionId) -> bool:
    """Ends the session; False when it had ended already."""
    ended = await connection.execute(delete(sessions).where(sessions.c.id == session_id).returning(sessions.c.id))
    return ended.first() is not None


async def revoke_token(connection: AsyncConnection, token: str, now: datetime) -> None:
    """Ends the session of a token, whoever it belongs to: what a login does with the session it replaces."""
    await connection.execute(delete(sessions).where(_has_token(token, now)))


async def set_workspace(connection: AsyncConnection, principal: Principal, workspace_id: WorkspaceId) -> bool:
    """What the session is about from now on; False when the user is no member there."""
    member = (
        select(memberships.c.user_id)
        .where(memberships.c.user_id == principal.user.id, memberships.c.workspace_id == workspace_id)
        .with_for_update(read=True)  # a removal that is under way waits, or comes first
    )
    if (await connection.execute(member)).first() is None:
        return False
    await connection.execute(
        update(sessions).where(sessions.c.id == principal.session_id).values(workspace_id=workspace_id)
    )
    return True


async def use_sessions(
    connection: AsyncConnection, ids: Collection[SessionId], now: datetime, limits: SessionLimits = USUAL
) -> None:
    """Counts as use of those that have not ended."""
    wanted: list[UUID] = list(ids)
    await connection.execute(
        update(sessions).where(sessions.c.id.in_(wanted), is_alive(now, limits)).values(last_seen_at=now)
    )


async def alive_sessions(
    connection: AsyncConnection, ids: Collection[SessionId], now: datetime, limits: SessionLimits = USUAL
) -> dict[SessionId, WorkspaceId]:
    """Which of the sessions have not ended, and the workspace that each is about. Does not count as use.

    One whose user is disabled, or is no member of its workspace any more, has ended.
    """
    wanted: list[UUID] = list(ids)
    chosen = func.coalesce(sessions.c.workspace_id, _oldest_of(sessions.c.user_id))
    found = await connection.execute(
        select(sessions.c.id, memberships.c.workspace_id)
        .join(users, users.c.id == sessions.c.user_id)
        .join(memberships, and_(memberships.c.user_id == users.c.id, memberships.c.workspace_id == chosen))
        .where(sessions.c.id.in_(wanted), users.c.disabled_at.is_(None), is_alive(now, limits))
    )
    return {SessionId(row.id): WorkspaceId(row.workspace_id) for row in found}


def clean_user_agent(text: str) -> str:
    """What a person reads in the list of sessions: printable, at most 256 characters."""
    return "".join(letter for letter in text if letter.isprintable())[:USER_AGENT_LENGTH_MAX]


def _membership(row: Any) -> Membership:
    return Membership(WorkspaceId(row.workspace_id), row.name, row.role)


def _has_token(token: str, now: datetime) -> ColumnElement[bool]:
    """The condition of the row of the session that the token is of, or was of until a moment ago."""
    mark = token_hash(token)
    return or_(sessions.c.token_hash == mark, and_(sessions.c.replaced_hash == mark, sessions.c.replaced_until > now))


def _oldest_of(user_id: UserId | ColumnElement[UUID]) -> ScalarSelect[UUID]:
    """Of the workspaces that the user is in, the one that has been there for longest."""
    theirs, places = memberships.alias(), workspaces.alias()
    return (
        select(theirs.c.workspace_id)
        .join(places, places.c.id == theirs.c.workspace_id)
        .where(theirs.c.user_id == user_id)
        .order_by(places.c.created_at, places.c.id)
        .limit(1)
        .scalar_subquery()
    )


def is_alive(now: datetime, limits: SessionLimits) -> ColumnElement[bool]:
    """The condition of a row of a session that has not ended."""
    return and_(
        sessions.c.expires_at > now,
        sessions.c.created_at > now - limits.lifetime,
        sessions.c.last_seen_at > now - limits.inactivity,
    )
