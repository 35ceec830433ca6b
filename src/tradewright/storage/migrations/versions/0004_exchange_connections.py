"""Connections to an exchange, each with its sealed key, and the accounts that come of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "connections",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("body_digest", sa.LargeBinary(), nullable=False),
        sa.Column("key_shown", sa.Text(), nullable=False),
        sa.Column("proxy_shown", sa.Text(), nullable=True),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_check_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("environment IN ('demo', 'testnet', 'live')", name=op.f("ck_connections_environment")),
        sa.CheckConstraint("state IN ('checking', 'ok', 'refused', 'removed')", name=op.f("ck_connections_state")),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name=op.f("fk_connections_workspace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_connections")),
    )
    op.create_index("ix_connections_workspace", "connections", ["workspace_id", "created_at"], unique=False)
    op.create_index(
        "ix_connections_checking",
        "connections",
        ["next_check_at"],
        unique=False,
        postgresql_where=sa.text("state = 'checking'"),
    )
    op.create_table(
        "connection_keys",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("connection_id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("data_key", sa.LargeBinary(), nullable=True),
        sa.Column("secret", sa.LargeBinary(), nullable=True),
        sa.Column("stored_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(sealed IS NOT NULL AND data_key IS NULL AND secret IS NULL)"
            " OR (sealed IS NULL AND data_key IS NOT NULL AND secret IS NOT NULL)",
            name=op.f("ck_connection_keys_one_box"),
        ),
        sa.ForeignKeyConstraint(["connection_id"], ["connections.id"], name=op.f("fk_connection_keys_connection_id")),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name=op.f("fk_connection_keys_workspace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_connection_keys")),
        sa.UniqueConstraint("connection_id", name=op.f("uq_connection_keys_connection_id")),
    )
    op.add_column("accounts", sa.Column("connection_id", sa.Uuid(), nullable=True))
    op.add_column("accounts", sa.Column("categories", postgresql.JSONB(astext_type=sa.Text()), nullable=True))
    op.create_foreign_key(op.f("fk_accounts_connection_id"), "accounts", "connections", ["connection_id"], ["id"])


def downgrade() -> None:
    raise NotImplementedError("a database does not go back a version; restore the backup from before the update")
