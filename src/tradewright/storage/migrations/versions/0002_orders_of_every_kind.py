"""Orders of every kind: amends, triggers, exits, leverage, and what is known of an account's symbols."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("accounts", sa.Column("margin_mode", sa.Text(), nullable=True))
    op.add_column("accounts", sa.Column("reconciled_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("intents", sa.Column("quantity_unit", sa.Text(), server_default="base", nullable=False))
    op.add_column("intents", sa.Column("trigger_price", sa.Numeric(), nullable=True))
    op.add_column("intents", sa.Column("trigger_by", sa.Text(), nullable=True))
    op.add_column("intents", sa.Column("trigger_rises", sa.Boolean(), nullable=True))
    op.add_column("intents", sa.Column("take_profit", sa.Numeric(), nullable=True))
    op.add_column("intents", sa.Column("take_profit_by", sa.Text(), nullable=True))
    op.add_column("intents", sa.Column("take_profit_limit", sa.Numeric(), nullable=True))
    op.add_column("intents", sa.Column("stop_loss", sa.Numeric(), nullable=True))
    op.add_column("intents", sa.Column("stop_loss_by", sa.Text(), nullable=True))
    op.add_column("intents", sa.Column("stop_loss_limit", sa.Numeric(), nullable=True))
    op.add_column("intents", sa.Column("slippage_percent", sa.Numeric(), nullable=True))
    op.add_column("intents", sa.Column("leverage", sa.Numeric(), nullable=True))
    op.add_column("intents", sa.Column("reduces", sa.Boolean(), server_default="false", nullable=False))
    op.add_column("intents", sa.Column("applied_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE intents SET reduces = true WHERE reduce_only OR kind = 'cancel'")
    op.create_index(
        "ix_intents_unread",
        "intents",
        ["account_id", "created_at"],
        unique=False,
        postgresql_where=sa.text(
            "state = 'acknowledged' AND applied_at IS NULL AND kind IN ('amend','leverage','exits')"
        ),
    )
    op.add_column("orders", sa.Column("quantity_unit", sa.Text(), server_default="base", nullable=False))
    op.add_column("orders", sa.Column("trigger_price", sa.Numeric(), nullable=True))
    op.add_column("orders", sa.Column("trigger_by", sa.Text(), server_default="", nullable=False))
    op.add_column("orders", sa.Column("trigger_rises", sa.Boolean(), nullable=True))
    op.add_column("orders", sa.Column("take_profit", sa.Numeric(), nullable=True))
    op.add_column("orders", sa.Column("stop_loss", sa.Numeric(), nullable=True))
    op.add_column("orders", sa.Column("stop_order_type", sa.Text(), server_default="", nullable=False))
    op.add_column("orders", sa.Column("parent_link_id", sa.Text(), server_default="", nullable=False))
    op.add_column("orders", sa.Column("close_on_trigger", sa.Boolean(), server_default="false", nullable=False))
    op.add_column("positions", sa.Column("value", sa.Numeric(), nullable=True))
    op.add_column("positions", sa.Column("maintenance_margin", sa.Numeric(), nullable=True))
    op.add_column("positions", sa.Column("take_profit", sa.Numeric(), nullable=True))
    op.add_column("positions", sa.Column("stop_loss", sa.Numeric(), nullable=True))
    op.add_column("positions", sa.Column("trailing_stop", sa.Numeric(), nullable=True))
    op.add_column("positions", sa.Column("stops_read_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("positions", sa.Column("break_even_price", sa.Numeric(), nullable=True))
    op.add_column("positions", sa.Column("adl_rank", sa.Integer(), nullable=True))
    op.add_column("balances", sa.Column("locked", sa.Numeric(), server_default="0", nullable=False))
    op.add_column("balances", sa.Column("usd_value", sa.Numeric(), nullable=True))
    op.create_table(
        "account_symbols",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("leverage", sa.Numeric(), nullable=True),
        sa.Column("maker_rate", sa.Numeric(), nullable=False),
        sa.Column("taker_rate", sa.Numeric(), nullable=False),
        sa.Column("fees_assumed", sa.Boolean(), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_account_symbols_account_id")),
        sa.PrimaryKeyConstraint("account_id", "category", "symbol", name=op.f("pk_account_symbols")),
    )


def downgrade() -> None:
    raise NotImplementedError("a database does not go back a version; restore the backup from before the update")
