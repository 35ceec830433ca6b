"""The tables of the audit trail: entries, the chains they are in, and how the chains' heads were last exported.

They only grow: the database refuses what changes or removes a row, and links each entry itself when its transaction
commits (migration 0015, decision 0036), so that nobody who writes one can forget it.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Index,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from tradewright.storage.schema import metadata

# No foreign keys: an entry outlives whatever it speaks of. A column that is added is in no hash before `audit.chain`
# has another version, which says so.
audit_entries = Table(
    "audit_entries",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("workspace_id", Uuid),
    Column("account_id", Uuid),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("actor_kind", Text, nullable=False),
    Column("actor_id", Uuid),
    Column("action", Text, nullable=False),
    Column("object_kind", Text, nullable=False),
    Column("object_id", Text, nullable=False),
    Column("before", JSONB(none_as_null=True)),
    Column("after", JSONB(none_as_null=True)),
    Column("ip", Text),
    Column("outcome", Text, nullable=False),
    Column("token_id", Uuid),  # the API token that a user's deed was done with
    CheckConstraint("actor_kind IN ('user', 'system', 'exchange')", name="actor_kind"),
    CheckConstraint("(actor_kind = 'user') = (actor_id IS NOT NULL)", name="actor_id"),
)

Index("ix_audit_entries_workspace_id_at", audit_entries.c.workspace_id, audit_entries.c.at)
Index("ix_audit_entries_object_kind_object_id", audit_entries.c.object_kind, audit_entries.c.object_id)
Index(
    "ix_audit_entries_actor_id_at",
    audit_entries.c.actor_id,
    audit_entries.c.at,
    postgresql_where=text("actor_id IS NOT NULL"),
)

# Where an entry is in its chain, and the hash over it and all before it. Chains are named by `audit.chain.chain_of`.
audit_links = Table(
    "audit_links",
    metadata,
    Column("chain", Uuid, primary_key=True),
    Column("sequence", BigInteger, primary_key=True),  # from 1 on, without a gap
    Column("version", SmallInteger, nullable=False),  # of what the hash is over
    Column("entry_id", Uuid, nullable=False),
    Column("hash", LargeBinary, nullable=False),
)

# The last link of each chain; its row is what those that write the same chain wait for.
audit_heads = Table(
    "audit_heads",
    metadata,
    Column("chain", Uuid, primary_key=True),
    Column("sequence", BigInteger, nullable=False),
    Column("hash", LargeBinary, nullable=False),
)

# When heads were last written where they are out of the database's reach, for whoever looks at the trail.
audit_exports = Table(
    "audit_exports",
    metadata,
    Column("target", Text, primary_key=True),
    Column("ok_at", DateTime(timezone=True)),
    Column("failed_at", DateTime(timezone=True)),
    Column("fault", Text),
    CheckConstraint("target IN ('file', 'webhook')", name="target"),
)
