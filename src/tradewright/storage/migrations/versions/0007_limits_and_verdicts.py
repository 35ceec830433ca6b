"""Risk limits, how each day began, and the verdicts with the numbers that decided."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("intents", sa.Column("verdict", postgresql.JSONB(astext_type=sa.Text()), nullable=True))
    op.create_table(
        "risk_limits",
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=True),
        sa.Column("value", sa.Numeric(), nullable=True),
        sa.Column("symbols", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint("level IN ('installation', 'workspace', 'account')", name=op.f("ck_risk_limits_level")),
        sa.CheckConstraint("(level = 'installation') = (workspace_id IS NULL)", name=op.f("ck_risk_limits_workspace")),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name=op.f("fk_risk_limits_workspace_id")),
        sa.PrimaryKeyConstraint("level", "subject_id", "name", name=op.f("pk_risk_limits")),
    )
    op.create_table(
        "risk_days",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("equity", sa.Numeric(), nullable=True),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_risk_days_account_id")),
        sa.PrimaryKeyConstraint("account_id", "day", name=op.f("pk_risk_days")),
    )
    op.create_table(
        "risk_day_symbols",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("realised", sa.Numeric(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_risk_day_symbols_account_id")),
        sa.PrimaryKeyConstraint("account_id", "day", "category", "symbol", name=op.f("pk_risk_day_symbols")),
    )


def downgrade() -> None:
    raise NotImplementedError("a database does not go back a version; restore the backup from before the update")
