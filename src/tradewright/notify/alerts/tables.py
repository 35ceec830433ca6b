"""The table of price alerts. Each belongs to one person in one workspace and goes with their membership."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKeyConstraint,
    Index,
    Integer,
    Numeric,
    Table,
    Text,
    Uuid,
)

from tradewright.storage.schema import metadata

_time = DateTime(timezone=True)

price_alerts = Table(
    "price_alerts",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("workspace_id", Uuid, nullable=False),
    Column("user_id", Uuid, nullable=False),
    Column("environment", Text, nullable=False),  # whose market
    Column("category", Text, nullable=False),
    Column("symbol", Text, nullable=False),
    Column("price_by", Text, nullable=False),
    Column("direction", Text, nullable=False),
    Column("price", Numeric, nullable=False),
    Column("repeats", Boolean, nullable=False),
    Column("ends_at", _time),
    Column("note", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("is_reached", Boolean),  # whether the price was there when it was last judged; null: not judged yet
    Column("fired_at", _time),  # the last time
    Column("fired_price", Numeric),
    Column("fired_count", Integer, nullable=False),
    Column("created_at", _time, nullable=False),
    Column("version", Integer, nullable=False),
    ForeignKeyConstraint(
        ["workspace_id", "user_id"], ["memberships.workspace_id", "memberships.user_id"], ondelete="CASCADE"
    ),
    CheckConstraint("price_by IN ('last', 'mark')", name="price_by"),
    CheckConstraint("direction IN ('above', 'below')", name="direction"),
    CheckConstraint("price > 0", name="price"),
    CheckConstraint("state IN ('waiting', 'paused', 'fired', 'ended')", name="state"),
    Index("ix_price_alerts_of_user", "workspace_id", "user_id", "created_at", "id"),
    Index("ix_price_alerts_waiting", "environment", "category", "symbol", postgresql_where="state = 'waiting'"),
)
