"""Accounts that are only watched: the key of one may only read, so nothing is sent for it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("accounts", sa.Column("read_only", sa.Boolean(), server_default="false", nullable=False))


def downgrade() -> None:
    raise NotImplementedError("a database does not go back a version; restore the backup from before the update")
