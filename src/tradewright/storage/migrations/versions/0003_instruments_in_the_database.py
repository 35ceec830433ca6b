"""Instruments are kept in the database, so that one process reads them for all."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "instrument_lists",
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "environment IN ('sim', 'demo', 'testnet', 'live')", name=op.f("ck_instrument_lists_environment")
        ),
        sa.PrimaryKeyConstraint("environment", "category", name=op.f("pk_instrument_lists")),
    )
    op.create_table(
        "instruments",
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("rules", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("environment", "category", "symbol", name=op.f("pk_instruments")),
        sa.ForeignKeyConstraint(
            ["environment", "category"],
            ["instrument_lists.environment", "instrument_lists.category"],
            name=op.f("fk_instruments_environment_category"),
            ondelete="CASCADE",
        ),
    )


def downgrade() -> None:
    raise NotImplementedError("a database does not go back a version; restore the backup from before the update")
