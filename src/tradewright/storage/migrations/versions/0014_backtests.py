"""Backtests over the API, which are their own queue."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "backtests",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("asked", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("spec_sha256", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("timeframe", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("cancel_asked", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("bars_done", sa.Integer(), server_default="0", nullable=False),
        sa.Column("bars_total", sa.Integer(), nullable=True),
        sa.Column("reason", postgresql.JSONB(), nullable=True),
        sa.Column("metrics", sa.Text(), nullable=True),
        sa.Column("report", sa.Text(), nullable=True),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("cpu_ms", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("runner", sa.Uuid(), nullable=True),
        sa.Column("runner_host", sa.Text(), nullable=True),
        sa.Column("runner_process", sa.Text(), nullable=True),
        sa.Column("beat_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('queued', 'running', 'finished', 'failed', 'cancelled')", name=op.f("ck_backtests_state")
        ),
        sa.CheckConstraint("(state = 'running') = (runner IS NOT NULL)", name=op.f("ck_backtests_runner")),
        sa.CheckConstraint(
            "state <> 'finished' OR removed_at IS NOT NULL OR report IS NOT NULL", name=op.f("ck_backtests_report")
        ),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name=op.f("fk_backtests_workspace_id_workspaces")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_backtests_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_backtests")),
    )
    op.create_index("ix_backtests_workspace", "backtests", ["workspace_id", "created_at", "id"])
    op.create_index("ix_backtests_user", "backtests", ["user_id", "started_at"])
    op.create_index(
        "ix_backtests_live",
        "backtests",
        ["created_at"],
        postgresql_where="state IN ('queued', 'running')",
    )


def downgrade() -> None:
    raise NotImplementedError("a database does not go back a version; restore the backup from before the update")
