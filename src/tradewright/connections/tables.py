"""Tables of connections. What is secret is in `connection_keys` and `connection_changes` alone, as boxes; wiping one
deletes its row, or of a change the box."""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Numeric,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB

from tradewright.storage.schema import metadata

_time = DateTime(timezone=True)

connections = Table(
    "connections",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("workspace_id", Uuid, ForeignKey("workspaces.id"), nullable=False),
    Column("environment", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", JSONB),  # why it was refused, or why it cannot be checked now
    Column("body_digest", LargeBinary),  # keyed, of what was asked, for the same request again; null once wiped
    Column("key_shown", Text, nullable=False),
    Column("proxy_shown", Text),
    Column("facts", JSONB),  # what the exchange last said of the key; null once wiped
    Column("account_id", Uuid),  # once its key was found good
    Column("created_by", Uuid),
    Column("created_at", _time, nullable=False),
    Column("checked_at", _time),  # when the exchange last answered about the key
    Column("failures", Integer, nullable=False, server_default="0"),  # checks in a row that came to no answer
    Column("next_check_at", _time),  # null: at once
    Column("key_changed_at", _time),  # when another key, region or proxy took the place of the one before
    CheckConstraint("environment IN ('sim', 'demo', 'testnet', 'live')", name="environment"),
    CheckConstraint("state IN ('checking', 'ok', 'refused', 'removed')", name="state"),
    Index("ix_connections_workspace", "workspace_id", "created_at"),
    Index("ix_connections_checking", "next_check_at", postgresql_where="state = 'checking'"),
)

connection_keys = Table(
    "connection_keys",
    metadata,
    Column("id", Uuid, primary_key=True),  # the row that the box is bound to
    Column("connection_id", Uuid, ForeignKey("connections.id"), nullable=False, unique=True),
    Column("workspace_id", Uuid, ForeignKey("workspaces.id"), nullable=False),
    Column("sealed", LargeBinary),  # by the API, until the worker has taken it
    Column("data_key", LargeBinary),  # by the worker: the row's own key under the key-encryption key
    Column("secret", LargeBinary),  # by the worker: under the row's own key
    Column("stored_at", _time, nullable=False),
    CheckConstraint(
        "(sealed IS NOT NULL AND data_key IS NULL AND secret IS NULL)"
        " OR (sealed IS NULL AND data_key IS NOT NULL AND secret IS NOT NULL)",
        name="one_box",
    ),
)

# Another key, region or proxy for a connection, until the worker has taken or refused it. One at a time.
connection_changes = Table(
    "connection_changes",
    metadata,
    Column("id", Uuid, primary_key=True),  # made by who asks; the row that the box is bound to
    Column("connection_id", Uuid, ForeignKey("connections.id"), nullable=False, unique=True),
    Column("workspace_id", Uuid, ForeignKey("workspaces.id"), nullable=False),
    Column("sealed", LargeBinary),  # what is changed; null once refused
    Column("key_shown", Text),  # null: the key stays
    Column("region", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", JSONB),
    Column("asked_by", Uuid, nullable=False),
    Column("created_at", _time, nullable=False),
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("next_check_at", _time),
    CheckConstraint("state IN ('checking', 'refused')", name="state"),
    CheckConstraint("(state = 'checking') = (sealed IS NOT NULL)", name="box_while_checking"),
)

# Play money of demo accounts, asked of the exchange by the worker. The newest of a connection stays as its last word.
top_ups = Table(
    "top_ups",
    metadata,
    Column("id", Uuid, primary_key=True),  # made by who asks
    Column("connection_id", Uuid, ForeignKey("connections.id"), nullable=False),
    Column("workspace_id", Uuid, ForeignKey("workspaces.id"), nullable=False),
    Column("coin", Text, nullable=False),
    Column("amount", Numeric, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", JSONB),
    Column("asked_by", Uuid, nullable=False),
    Column("created_at", _time, nullable=False),
    Column("ended_at", _time),
    CheckConstraint("state IN ('asked', 'sending', 'done', 'refused', 'unknown')", name="state"),
    CheckConstraint("amount > 0", name="amount"),
    Index("ix_top_ups_connection", "connection_id", "created_at"),
    Index("ix_top_ups_asked", "created_at", postgresql_where="state IN ('asked', 'sending')"),
)
