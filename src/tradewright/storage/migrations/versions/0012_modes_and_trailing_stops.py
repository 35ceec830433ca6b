"""Margin mode, position mode, trailing stops and batches as intents."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


_UNREAD = "state = 'acknowledged' AND applied_at IS NULL AND kind IN ({kinds})"
_KINDS = "'amend','leverage','exits','position_mode','margin_mode'"


def upgrade() -> None:
    op.alter_column("intents", "category", existing_type=sa.Text(), nullable=True)
    op.alter_column("intents", "symbol", existing_type=sa.Text(), nullable=True)
    op.add_column("intents", sa.Column("position_index", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("intents", sa.Column("trailing_stop", sa.Numeric()))
    op.add_column("intents", sa.Column("trailing_active_price", sa.Numeric()))
    op.add_column("intents", sa.Column("hedge", sa.Boolean()))
    op.add_column("intents", sa.Column("margin_mode", sa.Text()))
    op.drop_index("ix_intents_unread", "intents")
    op.create_index(
        "ix_intents_unread", "intents", ["account_id", "created_at"], postgresql_where=_UNREAD.format(kinds=_KINDS)
    )
    op.add_column("accounts", sa.Column("hedged_count", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("orders", sa.Column("position_index", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("executions", sa.Column("position_index", sa.Integer(), nullable=False, server_default="0"))
    op.create_table(
        "symbol_modes",
        sa.Column("account_id", sa.Uuid(), sa.ForeignKey("accounts.id"), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("hedge", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "category", "symbol"),
    )


def downgrade() -> None:
    raise NotImplementedError("a database does not go back a version; restore the backup from before the update")
