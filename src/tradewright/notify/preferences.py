"""What a person wants to be told where: channels, rules of each kind, quiet hours, the daily message.

Lives here: reads and commands, each naming workspace and user, in the caller's transaction, with their audit entries.
Not here: what follows from them (`deliveries`), looking at an address (`sending`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.core.clock import milliseconds
from tradewright.core.errors import Conflict, InvalidInput, NotFound, Problem
from tradewright.identity.audited import By, note
from tradewright.notify.centre import Whose
from tradewright.notify.hours import DAY_MINUTES, zone_of
from tradewright.notify.messages import Failure, Outcome
from tradewright.notify.model import KINDS, SEVERITIES, Severity
from tradewright.storage.engine import encode_json
from tradewright.storage.keyring_locks import hold_keyring
from tradewright.vault.binding import RowBinding
from tradewright.vault.service_boxes import CHANNEL_ADDRESS
from tradewright.vault.wrapping import Wrapped

CHANNELS_OF_USER_MAX = 10
ESCALATE_MINUTES_MAX = 1_440
NAME_LENGTH_MAX = 40
TEST_PAUSE = timedelta(seconds=10)


class Keyring(Protocol):
    """What of the service keyring is needed; both raise `vault.wrapping.Unopenable`."""

    def wrap(self, secret: bytes, binding: RowBinding) -> Wrapped: ...

    def unwrap(self, wrapped: Wrapped, binding: RowBinding) -> bytes: ...


class TooManyChannels(Conflict):
    """The person has as many channels as they may."""

    code = "channel.too_many"


class SettingsMoved(Conflict):
    """Somebody, another tab perhaps, has changed them since they were read; nothing was changed."""

    code = "notify.settings_moved"


class JustTested(Conflict):
    """A channel was tested a moment ago; a test button is no way to flood somebody."""

    code = "channel.tested_just_now"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Where facts of a kind go beside the page. Unread for `escalate_minutes`: to `escalate_channel_id`, too."""

    kind: str
    channel_ids: tuple[UUID, ...] = ()
    escalate_minutes: int | None = None
    escalate_channel_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """Minutes are of the day in `time_zone`; `quiet` is (from, to), over midnight where it ends before it begins."""

    time_zone: str = "UTC"
    quiet: tuple[int, int] | None = None
    minimal_severity: Severity = "info"
    alive_at: int | None = None
    alive_channel_id: UUID | None = None
    rules: Sequence[Rule] = ()
    version: int = 0
    channels: Sequence[Mapping[str, Any]] = field(default=())  # as they are shown


