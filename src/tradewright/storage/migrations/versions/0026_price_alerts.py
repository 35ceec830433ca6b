"""Price alerts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

_time = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "price_alerts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("price_by", sa.Text(), nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("price", sa.Numeric(), nullable=False),
        sa.Column("repeats", sa.Boolean(), nullable=False),
        sa.Column("ends_at", _time, nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("is_reached", sa.Boolean(), nullable=True),
        sa.Column("fired_at", _time, nullable=True),
        sa.Column("fired_price", sa.Numeric(), nullable=True),
        sa.Column("fired_count", sa.Integer(), nullable=False),
        sa.Column("created_at", _time, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("price_by IN ('last', 'mark')", name=op.f("ck_price_alerts_price_by")),
        sa.CheckConstraint("direction IN ('above', 'below')", name=op.f("ck_price_alerts_direction")),
        sa.CheckConstraint("price > 0", name=op.f("ck_price_alerts_price")),
        sa.CheckConstraint("state IN ('waiting', 'paused', 'fired', 'ended')", name=op.f("ck_price_alerts_state")),
        sa.ForeignKeyConstraint(
            ["workspace_id", "user_id"],
            ["memberships.workspace_id", "memberships.user_id"],
            name=op.f("fk_price_alerts_workspace_id_user_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_price_alerts")),
    )
    op.create_index("ix_price_alerts_of_user", "price_alerts", ["workspace_id", "user_id", "created_at", "id"])
    op.create_index(
        "ix_price_alerts_waiting",
        "price_alerts",
        ["environment", "category", "symbol"],
        postgresql_where=sa.text("state = 'waiting'"),
    )


def downgrade() -> None:
    raise NotImplementedError("a database does not go back a version; restore the backup from before the update")
