"""Connections change their keys: another key beside the one in force, sim accounts by key, play money of demo."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_constraint(op.f("ck_connections_environment"), "connections", type_="check")
    op.create_check_constraint(
        op.f("ck_connections_environment"), "connections", "environment IN ('sim', 'demo', 'testnet', 'live')"
    )
    op.add_column("connections", sa.Column("key_changed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("accounts", sa.Column("way", sa.Integer(), server_default="0", nullable=False))
    op.execute(
        "UPDATE connections SET reason = jsonb_set(reason, '{code}', '\"connection.already_owned\"')"
        " WHERE reason->>'code' = 'connection.already_connected'"
    )
    op.create_table(
        "connection_changes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("connection_id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("key_shown", sa.Text(), nullable=True),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("asked_by", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_check_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state IN ('checking', 'refused')", name=op.f("ck_connection_changes_state")),
        sa.CheckConstraint(
            "(state = 'checking') = (sealed IS NOT NULL)", name=op.f("ck_connection_changes_box_while_checking")
        ),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connections.id"], name=op.f("fk_connection_changes_connection_id")
        ),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name=op.f("fk_connection_changes_workspace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_connection_changes")),
        sa.UniqueConstraint("connection_id", name=op.f("uq_connection_changes_connection_id")),
    )
    op.create_table(
        "top_ups",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("connection_id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("coin", sa.Text(), nullable=False),
        sa.Column("amount", sa.Numeric(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("asked_by", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('asked', 'sending', 'done', 'refused', 'unknown')", name=op.f("ck_top_ups_state")
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_top_ups_amount")),
        sa.ForeignKeyConstraint(["connection_id"], ["connections.id"], name=op.f("fk_top_ups_connection_id")),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name=op.f("fk_top_ups_workspace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_top_ups")),
    )
    op.create_index("ix_top_ups_connection", "top_ups", ["connection_id", "created_at"], unique=False)
    op.create_index(
        "ix_top_ups_asked",
        "top_ups",
        ["created_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('asked', 'sending')"),
    )


def downgrade() -> None:
    raise NotImplementedError("a database does not go back a version; restore the backup from before the update")
