"""API tokens: a user's own keys for programs, each of one workspace, with scopes and an end.

Lives here: making, listing, resolving and revoking, with their SQL. Not here: what one looks like (`token_text`), what
scopes are worth (`scopes`), which route one opens (`web.token_scopes`), how wrong ones are slowed (`web.token_guard`).
What a token may is the lower of its scopes and of what its user may at that moment in its workspace. It ends with its
date, by revoking, and with the membership: the database removes it then.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.audit.model import AuditEntry
from tradewright.audit.store import record
from tradewright.core.clock import Ids
from tradewright.core.errors import Conflict, InvalidInput, NotFound, Problem
from tradewright.core.ids import UserId, WorkspaceId
from tradewright.identity.model import Membership, Principal, Role, Scope, SessionId, TokenId, UsedToken, User
from tradewright.identity.scopes import in_order, is_beyond, lower_role
from tradewright.identity.tables import api_tokens, memberships, users, workspaces
from tradewright.identity.token_text import ENDING_LENGTH, new_token_text
from tradewright.identity.tokens import token_hash

TOKENS_OF_USER_MAX = 20
LIFETIME_DAYS_MAX = 365
NAME_LENGTH_MAX = 64
TOUCH_EVERY = timedelta(minutes=1)
_KEPT_AFTER_END = timedelta(days=30)  # so that its owner sees why a program no longer gets in


class TokenUnknown(NotFound):
    """The caller has no such token in this workspace."""

    code = "token.unknown"


class TooManyTokens(Conflict):
    """The user has as many tokens as one may have."""

    code = "token.too_many"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewToken:
    name: str
    scopes: frozenset[Scope]
    expires_in_days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiToken:
    """What its owner sees of it, ever."""

    id: TokenId
    name: str
    scopes: tuple[Scope, ...]
    ending: str
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    last_used_ip: str | None


@dataclass(frozen=True, slots=True)
class MadeToken:
    """A token just made. `text` exists only here and in the one answer; what is stored is its hash."""

    token: ApiToken
    text: str

    def __repr__(self) -> str:
        return f"MadeToken(token={self.token!r}, text=***)"


async def make_token(
    connection: AsyncConnection, caller: Principal, asked: NewToken, *, now: datetime, ids: Ids, ip: str | None
) -> MadeToken:
    """A new token of the caller's in the workspace of the request. The caller commits.

    Raises `InvalidInput` (name, scopes beyond the role, time) and `TooManyTokens`.
    """
    problems = _problems(asked, caller.membership.role)
    if problems:
        raise InvalidInput(problems)
    # Two at once must not both take the last place.
    await connection.execute(select(users.c.id).where(users.c.id == caller.user.id).with_for_update())
    await connection.execute(
        delete(api_tokens).where(
            api_tokens.c.user_id == caller.user.id, api_tokens.c.expires_at < now - _KEPT_AFTER_END
        )
    )
    counted = await connection.execute(
        select(func.count()).where(api_tokens.c.user_id == caller.user.id, api_tokens.c.expires_at > now)
    )
    if int(counted.scalar_one()) >= TOKENS_OF_USER_MAX:
        raise TooManyTokens(f"you have {TOKENS_OF_USER_MAX} API tokens, the most that one may have; revoke one first")
    text = new_token_text()
    token = ApiToken(
        id=TokenId(ids.new()),
        name=asked.name,
        scopes=in_order(asked.scopes),
        ending=text[-ENDING_LENGTH:],
        created_at=now,
        expires_at=now + timedelta(days=asked.expires_in_days),
        last_used_at=None,
        last_used_ip=None,
    )
    await connection.execute(
        insert(api_tokens).values(
            id=token.id,
            workspace_id=caller.membership.workspace_id,
            user_id=caller.user.id,
            name=token.name,
            scopes=list(token.scopes),
            token_hash=token_hash(text),
            ending=token.ending,
            created_at=now,
            expires_at=token.expires_at,
        )
    )
    await _audit(connection, "token.make", caller, token, now=now, ids=ids, ip=ip)
    return MadeToken(token, text)


async def list_tokens(connection: AsyncConnection, caller: Principal) -> Sequence[ApiToken]:
    """The caller's own in this workspace, newest first, those that ended lately among them."""
    found = await connection.execute(
        select(*_SHOWN)
        .where(api_tokens.c.workspace_id == caller.membership.workspace_id, api_tokens.c.user_id == caller.user.id)
        .order_by(api_tokens.c.created_at.desc(), api_tokens.c.id.desc())
    )
    return [_token(row) for row in found]


async def revoke_token(
    connection: AsyncConnection, caller: Principal, token_id: TokenId, *, now: datetime, ids: Ids, ip: str | None
) -> None:
    """Ends it at once, in open streams too. The caller commits. Raises `TokenUnknown`."""
    found = await connection.execute(
        delete(api_tokens)
        .where(
            api_tokens.c.workspace_id == caller.membership.workspace_id,
            api_tokens.c.user_id == caller.user.id,
            api_tokens.c.id == token_id,
        )
        .returning(*_SHOWN)
    )
    row = found.one_or_none()
    if row is None:
        raise TokenUnknown("you have no such API token in this workspace")
    await _audit(connection, "token.revoke", caller, _token(row), now=now, ids=ids, ip=ip)


