"""Kill latches, and for which accounts each was carried out."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "kill_latches",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("scope_id", sa.Uuid(), nullable=True),
        sa.Column("workspace_id", sa.Uuid(), nullable=True),
        sa.Column("close_positions", sa.Boolean(), nullable=False),
        sa.Column("pulled_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("pulled_by", sa.Uuid(), nullable=True),
        sa.Column("via", sa.Text(), nullable=False),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("released_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint("scope IN ('account', 'workspace', 'installation')", name=op.f("ck_kill_latches_scope")),
        sa.CheckConstraint("(scope = 'installation') = (scope_id IS NULL)", name=op.f("ck_kill_latches_scope_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kill_latches")),
    )
    op.create_index(
        "ix_kill_latches_held",
        "kill_latches",
        ["scope", "scope_id"],
        unique=False,
        postgresql_where=sa.text("released_at IS NULL"),
    )
    op.create_table(
        "kill_acts",
        sa.Column("latch_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("closed", sa.Boolean(), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["latch_id"], ["kill_latches.id"], name=op.f("fk_kill_acts_latch_id")),
        sa.PrimaryKeyConstraint("latch_id", "account_id", name=op.f("pk_kill_acts")),
    )


def downgrade() -> None:
    raise NotImplementedError("a database does not go back a version; restore the backup from before the update")
