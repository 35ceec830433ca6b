"""The table of the audit trail. It only grows: the application has no statement that changes or removes a row."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, DateTime, Index, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

from tradewright.storage.schema import metadata

# No foreign keys: an entry outlives whatever it speaks of.
audit_entries = Table(
    "audit_entries",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("workspace_id", Uuid),
    Column("account_id", Uuid),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("actor_kind", Text, nullable=False),
    Column("actor_id", Uuid),
    Column("token_id", Uuid),  # the API token that a user's deed was done with
    Column("action", Text, nullable=False),
    Column("object_kind", Text, nullable=False),
    Column("object_id", Text, nullable=False),
    Column("before", JSONB(none_as_null=True)),
    Column("after", JSONB(none_as_null=True)),
    Column("ip", Text),
    Column("outcome", Text, nullable=False),
    CheckConstraint("actor_kind IN ('user', 'system', 'exchange')", name="actor_kind"),
    CheckConstraint("(actor_kind = 'user') = (actor_id IS NOT NULL)", name="actor_id"),
)

Index("ix_audit_entries_workspace_id_at", audit_entries.c.workspace_id, audit_entries.c.at)
Index("ix_audit_entries_object_kind_object_id", audit_entries.c.object_kind, audit_entries.c.object_id)
