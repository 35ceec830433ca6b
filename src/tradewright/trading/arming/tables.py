"""The table of armings: one row for each time a live account was armed. What it says while it holds is also in
`accounts.armed_until` and `accounts.confirm_above`, for who shows the account."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, DateTime, ForeignKey, Index, Numeric, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

from tradewright.storage.schema import metadata

_time = DateTime(timezone=True)

armings = Table(
    "armings",
    metadata,
    Column("id", Uuid, primary_key=True),  # made by who asks, once per arming
    Column("workspace_id", Uuid, ForeignKey("workspaces.id"), nullable=False),
    Column("account_id", Uuid, ForeignKey("accounts.id"), nullable=False),
    Column("armed_by", Uuid, nullable=False),
    Column("armed_at", _time, nullable=False),  # these by the database's clock
    Column("armed_until", _time, nullable=False),
    Column("confirm_above", Numeric, nullable=False),  # quote coin: orders by hand above it are typed once more
    Column("limits", JSONB, nullable=False),  # in force when it was armed
    Column("key_mark", Text, nullable=False),  # of the key and what the exchange said of it then
    Column("ended_at", _time),
    Column("ended_why", Text),
    CheckConstraint("(ended_at IS NULL) = (ended_why IS NULL)", name="ended"),
    CheckConstraint("armed_until <= armed_at + interval '30 days'", name="not_for_ever"),
    Index("ix_armings_held", "account_id", unique=True, postgresql_where="ended_at IS NULL"),
    Index("ix_armings_account", "account_id", "armed_at"),
)
