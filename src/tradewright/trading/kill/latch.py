"""A latch: the standing order that nothing new is risked, of one account, a workspace or the whole installation.

Lives here: `Scope`, `Latch` and its form as JSON. Not here: its file (`folder`), its row (`store`), which of them are
held right now (`board`), what is done about one (`switch`). No I/O.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from tradewright.core.clock import from_milliseconds, milliseconds
from tradewright.core.errors import AppError
from tradewright.core.ids import AccountId, UserId, WorkspaceId
from tradewright.trading.model import AccountRef

ScopeKind = Literal["account", "workspace", "installation"]
Way = Literal["page", "cli", "api", "socket", "file"]
WAYS: tuple[Way, ...] = ("page", "cli", "api", "socket", "file")
_NAME = re.compile(r"(account|workspace)-([0-9a-f-]{36})|installation")


class LatchUnreadable(AppError):
    """What should be a latch cannot be read as one. It is taken for one all the same, by whoever holds it."""

    code = "kill.unreadable"


@dataclass(frozen=True, slots=True)
class Scope:
    """What a latch is about: `id` is that of the account or of the workspace, None for the installation."""

    kind: ScopeKind
    id: UUID | None = None

    def __post_init__(self) -> None:
        if (self.kind == "installation") != (self.id is None):
            raise ValueError(f"a scope {self.kind} with the id {self.id}: an id, and only for account and workspace")

    @property
    def name(self) -> str:
        """Of its file, without the ending."""
        return self.kind if self.id is None else f"{self.kind}-{self.id}"

    def covers(self, account: AccountRef) -> bool:
        match self.kind:
            case "installation":
                return True
            case "workspace":
                return self.id == account.workspace_id
            case "account":
                return self.id == account.id

    @classmethod
    def of_name(cls, name: str) -> Scope:
        """Raises `LatchUnreadable` for what is no scope's name."""
        found = _NAME.fullmatch(name)
        try:
            if found is not None and found[1] is None:
                return cls("installation")
            if found is not None:
                return cls("account" if found[1] == "account" else "workspace", UUID(found[2]))
        except ValueError:
            pass
        raise LatchUnreadable(f"{name[:80]!r} names no scope; expected installation, workspace-ID or account-ID")


@dataclass(frozen=True, slots=True, kw_only=True)
class Latch:
    """Held until a person releases it. `workspace_id`: in which workspace its account was meant to be; None: whoever
    pulled it may look into every workspace. `pulled_by` is None where nobody signed in pulled it (command line);
    `token_id` is the API token that they did it with."""

    id: UUID
    scope: Scope
    close_positions: bool
    pulled_at: datetime
    pulled_by: UserId | None
    via: Way
    workspace_id: WorkspaceId | None = None
    token_id: UUID | None = None

    def covers(self, account: AccountRef) -> bool:
        if self.workspace_id is not None and self.workspace_id != account.workspace_id:
            return False
        return self.scope.covers(account)

    def as_json(self) -> dict[str, Any]:
        return {
            "id": str(self.id),
            "scope": self.scope.name,
            "close_positions": self.close_positions,
            "pulled_at_ms": milliseconds(self.pulled_at),
            "pulled_by": None if self.pulled_by is None else str(self.pulled_by),
            "via": self.via,
            "workspace_id": None if self.workspace_id is None else str(self.workspace_id),
            "token_id": None if self.token_id is None else str(self.token_id),
        }


def latch_of_json(value: Any) -> Latch:
    """Raises `LatchUnreadable`."""
    if not isinstance(value, Mapping):
        raise LatchUnreadable(f"a latch is a JSON object, not {type(value).__name__}")
    try:
        via, closes = value["via"], value["close_positions"]
        if via not in WAYS or not isinstance(closes, bool):
            raise LatchUnreadable(f"a latch pulled via {via!r} with close_positions {closes!r} is none")
        by, workspace, token = value.get("pulled_by"), value.get("workspace_id"), value.get("token_id")
        return Latch(
            id=UUID(value["id"]),
            scope=Scope.of_name(str(value["scope"])),
            close_positions=closes,
            pulled_at=from_milliseconds(int(value["pulled_at_ms"])),
            pulled_by=None if by is None else UserId(UUID(by)),
            via=via,
            workspace_id=None if workspace is None else WorkspaceId(UUID(workspace)),
            token_id=None if token is None else UUID(token),
        )
    except (KeyError, ValueError, TypeError, AttributeError, OverflowError) as fault:
        raise LatchUnreadable(f"a latch that cannot be read: {fault!r}") from fault


def account_scope(account_id: AccountId) -> Scope:
    return Scope("account", account_id)
