"""Tables of the kill switch: its latches, and for which accounts each was carried out."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
)

from tradewright.storage.schema import metadata

_time = DateTime(timezone=True)

# No foreign keys to accounts and workspaces: a latch that was pulled while the database was away names what it named.
kill_latches = Table(
    "kill_latches",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("scope", Text, nullable=False),  # account | workspace | installation
    Column("scope_id", Uuid),  # of the account or of the workspace
    Column("workspace_id", Uuid),  # whose accounts it may reach; null: all
    Column("close_positions", Boolean, nullable=False),
    Column("pulled_at", _time, nullable=False),
    Column("pulled_by", Uuid),
    Column("token_id", Uuid),  # the API token that they did it with
    Column("via", Text, nullable=False),
    Column("released_at", _time),
    Column("released_by", Uuid),
    CheckConstraint("scope IN ('account', 'workspace', 'installation')", name="scope"),
    CheckConstraint("(scope = 'installation') = (scope_id IS NULL)", name="scope_id"),
    Index("ix_kill_latches_held", "scope", "scope_id", postgresql_where="released_at IS NULL"),
)

kill_acts = Table(
    "kill_acts",
    metadata,
    Column("latch_id", Uuid, ForeignKey("kill_latches.id"), nullable=False),
    Column("account_id", Uuid, nullable=False),
    Column("closed", Boolean, nullable=False),  # positions too, not only orders
    Column("done_at", _time, nullable=False),
    PrimaryKeyConstraint("latch_id", "account_id"),
)
