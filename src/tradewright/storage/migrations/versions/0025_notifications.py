"""Notifications, the facts they come from, and the channels that carry them on.

Of accounts that are there already nothing from before is told: their cursors begin at the end of their journals.
"""

from __future__ import annotations

from uuid import UUID

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

_time = sa.DateTime(timezone=True)
_jsonb = postgresql.JSONB()


def _owner() -> tuple[sa.Column[UUID], sa.Column[UUID]]:
    return (
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
    )


def _member(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["workspace_id", "user_id"],
        ["memberships.workspace_id", "memberships.user_id"],
        name=op.f(f"fk_{table}_workspace_id_user_id"),
        ondelete="CASCADE",
    )


def upgrade() -> None:
    _what_is_told()
    _where_it_goes()
    op.execute("INSERT INTO notification_cursors SELECT id, workspace_id, event_seq FROM accounts")


def _what_is_told() -> None:
    op.create_table(
        "notifications",
        sa.Column("id", sa.Uuid(), nullable=False),
        *_owner(),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("params", _jsonb, nullable=False),
        sa.Column("link", _jsonb, nullable=False),
        sa.Column("merge_key", sa.Text(), nullable=False),
        sa.Column("merged", sa.Integer(), nullable=False),
        sa.Column("first_at", _time, nullable=False),
        sa.Column("at", _time, nullable=False),
        sa.Column("read_at", _time, nullable=True),
        sa.CheckConstraint("severity IN ('info', 'warning', 'critical')", name=op.f("ck_notifications_severity")),
        sa.CheckConstraint("merged > 0", name=op.f("ck_notifications_merged")),
        _member("notifications"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notifications")),
    )
    op.create_index("ix_notifications_of_user", "notifications", ["workspace_id", "user_id", "at", "id"])
    op.create_index(
        "ix_notifications_unread",
        "notifications",
        ["workspace_id", "user_id", "merge_key"],
        postgresql_where=sa.text("read_at IS NULL"),
    )
    op.create_table(
        "notification_sources",
        *_owner(),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("at", _time, nullable=False),
        _member("notification_sources"),
        sa.PrimaryKeyConstraint("workspace_id", "user_id", "source", name=op.f("pk_notification_sources")),
    )
    op.create_index("ix_notification_sources_at", "notification_sources", ["at"])
    op.create_table(
        "notification_cursors",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_notification_cursors_account_id")),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_notification_cursors")),
    )
    op.create_table(
        "lost_links",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("lost_at", _time, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_lost_links_account_id")),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_lost_links")),
    )


def _where_it_goes() -> None:
    op.create_table(
        "notification_channels",
        sa.Column("id", sa.Uuid(), nullable=False),
        *_owner(),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("address", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", _time, nullable=False),
        sa.Column("tested_at", _time, nullable=True),
        sa.Column("sent_at", _time, nullable=True),
        sa.Column("failed_at", _time, nullable=True),
        sa.Column("failure", _jsonb, nullable=True),
        _member("notification_channels"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notification_channels")),
    )
    op.create_index(
        "ix_notification_channels_of_user", "notification_channels", ["workspace_id", "user_id", "created_at"]
    )
    op.create_table(
        "notification_settings",
        *_owner(),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("quiet_from", sa.SmallInteger(), nullable=True),
        sa.Column("quiet_to", sa.SmallInteger(), nullable=True),
        sa.Column("minimal_severity", sa.Text(), nullable=False),
        sa.Column("alive_at", sa.SmallInteger(), nullable=True),
        sa.Column("alive_channel_id", sa.Uuid(), nullable=True),
        sa.Column("alive_told_on", sa.Date(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "minimal_severity IN ('info', 'warning', 'critical')",
            name=op.f("ck_notification_settings_minimal_severity"),
        ),
        sa.CheckConstraint(
            "quiet_from BETWEEN 0 AND 1439 AND quiet_to BETWEEN 0 AND 1439", name=op.f("ck_notification_settings_quiet")
        ),
        sa.CheckConstraint(
            "(quiet_from IS NULL) = (quiet_to IS NULL)", name=op.f("ck_notification_settings_quiet_both")
        ),
        sa.CheckConstraint("alive_at BETWEEN 0 AND 1439", name=op.f("ck_notification_settings_alive_at")),
        sa.ForeignKeyConstraint(
            ["alive_channel_id"],
            ["notification_channels.id"],
            name=op.f("fk_notification_settings_alive_channel_id"),
            ondelete="SET NULL",
        ),
        _member("notification_settings"),
        sa.PrimaryKeyConstraint("workspace_id", "user_id", name=op.f("pk_notification_settings")),
    )
    op.create_table(
        "notification_rules",
        *_owner(),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("channel_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("escalate_minutes", sa.Integer(), nullable=True),
        sa.Column("escalate_channel_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("escalate_minutes BETWEEN 1 AND 1440", name=op.f("ck_notification_rules_escalate_minutes")),
        sa.ForeignKeyConstraint(
            ["escalate_channel_id"],
            ["notification_channels.id"],
            name=op.f("fk_notification_rules_escalate_channel_id"),
            ondelete="SET NULL",
        ),
        _member("notification_rules"),
        sa.PrimaryKeyConstraint("workspace_id", "user_id", "kind", name=op.f("pk_notification_rules")),
    )
    op.create_table(
        "deliveries",
        sa.Column("id", sa.Uuid(), nullable=False),
        *_owner(),
        sa.Column("channel_id", sa.Uuid(), nullable=False),
        sa.Column("notification_id", sa.Uuid(), nullable=True),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("due_at", _time, nullable=False),
        sa.Column("attempts", sa.SmallInteger(), nullable=False),
        sa.Column("tried_at", _time, nullable=True),
        sa.Column("reason", _jsonb, nullable=True),
        sa.CheckConstraint("purpose IN ('first', 'escalation', 'alive')", name=op.f("ck_deliveries_purpose")),
        sa.CheckConstraint(
            "state IN ('waiting', 'sending', 'sent', 'failed', 'dropped')", name=op.f("ck_deliveries_state")
        ),
        sa.CheckConstraint(
            "(purpose = 'alive') = (notification_id IS NULL)", name=op.f("ck_deliveries_notification_id")
        ),
        sa.ForeignKeyConstraint(
            ["channel_id"],
            ["notification_channels.id"],
            name=op.f("fk_deliveries_channel_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["notification_id"],
            ["notifications.id"],
            name=op.f("fk_deliveries_notification_id"),
            ondelete="CASCADE",
        ),
        _member("deliveries"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
        sa.UniqueConstraint(
            "notification_id", "channel_id", "purpose", name=op.f("uq_deliveries_notification_id_channel_id_purpose")
        ),
    )
    op.create_index(
        "ix_deliveries_due", "deliveries", ["due_at"], postgresql_where=sa.text("state IN ('waiting', 'sending')")
    )
    op.create_index("ix_deliveries_channel", "deliveries", ["channel_id"])
    op.create_index("ix_deliveries_of_user", "deliveries", ["workspace_id", "user_id"])


def downgrade() -> None:
    raise NotImplementedError("a database does not go back a version; restore the backup from before the update")
