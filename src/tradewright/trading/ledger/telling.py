"""Breaks of the ledger: each told once when it is found, and once when it ties again.

Lives here: their rows and events, inside the caller's transaction. Not here: finding them (`core.tie_out`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.core.clock import milliseconds
from tradewright.core.tie_out import Break
from tradewright.trading.events import EventWriter
from tradewright.trading.model import AccountRef
from tradewright.trading.views import Row


async def tell_breaks(
    connection: AsyncConnection,
    account: AccountRef,
    breaks: Sequence[Break],
    once: Sequence[Break],
    events: EventWriter,
) -> None:
    """`breaks` are all that there are; what was open and is not among them is cleared. A break whose figures moved is
    the same break. `once` are open for no time at all: something that happened and cannot be mended."""
    known = await connection.execute(
        text("SELECT * FROM ledger_breaks WHERE account_id = :account AND cleared_at IS NULL ORDER BY number"),
        {"account": account.id},
    )
    open_rows = {(row["kind"], row["subject"]): row for row in known.mappings()}
    found = {(each.kind, each.subject): each for each in breaks}
    for key, each in found.items():
        row = open_rows.get(key)
        if row is None:
            await _insert(connection, account, each, events, is_over=False)
        elif (row["ours"], row["theirs"]) != (each.ours, each.theirs):
            await connection.execute(
                text(
                    "UPDATE ledger_breaks SET ours = :ours, theirs = :theirs"
                    " WHERE account_id = :account AND number = :number"
                ),
                {"ours": each.ours, "theirs": each.theirs, "account": account.id, "number": row["number"]},
            )
    for each in once:
        await _insert(connection, account, each, events, is_over=True)
    for key, row in open_rows.items():
        if key not in found:
            cleared = await connection.execute(
                text(
                    "UPDATE ledger_breaks SET cleared_at = clock_timestamp()"
                    " WHERE account_id = :account AND number = :number RETURNING *"
                ),
                {"account": account.id, "number": row["number"]},
            )
            _tell(events, "tied", cleared.mappings().one())


async def _insert(
    connection: AsyncConnection, account: AccountRef, each: Break, events: EventWriter, *, is_over: bool
) -> None:
    written = await connection.execute(
        text(
            "INSERT INTO ledger_breaks (account_id, number, workspace_id, kind, subject, ours, theirs, since,"
            " cleared_at) SELECT :account, coalesce(max(number), 0) + 1, :workspace, :kind, :subject, :ours, :theirs,"
            " clock_timestamp(), CASE WHEN :over THEN clock_timestamp() END"
            " FROM ledger_breaks WHERE account_id = :account RETURNING *"
        ),
        {
            "account": account.id,
            "workspace": account.workspace_id,
            "kind": each.kind,
            "subject": each.subject,
            "ours": each.ours,
            "theirs": each.theirs,
            "over": is_over,
        },
    )
    _tell(events, "broken", written.mappings().one())


def _tell(events: EventWriter, state: str, row: Row) -> None:
    events.add("ledger", {"kind": "ledger", "state": state, "difference": break_view(row)})


def break_view(row: Row) -> dict[str, Any]:
    return {
        "number": row["number"],
        "kind": row["kind"],
        "subject": row["subject"],
        "ours": row["ours"],
        "theirs": row["theirs"],
        "since_ms": milliseconds(row["since"]),
        "cleared_ms": None if row["cleared_at"] is None else milliseconds(row["cleared_at"]),
    }
