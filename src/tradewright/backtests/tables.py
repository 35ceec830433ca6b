"""The table of backtests: what was asked, how far it is, what became of it. A queued or running row is a job."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB

from tradewright.storage.schema import metadata

_time = DateTime(timezone=True)

backtests = Table(
    "backtests",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("workspace_id", Uuid, ForeignKey("workspaces.id"), nullable=False),
    Column("user_id", Uuid, ForeignKey("users.id"), nullable=False),
    Column("digest", LargeBinary, nullable=False),  # of what was asked, for the same request again
    Column("asked", Text),  # JSON; null once removed
    Column("name", Text, nullable=False),  # the strategy's
    Column("spec_sha256", Text, nullable=False),
    Column("category", Text, nullable=False),
    Column("symbol", Text, nullable=False),
    Column("timeframe", Text, nullable=False),
    Column("origin", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("cancel_asked", Boolean, nullable=False, server_default="false"),
    Column("bars_done", Integer, nullable=False, server_default="0"),
    Column("bars_total", Integer),
    Column("reason", JSONB),  # why it failed
    Column("metrics", Text),  # JSON as it is told: numbers keep their digits
    Column("report", Text),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("cpu_ms", BigInteger, nullable=False, server_default="0"),  # of all tries
    Column("runner", Uuid),  # the jobs process that has it, and where that is; null unless it runs
    Column("runner_host", Text),
    Column("runner_process", Text),
    Column("beat_at", _time),
    Column("created_at", _time, nullable=False),
    Column("started_at", _time),
    Column("ended_at", _time),
    Column("removed_at", _time),  # its time still counts for a day
    CheckConstraint("state IN ('queued', 'running', 'finished', 'failed', 'cancelled')", name="state"),
    CheckConstraint("(state = 'running') = (runner IS NOT NULL)", name="runner"),
    CheckConstraint("state <> 'finished' OR removed_at IS NOT NULL OR report IS NOT NULL", name="report"),
    Index("ix_backtests_workspace", "workspace_id", "created_at", "id"),
    Index("ix_backtests_user", "user_id", "started_at"),
    Index("ix_backtests_live", "created_at", postgresql_where="state IN ('queued', 'running')"),
)
