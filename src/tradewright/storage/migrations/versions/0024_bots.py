"""Strategies that are kept, bots made of them, their runs, and what a run asked for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0024"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "bots",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("current_version", sa.Integer(), nullable=True),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(state = 'archived') = (archived_at IS NOT NULL)", name=op.f("ck_bots_archived")),
        sa.CheckConstraint("state <> 'ready' OR current_version IS NOT NULL", name=op.f("ck_bots_ready")),
        sa.CheckConstraint("state IN ('draft', 'ready', 'archived')", name=op.f("ck_bots_state")),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name=op.f("fk_bots_workspace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bots")),
    )
    op.create_index(
        "ix_bots_name", "bots", ["workspace_id", "name"], unique=True, postgresql_where="deleted_at IS NULL"
    )
    op.create_index("ix_bots_workspace", "bots", ["workspace_id", "created_at", "id"], unique=False)
    op.create_table(
        "strategies",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name=op.f("fk_strategies_workspace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_strategies")),
    )
    op.create_index("ix_strategies_workspace", "strategies", ["workspace_id", "created_at", "id"], unique=False)
    op.create_table(
        "spec_versions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("strategy_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("author_kind", sa.Text(), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("message", sa.Text(), server_default="", nullable=False),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "author_kind IN ('user', 'template', 'assistant')", name=op.f("ck_spec_versions_author_kind")
        ),
        sa.ForeignKeyConstraint(["parent_id"], ["spec_versions.id"], name=op.f("fk_spec_versions_parent_id")),
        sa.ForeignKeyConstraint(["strategy_id"], ["strategies.id"], name=op.f("fk_spec_versions_strategy_id")),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name=op.f("fk_spec_versions_workspace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_spec_versions")),
        sa.UniqueConstraint("strategy_id", "number", name=op.f("uq_spec_versions_strategy_id_number")),
    )
    op.create_index("ix_spec_versions_workspace", "spec_versions", ["workspace_id", "sha256"], unique=False)
    op.create_table(
        "bot_versions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("bot_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("spec_version_id", sa.Uuid(), nullable=False),
        sa.Column("params", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("capital", sa.Numeric(), nullable=False),
        sa.Column("limits", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("duration_ms", sa.BigInteger(), nullable=False),
        sa.Column("at_end", sa.Text(), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("at_end IN ('keep', 'close')", name=op.f("ck_bot_versions_at_end")),
        sa.CheckConstraint("duration_ms > 0 AND capital > 0", name=op.f("ck_bot_versions_sizes")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_bot_versions_account_id")),
        sa.ForeignKeyConstraint(["bot_id"], ["bots.id"], name=op.f("fk_bot_versions_bot_id")),
        sa.ForeignKeyConstraint(
            ["spec_version_id"], ["spec_versions.id"], name=op.f("fk_bot_versions_spec_version_id")
        ),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name=op.f("fk_bot_versions_workspace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bot_versions")),
        sa.UniqueConstraint("bot_id", "number", name=op.f("uq_bot_versions_bot_id_number")),
    )
    op.create_table(
        "runs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("bot_id", sa.Uuid(), nullable=False),
        sa.Column("bot_version_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("timeframe", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("started_by", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("start_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("admitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("began_market_ms", sa.BigInteger(), nullable=True),
        sa.Column("duration_ms", sa.BigInteger(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("wish_paused", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("wish_paused_by", sa.Uuid(), nullable=True),
        sa.Column("wish_stop", sa.Text(), nullable=True),
        sa.Column("wish_stop_by", sa.Uuid(), nullable=True),
        sa.Column("wish_stop_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("override", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("event_seq", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("memory", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("bar_open_ms", sa.BigInteger(), nullable=True),
        sa.Column("anchor", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("totals", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("report", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("events_removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "(state IN ('finished', 'stopped', 'failed', 'halted')) = (ended_at IS NOT NULL)",
            name=op.f("ck_runs_ended"),
        ),
        sa.CheckConstraint("environment IN ('sim', 'demo', 'testnet', 'live')", name=op.f("ck_runs_environment")),
        sa.CheckConstraint(
            "state IN ('queued', 'starting', 'running', 'paused', 'stopping',"
            " 'finished', 'stopped', 'failed', 'halted')",
            name=op.f("ck_runs_state"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('starting', 'running', 'paused', 'stopping') OR admitted_at IS NOT NULL",
            name=op.f("ck_runs_admitted"),
        ),
        sa.CheckConstraint("wish_stop IN ('gentle', 'now', 'close')", name=op.f("ck_runs_wish_stop")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_runs_account_id")),
        sa.ForeignKeyConstraint(["bot_id"], ["bots.id"], name=op.f("fk_runs_bot_id")),
        sa.ForeignKeyConstraint(["bot_version_id"], ["bot_versions.id"], name=op.f("fk_runs_bot_version_id")),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name=op.f("fk_runs_workspace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runs")),
        sa.UniqueConstraint("bot_id", "number", name=op.f("uq_runs_bot_id_number")),
    )
    op.create_index(
        "ix_runs_ended",
        "runs",
        ["ended_at"],
        unique=False,
        postgresql_where="ended_at IS NOT NULL AND events_removed_at IS NULL",
    )
    op.create_index(
        "ix_runs_holding",
        "runs",
        ["account_id", "category", "symbol"],
        unique=True,
        postgresql_where="state IN ('starting', 'running', 'paused', 'stopping')",
    )
    op.create_index("ix_runs_queued", "runs", ["created_at", "id"], unique=False, postgresql_where="state = 'queued'")
    op.create_index("ix_runs_workspace", "runs", ["workspace_id", "created_at", "id"], unique=False)
    op.create_table(
        "run_events",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("market_ms", sa.BigInteger(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), server_default="info", nullable=False),
        sa.Column("caused_by", sa.BigInteger(), nullable=True),
        sa.Column("intent_id", sa.Uuid(), nullable=True),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint("level IN ('info', 'warning', 'error')", name=op.f("ck_run_events_level")),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_run_events_run_id")),
        sa.PrimaryKeyConstraint("run_id", "seq", name=op.f("pk_run_events")),
    )
    op.create_index(
        "ix_run_events_intent",
        "run_events",
        ["run_id", "intent_id"],
        unique=False,
        postgresql_where="intent_id IS NOT NULL",
    )
    op.create_index("ix_run_events_kind", "run_events", ["run_id", "kind", "seq"], unique=False)
    op.create_table(
        "run_trades",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("exit_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_run_trades_run_id")),
        sa.PrimaryKeyConstraint("run_id", "number", name=op.f("pk_run_trades")),
    )
    op.add_column("intents", sa.Column("run_id", sa.Uuid(), nullable=True))
    op.create_index(
        "ix_intents_run", "intents", ["run_id", "created_at", "id"], unique=False, postgresql_where="run_id IS NOT NULL"
    )


def downgrade() -> None:
    raise NotImplementedError("a database does not go back a version; restore the backup from before the update")
