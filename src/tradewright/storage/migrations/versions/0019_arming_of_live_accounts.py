"""Which live accounts may open anything, until when, by whom, and why no longer."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "armings",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("armed_by", sa.Uuid(), nullable=False),
        sa.Column("armed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("armed_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirm_above", sa.Numeric(), nullable=False),
        sa.Column("limits", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("key_mark", sa.Text(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_why", sa.Text(), nullable=True),
        sa.CheckConstraint("(ended_at IS NULL) = (ended_why IS NULL)", name=op.f("ck_armings_ended")),
        sa.CheckConstraint("armed_until <= armed_at + interval '30 days'", name=op.f("ck_armings_not_for_ever")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_armings_account_id")),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name=op.f("fk_armings_workspace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_armings")),
    )
    op.create_index(
        "ix_armings_held", "armings", ["account_id"], unique=True, postgresql_where=sa.text("ended_at IS NULL")
    )
    op.create_index("ix_armings_account", "armings", ["account_id", "armed_at"])
    op.add_column("accounts", sa.Column("armed_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("accounts", sa.Column("confirm_above", sa.Numeric(), nullable=True))


def downgrade() -> None:
    raise NotImplementedError("a database does not go back a version; restore the backup from before the update")
