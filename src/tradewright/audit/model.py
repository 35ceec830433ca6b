"""What one entry of the audit trail says. No I/O."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from tradewright.core.ids import AccountId, UserId, WorkspaceId

ActorKind = Literal["user", "system", "exchange"]

# The API token that the request under way came with: a property of the request, as its log fields are, so that no deed
# can be recorded without it. Set by who found out who asks; None with a session, and outside of requests.
acting_token: ContextVar[UUID | None] = ContextVar("acting_token", default=None)


@contextmanager
def acting_with(token_id: UUID | None) -> Iterator[None]:
    """Within it, deeds are recorded as done with that API token (None: with none): for who records what was asked in
    another process or by another request."""
    before = acting_token.set(token_id)
    try:
        yield
    finally:
        acting_token.reset(before)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One deed. `before` and `after` hold plain values (decimals and ids may stay as they are) and never a secret."""

    id: UUID
    at: datetime  # aware UTC
    actor_kind: ActorKind
    action: str  # dotted and stable, such as `order.place`
    object_kind: str  # such as `order`
    object_id: str
    outcome: str  # such as `asked`, `acknowledged`, `refused`
    actor_id: UserId | None = None  # a user's id; None for the system and the exchange
    workspace_id: WorkspaceId | None = None  # None for what concerns the installation
    account_id: AccountId | None = None
    before: Mapping[str, Any] | None = None  # None: there was nothing before
    after: Mapping[str, Any] | None = None
    ip: str | None = None

    def __post_init__(self) -> None:
        if self.at.tzinfo is None:
            raise ValueError(
                f"audit entry {self.action}: the time {self.at.isoformat()} has no zone; give an aware time"
            )
        if (self.actor_kind == "user") != (self.actor_id is not None):
            raise ValueError(f"audit entry {self.action}: a user, and only a user, has an actor_id")
