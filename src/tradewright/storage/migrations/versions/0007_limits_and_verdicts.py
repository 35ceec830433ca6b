"""Risk limits, and the verdicts with the numbers that decided."""

from __future__ import annotations

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    raise NotImplementedError("a database does not go back a version; restore the backup from before the update")