_SETTINGS = text(
    "SELECT time_zone, quiet_from, quiet_to, minimal_severity, alive_at, alive_channel_id, version"
    " FROM notification_settings WHERE workspace_id = :workspace AND user_id = :user"
)
_RULES = text(
    "SELECT kind, channel_ids, escalate_minutes, escalate_channel_id FROM notification_rules"
    " WHERE workspace_id = :workspace AND user_id = :user ORDER BY kind"
)
_CHANNELS = text(
    "SELECT id, name, service, created_at, tested_at, sent_at, failed_at, failure FROM notification_channels"
    " WHERE workspace_id = :workspace AND user_id = :user ORDER BY created_at, id"
)
_KEEP = text(
    "INSERT INTO notification_settings AS s (workspace_id, user_id, time_zone, quiet_from, quiet_to, minimal_severity,"
    " alive_at, alive_channel_id, version) VALUES (:workspace, :user, :zone, :quiet_from, :quiet_to, :severity, :alive,"
    " :alive_channel, 1) ON CONFLICT (workspace_id, user_id) DO UPDATE SET time_zone = excluded.time_zone,"
    " quiet_from = excluded.quiet_from, quiet_to = excluded.quiet_to, minimal_severity = excluded.minimal_severity,"
    " alive_at = excluded.alive_at, alive_channel_id = excluded.alive_channel_id, version = s.version + 1"
    " WHERE s.version = :version RETURNING version"
)
_KEEP_RULE = text(
    "INSERT INTO notification_rules (workspace_id, user_id, kind, channel_ids, escalate_minutes, escalate_channel_id)"
    " VALUES (:workspace, :user, :kind, :channels, :minutes, :next)"
)
_ADD = text(
    "INSERT INTO notification_channels (id, workspace_id, user_id, name, service, address, created_at)"
    " VALUES (:id, :workspace, :user, :name, :service, :address, clock_timestamp())"
)
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('channels of ' || :workspace || :user, 7))")
_COUNT = text("SELECT count(*) FROM notification_channels WHERE workspace_id = :workspace AND user_id = :user")
_REMOVE = text(
    "DELETE FROM notification_channels WHERE id = :id AND workspace_id = :workspace AND user_id = :user"
    " RETURNING name, service"
)
_TEST = text(
    "UPDATE notification_channels SET tested_at = :now WHERE id = :id AND workspace_id = :workspace"
    " AND user_id = :user AND (tested_at IS NULL OR tested_at <= :before) RETURNING address"
)
_ONE = text("SELECT 1 FROM notification_channels WHERE id = :id AND workspace_id = :workspace AND user_id = :user")
_OUTCOME = text(
    "UPDATE notification_channels SET sent_at = CASE WHEN :sent THEN clock_timestamp() ELSE sent_at END,"
    " failed_at = CASE WHEN :sent THEN NULL ELSE clock_timestamp() END, failure = CAST(:failure AS jsonb)"
    " WHERE id = :id AND workspace_id = :workspace"
)


async def read_preferences(connection: AsyncConnection, whose: Whose) -> Preferences:
    """Those of a person who has said nothing are the defaults, with version 0: everything in the page, nothing else."""
    row = (await connection.execute(_SETTINGS, whose.values)).mappings().one_or_none()
    rules = [_rule(each) for each in (await connection.execute(_RULES, whose.values)).mappings()]
    channels = [_channel(each) for each in (await connection.execute(_CHANNELS, whose.values)).mappings()]
    if row is None:
        return Preferences(rules=rules, channels=channels)
    quiet = None if row["quiet_from"] is None else (row["quiet_from"], row["quiet_to"])
    return Preferences(
        time_zone=row["time_zone"],
        quiet=quiet,
        minimal_severity=row["minimal_severity"],
        alive_at=row["alive_at"],
        alive_channel_id=row["alive_channel_id"],
        rules=rules,
        version=row["version"],
        channels=channels,
    )


async def set_preferences(connection: AsyncConnection, whose: Whose, wanted: Preferences, by: By) -> Preferences:
    """Puts them in the place of the present ones, whose version `wanted.version` must be.

    Raises `InvalidInput`, `SettingsMoved`; then nothing is changed.
    """
    known = await read_preferences(connection, whose)
    found = _problems(wanted, {UUID(str(each["id"])) for each in known.channels})
    if found:
        raise InvalidInput(found)
    quiet_from, quiet_to = (None, None) if wanted.quiet is None else wanted.quiet
    values = {
        **whose.values,
        "zone": wanted.time_zone,
        "quiet_from": quiet_from,
        "quiet_to": quiet_to,
        "severity": wanted.minimal_severity,
        "alive": wanted.alive_at,
        "alive_channel": wanted.alive_channel_id,
        "version": wanted.version,
    }
    kept = None if wanted.version != known.version else await connection.scalar(_KEEP, values)
    if kept is None:
        raise SettingsMoved("these settings were changed meanwhile; look at them again")
    await connection.execute(
        text("DELETE FROM notification_rules WHERE workspace_id = :workspace AND user_id = :user"), whose.values
    )
    for rule in wanted.rules:
        if rule.channel_ids or rule.escalate_minutes is not None:
            await connection.execute(_KEEP_RULE, whose.values | _rule_values(rule))
    await _note(connection, whose, by, "settings", whose.user_id, before=_told(known), after=_told(wanted))
    return await read_preferences(connection, whose)


