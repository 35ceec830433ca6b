"""Rows of connections into `Connection`, and the statement that reads them.

Not here: who may read which (`queries`), boxes (`store`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping

from tradewright.connections.model import Connection, ShownChange, ShownFacts
from tradewright.core.fault import Fault
from tradewright.core.ids import AccountId, WorkspaceId
from tradewright.core.order import KeyFacts

COLUMNS = (
    "id, workspace_id, environment, name, region, state, reason, key_shown, proxy_shown, facts, account_id,"
    " created_at, checked_at,"
    # Not its box: that is for the worker alone.
    " (SELECT jsonb_build_object('id', c.id, 'state', c.state, 'reason', c.reason, 'key_shown', c.key_shown,"
    " 'region', c.region, 'created_at', c.created_at) FROM connection_changes c"
    " WHERE c.connection_id = connections.id AND c.workspace_id = connections.workspace_id) AS change"
)
CHANNEL = "connections"
# What goes with the key when that is wiped: all that nobody needs to know which key it was and why it is gone.
WIPED = "body_digest = NULL, facts = NULL, proxy_shown = NULL"


def connection_of(row: RowMapping) -> Connection:
    return Connection(
        id=row["id"],
        workspace_id=WorkspaceId(row["workspace_id"]),
        environment=row["environment"],
        name=row["name"],
        state=row["state"],
        reason=None if row["reason"] is None else Fault(**row["reason"]),
        account_id=None if row["account_id"] is None else AccountId(row["account_id"]),
        key_shown=row["key_shown"],
        region=row["region"],
        proxy_shown=row["proxy_shown"],
        facts=None if row["facts"] is None else _facts_of(row["facts"]),
        created_at=row["created_at"],
        checked_at=row["checked_at"],
        change=None if row["change"] is None else _change_of(row["change"]),
    )


def facts_as_json(facts: KeyFacts) -> dict[str, Any]:
    return {
        "uid": facts.uid,
        "read_only": facts.read_only,
        "permissions": {group: list(names) for group, names in facts.permissions.items()},
        "ips": list(facts.ips),
        "expires_at": None if facts.expires_at is None else facts.expires_at.isoformat(),
    }


def _change_of(stored: dict[str, Any]) -> ShownChange:
    return ShownChange(
        id=UUID(stored["id"]),
        state=stored["state"],
        reason=None if stored["reason"] is None else Fault(**stored["reason"]),
        key_shown=stored["key_shown"],
        region=stored["region"],
        created_at=datetime.fromisoformat(stored["created_at"]),
    )


def _facts_of(stored: dict[str, Any]) -> ShownFacts:
    return ShownFacts(
        uid=stored["uid"],
        read_only=stored["read_only"],
        permissions={group: tuple(names) for group, names in stored["permissions"].items()},
        ips=tuple(stored["ips"]),
        expires_at=None if stored["expires_at"] is None else datetime.fromisoformat(stored["expires_at"]),
    )
