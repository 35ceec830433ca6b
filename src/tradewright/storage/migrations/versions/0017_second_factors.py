"""Second factors, half-open logins, and when a session last proved who sits before it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Sessions of before have proved nothing lately: they are asked once more.
    op.add_column("sessions", sa.Column("proved_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    raise NotImplementedError("a database does not go back a version; restore the backup from before the update")
