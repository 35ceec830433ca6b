"""Who owns an account, and since which epoch."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "worker",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("process", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("beat", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lock_pid", sa.Integer(), nullable=True),
        sa.Column("lock_since", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_worker")),
    )
    op.create_index("ix_worker_living", "worker", ["beat"], postgresql_where=sa.text("ended_at IS NULL"))
    op.create_table(
        "account_owner",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("owner", sa.Uuid(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_account_owner_account_id_accounts")),
        sa.ForeignKeyConstraint(["owner"], ["worker.id"], name=op.f("fk_account_owner_owner_worker")),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_account_owner")),
    )
    # Whose word a session's state is: the epoch's. What a worker of the version before said of it holds no more.
    op.add_column("accounts", sa.Column("session_epoch", sa.BigInteger(), server_default="0", nullable=False))
    op.execute("UPDATE accounts SET session_state = 'connecting', session_reason = NULL")
    op.drop_column("accounts", "session_owner")
    op.add_column("requests", sa.Column("epoch", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    raise NotImplementedError("a database does not go back a version; restore the backup from before the update")