async def add_channel(
    connection: AsyncConnection, whose: Whose, by: By, keyring: Keyring, *, name: str, service: str, address: str
) -> UUID:
    """Seals the address for its row; nothing gives it back. Raises `InvalidInput`, `TooManyChannels`, `Unopenable`."""
    if not name.strip() or not name.isprintable() or len(name) > NAME_LENGTH_MAX:
        raise InvalidInput([Problem("channel.name", "name", {"maximum": str(NAME_LENGTH_MAX)})])
    await hold_keyring(connection, "service")
    key = {name: str(value) for name, value in whose.values.items()}
    await connection.execute(_LOCK, key)
    if int(await connection.scalar(_COUNT, whose.values) or 0) >= CHANNELS_OF_USER_MAX:
        raise TooManyChannels(f"you have {CHANNELS_OF_USER_MAX} channels in this workspace; remove one first")
    made = by.ids.new()
    sealed = keyring.wrap(address.encode(), _binding(whose, made)).joined()
    values = {**whose.values, "id": made, "name": name.strip(), "service": service, "address": sealed}
    await connection.execute(_ADD, values)
    await _note(connection, whose, by, "channel_add", made, after={"name": name.strip(), "service": service})
    return made


async def remove_channel(connection: AsyncConnection, whose: Whose, by: By, channel_id: UUID) -> None:
    """With what waits to be sent there. Raises `NotFound`."""
    row = (await connection.execute(_REMOVE, {**whose.values, "id": channel_id})).first()
    if row is None:
        raise _no_channel(channel_id)
    await _note(connection, whose, by, "channel_remove", channel_id, before={"name": row.name, "service": row.service})


async def begin_test(connection: AsyncConnection, whose: Whose, by: By, keyring: Keyring, channel_id: UUID) -> str:
    """The address to try. Raises `NotFound`, `JustTested`, `Unopenable`."""
    named = {**whose.values, "id": channel_id}
    row = (await connection.execute(_TEST, {**named, "now": by.now, "before": by.now - TEST_PAUSE})).first()
    if row is not None:
        await _note(connection, whose, by, "channel_test", channel_id)
        return open_address(keyring, whose, channel_id, row.address)
    if await connection.scalar(_ONE, named) is None:
        raise _no_channel(channel_id)
    raise JustTested("this channel was tested a moment ago; wait ten seconds")


async def note_outcome(connection: AsyncConnection, whose: Whose, channel_id: UUID, outcome: Outcome) -> None:
    """What a channel shows of the last that was sent by it. A channel that is gone is not missed."""
    failure = None if outcome is None else encode_json(outcome.as_json())
    named = {"id": channel_id, "workspace": whose.workspace_id}
    await connection.execute(_OUTCOME, {**named, "sent": outcome is None, "failure": failure})


def open_address(keyring: Keyring, whose: Whose, channel_id: UUID, sealed: bytes) -> str:
    """Raises `Unopenable`."""
    return keyring.unwrap(Wrapped.parted(bytes(sealed)), _binding(whose, channel_id)).decode()


def unusable(outcome: Failure) -> InvalidInput:
    """The same failure, of an address that somebody has just typed."""
    return InvalidInput([Problem(outcome.code, "address", dict(outcome.params))])


def half_quiet(field: str) -> InvalidInput:
    """Quiet hours begin and end, or there are none."""
    return InvalidInput([Problem("notify.quiet_whole", field)])


def _binding(whose: Whose, channel_id: UUID) -> RowBinding:
    return CHANNEL_ADDRESS.binding(channel_id, whose.workspace_id)


