"""What may be asked of identity: claim the installation, log out; one function each.

A password takes 150 ms to hash, so each command has its own transactions and none is open meanwhile: what must be true
is checked before, and again under the lock after.
Not here: logging in (`logins`), HTTP, cookies (`web`); the account that a claim also makes comes in as a function.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tradewright.audit.model import AuditEntry
from tradewright.audit.store import record
from tradewright.core.clock import Clock, Ids
from tradewright.core.errors import InvalidInput
from tradewright.core.ids import UserId, WorkspaceId
from tradewright.identity.claims import check_claim_token, use_claim_token
from tradewright.identity.model import Caller, Language, OpenedSession, Principal
from tradewright.identity.passwords import Passwords, password_problems
from tradewright.identity.sessions import USUAL, SessionLimits, open_session, revoke_session
from tradewright.identity.tables import memberships, users, workspaces
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
    problems = username_problems(asked.username) + password_problems(asked.password, asked.username)
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
