"""What may be asked of identity: claim the installation, log in, log out; one function each.

A password takes 150 ms to hash, so each command has its own transactions and none is open meanwhile: what must be true
is checked before, and again under the lock after.
Not here: HTTP, cookies (`web`); the account that a claim also makes comes in as a function.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tradewright.audit.model import AuditEntry
from tradewright.audit.store import record
from tradewright.core.clock import Clock, Ids
from tradewright.core.errors import InvalidInput
from tradewright.core.ids import UserId, WorkspaceId
from tradewright.identity.claims import check_claim_token, use_claim_token
from tradewright.identity.model import Language, LoginFailed, OpenedSession, Principal, UserDisabled
from tradewright.identity.passwords import Passwords, password_problems
from tradewright.identity.sessions import USUAL, SessionLimits, open_session, revoke_session, revoke_token
from tradewright.identity.tables import memberships, users, workspaces
from tradewright.identity.throttle import admit, forgive, keys_of
from tradewright.identity.usernames import username_key, username_problems

# Makes what a new workspace starts with, in the claim's transaction.
Provision = Callable[[AsyncConnection, WorkspaceId, datetime], Awaitable[object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Who wants to be the first user."""

    token: str
    username: str
    password: str
    language: Language

    def __repr__(self) -> str:
        return f"Claim(username={self.username!r})"


@dataclass(frozen=True, slots=True)
class Caller:
    """Where a request comes from, for the audit trail and the list of sessions."""

    ip: str | None
    user_agent: str


async def claim(
    engine: AsyncEngine,
    asked: Claim,
    *,
    passwords: Passwords,
    provision: Provision,
    clock: Clock,
    ids: Ids,
    caller: Caller,
    limits: SessionLimits = USUAL,
) -> OpenedSession:
    """Creates the operator, their workspace (as its owner), what `provision` makes and a session, all or nothing.

    Raises `InvalidInput` (name, password), `ClaimUnknown`, `ClaimUsed`; the token is spent only by success.
    """
    problems = username_problems(asked.username) + password_problems(asked.password)
    if problems:
        raise InvalidInput(problems)
    async with engine.connect() as connection:
        await check_claim_token(connection, asked.token, clock.now())
    encoded = await passwords.hash(asked.password)
    async with engine.begin() as connection:
        now = clock.now()
        await use_claim_token(connection, asked.token, now)
        user_id, workspace_id = UserId(ids.new()), WorkspaceId(ids.new())
        await connection.execute(
            insert(users).values(
                id=user_id,
                username=asked.username,
                username_key=username_key(asked.username),
                password_hash=encoded,
                language=asked.language,
                is_operator=True,
                created_at=now,
            )
        )
        await connection.execute(insert(workspaces).values(id=workspace_id, name=asked.username, created_at=now))
        await connection.execute(insert(memberships).values(workspace_id=workspace_id, user_id=user_id, role="owner"))
        await provision(connection, workspace_id, now)
        opened = await open_session(
            connection,
            user_id=user_id,
            user_agent=caller.user_agent,
            address=caller.ip,
            now=now,
            ids=ids,
            limits=limits,
        )
        await _audit(connection, "installation.claim", user_id, workspace_id, now=now, ids=ids, caller=caller)
    return opened


async def login(
    engine: AsyncEngine,
    username: str,
    password: str,
    *,
    passwords: Passwords,
    clock: Clock,
    ids: Ids,
    caller: Caller,
    replaces: str | None,
    limits: SessionLimits = USUAL,
) -> OpenedSession:
    """A new session for a right name and password. `replaces` is the caller's session token so far; it ends.

    Raises `LoginFailed`, the same and as slowly for an unknown name as for a wrong password, or `TooManyTries`; and
    `UserDisabled` only to who knew the password.
    """
    name = username_key(username)
    keys = keys_of(name, caller.ip)
    async with engine.begin() as connection:
        attempt = await admit(connection, keys, now=clock.now(), ids=ids)
        found = await connection.execute(
            select(users.c.id, users.c.password_hash, users.c.disabled_at, memberships.c.workspace_id)
            .join(memberships, memberships.c.user_id == users.c.id)
            .where(users.c.username_key == _storable(name))
            .order_by(memberships.c.workspace_id)
            .limit(1)
        )
        row = found.one_or_none()
    if not await passwords.matches(password, None if row is None else row.password_hash) or row is None:
        raise LoginFailed("the name or the password is wrong")
    if row.disabled_at is not None:
        raise UserDisabled("the operator of this installation has disabled this user; ask them")
    async with engine.begin() as connection:
        now = clock.now()
        await forgive(connection, attempt, keys[0])
        if replaces is not None:
            await revoke_token(connection, replaces)
        opened = await open_session(
            connection,
            user_id=row.id,
            user_agent=caller.user_agent,
            address=caller.ip,
            now=now,
            ids=ids,
            limits=limits,
        )
        await _audit(connection, "session.login", row.id, row.workspace_id, now=now, ids=ids, caller=caller)
    return opened


async def logout(engine: AsyncEngine, principal: Principal, *, clock: Clock, ids: Ids, caller: Caller) -> None:
    """Ends the caller's session at once, here and in every open stream."""
    async with engine.begin() as connection:
        if await revoke_session(connection, principal.session_id):
            await _audit(
                connection,
                "session.logout",
                principal.user.id,
                principal.membership.workspace_id,
                now=clock.now(),
                ids=ids,
                caller=caller,
            )


def _storable(name: str) -> str:
    """PostgreSQL's text holds neither NUL nor half a surrogate pair; no user has such a name."""
    return "" if "\0" in name or not name.isprintable() else name


async def _audit(
    connection: AsyncConnection,
    action: str,
    user_id: UserId,
    workspace_id: WorkspaceId,
    *,
    now: datetime,
    ids: Ids,
    caller: Caller,
) -> None:
    await record(
        connection,
        AuditEntry(
            id=ids.new(),
            workspace_id=workspace_id,
            account_id=None,
            at=now,
            actor_kind="user",
            actor_id=user_id,
            action=action,
            object_kind="user",
            object_id=str(user_id),
            before=None,
            after=None,
            ip=caller.ip,
            outcome="done",
        ),
    )
