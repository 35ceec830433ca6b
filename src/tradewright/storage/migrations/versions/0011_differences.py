"""Differences that wait for a person, and the symbols they block."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("orders", sa.Column("adopted_by", sa.Uuid(), nullable=True))
    op.create_table(
        "differences",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=True),
        sa.Column("symbol", sa.Text(), nullable=True),
        sa.Column("position_index", sa.Integer(), nullable=True),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.Column("part", sa.Numeric(), nullable=True),
        sa.Column("before", postgresql.JSONB(), nullable=True),
        sa.Column("after", postgresql.JSONB(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("always", sa.Boolean(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=True),
        sa.Column("decided_version", sa.Integer(), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("close_id", sa.Uuid(), nullable=True),
        sa.Column("why", sa.Text(), nullable=True),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("told", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "state IN ('open', 'ignored', 'adopted', 'closing', 'closed', 'gone')", name=op.f("ck_differences_state")
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_differences_account_id_accounts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_differences")),
    )
    op.create_index(
        "ix_differences_open",
        "differences",
        ["account_id", "kind", "subject"],
        unique=True,
        postgresql_where="state = 'open'",
    )
    op.create_index("ix_differences_account", "differences", ["account_id", "found_at"])
    op.create_index("ix_differences_subject", "differences", ["account_id", "subject"])
    # What was told before was only counted. Of orders that still rest somebody has to decide; positions are compared
    # at the next reading anyway.
    op.execute(
        "INSERT INTO differences (id, account_id, workspace_id, kind, subject, category, symbol, order_id, after,"
        " state, always, found_at, version, told)"
        " SELECT gen_random_uuid(), o.account_id, o.workspace_id, 'order.foreign', o.exchange_order_id, o.category,"
        " o.symbol, o.id, jsonb_build_object('state', o.raw_status, 'side', o.side, 'quantity', o.quantity::text,"
        " 'price', o.price::text), 'open', false, clock_timestamp(), 1, true FROM orders o"
        " WHERE o.state NOT IN ('filled', 'cancelled', 'rejected', 'expired') AND EXISTS"
        " (SELECT 1 FROM account_events e WHERE e.account_id = o.account_id AND e.kind = 'drift'"
        " AND e.payload->'drift'->>'kind' = 'order.foreign'"
        " AND e.payload->'drift'->>'subject' = o.exchange_order_id)"
    )
    op.execute(
        "UPDATE accounts a SET drift_count = (SELECT count(*) FROM differences d WHERE d.account_id = a.id"
        " AND d.state = 'open')"
    )


def downgrade() -> None:
    raise NotImplementedError("a database does not go back a version; restore the backup from before the update")
