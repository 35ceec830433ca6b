"""The ledger: double entries, and what they are held against."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_time = sa.DateTime(timezone=True)
_KINDS = "kind IN ('trade', 'fee', 'funding', 'realised', 'transfer', 'interest', 'opening', 'adjustment', 'other')"

# A set is written by one statement, so that half of one is refused whoever writes it.
_GUARDS = (
    """
    CREATE FUNCTION ledger_entries_balanced() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE found_set record;
    BEGIN
        SELECT sequence, asset, sum(amount) AS amount INTO found_set FROM added
         GROUP BY account_id, sequence, asset HAVING sum(amount) <> 0 LIMIT 1;
        IF FOUND THEN
            RAISE EXCEPTION 'ledger_entries: set % sums to % in %, not to zero',
                found_set.sequence, found_set.amount, found_set.asset USING ERRCODE = 'check_violation';
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER ledger_entries_balanced AFTER INSERT ON ledger_entries
        REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION ledger_entries_balanced()
    """,
    """
    CREATE FUNCTION ledger_entries_kept() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'ledger_entries only grows: a mistake is corrected by another entry'
            USING ERRCODE = 'restrict_violation';
    END $$
    """,
    """
    CREATE TRIGGER ledger_entries_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entries
        FOR EACH STATEMENT EXECUTE FUNCTION ledger_entries_kept()
    """,
)


def upgrade() -> None:
    _books()
    _entries()
    _told()
    op.create_index("ix_executions_recorded", "executions", ["account_id", "recorded_at"])
    for statement in _GUARDS:
        op.execute(statement)


def _account() -> sa.Column[object]:
    return sa.Column("account_id", sa.Uuid, sa.ForeignKey("accounts.id"), nullable=False)


def _books() -> None:
    op.create_table(
        "ledger_books",
        sa.Column("account_id", sa.Uuid, sa.ForeignKey("accounts.id"), primary_key=True),
        sa.Column("workspace_id", sa.Uuid, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("opened_at", _time, nullable=False),
        sa.Column("posted_until", _time),
        sa.Column("transactions_until", _time, nullable=False),
        sa.Column("confirmed_until", _time, nullable=False),
        sa.Column("checked_at", _time),
        sa.Column("tied_at", _time),
    )
    op.create_table(
        "ledger_balances",
        _account(),
        sa.Column("book", sa.Text, nullable=False),
        sa.Column("asset", sa.Text, nullable=False),
        sa.Column("workspace_id", sa.Uuid, nullable=False),
        sa.Column("amount", sa.Numeric, nullable=False),
        sa.PrimaryKeyConstraint("account_id", "book", "asset"),
    )
    op.create_table(
        "ledger_holdings",
        _account(),
        sa.Column("category", sa.Text, nullable=False),
        sa.Column("symbol", sa.Text, nullable=False),
        sa.Column("position_index", sa.Integer, nullable=False),
        sa.Column("workspace_id", sa.Uuid, nullable=False),
        sa.Column("is_long", sa.Boolean, nullable=False),
        sa.Column("base_size", sa.Numeric, nullable=False),
        sa.Column("base_cost", sa.Numeric, nullable=False),
        sa.Column("closed", sa.Numeric, nullable=False),
        sa.Column("opening_is_long", sa.Boolean, nullable=False),
        sa.Column("opening_size", sa.Numeric, nullable=False),
        sa.Column("opening_cost", sa.Numeric, nullable=False),
        sa.Column("last_at", _time),
        sa.Column("last_sequence", sa.BigInteger),
        sa.Column("last_exec_id", sa.Text),
        sa.PrimaryKeyConstraint("account_id", "category", "symbol", "position_index"),
    )
    op.create_table(
        "ledger_breaks",
        _account(),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("workspace_id", sa.Uuid, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("ours", sa.Text, nullable=False),
        sa.Column("theirs", sa.Text, nullable=False),
        sa.Column("since", _time, nullable=False),
        sa.Column("cleared_at", _time),
        sa.PrimaryKeyConstraint("account_id", "number"),
    )
    op.create_index(
        "ix_ledger_breaks_open",
        "ledger_breaks",
        ["account_id", "kind", "subject"],
        unique=True,
        postgresql_where=sa.text("cleared_at IS NULL"),
    )


def _entries() -> None:
    op.create_table(
        "ledger_entries",
        _account(),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("line", sa.Integer, nullable=False),
        sa.Column("workspace_id", sa.Uuid, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("book", sa.Text, nullable=False),
        sa.Column("asset", sa.Text, nullable=False),
        sa.Column("amount", sa.Numeric, nullable=False),
        sa.Column("category", sa.Text),
        sa.Column("symbol", sa.Text),
        sa.Column("exec_id", sa.Text),
        sa.Column("exchange_order_id", sa.Text),
        sa.Column("intent_id", sa.Uuid),
        sa.Column("person_id", sa.Uuid),
        sa.Column("run_id", sa.Uuid),
        sa.Column("at", _time, nullable=False),
        sa.Column("recorded_at", _time, nullable=False),
        sa.PrimaryKeyConstraint("account_id", "sequence", "line"),
        sa.UniqueConstraint("account_id", "source", "line", name="uq_ledger_entries_account_id_source_line"),
        sa.CheckConstraint(_KINDS, name="ck_ledger_entries_kind"),
    )
    op.create_index(
        "ix_ledger_entries_exec",
        "ledger_entries",
        ["account_id", "exec_id"],
        postgresql_where=sa.text("exec_id IS NOT NULL"),
    )
    op.create_index(
        "ix_ledger_entries_order",
        "ledger_entries",
        ["account_id", "exchange_order_id"],
        postgresql_where=sa.text("exchange_order_id IS NOT NULL"),
    )
    op.create_index(
        "ix_ledger_entries_result",
        "ledger_entries",
        ["account_id", "at"],
        postgresql_where=sa.text("book LIKE 'income:%' OR book LIKE 'expense:%'"),
    )


def _told() -> None:
    op.create_table(
        "exchange_transactions",
        _account(),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("workspace_id", sa.Uuid, nullable=False),
        sa.Column("exchange_id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("coin", sa.Text, nullable=False),
        sa.Column("at", _time, nullable=False),
        sa.Column("funding", sa.Numeric, nullable=False),
        sa.Column("fee", sa.Numeric, nullable=False),
        sa.Column("cash_flow", sa.Numeric, nullable=False),
        sa.Column("change", sa.Numeric, nullable=False),
        sa.Column("balance", sa.Numeric, nullable=False),
        sa.Column("category", sa.Text, nullable=False),
        sa.Column("symbol", sa.Text),
        sa.Column("traded_category", sa.Text),
        sa.Column("side", sa.Text),
        sa.Column("quantity", sa.Numeric),
        sa.Column("price", sa.Numeric),
        sa.Column("exec_id", sa.Text),
        sa.Column("exchange_order_id", sa.Text),
        sa.Column("settled", sa.Boolean, nullable=False, server_default="false"),
        sa.Column("recorded_at", _time, nullable=False),
        sa.PrimaryKeyConstraint("account_id", "key"),
    )
    op.create_index(
        "ix_exchange_transactions_exec",
        "exchange_transactions",
        ["account_id", "exec_id"],
        postgresql_where=sa.text("exec_id IS NOT NULL"),
    )
    op.create_index(
        "ix_exchange_transactions_unsettled",
        "exchange_transactions",
        ["account_id", "at"],
        postgresql_where=sa.text("NOT settled"),
    )
    op.create_index("ix_exchange_transactions_time", "exchange_transactions", ["account_id", "at"])
    op.create_table(
        "closed_pnls",
        _account(),
        sa.Column("exchange_order_id", sa.Text, nullable=False),
        sa.Column("workspace_id", sa.Uuid, nullable=False),
        sa.Column("category", sa.Text, nullable=False),
        sa.Column("symbol", sa.Text, nullable=False),
        sa.Column("side", sa.Text, nullable=False),
        sa.Column("closed_quantity", sa.Numeric, nullable=False),
        sa.Column("profit", sa.Numeric, nullable=False),
        sa.Column("open_fee", sa.Numeric),
        sa.Column("close_fee", sa.Numeric),
        sa.Column("created_at", _time, nullable=False),
        sa.Column("updated_at", _time, nullable=False),
        sa.PrimaryKeyConstraint("account_id", "exchange_order_id"),
    )
    op.create_table(
        "equity_days",
        _account(),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("workspace_id", sa.Uuid, nullable=False),
        sa.Column("total_usd", sa.Numeric),
        sa.Column("coins", JSONB, nullable=False),
        sa.Column("at", _time, nullable=False),
        sa.PrimaryKeyConstraint("account_id", "day"),
    )


def downgrade() -> None:
    raise NotImplementedError("a database does not go back a version; restore the backup from before the update")
