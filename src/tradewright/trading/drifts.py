"""Differences between us and the exchange that no report explains: counted and told once each.

Lives here: writing them, inside the caller's transaction. Not here: finding them (`reconciliation`, `booking`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.trading.events import EventWriter
from tradewright.trading.journal import Drift
from tradewright.trading.model import AccountRef


async def tell_drifts(
    connection: AsyncConnection, account: AccountRef, drifts: Sequence[Drift], events: EventWriter
) -> None:
    """Each difference is told once: by its kind, its subject and what the exchange has."""
    for drift in drifts:
        known = await connection.scalar(
            text(
                "SELECT 1 FROM account_events WHERE account_id = :account AND kind = 'drift'"
                " AND payload->'drift'->>'kind' = :kind AND payload->'drift'->>'subject' = :subject"
                " AND payload->'drift'->>'theirs' = :theirs LIMIT 1"
            ),
            {"account": account.id, "kind": drift.kind, "subject": drift.subject, "theirs": drift.theirs},
        )
        if known is not None:
            continue
        await connection.execute(
            text("UPDATE accounts SET drift_count = drift_count + 1 WHERE id = :account"), {"account": account.id}
        )
        payload: dict[str, Any] = {
            "kind": drift.kind,
            "subject": drift.subject,
            "ours": drift.ours,
            "theirs": drift.theirs,
        }
        events.add("drift", {"kind": "drift", "drift": payload})
