"""The table of differences: one row for each that was told, with what became of it."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    Numeric,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB

from tradewright.storage.schema import metadata

_time = DateTime(timezone=True)

differences = Table(
    "differences",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("account_id", Uuid, ForeignKey("accounts.id"), nullable=False),
    Column("workspace_id", Uuid, nullable=False),
    Column("kind", Text, nullable=False),  # as `journal.Drift`
    Column("subject", Text, nullable=False),
    Column("category", Text),
    Column("symbol", Text),  # null of what is about the whole account
    Column("position_index", Integer),  # of a position
    Column("order_id", Uuid),  # the row of an order
    Column("part", Numeric),  # of a position: theirs less ours, signed, base coin
    Column("before", JSONB),  # ours; null: we had none
    Column("after", JSONB),  # theirs
    Column("state", Text, nullable=False),
    Column("always", Boolean, nullable=False),  # ignored with all foreign orders of the symbol that come
    Column("decision", Text),
    Column("decided_version", Integer),  # of the row that was decided on
    Column("decided_by", Uuid),
    Column("decided_at", _time),
    Column("close_id", Uuid),  # the intent that closes it
    Column("why", Text),  # a code: why it is not closed
    Column("found_at", _time, nullable=False),
    Column("ended_at", _time),
    Column("version", Integer, nullable=False),
    Column("told", Boolean, nullable=False),  # by an event of the account, since it was decided
    CheckConstraint("state IN ('open', 'ignored', 'adopted', 'closing', 'closed', 'gone')", name="state"),
    Index("ix_differences_open", "account_id", "kind", "subject", unique=True, postgresql_where="state = 'open'"),
    Index("ix_differences_account", "account_id", "found_at"),
    Index("ix_differences_subject", "account_id", "subject"),
)
