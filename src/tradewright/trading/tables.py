"""Tables of trading. Money and quantities are NUMERIC, times timestamptz, ids UUIDv7 made by us.

Every row names its workspace. `account_events` is the account's serial journal: one writer, sequence without gaps.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
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

accounts = Table(
    "accounts",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("workspace_id", Uuid, ForeignKey("workspaces.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("environment", Text, nullable=False),
    Column("uid", Text, nullable=False),
    # Its exchange is not the one that runs: an account of another simulated market, which rests until that one runs.
    Column("resting", Boolean, nullable=False, server_default="false"),
    Column("created_at", _time, nullable=False),
    Column("event_seq", BigInteger, nullable=False, server_default="0"),
    Column("session_state", Text, nullable=False, server_default="connecting"),
    Column("session_reason", JSONB),
    Column("session_since", _time, nullable=False),
    Column("session_epoch", BigInteger, nullable=False, server_default="0"),  # whose word the state is
    # How many differences wait for a decision or to be over; the rows are in `differences`.
    Column("drift_count", Integer, nullable=False, server_default="0"),
    Column("total_equity", Numeric),
    Column("total_available", Numeric),
    Column("balances_at", _time),
    Column("wallet_reported_at", _time),  # by the exchange's clock: an older report is not taken
    # By the exchange's clock: every execution until then is booked. Moved on by a whole reconciliation alone.
    Column("executions_read_until", _time),
    Column("connection_id", Uuid, ForeignKey("connections.id")),  # null: the simulated exchange's own account
    # Counts up when the way there changes (region, proxy), so that its session is opened anew on the new one.
    Column("way", Integer, nullable=False, server_default="0"),
    Column("categories", JSONB),  # what its key may trade; null: everything its environment has
    Column("read_only", Boolean, nullable=False, server_default="false"),  # its key may only read: nothing is sent
    Column("margin_mode", Text),  # the exchange's word; null until it was read
    # Of how many symbols two legs are held, as far as anybody has looked; the rows are `symbol_modes`.
    Column("hedged_count", Integer, nullable=False, server_default="0"),
    Column("reconciled_at", _time),  # by the database's clock: when the newest whole reading began
    Column("budget", JSONB),  # the request budget as its owner told it last; null before that
    Column("budget_at", _time),
    Column("stopped", JSONB),  # what the exchange said when it refused the key or the account itself; null: nothing
    # Of the arming of a live account that stands (`armings`), for who shows it; null: it opens nothing.
    Column("armed_until", _time),
    Column("confirm_above", Numeric),
    # The same exchange account cannot be connected twice in an installation.
    UniqueConstraint("environment", "uid"),
    CheckConstraint("environment IN ('sim', 'demo', 'testnet', 'live')", name="environment"),
)

# Processes that own accounts, or did. `host` and `process` name one for good: a number alone may be another's by now.
worker = Table(
    "worker",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("host", Text, nullable=False),
    Column("process", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("capacity", Integer, nullable=False),  # accounts it takes at most
    Column("began_at", _time, nullable=False),
    Column("beat", _time, nullable=False),  # by the database's clock: when it was last seen to hold what it owns
    Column("ended_at", _time),  # it gave everything up, or another took its place
    Column("lock_pid", Integer),  # the server process that holds its lock, with that one's start
    Column("lock_since", _time),
    Index("ix_worker_living", "beat", postgresql_where="ended_at IS NULL"),
)

account_owner = Table(
    "account_owner",
    metadata,
    Column("account_id", Uuid, ForeignKey("accounts.id"), primary_key=True),
    Column("owner", Uuid, ForeignKey("worker.id"), nullable=False),
    Column("epoch", BigInteger, nullable=False),  # one more with each claim; a transaction under an older one fails
    Column("since", _time, nullable=False),
)

intents = Table(
    "intents",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("workspace_id", Uuid, nullable=False),
    Column("account_id", Uuid, ForeignKey("accounts.id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("body", JSONB, nullable=False),  # as asked, canonical: the same id with another body is refused
    Column("category", Text),  # null of what is about the whole account
    Column("symbol", Text),
    Column("side", Text),
    Column("order_type", Text),
    Column("time_in_force", Text),
    Column("quantity", Numeric),
    Column("price", Numeric),
    Column("reduce_only", Boolean, nullable=False, server_default="false"),
    Column("quantity_unit", Text, nullable=False, server_default="base"),
    Column("trigger_price", Numeric),
    Column("trigger_by", Text),
    Column("trigger_rises", Boolean),
    # Of a place: attached exits; of an amend and of exits: what they become, where zero removes one.
    Column("take_profit", Numeric),
    Column("take_profit_by", Text),
    Column("take_profit_limit", Numeric),
    Column("stop_loss", Numeric),
    Column("stop_loss_by", Text),
    Column("stop_loss_limit", Numeric),
    Column("slippage_percent", Numeric),
    Column("leverage", Numeric),
    Column("position_index", Integer, nullable=False, server_default="0"),  # of a place and of exits: the leg
    Column("trailing_stop", Numeric),  # of exits: a distance in quote coin, where zero removes it
    Column("trailing_active_price", Numeric),
    Column("hedge", Boolean),  # of a position mode
    Column("margin_mode", Text),
    # It takes exposure off or protects: it goes first, and also while the account is degraded.
    Column("reduces", Boolean, nullable=False, server_default="false"),
    Column("note", Text),
    Column("link_id", Text),  # of a place
    Column("exchange_order_id", Text),  # of a place, once the exchange acknowledged it
    Column("target_id", Uuid),  # of a cancel or amend: the id of the order row it is about
    Column("applied_at", _time),  # of an amend or a setting: when what it came to was read back
    Column("state", Text, nullable=False),
    Column("reason", JSONB),
    Column("verdict", JSONB),  # the limits it was held against when it was let go: [{limit, value, allowed, level}]
    Column("valid_until", _time),  # by the database's clock; null = never expires
    Column("created_by", Uuid),
    Column("source", Text, nullable=False),
    Column("run_id", Uuid),  # of what a bot's run asked for
    Column("created_at", _time, nullable=False),
    Column("updated_at", _time, nullable=False),
    Column("version", Integer, nullable=False, server_default="1"),
    UniqueConstraint("account_id", "link_id"),
    Index("ix_intents_run", "run_id", "created_at", "id", postgresql_where="run_id IS NOT NULL"),
    Index(
        "ix_intents_unsettled",
        "account_id",
        "created_at",
        postgresql_where="state IN ('proposed','approved','sending','unknown')",
    ),
    Index("ix_intents_account_created", "account_id", "created_at", "id"),
    Index("ix_intents_target", "target_id", postgresql_where="target_id IS NOT NULL"),
    Index(
        "ix_intents_unread",
        "account_id",
        "created_at",
        postgresql_where="state = 'acknowledged' AND applied_at IS NULL"
        " AND kind IN ('amend','leverage','exits','position_mode','margin_mode')",
    ),
)

requests = Table(
    "requests",
    metadata,
    Column("req_id", Uuid, primary_key=True),
    Column("workspace_id", Uuid, nullable=False),
    Column("account_id", Uuid, nullable=False),
    Column("intent_id", Uuid, ForeignKey("intents.id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("created_at", _time, nullable=False),  # committed before the first byte leaves
    Column("signed_at", _time),  # by the exchange's clock
    Column("answered_at", _time),
    Column("outcome", Text),  # acknowledged | refused | duplicate | not_sent | unknown; null while under way
    Column("http_status", Integer),
    Column("ret_code", Integer),
    Column("ret_msg", Text),
    Column("trace_id", Text),
    Column("epoch", BigInteger),  # of the owner that sent it
    UniqueConstraint("intent_id", "attempt"),
)

orders = Table(
    "orders",
    metadata,
    Column("id", Uuid, primary_key=True),  # the intent's id when the order is ours
    Column("workspace_id", Uuid, nullable=False),
    Column("account_id", Uuid, ForeignKey("accounts.id"), nullable=False),
    Column("intent_id", Uuid, ForeignKey("intents.id")),
    Column("exchange_order_id", Text, nullable=False),
    Column("link_id", Text, nullable=False),
    Column("category", Text, nullable=False),
    Column("symbol", Text, nullable=False),
    Column("side", Text, nullable=False),
    Column("order_type", Text, nullable=False),
    Column("time_in_force", Text, nullable=False),
    Column("quantity", Numeric, nullable=False),
    Column("price", Numeric),
    Column("reduce_only", Boolean, nullable=False),
    Column("state", Text, nullable=False),
    Column("filled_quantity", Numeric, nullable=False),
    Column("average_price", Numeric),
    Column("reject_reason", Text, nullable=False),
    Column("raw_status", Text, nullable=False),
    Column("quantity_unit", Text, nullable=False, server_default="base"),
    Column("trigger_price", Numeric),
    Column("trigger_by", Text, nullable=False, server_default=""),
    Column("trigger_rises", Boolean),
    Column("take_profit", Numeric),
    Column("stop_loss", Numeric),
    Column("stop_order_type", Text, nullable=False, server_default=""),
    Column("parent_link_id", Text, nullable=False, server_default=""),
    Column("close_on_trigger", Boolean, nullable=False, server_default="false"),
    Column("position_index", Integer, nullable=False, server_default="0"),
    Column("exchange_created_at", _time, nullable=False),
    Column("exchange_updated_at", _time, nullable=False),
    Column("updated_at", _time, nullable=False),
    Column("version", Integer, nullable=False, server_default="1"),
    Column("adopted_by", Uuid),  # the person who took an order that was placed elsewhere as ours
    UniqueConstraint("account_id", "exchange_order_id"),
    UniqueConstraint("intent_id"),
    Index("ix_orders_live", "account_id", postgresql_where="state NOT IN ('filled','cancelled','rejected','expired')"),
    Index("ix_orders_account_created", "account_id", "exchange_created_at"),
)

executions = Table(
    "executions",
    metadata,
    Column("account_id", Uuid, ForeignKey("accounts.id"), nullable=False),
    Column("exec_id", Text, nullable=False),
    Column("workspace_id", Uuid, nullable=False),
    Column("order_id", Uuid),  # the order row, once known
    Column("exchange_order_id", Text, nullable=False),
    Column("link_id", Text, nullable=False),
    Column("category", Text, nullable=False),
    Column("symbol", Text, nullable=False),
    Column("side", Text, nullable=False),
    Column("price", Numeric, nullable=False),
    Column("quantity", Numeric, nullable=False),
    Column("fee", Numeric, nullable=False),
    Column("fee_coin", Text, nullable=False),
    Column("is_maker", Boolean, nullable=False),
    Column("exec_type", Text, nullable=False),
    # Its order's leg, which the exchange does not say of the fill itself; 0 while its order is not known.
    Column("position_index", Integer, nullable=False, server_default="0"),
    Column("executed_at", _time, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("recorded_at", _time, nullable=False),
    PrimaryKeyConstraint("account_id", "exec_id"),
    Index("ix_executions_account_time", "account_id", "executed_at", "exec_id"),
    Index("ix_executions_symbol", "account_id", "category", "symbol", "executed_at"),
    Index("ix_executions_recorded", "account_id", "recorded_at"),
)

positions = Table(
    "positions",
    metadata,
    Column("account_id", Uuid, ForeignKey("accounts.id"), nullable=False),
    Column("category", Text, nullable=False),
    Column("symbol", Text, nullable=False),
    Column("position_index", Integer, nullable=False),
    Column("workspace_id", Uuid, nullable=False),
    Column("side", Text),
    Column("size", Numeric, nullable=False),
    Column("entry_price", Numeric),
    Column("mark_price", Numeric),
    Column("liquidation_price", Numeric),
    Column("leverage", Numeric),
    Column("unrealised_pnl", Numeric, nullable=False),
    Column("realised_pnl", Numeric, nullable=False),
    Column("initial_margin", Numeric, nullable=False),
    Column("value", Numeric),
    Column("maintenance_margin", Numeric),
    Column("take_profit", Numeric),
    Column("stop_loss", Numeric),
    Column("trailing_stop", Numeric),
    Column("stops_read_at", _time),  # by the database's clock: when the exchange last told them, changed or not
    Column("break_even_price", Numeric),
    Column("adl_rank", Integer),
    Column("sequence", BigInteger, nullable=False),
    # Signed size that was there before the first fill we booked: base + booked fills must equal the exchange's size.
    Column("base_size", Numeric),
    Column("exchange_updated_at", _time, nullable=False),
    Column("updated_at", _time, nullable=False),
    # What the guardian says of its stop, as it is shown; null: it has none in its plan. See `protection_plans`.
    Column("protection", JSONB),
    PrimaryKeyConstraint("account_id", "category", "symbol", "position_index"),
)

# Positions with a stop in their plan, while they are there. Times without a stop are in milliseconds.
protection_plans = Table(
    "protection_plans",
    metadata,
    Column("account_id", Uuid, ForeignKey("accounts.id"), nullable=False),
    Column("category", Text, nullable=False),
    Column("symbol", Text, nullable=False),
    Column("position_index", Integer, nullable=False),
    Column("workspace_id", Uuid, nullable=False),
    Column("side", Text, nullable=False),
    Column("stop_price", Numeric, nullable=False),
    Column("stop_by", Text, nullable=False),
    Column("origin_id", Uuid, nullable=False),  # the intent that asked for it
    Column("followed_price", Numeric),  # where it was moved to elsewhere
    Column("confirmed", Boolean, nullable=False),  # it was read back once
    Column("state", Text, nullable=False),
    Column("why", Text),
    Column("naked_since", _time),  # by the owner's clock
    Column("naked_ms_total", BigInteger, nullable=False),
    Column("naked_ms_longest", BigInteger, nullable=False),
    Column("repairs", Integer, nullable=False),  # asked for since `naked_since`
    Column("closes", Integer, nullable=False),
    Column("updated_at", _time, nullable=False),
    PrimaryKeyConstraint("account_id", "category", "symbol", "position_index"),
    CheckConstraint("state IN ('protected', 'naked', 'repairing', 'flattening')", name="state"),
)

balances = Table(
    "balances",
    metadata,
    Column("account_id", Uuid, ForeignKey("accounts.id"), nullable=False),
    Column("coin", Text, nullable=False),
    Column("workspace_id", Uuid, nullable=False),
    Column("wallet_balance", Numeric, nullable=False),
    Column("equity", Numeric, nullable=False),
    Column("order_margin", Numeric, nullable=False),
    Column("position_margin", Numeric, nullable=False),
    Column("unrealised_pnl", Numeric, nullable=False),
    Column("locked", Numeric, nullable=False, server_default="0"),  # by open spot orders
    Column("usd_value", Numeric),
    Column("updated_at", _time, nullable=False),
    PrimaryKeyConstraint("account_id", "coin"),
)

# What the exchange says of one symbol for one account; read when somebody asks.
account_symbols = Table(
    "account_symbols",
    metadata,
    Column("account_id", Uuid, ForeignKey("accounts.id"), nullable=False),
    Column("category", Text, nullable=False),
    Column("symbol", Text, nullable=False),
    Column("workspace_id", Uuid, nullable=False),
    Column("leverage", Numeric),  # null for spot
    Column("maker_rate", Numeric, nullable=False),
    Column("taker_rate", Numeric, nullable=False),
    Column("fees_assumed", Boolean, nullable=False),
    Column("read_at", _time, nullable=False),
    PrimaryKeyConstraint("account_id", "category", "symbol"),
)

# Whether two legs of a contract are held (hedge mode), as it was last read. No row: nobody has looked yet.
symbol_modes = Table(
    "symbol_modes",
    metadata,
    Column("account_id", Uuid, ForeignKey("accounts.id"), nullable=False),
    Column("category", Text, nullable=False),
    Column("symbol", Text, nullable=False),
    Column("workspace_id", Uuid, nullable=False),
    Column("hedge", Boolean, nullable=False),
    PrimaryKeyConstraint("account_id", "category", "symbol"),
)

account_events = Table(
    "account_events",
    metadata,
    Column("account_id", Uuid, ForeignKey("accounts.id"), nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("workspace_id", Uuid, nullable=False),
    Column("kind", Text, nullable=False),  # order | fill | position | balances | session | drift
    Column("ref", Uuid),  # the order row an `order` event is about
    Column("source", Text, nullable=False),  # manual | owner | rest | stream | reconciliation
    Column("payload", JSONB, nullable=False),  # the browser stream's delta, as it was at that moment
    Column("at", _time, nullable=False),
    PrimaryKeyConstraint("account_id", "seq"),
    Index("ix_account_events_ref", "account_id", "ref", "seq", postgresql_where="ref IS NOT NULL"),
    Index("ix_account_events_drift", "account_id", postgresql_where="kind = 'drift'"),
    # What is dropped once nobody resumes from it any more; see `journal.EVENTS_KEPT`.
    Index(
        "ix_account_events_passing",
        "account_id",
        "seq",
        postgresql_where="kind IN ('fill', 'position', 'balances', 'session')",
    ),
)
