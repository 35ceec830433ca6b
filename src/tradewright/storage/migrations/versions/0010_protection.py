"""What protects a position, and how long it was naked."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("positions", sa.Column("protection", postgresql.JSONB()))
    op.create_index("ix_executions_symbol", "executions", ["account_id", "category", "symbol", "executed_at"])
    op.create_table(
        "protection_plans",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("position_index", sa.Integer(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("stop_price", sa.Numeric(), nullable=False),
        sa.Column("stop_by", sa.Text(), nullable=False),
        sa.Column("origin_id", sa.Uuid(), nullable=False),
        sa.Column("followed_price", sa.Numeric(), nullable=True),
        sa.Column("confirmed", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=True),
        sa.Column("naked_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("naked_ms_total", sa.BigInteger(), nullable=False),
        sa.Column("naked_ms_longest", sa.BigInteger(), nullable=False),
        sa.Column("repairs", sa.Integer(), nullable=False),
        sa.Column("closes", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state IN ('protected', 'naked', 'repairing', 'flattening')", name=op.f("ck_protection_plans_state")
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_protection_plans_account_id_accounts")),
        sa.PrimaryKeyConstraint("account_id", "category", "symbol", "position_index", name=op.f("pk_protection_plans")),
    )


def downgrade() -> None:
    raise NotImplementedError("a database does not go back a version; restore the backup from before the update")
