"""Margin mode, position mode, trailing stops and batches as intents."""

from __future__ import annotations

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    raise NotImplementedError("a database does not go back a version; restore the backup from before the update")
