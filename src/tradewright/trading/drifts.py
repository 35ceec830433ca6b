"""Differences between us and the exchange, written down as they are found: each is told once, with both sides of it.

Lives here: writing them inside the caller's transaction, and ending those that a reading does not find any more.
Not here: finding them (`reconciliation`, `booking`), deciding on one (`differences`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.core.clock import Ids
from tradewright.core.money import plain
from tradewright.storage.bus import notify
from tradewright.storage.engine import encode_json
from tradewright.trading.differences.model import CHANNEL, SIZE, Known, follows, foreign_part, place_of
from tradewright.trading.differences.queries import difference_view, size_of
from tradewright.trading.events import EventWriter
from tradewright.trading.journal import Drift
from tradewright.trading.model import AccountRef
from tradewright.trading.views import Row


async def tell_drifts(
    connection: AsyncConnection, account: AccountRef, ids: Ids, drifts: Sequence[Drift], events: EventWriter
) -> None:
    """Each difference is told once; a size that is another one by now is put right where it waits."""
    written = [row for drift in drifts if (row := await _write(connection, account, ids, drift)) is not None]
    if not written:
        return
    count = await count_open(connection, account)
    for row in written:
        if row["state"] == "open":
            view = difference_view(row)
            told = {"kind": row["kind"], "subject": row["subject"], "ours": row["ours"], "theirs": row["theirs"]}
            events.add("drift", {"kind": "drift", "drift": told, "difference": view, "drift_count": count})
    await notify(connection, CHANNEL, str(account.id))


async def end_unfound(
    connection: AsyncConnection,
    account: AccountRef,
    found: Sequence[Drift],
    compared: Collection[str],
    events: EventWriter,
) -> None:
    """Of the kinds that a reading has compared whole: those that it did not find again are gone by themselves."""
    ended = await connection.execute(
        text(
            "UPDATE differences SET state = 'gone', ended_at = clock_timestamp(), version = version + 1, told = true"
            " WHERE account_id = :account AND state IN ('open', 'ignored') AND kind = ANY(:kinds)"
            " AND NOT kind || ' ' || subject = ANY(:found) RETURNING *"
        ),
        {
            "account": account.id,
            "kinds": sorted(compared),
            "found": [f"{drift.kind} {drift.subject}" for drift in found],
        },
    )
    await tell_moved(connection, account, list(ended.mappings()), events)


async def tell_moved(
    connection: AsyncConnection, account: AccountRef, rows: Sequence[Row], events: EventWriter
) -> None:
    """What became of differences, with how many are open now."""
    if not rows:
        return
    count = await count_open(connection, account)
    for row in rows:
        events.add("difference", {"kind": "difference", "difference": difference_view(row), "drift_count": count})
    await notify(connection, CHANNEL, str(account.id))


async def count_open(connection: AsyncConnection, account: AccountRef) -> int:
    """Counts them anew, and keeps the number with the account."""
    count: int = await connection.scalar(
        text(
            "UPDATE accounts SET drift_count ="
            " (SELECT count(*) FROM differences WHERE account_id = :account AND state = 'open')"
            " WHERE id = :account RETURNING drift_count"
        ),
        {"account": account.id},
    )
    return count


async def _write(connection: AsyncConnection, account: AccountRef, ids: Ids, drift: Drift) -> Row | None:
    """The row as it is now; None: it was told before."""
    latest = await connection.execute(
        text(
            "SELECT * FROM differences WHERE account_id = :account AND kind = :kind AND subject = :subject"
            " ORDER BY found_at DESC, id DESC LIMIT 1 FOR UPDATE"
        ),
        {"account": account.id, "kind": drift.kind, "subject": drift.subject},
    )
    row = latest.mappings().one_or_none()
    match follows(None if row is None else _known(row), drift):
        case "same":
            return None
        case "changed":
            assert row is not None, "only what is known can change"
            changed = await connection.execute(
                text(
                    "UPDATE differences SET before = CAST(:before AS jsonb), after = CAST(:after AS jsonb),"
                    " part = :part, version = version + 1 WHERE id = :id"
                    " RETURNING *, CAST(:ours AS text) AS ours, CAST(:theirs AS text) AS theirs"
                ),
                _sides(drift, {}) | _words(drift) | {"id": row["id"]},
            )
            after = changed.mappings().one()
            return None if row["part"] == after["part"] else after  # our own fills move both sides alike
        case "new":
            if row is not None and row["state"] == "ignored":
                await _supersede(connection, row)
            return await _insert(connection, account, ids, drift)


def _known(row: Row) -> Known:
    ours, theirs = size_of(row["before"]), size_of(row["after"])
    return Known(
        row["state"], "" if ours is None else plain(ours), "" if theirs is None else plain(theirs), row["part"]
    )


async def _supersede(connection: AsyncConnection, row: Row) -> None:
    """What was ignored is another difference by now."""
    await connection.execute(
        text(
            "UPDATE differences SET state = 'gone', ended_at = clock_timestamp(), version = version + 1 WHERE id = :id"
        ),
        {"id": row["id"]},
    )


async def _insert(connection: AsyncConnection, account: AccountRef, ids: Ids, drift: Drift) -> Row:
    instrument, index = place_of(drift)
    order = None if drift.kind == SIZE else await _order(connection, account, drift)
    category = instrument.category if instrument is not None else None if order is None else order["category"]
    symbol = instrument.symbol if instrument is not None else None if order is None else order["symbol"]
    left_alone = drift.kind == "order.foreign" and await _is_left_alone(connection, account, category, symbol)
    inserted = await connection.execute(
        text(
            "INSERT INTO differences (id, account_id, workspace_id, kind, subject, category, symbol, position_index,"
            " order_id, part, before, after, state, always, found_at, version, told) VALUES (:id, :account, :workspace,"
            " :kind, :subject, :category, :symbol, :index, :order, :part, CAST(:before AS jsonb),"
            " CAST(:after AS jsonb), :state, false, clock_timestamp(), 1, :told)"
            " RETURNING *, CAST(:ours AS text) AS ours, CAST(:theirs AS text) AS theirs"
        ),
        {
            "id": ids.new(),
            "account": account.id,
            "workspace": account.workspace_id,
            "kind": drift.kind,
            "subject": drift.subject,
            "category": category,
            "symbol": symbol,
            "index": index,
            "order": None if order is None else order["id"],
            "state": "ignored" if left_alone else "open",
            "told": not left_alone,  # then it is told as one that was decided
        }
        | _sides(drift, order)
        | _words(drift),
    )
    return inserted.mappings().one()


def _words(drift: Drift) -> dict[str, str]:
    return {"ours": drift.ours, "theirs": drift.theirs}


def _sides(drift: Drift, order: Row | dict[str, Any] | None) -> dict[str, Any]:
    """What each side has; of an order that nobody here asked for, with what it is."""
    if drift.kind == SIZE:
        before, after = {"size": drift.ours}, {"size": drift.theirs}
        return {"before": encode_json(before), "after": encode_json(after), "part": foreign_part(drift)}
    known: dict[str, Any] = {}
    if order:
        price: Decimal | None = order["price"]
        known = {
            "side": order["side"],
            "quantity": plain(order["quantity"]),
            "price": None if price is None else plain(price),
        }
    return {
        "before": encode_json({"state": drift.ours} | known) if drift.ours else None,
        "after": encode_json({"state": drift.theirs} | known) if drift.theirs else None,
        "part": None,
    }


async def _order(connection: AsyncConnection, account: AccountRef, drift: Drift) -> Row | None:
    """The row of the order that a difference names: by the exchange's id, or by ours where none was told."""
    found = await connection.execute(
        text(
            "SELECT id, category, symbol, side, quantity, price FROM orders"
            " WHERE account_id = :account AND exchange_order_id = :subject UNION ALL"
            " SELECT id, category, symbol, side, quantity, price FROM intents"
            " WHERE account_id = :account AND kind = 'place' AND link_id = :subject LIMIT 1"
        ),
        {"account": account.id, "subject": drift.subject},
    )
    return found.mappings().one_or_none()


async def _is_left_alone(
    connection: AsyncConnection, account: AccountRef, category: str | None, symbol: str | None
) -> bool:
    """Whether somebody said last that every foreign order of this symbol is to be ignored."""
    if symbol is None:
        return False
    always = await connection.scalar(
        text(
            "SELECT always FROM differences WHERE account_id = :account AND kind = 'order.foreign'"
            " AND category = :category AND symbol = :symbol AND decision = 'ignore'"
            " ORDER BY decided_at DESC LIMIT 1"
        ),
        {"account": account.id, "category": category, "symbol": symbol},
    )
    return bool(always)
