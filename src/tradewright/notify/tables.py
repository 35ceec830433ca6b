"""Tables of notifications: what each person was told, from which facts, by which rules, and where it was sent.

Every row belongs to one person in one workspace and goes with their membership, but for `notification_cursors` and
`lost_links`, which belong to an account. Times are by the database's clock.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from tradewright.storage.schema import metadata

_time = DateTime(timezone=True)


def _member() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["workspace_id", "user_id"], ["memberships.workspace_id", "memberships.user_id"], ondelete="CASCADE"
    )


notifications = Table(
    "notifications",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("workspace_id", Uuid, nullable=False),
    Column("user_id", Uuid, nullable=False),
    Column("kind", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("params", JSONB, nullable=False),  # what the words need, as text; never a sentence
    Column("link", JSONB, nullable=False),  # which object it is about: {kind, account_id, …}
    Column("merge_key", Text, nullable=False),
    Column("merged", Integer, nullable=False),  # how many facts it stands for
    Column("first_at", _time, nullable=False),
    Column("at", _time, nullable=False),  # of the newest of them
    Column("read_at", _time),
    _member(),
    CheckConstraint("severity IN ('info', 'warning', 'critical')", name="severity"),
    CheckConstraint("merged > 0", name="merged"),
    Index("ix_notifications_of_user", "workspace_id", "user_id", "at", "id"),
    Index("ix_notifications_unread", "workspace_id", "user_id", "merge_key", postgresql_where="read_at IS NULL"),
)

# Which facts a person was told of: the same fact, read again after a restart, is found here. Kept for a month.
notification_sources = Table(
    "notification_sources",
    metadata,
    Column("workspace_id", Uuid, nullable=False),
    Column("user_id", Uuid, nullable=False),
    Column("source", Text, nullable=False),
    Column("at", _time, nullable=False),
    PrimaryKeyConstraint("workspace_id", "user_id", "source"),
    _member(),
    Index("ix_notification_sources_at", "at"),
)

# Up to which of its events an account was read; moved on in the transaction that writes what they come to.
notification_cursors = Table(
    "notification_cursors",
    metadata,
    Column("account_id", Uuid, ForeignKey("accounts.id"), primary_key=True),
    Column("workspace_id", Uuid, nullable=False),
    Column("seq", BigInteger, nullable=False),
)

# Accounts whose link was told to be lost and not yet to be back.
lost_links = Table(
    "lost_links",
    metadata,
    Column("account_id", Uuid, ForeignKey("accounts.id"), primary_key=True),
    Column("workspace_id", Uuid, nullable=False),
    Column("lost_at", _time, nullable=False),
)

notification_channels = Table(
    "notification_channels",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("workspace_id", Uuid, nullable=False),
    Column("user_id", Uuid, nullable=False),
    Column("name", Text, nullable=False),
    Column("service", Text, nullable=False),  # the schema of its address: `tgram`, `ntfys`
    Column("address", LargeBinary, nullable=False),  # wrapped by the service keyring, bound to this row
    Column("created_at", _time, nullable=False),
    Column("tested_at", _time),  # when somebody last pressed the button
    Column("sent_at", _time),  # the last that went through
    Column("failed_at", _time),  # the last that did not, if none went through since
    Column("failure", JSONB),  # {code, params} of that one
    _member(),
    Index("ix_notification_channels_of_user", "workspace_id", "user_id", "created_at"),
)

notification_settings = Table(
    "notification_settings",
    metadata,
    Column("workspace_id", Uuid, nullable=False),
    Column("user_id", Uuid, nullable=False),
    Column("time_zone", Text, nullable=False),  # of the tz database
    Column("quiet_from", SmallInteger),  # minute of the day in that zone; null: no quiet hours
    Column("quiet_to", SmallInteger),
    Column("minimal_severity", Text, nullable=False),  # below it nothing leaves the page
    # The message that says that the installation lives: minute of the day, where to, and the last day it was told.
    Column("alive_at", SmallInteger),
    Column("alive_channel_id", Uuid, ForeignKey("notification_channels.id", ondelete="SET NULL")),
    Column("alive_told_on", Date),
    Column("version", Integer, nullable=False),
    PrimaryKeyConstraint("workspace_id", "user_id"),
    _member(),
    CheckConstraint("minimal_severity IN ('info', 'warning', 'critical')", name="minimal_severity"),
    CheckConstraint("quiet_from BETWEEN 0 AND 1439 AND quiet_to BETWEEN 0 AND 1439", name="quiet"),
    CheckConstraint("(quiet_from IS NULL) = (quiet_to IS NULL)", name="quiet_both"),
    CheckConstraint("alive_at BETWEEN 0 AND 1439", name="alive_at"),
)

notification_rules = Table(
    "notification_rules",
    metadata,
    Column("workspace_id", Uuid, nullable=False),
    Column("user_id", Uuid, nullable=False),
    Column("kind", Text, nullable=False),
    Column("channel_ids", ARRAY(Uuid), nullable=False),  # one that is gone counts as not named
    Column("escalate_minutes", Integer),  # not read for so long: told to the next channel
    Column("escalate_channel_id", Uuid, ForeignKey("notification_channels.id", ondelete="SET NULL")),
    PrimaryKeyConstraint("workspace_id", "user_id", "kind"),
    _member(),
    CheckConstraint("escalate_minutes BETWEEN 1 AND 1440", name="escalate_minutes"),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("workspace_id", Uuid, nullable=False),
    Column("user_id", Uuid, nullable=False),
    Column("channel_id", Uuid, ForeignKey("notification_channels.id", ondelete="CASCADE"), nullable=False),
    Column("notification_id", Uuid, ForeignKey("notifications.id", ondelete="CASCADE")),  # null: it tells of no fact
    Column("purpose", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("due_at", _time, nullable=False),
    Column("attempts", SmallInteger, nullable=False),
    Column("tried_at", _time),
    Column("reason", JSONB),  # {code, params} of the last try that failed
    _member(),
    UniqueConstraint("notification_id", "channel_id", "purpose"),
    CheckConstraint("purpose IN ('first', 'escalation', 'alive')", name="purpose"),
    CheckConstraint("state IN ('waiting', 'sending', 'sent', 'failed', 'dropped')", name="state"),
    CheckConstraint("(purpose = 'alive') = (notification_id IS NULL)", name="notification_id"),
    Index("ix_deliveries_due", "due_at", postgresql_where="state IN ('waiting', 'sending')"),
    Index("ix_deliveries_channel", "channel_id"),
    Index("ix_deliveries_of_user", "workspace_id", "user_id"),
)
