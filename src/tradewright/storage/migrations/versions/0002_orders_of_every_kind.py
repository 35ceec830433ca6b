"""Orders of every kind: amends, triggers, exits, leverage, and what is known of an account's symbols."""

from __future__ import annotations

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    raise NotImplementedError("a database does not go back a version; restore the backup from before the update")
