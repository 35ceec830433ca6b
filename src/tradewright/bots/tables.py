"""Tables of bots. Ids are UUIDv7, of the caller or made by us; money is NUMERIC; times are by the database's clock.

Names ending in `_ms` are times of the market, in milliseconds since 1970. `spec_versions` and `bot_versions` are never
changed; `run_events` and `run_trades` are only added to, and only by the owner of the run's account.
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

strategies = Table(
    "strategies",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("workspace_id", Uuid, ForeignKey("workspaces.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("created_by", Uuid, nullable=False),
    Column("created_at", _time, nullable=False),
    Column("archived_at", _time),
    Index("ix_strategies_workspace", "workspace_id", "created_at", "id"),
)

spec_versions = Table(
    "spec_versions",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("workspace_id", Uuid, ForeignKey("workspaces.id"), nullable=False),
    Column("strategy_id", Uuid, ForeignKey("strategies.id"), nullable=False),
    Column("number", Integer, nullable=False),  # from 1, without gaps
    Column("text", Text, nullable=False),  # the spec as it was written
    Column("sha256", Text, nullable=False),  # of its meaning, as `strategy.check` tells it with its own params
    Column("name", Text, nullable=False),  # the spec's own
    Column("author_kind", Text, nullable=False),
    Column("created_by", Uuid, nullable=False),
    Column("message", Text, nullable=False, server_default=""),
    Column("parent_id", Uuid, ForeignKey("spec_versions.id")),
    Column("created_at", _time, nullable=False),
    UniqueConstraint("strategy_id", "number"),
    CheckConstraint("author_kind IN ('user', 'template', 'assistant')", name="author_kind"),
    Index("ix_spec_versions_workspace", "workspace_id", "sha256"),
)

bots = Table(
    "bots",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("workspace_id", Uuid, ForeignKey("workspaces.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("current_version", Integer),  # the number in `bot_versions` that a start takes; null: a draft without one
    Column("created_by", Uuid, nullable=False),
    Column("created_at", _time, nullable=False),
    Column("updated_at", _time, nullable=False),
    Column("version", Integer, nullable=False, server_default="1"),  # of this row: who changes an older one is refused
    Column("archived_at", _time),
    Column("deleted_at", _time),  # out of every list; its runs and their events stay
    CheckConstraint("state IN ('draft', 'ready', 'archived')", name="state"),
    CheckConstraint("(state = 'archived') = (archived_at IS NOT NULL)", name="archived"),
    CheckConstraint("state <> 'ready' OR current_version IS NOT NULL", name="ready"),
    Index("ix_bots_name", "workspace_id", "name", unique=True, postgresql_where="deleted_at IS NULL"),
    Index("ix_bots_workspace", "workspace_id", "created_at", "id"),
)

bot_versions = Table(
    "bot_versions",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("workspace_id", Uuid, ForeignKey("workspaces.id"), nullable=False),
    Column("bot_id", Uuid, ForeignKey("bots.id"), nullable=False),
    Column("number", Integer, nullable=False),  # from 1, without gaps
    Column("spec_version_id", Uuid, ForeignKey("spec_versions.id"), nullable=False),
    Column("params", JSONB, nullable=False),  # {name: decimal text} that differ from the spec's own
    Column("account_id", Uuid, ForeignKey("accounts.id"), nullable=False),
    Column("category", Text, nullable=False),
    Column("symbol", Text, nullable=False),
    Column("capital", Numeric, nullable=False),  # quote coin
    Column("limits", JSONB, nullable=False),  # {max_loss, max_position, max_orders_a_minute}: `model.Limits`
    Column("duration_ms", BigInteger, nullable=False),
    Column("at_end", Text, nullable=False),
    Column("created_by", Uuid, nullable=False),
    Column("created_at", _time, nullable=False),
    UniqueConstraint("bot_id", "number"),
    CheckConstraint("at_end IN ('keep', 'close')", name="at_end"),
    CheckConstraint("duration_ms > 0 AND capital > 0", name="sizes"),
)

runs = Table(
    "runs",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("workspace_id", Uuid, ForeignKey("workspaces.id"), nullable=False),
    Column("bot_id", Uuid, ForeignKey("bots.id"), nullable=False),
    Column("bot_version_id", Uuid, ForeignKey("bot_versions.id"), nullable=False),
    Column("number", Integer, nullable=False),  # of the bot, from 1
    Column("account_id", Uuid, ForeignKey("accounts.id"), nullable=False),
    Column("environment", Text, nullable=False),
    Column("category", Text, nullable=False),
    Column("symbol", Text, nullable=False),
    Column("timeframe", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", JSONB),  # {code, params} of why it ended, or of what it waits for while it starts
    Column("started_by", Uuid, nullable=False),
    Column("created_at", _time, nullable=False),
    Column("start_at", _time),  # not before; null: at once
    Column("admitted_at", _time),  # it holds a slot from then until it ends
    Column("began_at", _time),
    Column("ended_at", _time),
    Column("began_market_ms", BigInteger),  # by its account's venue clock; its time counts from here
    Column("duration_ms", BigInteger, nullable=False),  # the version's, and what it was extended by
    Column("epoch", BigInteger, nullable=False, server_default="0"),  # of the owner that wrote last
    Column("wish_paused", Boolean, nullable=False, server_default="false"),
    Column("wish_paused_by", Uuid),
    Column("wish_stop", Text),
    Column("wish_stop_by", Uuid),
    Column("wish_stop_at", _time),
    Column("override", JSONB),  # who started it with real money without a finished run of its strategy, and their word
    Column("event_seq", BigInteger, nullable=False, server_default="0"),
    Column("memory", JSONB),  # what its machine knows, as it was at `bar_open_ms`
    Column("bar_open_ms", BigInteger),  # the last bar that it decided on
    Column("anchor", JSONB),  # {timeframe: open_ms} of the first bar of the history it was warmed up with
    Column("totals", JSONB),  # {net, gross, fees, funding, trades, equity, position}, as lists show them
    Column("report", JSONB),
    Column("events_removed_at", _time),  # the installation keeps events of ended runs for so many days
    Column("version", Integer, nullable=False, server_default="1"),
    UniqueConstraint("bot_id", "number"),
    CheckConstraint("environment IN ('sim', 'demo', 'testnet', 'live')", name="environment"),
    CheckConstraint(
        "state IN ('queued', 'starting', 'running', 'paused', 'stopping', 'finished', 'stopped', 'failed', 'halted')",
        name="state",
    ),
    CheckConstraint("wish_stop IN ('gentle', 'now', 'close')", name="wish_stop"),
    CheckConstraint(
        "(state IN ('finished', 'stopped', 'failed', 'halted')) = (ended_at IS NOT NULL)",
        name="ended",
    ),
    CheckConstraint(
        "state NOT IN ('starting', 'running', 'paused', 'stopping') OR admitted_at IS NOT NULL",
        name="admitted",
    ),
    # One bot holds a symbol of an account: the last word on a race that admission already decides.
    Index(
        "ix_runs_holding",
        "account_id",
        "category",
        "symbol",
        unique=True,
        postgresql_where="state IN ('starting', 'running', 'paused', 'stopping')",
    ),
    Index("ix_runs_queued", "created_at", "id", postgresql_where="state = 'queued'"),
    Index("ix_runs_workspace", "workspace_id", "created_at", "id"),
    Index("ix_runs_ended", "ended_at", postgresql_where="ended_at IS NOT NULL AND events_removed_at IS NULL"),
)

run_events = Table(
    "run_events",
    metadata,
    Column("run_id", Uuid, ForeignKey("runs.id"), nullable=False),
    Column("seq", BigInteger, nullable=False),  # from 1, without gaps
    Column("workspace_id", Uuid, nullable=False),
    Column("at", _time, nullable=False),
    Column("market_ms", BigInteger),
    Column("kind", Text, nullable=False),
    Column("level", Text, nullable=False, server_default="info"),
    Column("caused_by", BigInteger),  # the sequence of the event that led to it
    Column("intent_id", Uuid),
    Column("payload", JSONB, nullable=False),  # what a text about it needs, never a sentence
    PrimaryKeyConstraint("run_id", "seq"),
    CheckConstraint("level IN ('info', 'warning', 'error')", name="level"),
    Index("ix_run_events_kind", "run_id", "kind", "seq"),
    Index("ix_run_events_intent", "run_id", "intent_id", postgresql_where="intent_id IS NOT NULL"),
)

run_trades = Table(
    "run_trades",
    metadata,
    Column("run_id", Uuid, ForeignKey("runs.id"), nullable=False),
    Column("number", Integer, nullable=False),  # from 1
    Column("workspace_id", Uuid, nullable=False),
    Column("payload", JSONB, nullable=False),  # as a backtest tells a trade
    Column("exit_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("run_id", "number"),
)
