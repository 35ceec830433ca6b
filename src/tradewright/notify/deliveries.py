"""Where a notification goes beside the page: by its person's rules, in the transaction that writes it.

Lives here: `Deliveries` and when each is due. Not here: sending (`dispatching`).
A notification that grows after it was sent is sent again, a minute later at the earliest: the sum is then in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.core.clock import Clock, Ids
from tradewright.notify.hours import quiet_until, zone_of
from tradewright.notify.model import SEVERITIES, Severity
from tradewright.notify.writing import Written

# So that what belongs together is in one message.
GATHER: dict[Severity, timedelta] = {
    "info": timedelta(seconds=5),
    "warning": timedelta(seconds=2),
    "critical": timedelta(0),
}
AGAIN_AFTER = timedelta(seconds=60)
WAITING_OF_CHANNEL_MAX = 200

_RULE = text(
    "SELECT r.channel_ids, r.escalate_minutes, r.escalate_channel_id, s.time_zone, s.quiet_from, s.quiet_to,"
    " coalesce(s.minimal_severity, 'info') AS minimal_severity FROM notification_rules r"
    " LEFT JOIN notification_settings s ON s.workspace_id = r.workspace_id AND s.user_id = r.user_id"
    " WHERE r.workspace_id = :workspace AND r.user_id = :user AND r.kind = :kind"
)
_FIRST = text(
    "INSERT INTO deliveries AS d (id, workspace_id, user_id, channel_id, notification_id, purpose, state, due_at,"
    " attempts) SELECT :id, :workspace, :user, c.id, :notification, 'first', 'waiting', :due, 0"
    " FROM notification_channels c WHERE c.id = :channel AND c.workspace_id = :workspace AND c.user_id = :user"
    " AND (SELECT count(*) FROM deliveries w WHERE w.channel_id = c.id AND w.workspace_id = :workspace"
    "      AND w.state = 'waiting') < :most"
    " ON CONFLICT (notification_id, channel_id, purpose) DO UPDATE SET state = 'waiting', attempts = 0,"
    " due_at = greatest(excluded.due_at, d.tried_at + :again) WHERE d.state <> 'waiting'"
)
_ESCALATION = text(
    "INSERT INTO deliveries (id, workspace_id, user_id, channel_id, notification_id, purpose, state, due_at, attempts)"
    " SELECT :id, :workspace, :user, c.id, :notification, 'escalation', 'waiting', :due, 0"
    " FROM notification_channels c WHERE c.id = :channel AND c.workspace_id = :workspace AND c.user_id = :user"
    " ON CONFLICT DO NOTHING"
)


class Deliveries:
    """A `Carry` of `writing`."""

    def __init__(self, clock: Clock, ids: Ids) -> None:
        self._clock, self._ids = clock, ids

    async def carry(self, connection: AsyncConnection, written: Sequence[Written]) -> None:
        now = self._clock.now()
        for each in written:
            key = {"workspace": each.workspace_id, "user": each.user_id}
            row = (await connection.execute(_RULE, {**key, "kind": each.fact.kind})).mappings().one_or_none()
            if row is None or SEVERITIES.index(each.fact.weight) < SEVERITIES.index(row["minimal_severity"]):
                continue
            named = {**key, "notification": each.id}
            due = due_at(now, each.fact.weight, row)
            for channel in row["channel_ids"]:
                values = {**named, "channel": channel, "due": due, "again": AGAIN_AFTER}
                values |= {"most": WAITING_OF_CHANNEL_MAX, "id": self._ids.new()}
                await connection.execute(_FIRST, values)
            if row["escalate_minutes"] is not None and row["escalate_channel_id"] is not None:
                later = due + timedelta(minutes=row["escalate_minutes"])
                values = {**named, "channel": row["escalate_channel_id"], "due": later, "id": self._ids.new()}
                await connection.execute(_ESCALATION, values)


def due_at(now: datetime, severity: Severity, row: RowMapping) -> datetime:
    """When it is sent: what is critical goes at once, at any hour; the rest waits for the end of the quiet hours."""
    soon = now + GATHER[severity]
    if severity == "critical" or row["quiet_from"] is None:
        return soon
    zone = zone_of(row["time_zone"])
    if zone is None:  # the system's tz database has forgotten it: rather a message at night than none
        return soon
    return quiet_until(soon, zone, row["quiet_from"], row["quiet_to"])
