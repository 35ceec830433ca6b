"""Tables of market data: the instruments of each exchange, the same for every workspace.

A row belongs to nobody, so it names no workspace. `instruments.rules` holds decimals as text, exactly.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKeyConstraint,
    PrimaryKeyConstraint,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import JSONB

from tradewright.storage.schema import metadata

_time = DateTime(timezone=True)

instrument_lists = Table(
    "instrument_lists",
    metadata,
    Column("environment", Text, nullable=False),
    Column("category", Text, nullable=False),
    Column("version", BigInteger, nullable=False),  # grows when anything in the list changes
    Column("read_at", _time, nullable=False),  # when the exchange was asked last, by the database's clock
    PrimaryKeyConstraint("environment", "category"),
    CheckConstraint("environment IN ('sim', 'demo', 'testnet', 'live')", name="environment"),
)

instruments = Table(
    "instruments",
    metadata,
    Column("environment", Text, nullable=False),
    Column("category", Text, nullable=False),
    Column("symbol", Text, nullable=False),
    Column("status", Text, nullable=False),  # the exchange's word
    Column("rules", JSONB, nullable=False),
    Column("changed_at", _time, nullable=False),  # read_at of the list that brought what is here
    PrimaryKeyConstraint("environment", "category", "symbol"),
    ForeignKeyConstraint(
        ["environment", "category"], ["instrument_lists.environment", "instrument_lists.category"], ondelete="CASCADE"
    ),
)
