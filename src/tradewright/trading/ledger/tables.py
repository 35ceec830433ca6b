"""Tables of the ledger and of what the exchange told of an account's money, which we keep for ever.

`ledger_entries` only grows: two triggers of the database (migration 0008) refuse a statement whose sets do not sum to
zero in each asset, and every change or removal of a row.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    Numeric,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB

from tradewright.storage.schema import metadata

_time = DateTime(timezone=True)

# One row an account whose books are open. All times but `checked_at` and `tied_at` are by the exchange's clock.
ledger_books = Table(
    "ledger_books",
    metadata,
    Column("account_id", Uuid, ForeignKey("accounts.id"), primary_key=True),
    Column("workspace_id", Uuid, nullable=False),
    Column("version", BigInteger, nullable=False),  # one more with each posting: of two writers one is refused
    Column("sequence", BigInteger, nullable=False),  # of the newest set
    Column("opened_at", _time, nullable=False),  # what happened until then is in the opening entry
    Column("posted_until", _time),  # by the database's clock: executions recorded until then are in the entries
    Column("transactions_until", _time, nullable=False),  # the transaction log was read until then
    Column("confirmed_until", _time, nullable=False),  # every execution until then has its transaction
    Column("checked_at", _time),  # when everything was last compared in a quiet moment
    Column("tied_at", _time),  # when that last found no break
)

ledger_entries = Table(
    "ledger_entries",
    metadata,
    Column("account_id", Uuid, ForeignKey("accounts.id"), nullable=False),
    Column("sequence", BigInteger, nullable=False),  # of the set that the line belongs to
    Column("line", Integer, nullable=False),
    Column("workspace_id", Uuid, nullable=False),
    Column("source", Text, nullable=False),  # what the set was booked of, e.g. exec:ID
    Column("kind", Text, nullable=False),
    Column("book", Text, nullable=False),  # e.g. wallet:USDT, income:realised
    Column("asset", Text, nullable=False),
    Column("amount", Numeric, nullable=False),
    Column("category", Text),
    Column("symbol", Text),
    Column("exec_id", Text),
    Column("exchange_order_id", Text),
    Column("intent_id", Uuid),
    Column("person_id", Uuid),
    Column("run_id", Uuid),  # of a bot; null by hand
    Column("at", _time, nullable=False),  # by the exchange's clock
    Column("recorded_at", _time, nullable=False),
    PrimaryKeyConstraint("account_id", "sequence", "line"),
    UniqueConstraint("account_id", "source", "line"),
    CheckConstraint(
        "kind IN ('trade', 'fee', 'funding', 'realised', 'transfer', 'interest', 'opening', 'adjustment', 'other')",
        name="kind",
    ),
    Index("ix_ledger_entries_exec", "account_id", "exec_id", postgresql_where="exec_id IS NOT NULL"),
    Index(
        "ix_ledger_entries_order", "account_id", "exchange_order_id", postgresql_where="exchange_order_id IS NOT NULL"
    ),
    # What profit is asked of.
    Index(
        "ix_ledger_entries_result",
        "account_id",
        "at",
        postgresql_where="book LIKE 'income:%' OR book LIKE 'expense:%'",
    ),
)

# What the lines of a book sum to, kept beside them in the same transaction; the nightly check sums them anew.
ledger_balances = Table(
    "ledger_balances",
    metadata,
    Column("account_id", Uuid, ForeignKey("accounts.id"), nullable=False),
    Column("book", Text, nullable=False),
    Column("asset", Text, nullable=False),
    Column("workspace_id", Uuid, nullable=False),
    Column("amount", Numeric, nullable=False),
    PrimaryKeyConstraint("account_id", "book", "asset"),
)

# Average cost as it stands after the newest execution that was posted; `opening_*`: before the first.
ledger_holdings = Table(
    "ledger_holdings",
    metadata,
    Column("account_id", Uuid, ForeignKey("accounts.id"), nullable=False),
    Column("category", Text, nullable=False),
    Column("symbol", Text, nullable=False),
    Column("position_index", Integer, nullable=False),
    Column("workspace_id", Uuid, nullable=False),
    Column("is_long", Boolean, nullable=False),
    Column("base_size", Numeric, nullable=False),
    Column("base_cost", Numeric, nullable=False),
    Column("closed", Numeric, nullable=False),
    Column("opening_is_long", Boolean, nullable=False),
    Column("opening_size", Numeric, nullable=False),
    Column("opening_cost", Numeric, nullable=False),
    Column("last_at", _time),
    Column("last_sequence", BigInteger),
    Column("last_exec_id", Text),
    PrimaryKeyConstraint("account_id", "category", "symbol", "position_index"),
)

exchange_transactions = Table(
    "exchange_transactions",
    metadata,
    Column("account_id", Uuid, ForeignKey("accounts.id"), nullable=False),
    Column("key", Text, nullable=False),
    Column("workspace_id", Uuid, nullable=False),
    Column("exchange_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("coin", Text, nullable=False),
    Column("at", _time, nullable=False),
    Column("funding", Numeric, nullable=False),
    Column("fee", Numeric, nullable=False),
    Column("cash_flow", Numeric, nullable=False),
    Column("change", Numeric, nullable=False),
    Column("balance", Numeric, nullable=False),
    Column("category", Text, nullable=False),
    Column("symbol", Text),
    Column("traded_category", Text),  # linear or spot; null for what we do not trade
    Column("side", Text),
    Column("quantity", Numeric),
    Column("price", Numeric),
    Column("exec_id", Text),
    Column("exchange_order_id", Text),
    Column("settled", Boolean, nullable=False, server_default="false"),  # it ties out, or was booked
    Column("recorded_at", _time, nullable=False),
    PrimaryKeyConstraint("account_id", "key"),
    Index("ix_exchange_transactions_exec", "account_id", "exec_id", postgresql_where="exec_id IS NOT NULL"),
    Index("ix_exchange_transactions_unsettled", "account_id", "at", postgresql_where="NOT settled"),
    Index("ix_exchange_transactions_time", "account_id", "at"),
)

closed_pnls = Table(
    "closed_pnls",
    metadata,
    Column("account_id", Uuid, ForeignKey("accounts.id"), nullable=False),
    Column("exchange_order_id", Text, nullable=False),
    Column("workspace_id", Uuid, nullable=False),
    Column("category", Text, nullable=False),
    Column("symbol", Text, nullable=False),
    Column("side", Text, nullable=False),
    Column("closed_quantity", Numeric, nullable=False),
    Column("profit", Numeric, nullable=False),
    Column("open_fee", Numeric),
    Column("close_fee", Numeric),
    Column("created_at", _time, nullable=False),
    Column("updated_at", _time, nullable=False),
    PrimaryKeyConstraint("account_id", "exchange_order_id"),
)

ledger_breaks = Table(
    "ledger_breaks",
    metadata,
    Column("account_id", Uuid, ForeignKey("accounts.id"), nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("workspace_id", Uuid, nullable=False),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("ours", Text, nullable=False),
    Column("theirs", Text, nullable=False),
    Column("since", _time, nullable=False),
    Column("cleared_at", _time),
    PrimaryKeyConstraint("account_id", "number"),
    Index("ix_ledger_breaks_open", "account_id", "kind", "subject", unique=True, postgresql_where="cleared_at IS NULL"),
)

# What the account was worth at the last look of each day (UTC), by the exchange's reckoning.
equity_days = Table(
    "equity_days",
    metadata,
    Column("account_id", Uuid, ForeignKey("accounts.id"), nullable=False),
    Column("day", Date, nullable=False),
    Column("workspace_id", Uuid, nullable=False),
    Column("total_usd", Numeric),
    Column("coins", JSONB, nullable=False),  # equity by coin, as text
    Column("at", _time, nullable=False),
    PrimaryKeyConstraint("account_id", "day"),
)
