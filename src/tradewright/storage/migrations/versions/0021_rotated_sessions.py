"""Sessions remember the token that a step-up replaced; a kill latch, by which API token it was pulled."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sessions", sa.Column("replaced_hash", sa.LargeBinary(), nullable=True))
    op.add_column("sessions", sa.Column("replaced_until", sa.DateTime(timezone=True), nullable=True))
    op.create_unique_constraint(op.f("uq_sessions_replaced_hash"), "sessions", ["replaced_hash"])
    op.create_check_constraint(
        op.f("ck_sessions_replaced"), "sessions", "(replaced_hash IS NULL) = (replaced_until IS NULL)"
    )
    op.add_column("kill_latches", sa.Column("token_id", sa.Uuid(), nullable=True))


def downgrade() -> None:
    raise NotImplementedError("a database does not go back a version; restore the backup from before the update")
