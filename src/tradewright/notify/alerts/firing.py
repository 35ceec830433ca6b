"""The SQL of judging: which alerts wait, where the price stands, and one that fires with its notification.

A firing is one conditional UPDATE: of two that judge the same price, one finds it done. Not here: prices (`keeping`).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.core.clock import Ids
from tradewright.core.ids import UserId, WorkspaceId
from tradewright.core.instrument import InstrumentId
from tradewright.core.money import plain
from tradewright.notify.alerts.model import CHANNEL, Alert, NewAlert
from tradewright.notify.model import Fact
from tradewright.notify.writing import Carry, write_facts
from tradewright.storage.bus import notify

_COLUMNS = (
    "id, workspace_id, user_id, version, environment, category, symbol, price_by, direction, price, repeats, ends_at,"
    " note, is_reached, fired_at, fired_count"
)
_WAITING = text(
    f"SELECT {_COLUMNS} FROM price_alerts WHERE state = 'waiting' AND workspace_id IS NOT NULL"  # noqa: S608
    " AND (ends_at IS NULL OR ends_at > clock_timestamp()) ORDER BY environment, category, symbol, id"
)
_END = text(
    "UPDATE price_alerts SET state = 'ended', version = version + 1"
    " WHERE state IN ('waiting', 'paused') AND ends_at <= clock_timestamp() AND workspace_id IS NOT NULL"
)
_MOVE = text(
    "UPDATE price_alerts SET is_reached = :reached WHERE id = :id AND workspace_id = :workspace AND state = 'waiting'"
    " AND version = :version"
)
_FIRE = text(
    "UPDATE price_alerts SET is_reached = true, fired_at = clock_timestamp(), fired_price = :price,"  # noqa: S608
    " fired_count = fired_count + 1, state = CASE WHEN repeats THEN 'waiting' ELSE 'fired' END, version = version + 1"
    " WHERE id = :id AND workspace_id = :workspace AND state = 'waiting' AND is_reached IS FALSE AND version = :version"
    f" AND (ends_at IS NULL OR ends_at > clock_timestamp()) RETURNING {_COLUMNS}"
)


async def waiting_alerts(connection: AsyncConnection) -> Sequence[Alert]:
    """Everybody's; those whose end has come are ended."""
    await connection.execute(_END)
    return [_alert(row) for row in (await connection.execute(_WAITING)).mappings()]


async def keep_reached(connection: AsyncConnection, alert: Alert, reached: bool) -> bool:
    """Where the price stands; False where the alert is another by now."""
    values = {"id": alert.id, "workspace": alert.workspace_id, "version": alert.version, "reached": reached}
    return bool((await connection.execute(_MOVE, values)).rowcount)


async def fire(connection: AsyncConnection, alert: Alert, price: Decimal, ids: Ids, carry: Carry) -> Alert | None:
    """The alert as it is then; None where it is another by now, or somebody was quicker."""
    values = {"id": alert.id, "workspace": alert.workspace_id, "version": alert.version, "price": price}
    row = (await connection.execute(_FIRE, values)).mappings().one_or_none()
    if row is None:
        return None
    await write_facts(connection, [_fact(row, price)], ids, carry)
    await notify(connection, CHANNEL, str(alert.id))
    return _alert(row)


def _fact(row: RowMapping, price: Decimal) -> Fact:
    told: dict[str, Any] = {name: str(row[name]) for name in ("category", "symbol", "price_by", "direction", "note")}
    return Fact(
        source=f"alert:{row['id']}:{row['fired_count']}",
        workspace_id=WorkspaceId(row["workspace_id"]),
        user_id=UserId(row["user_id"]),
        kind="price_alert",
        at=row["fired_at"],
        params=told | {"environment": row["environment"], "price": plain(row["price"]), "seen": plain(price)},
        merge_key=f"alert:{row['id']}",
        link={"kind": "alert", "alert_id": str(row["id"])},
    )


def _alert(row: RowMapping) -> Alert:
    return Alert(
        id=row["id"],
        workspace_id=WorkspaceId(row["workspace_id"]),
        user_id=UserId(row["user_id"]),
        version=row["version"],
        asked=NewAlert(
            environment=row["environment"],
            instrument=InstrumentId(row["category"], row["symbol"]),
            price_by=row["price_by"],
            direction=row["direction"],
            price=row["price"],
            repeats=row["repeats"],
            ends_at=row["ends_at"],
            note=row["note"],
        ),
        is_reached=row["is_reached"],
        fired_at=row["fired_at"],
    )
