"""What is known of a connection goes when its key is wiped; digests of requests are keyed from here on."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.alter_column("connections", "body_digest", existing_type=sa.LargeBinary(), nullable=True)
    # Plain hashes so far: whoever has a dump can try keys and proxies against them.
    op.execute("UPDATE connections SET body_digest = NULL")
    op.execute(
        "UPDATE connections SET facts = NULL, proxy_shown = NULL"
        " WHERE NOT EXISTS (SELECT 1 FROM connection_keys WHERE connection_keys.connection_id = connections.id)"
    )


def downgrade() -> None:
    raise NotImplementedError("a database does not go back a version; restore the backup from before the update")
