"""What the scopes of an API token are worth beside a role. No I/O.

Lives here: the scopes and how they compare. Not here: which route needs which (`web.token_scopes`).
"""

from __future__ import annotations

from collections.abc import Collection

from tradewright.identity.model import Role, Scope

SCOPES: tuple[Scope, ...] = ("read", "trade", "manage")
_WORTH: dict[Scope, Role] = {"read": "viewer", "trade": "trader", "manage": "owner"}
_LEAST: dict[Scope, Role] = {"read": "viewer", "trade": "trader", "manage": "trader"}  # who may give it
_ROLES: tuple[Role, ...] = ("viewer", "trader", "owner")


def lower_role(role: Role, scopes: Collection[Scope]) -> Role:
    """The lower of a role and of what the scopes are worth."""
    worth = max((_ROLES.index(_WORTH[scope]) for scope in scopes), default=0)
    return _ROLES[min(worth, _ROLES.index(role))]


def allows(scopes: Collection[Scope], needed: Scope) -> bool:
    """Whoever may trade or manage may also read; trading and managing are apart from each other."""
    return needed in scopes or (needed == "read" and bool(scopes))


def is_beyond(scope: Scope, role: Role) -> bool:
    """Whether somebody of this role has nothing of the kind to give."""
    return _ROLES.index(_LEAST[scope]) > _ROLES.index(role)


def in_order(scopes: Collection[Scope]) -> tuple[Scope, ...]:
    return tuple(scope for scope in SCOPES if scope in scopes)
