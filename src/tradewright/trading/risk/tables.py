"""Tables of risk: limits as they were set, and how each account's day began."""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Numeric,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB

from tradewright.storage.schema import metadata

_time = DateTime(timezone=True)

# One row for each limit that somebody set. Of the installation it stands instead of the default, and without a value it
# takes the limit away; of a workspace or an account it can only be tighter than what is above.
risk_limits = Table(
    "risk_limits",
    metadata,
    Column("level", Text, nullable=False),
    Column("subject_id", Uuid, nullable=False),  # the workspace, the account; all zeros: the installation
    Column("name", Text, nullable=False),
    Column("workspace_id", Uuid, ForeignKey("workspaces.id")),  # null: of the installation
    Column("value", Numeric),
    Column("symbols", JSONB),  # of the limit `symbols`: a list
    Column("updated_at", _time, nullable=False),
    Column("updated_by", Uuid),
    PrimaryKeyConstraint("level", "subject_id", "name"),
    CheckConstraint("level IN ('installation', 'workspace', 'account')", name="level"),
    CheckConstraint("(level = 'installation') = (workspace_id IS NULL)", name="workspace"),
)

risk_days = Table(
    "risk_days",
    metadata,
    Column("account_id", Uuid, ForeignKey("accounts.id"), nullable=False),
    Column("day", Date, nullable=False),  # UTC
    Column("workspace_id", Uuid, nullable=False),
    Column("equity", Numeric),  # as the wallet told it then; null where it told none
    Column("began_at", _time, nullable=False),
    PrimaryKeyConstraint("account_id", "day"),
)

risk_day_symbols = Table(
    "risk_day_symbols",
    metadata,
    Column("account_id", Uuid, ForeignKey("accounts.id"), nullable=False),
    Column("day", Date, nullable=False),
    Column("category", Text, nullable=False),
    Column("symbol", Text, nullable=False),
    Column("workspace_id", Uuid, nullable=False),
    Column("realised", Numeric, nullable=False),  # by then, in all its time, fees and funding included
    PrimaryKeyConstraint("account_id", "day", "category", "symbol"),
)
