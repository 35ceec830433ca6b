"""What is used of an account's request budget, and the stop after the exchange refused its key."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("accounts", sa.Column("budget", postgresql.JSONB(astext_type=sa.Text()), nullable=True))
    op.add_column("accounts", sa.Column("budget_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("accounts", sa.Column("stopped", postgresql.JSONB(astext_type=sa.Text()), nullable=True))


def downgrade() -> None:
    raise NotImplementedError("a database does not go back a version; restore the backup from before the update")