async def resolve_token(connection: AsyncConnection, text: str, now: datetime, *, ip: str | None) -> Principal | None:
    """Who asks with the token; None for one that never was, was revoked or is over.

    Counts as use of it, at most once a minute, with the address.
    """
    found = await connection.execute(
        select(
            *_SHOWN,
            users.c.id.label("user_id"),
            users.c.username,
            users.c.language,
            users.c.is_operator,
            memberships.c.workspace_id,
            memberships.c.role,
            workspaces.c.name.label("workspace_name"),
        )
        .join(users, users.c.id == api_tokens.c.user_id)
        .join(
            memberships,
            (memberships.c.user_id == api_tokens.c.user_id) & (memberships.c.workspace_id == api_tokens.c.workspace_id),
        )
        .join(workspaces, workspaces.c.id == memberships.c.workspace_id)
        .where(
            api_tokens.c.token_hash == token_hash(text), api_tokens.c.expires_at > now, users.c.disabled_at.is_(None)
        )
    )
    row = found.one_or_none()
    if row is None:
        return None
    if row.last_used_at is None or now - row.last_used_at >= TOUCH_EVERY:
        await connection.execute(
            update(api_tokens)
            .where(api_tokens.c.id == row.id, api_tokens.c.workspace_id == row.workspace_id)
            .values(last_used_at=now, last_used_ip=ip)
        )
    scopes = frozenset(row.scopes)
    return Principal(
        SessionId(row.id),
        # What the operator may beyond a workspace is no token's.
        User(UserId(row.user_id), row.username, row.language, is_operator=False),
        Membership(WorkspaceId(row.workspace_id), row.workspace_name, lower_role(row.role, scopes)),
        UsedToken(TokenId(row.id), row.name, scopes),
    )


async def alive_tokens(
    connection: AsyncConnection, token_ids: Collection[UUID], now: datetime
) -> dict[SessionId, WorkspaceId]:
    """Which of them still hold, by the ids that their principals have, and the workspace of each. It is not a use."""
    if not token_ids:
        return {}
    found = await connection.execute(
        select(api_tokens.c.id, api_tokens.c.workspace_id)
        .join(users, users.c.id == api_tokens.c.user_id)
        .where(api_tokens.c.id.in_(list(token_ids)), api_tokens.c.expires_at > now, users.c.disabled_at.is_(None))
    )
    return {SessionId(row.id): WorkspaceId(row.workspace_id) for row in found}


_SHOWN = (
    api_tokens.c.id,
    api_tokens.c.name,
    api_tokens.c.scopes,
    api_tokens.c.ending,
    api_tokens.c.created_at,
    api_tokens.c.expires_at,
    api_tokens.c.last_used_at,
    api_tokens.c.last_used_ip,
)


def _token(row: Any) -> ApiToken:
    return ApiToken(
        id=TokenId(row.id),
        name=row.name,
        scopes=in_order(row.scopes),
        ending=row.ending,
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        last_used_ip=row.last_used_ip,
    )


def _problems(asked: NewToken, role: Role) -> list[Problem]:
    problems = []
    if not asked.name.strip() or not asked.name.isprintable() or len(asked.name) > NAME_LENGTH_MAX:
        problems.append(Problem("token.name", "name", {"maximum": str(NAME_LENGTH_MAX)}))
    if not asked.scopes:
        problems.append(Problem("input.missing", "scopes"))
    problems += [
        Problem("token.beyond_role", "scopes", {"scope": scope, "role": role})
        for scope in in_order(asked.scopes)
        if is_beyond(scope, role)
    ]
    if not 1 <= asked.expires_in_days <= LIFETIME_DAYS_MAX:
        params = {"minimum": "1", "maximum": str(LIFETIME_DAYS_MAX)}
        problems.append(Problem("input.range", "expires_in_days", params))
    return problems


async def _audit(
    connection: AsyncConnection,
    action: str,
    caller: Principal,
    token: ApiToken,
    *,
    now: datetime,
    ids: Ids,
    ip: str | None,
) -> None:
    told = {
        "name": token.name,
        "scopes": list(token.scopes),
        "ending": token.ending,
        "expires_at": token.expires_at.isoformat(),
    }
    await record(
        connection,
        AuditEntry(
            id=ids.new(),
            workspace_id=caller.membership.workspace_id,
            at=now,
            actor_kind="user",
            actor_id=caller.user.id,
            action=action,
            object_kind="token",
            object_id=str(token.id),
            before=told if action == "token.revoke" else None,
            after=told if action == "token.make" else None,
            ip=ip,
            outcome="done",
        ),
    )
