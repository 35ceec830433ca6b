"""What a person does with their alerts: list, make, change, pause, go on, remove. Each names workspace and user.

Not here: whether the instrument exists and what its tick is (the caller has looked), firing (`firing`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.core.clock import milliseconds
from tradewright.core.errors import NotFound
from tradewright.core.money import plain
from tradewright.identity.audited import By, note
from tradewright.notify.alerts.model import (
    ALERTS_OF_USER_MAX,
    CHANNEL,
    INSTRUMENTS_OF_USER_MAX,
    AlertMoved,
    NewAlert,
    TooManyAlerts,
)
from tradewright.notify.centre import Whose
from tradewright.storage.bus import notify

_COLUMNS = (
    "id, environment, category, symbol, price_by, direction, price, repeats, ends_at, note, state, fired_at,"
    " fired_price, fired_count, created_at, version"
)
_LIST = text(
    f"SELECT {_COLUMNS} FROM price_alerts WHERE workspace_id = :workspace AND user_id = :user"  # noqa: S608
    " ORDER BY created_at DESC, id DESC"
)
_ONE = text(
    f"SELECT {_COLUMNS} FROM price_alerts WHERE workspace_id = :workspace AND user_id = :user AND id = :id"  # noqa: S608
)
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('alerts of ' || :workspace || :user, 7))")
_COUNTS = text(
    "SELECT count(*) AS alerts, count(DISTINCT (environment, category, symbol)) AS instruments,"
    " coalesce(bool_or(environment = :environment AND category = :category AND symbol = :symbol), false) AS known"
    " FROM price_alerts WHERE workspace_id = :workspace AND user_id = :user AND id <> :id"
)
_ADD = text(
    "INSERT INTO price_alerts (id, workspace_id, user_id, environment, category, symbol, price_by, direction, price,"
    " repeats, ends_at, note, state, fired_count, created_at, version) VALUES (:id, :workspace, :user, :environment,"
    " :category, :symbol, :price_by, :direction, :price, :repeats, :ends_at, :note, 'waiting', 0, clock_timestamp(), 1)"
)
# What it waits for is another thing now, so where the price stood before says nothing.
_CHANGE = text(
    "UPDATE price_alerts SET environment = :environment, category = :category, symbol = :symbol, price_by = :price_by,"
    " direction = :direction, price = :price, repeats = :repeats, ends_at = :ends_at, note = :note, state = 'waiting',"
    " is_reached = NULL, fired_at = NULL, version = version + 1"
    " WHERE id = :id AND workspace_id = :workspace AND user_id = :user AND version = :version"
)
_PAUSE = text(
    "UPDATE price_alerts SET state = 'paused', version = version + 1"
    " WHERE id = :id AND workspace_id = :workspace AND user_id = :user AND state = 'waiting'"
)
_GO_ON = text(
    "UPDATE price_alerts SET state = 'waiting', is_reached = NULL, version = version + 1"
    " WHERE id = :id AND workspace_id = :workspace AND user_id = :user AND state IN ('paused', 'fired')"
    " AND (ends_at IS NULL OR ends_at > clock_timestamp())"
)
_REMOVE = text("DELETE FROM price_alerts WHERE id = :id AND workspace_id = :workspace AND user_id = :user")


async def list_alerts(connection: AsyncConnection, whose: Whose) -> list[dict[str, Any]]:
    """Newest first; all of them, for there are at most a hundred."""
    return [view(row) for row in (await connection.execute(_LIST, whose.values)).mappings()]


async def read_alert(connection: AsyncConnection, whose: Whose, alert_id: UUID) -> dict[str, Any]:
    """Raises `NotFound`."""
    return view(await _require(connection, whose, alert_id))


async def add_alert(connection: AsyncConnection, whose: Whose, by: By, asked: NewAlert) -> dict[str, Any]:
    """Raises `TooManyAlerts`."""
    made = by.ids.new()
    await _require_room(connection, whose, asked, made)
    await connection.execute(_ADD, {**whose.values, **_values(asked), "id": made})
    return await _done(connection, whose, by, made, "add", after=asked)


async def change_alert(
    connection: AsyncConnection, whose: Whose, by: By, alert_id: UUID, version: int, asked: NewAlert
) -> dict[str, Any]:
    """It waits anew, also one that fired, ended or was paused. Raises `NotFound`, `AlertMoved`, `TooManyAlerts`."""
    await _require(connection, whose, alert_id)
    await _require_room(connection, whose, asked, alert_id)
    values = {**whose.values, **_values(asked), "id": alert_id, "version": version}
    if not (await connection.execute(_CHANGE, values)).rowcount:
        raise _moved()
    return await _done(connection, whose, by, alert_id, "change", after=asked)


async def pause_alert(connection: AsyncConnection, whose: Whose, by: By, alert_id: UUID) -> dict[str, Any]:
    """One that is paused already stays so. Raises `NotFound`, `AlertMoved`."""
    return await _move(connection, whose, by, alert_id, "pause")


async def resume_alert(connection: AsyncConnection, whose: Whose, by: By, alert_id: UUID) -> dict[str, Any]:
    """It waits from the price that comes next. Raises `NotFound`, `AlertMoved` (its end has passed)."""
    return await _move(connection, whose, by, alert_id, "resume")


async def remove_alert(connection: AsyncConnection, whose: Whose, by: By, alert_id: UUID) -> None:
    """Raises `NotFound`."""
    if not (await connection.execute(_REMOVE, {**whose.values, "id": alert_id})).rowcount:
        raise _no_alert(alert_id)
    await _note(connection, whose, by, alert_id, "remove")


async def _move(connection: AsyncConnection, whose: Whose, by: By, alert_id: UUID, deed: str) -> dict[str, Any]:
    row = await _require(connection, whose, alert_id)
    statement, wanted = (_PAUSE, "paused") if deed == "pause" else (_GO_ON, "waiting")
    if row["state"] == wanted:
        return view(row)
    if not (await connection.execute(statement, {**whose.values, "id": alert_id})).rowcount:
        raise _moved()
    return await _done(connection, whose, by, alert_id, deed)


async def _require(connection: AsyncConnection, whose: Whose, alert_id: UUID) -> RowMapping:
    row = (await connection.execute(_ONE, {**whose.values, "id": alert_id})).mappings().one_or_none()
    if row is None:
        raise _no_alert(alert_id)
    return row


async def _require_room(connection: AsyncConnection, whose: Whose, asked: NewAlert, alert_id: UUID) -> None:
    await connection.execute(_LOCK, {name: str(value) for name, value in whose.values.items()})
    instrument = {
        "environment": asked.environment,
        "category": asked.instrument.category,
        "symbol": asked.instrument.symbol,
    }
    row = (await connection.execute(_COUNTS, {**whose.values, **instrument, "id": alert_id})).one()
    if row.alerts >= ALERTS_OF_USER_MAX:
        raise TooManyAlerts(f"you have {ALERTS_OF_USER_MAX} alerts in this workspace; remove some first")
    if not row.known and row.instruments >= INSTRUMENTS_OF_USER_MAX:
        raise TooManyAlerts(f"your alerts are on {INSTRUMENTS_OF_USER_MAX} instruments; remove those of one first")


async def _done(
    connection: AsyncConnection, whose: Whose, by: By, alert_id: UUID, deed: str, *, after: NewAlert | None = None
) -> dict[str, Any]:
    await _note(connection, whose, by, alert_id, deed, after)
    return view(await _require(connection, whose, alert_id))


async def _note(
    connection: AsyncConnection, whose: Whose, by: By, alert_id: UUID, deed: str, after: NewAlert | None = None
) -> None:
    await notify(connection, CHANNEL, str(alert_id))
    told = None if after is None else {**_values(after), "price": plain(after.price), "ends_at": str(after.ends_at)}
    await note(
        connection,
        by,
        f"alert.{deed}",
        workspace_id=whose.workspace_id,
        object_kind="alert",
        object_id=alert_id,
        after=told,
    )


def _values(asked: NewAlert) -> dict[str, Any]:
    return {
        "environment": asked.environment,
        "category": asked.instrument.category,
        "symbol": asked.instrument.symbol,
        "price_by": asked.price_by,
        "direction": asked.direction,
        "price": asked.price,
        "repeats": asked.repeats,
        "ends_at": asked.ends_at,
        "note": asked.note,
    }


def view(row: RowMapping) -> dict[str, Any]:
    def ms(moment: datetime | None) -> int | None:
        return None if moment is None else milliseconds(moment)

    return {
        "id": str(row["id"]),
        "environment": row["environment"],
        "category": row["category"],
        "symbol": row["symbol"],
        "price_by": row["price_by"],
        "direction": row["direction"],
        "price": plain(row["price"]),
        "repeats": row["repeats"],
        "ends_ms": ms(row["ends_at"]),
        "note": row["note"],
        "state": row["state"],
        "fired_ms": ms(row["fired_at"]),
        "fired_price": None if row["fired_price"] is None else plain(row["fired_price"]),
        "fired_count": row["fired_count"],
        "created_ms": ms(row["created_at"]),
        "version": row["version"],
    }


def _moved() -> AlertMoved:
    return AlertMoved("this alert was changed, has fired or has ended meanwhile; look at it again")


def _no_alert(alert_id: UUID) -> NotFound:
    return NotFound(f"you have no alert {alert_id} in this workspace")