def _problems(wanted: Preferences, channels: set[UUID]) -> list[Problem]:
    problems = []
    if zone_of(wanted.time_zone) is None:
        problems.append(Problem("notify.time_zone", "time_zone", {"value": wanted.time_zone[:60]}))
    if wanted.minimal_severity not in SEVERITIES:
        problems.append(Problem("input.not_allowed", "minimal_severity", {"allowed": ", ".join(SEVERITIES)}))
    minutes = {"alive_at": wanted.alive_at}
    if wanted.quiet is not None:
        minutes |= {"quiet_from": wanted.quiet[0], "quiet_to": wanted.quiet[1]}
    for name, minute in minutes.items():
        if minute is not None and not 0 <= minute < DAY_MINUTES:
            problems.append(Problem("input.range", name, {"minimum": "0", "maximum": str(DAY_MINUTES - 1)}))
    if (wanted.alive_at is None) != (wanted.alive_channel_id is None):
        problems.append(Problem("notify.alive_whole", "alive_channel_id"))
    if wanted.alive_channel_id is not None and wanted.alive_channel_id not in channels:
        problems.append(Problem("notify.channel_unknown", "alive_channel_id"))
    seen: set[str] = set()
    for place, rule in enumerate(wanted.rules):
        problems += _rule_problems(rule, f"rules.{place}", channels, seen)
        seen.add(rule.kind)
    return problems


def _rule_problems(rule: Rule, path: str, channels: set[UUID], seen: set[str]) -> list[Problem]:
    problems = []
    if rule.kind not in KINDS or rule.kind in seen:
        problems.append(Problem("notify.kind", f"{path}.kind", {"value": rule.kind[:40]}))
    if not set(rule.channel_ids) <= channels or len(set(rule.channel_ids)) != len(rule.channel_ids):
        problems.append(Problem("notify.channel_unknown", f"{path}.channel_ids"))
    if (rule.escalate_minutes is None) != (rule.escalate_channel_id is None):
        problems.append(Problem("notify.escalation_whole", f"{path}.escalate_channel_id"))
    if rule.escalate_channel_id is not None and rule.escalate_channel_id not in channels:
        problems.append(Problem("notify.channel_unknown", f"{path}.escalate_channel_id"))
    if rule.escalate_minutes is not None and not 1 <= rule.escalate_minutes <= ESCALATE_MINUTES_MAX:
        span = {"minimum": "1", "maximum": str(ESCALATE_MINUTES_MAX)}
        problems.append(Problem("input.range", f"{path}.escalate_minutes", span))
    return problems


def _rule_values(rule: Rule) -> dict[str, Any]:
    return {
        "kind": rule.kind,
        "channels": list(rule.channel_ids),
        "minutes": rule.escalate_minutes,
        "next": rule.escalate_channel_id,
    }


def _rule(row: RowMapping) -> Rule:
    whole = row["escalate_channel_id"] is not None  # a channel that is gone takes its escalation with it
    return Rule(
        kind=row["kind"],
        channel_ids=tuple(row["channel_ids"]),
        escalate_minutes=row["escalate_minutes"] if whole else None,
        escalate_channel_id=row["escalate_channel_id"],
    )


def _channel(row: RowMapping) -> dict[str, Any]:
    def ms(moment: datetime | None) -> int | None:
        return None if moment is None else milliseconds(moment)

    return {
        "id": str(row["id"]),
        "name": row["name"],
        "service": row["service"],
        "created_ms": ms(row["created_at"]),
        "tested_ms": ms(row["tested_at"]),
        "sent_ms": ms(row["sent_at"]),
        "failed_ms": ms(row["failed_at"]),
        "failure": None if row["failure"] is None else dict(row["failure"]),
    }


def _told(preferences: Preferences) -> dict[str, Any]:
    return {
        "time_zone": preferences.time_zone,
        "quiet": None if preferences.quiet is None else list(preferences.quiet),
        "minimal_severity": preferences.minimal_severity,
        "alive_at": preferences.alive_at,
        "rules": [rule.kind for rule in preferences.rules],
    }


def _no_channel(channel_id: UUID) -> NotFound:
    return NotFound(f"you have no channel {channel_id} in this workspace")


async def _note(
    connection: AsyncConnection,
    whose: Whose,
    by: By,
    deed: str,
    object_id: object,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    await note(
        connection,
        by,
        f"notify.{deed}",
        workspace_id=whose.workspace_id,
        object_kind="notify",
        object_id=object_id,
        before=before,
        after=after,
    )
