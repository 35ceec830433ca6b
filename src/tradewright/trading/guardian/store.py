"""The guardian's SQL: what it reads of fills and exits, and the rows of what it keeps.

Lives here: `GuardReads`, its port for reading, with the one on PostgreSQL, and `keep_guarded`, which the journal calls
in its transaction. Not here: deciding (`guardian`), what follows from the rows (`core.protection`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tradewright.core.ids import IntentId
from tradewright.core.instrument import InstrumentId
from tradewright.core.order_status import UNSETTLED_INTENT_STATES
from tradewright.core.protection import Asked, AskedStop, BookedFill, PlannedStop
from tradewright.storage.engine import encode_json, reading
from tradewright.trading import views
from tradewright.trading.events import EventWriter
from tradewright.trading.guardian.model import Guarded, ProtectionNews, protection_view
from tradewright.trading.guardian.steps import Outcome
from tradewright.trading.model import AccountRef

FILLS_READ = 200  # of a position with more fills than that, what was asked before them is known by what is kept alone
STOPS_READ = 50


class GuardReads(Protocol):
    """What the guardian asks of storage. Of one account."""

    async def guarded(self) -> Sequence[Guarded]:
        """What was kept, at the start."""
        ...

    async def asked(self, instrument: InstrumentId, position_index: int) -> Asked:
        """The newest `FILLS_READ` fills and `STOPS_READ` wishes of others than the guardian, newest first."""
        ...

    async def outcome(self, intent_id: IntentId) -> Outcome | None:
        """None: there is no such intent."""
        ...


class PostgresGuardReads:
    def __init__(self, engine: AsyncEngine, account: AccountRef) -> None:
        self._engine = engine
        self._account = account

    async def guarded(self) -> Sequence[Guarded]:
        async with reading(self._engine) as connection:
            found = await connection.execute(
                text("SELECT * FROM protection_plans WHERE account_id = :account ORDER BY category, symbol"),
                {"account": self._account.id},
            )
            return [_guarded(row) for row in found.mappings()]

    async def asked(self, instrument: InstrumentId, position_index: int) -> Asked:
        key = {
            "account": self._account.id,
            "category": instrument.category,
            "symbol": instrument.symbol,
            "index": position_index,
        }
        async with reading(self._engine) as connection:
            booked = await connection.scalar(text(_BOOKED), key)
            fills = (await connection.execute(text(_FILLS), key | {"limit": FILLS_READ + 1})).mappings().all()
            stops = (await connection.execute(text(_STOPS), key | {"limit": STOPS_READ})).mappings().all()
        return Asked(
            booked=booked,
            fills=[_fill(row) for row in fills[:FILLS_READ]],
            stops=[_asked_stop(row) for row in stops],
            reaches_back=len(fills) <= FILLS_READ,
        )

    async def outcome(self, intent_id: IntentId) -> Outcome | None:
        async with reading(self._engine) as connection:
            found = await connection.execute(
                text(
                    "SELECT state, kind, applied_at, reason->>'code' AS code,"
                    " CAST(reason->>'exchange_code' AS integer) AS exchange_code FROM intents"
                    " WHERE account_id = :account AND id = :id"
                ),
                {"account": self._account.id, "id": intent_id},
            )
            row = found.mappings().one_or_none()
        if row is None:
            return None
        unread = row["kind"] == "exits" and row["state"] == "acknowledged" and row["applied_at"] is None
        is_open = row["state"] in UNSETTLED_INTENT_STATES or unread
        return Outcome(row["state"], is_open, row["code"], row["exchange_code"])


_BOOKED = """
SELECT coalesce((SELECT base_size FROM positions WHERE account_id = :account AND category = :category
                    AND symbol = :symbol AND position_index = :index), 0)
       + coalesce(sum(CASE WHEN exec_type = 'Funding' THEN 0 WHEN side = 'Buy' THEN quantity ELSE -quantity END), 0)
  FROM executions WHERE account_id = :account AND category = :category AND symbol = :symbol AND position_index = :index
"""

# The stop that an order carries may be amended before it fills; the exchange's order says what it became.
_FILLS = """
SELECT e.executed_at, CASE WHEN e.side = 'Buy' THEN e.quantity ELSE -e.quantity END AS signed, i.id AS origin,
       CASE WHEN i.id IS NULL OR i.reduce_only THEN NULL ELSE o.stop_loss END AS stop, i.stop_loss_by
  FROM executions e
  LEFT JOIN orders o ON o.account_id = e.account_id AND o.id = e.order_id
  LEFT JOIN intents i ON i.account_id = e.account_id AND i.id = o.intent_id
 WHERE e.account_id = :account AND e.category = :category AND e.symbol = :symbol AND e.position_index = :index
   AND e.exec_type <> 'Funding'
 ORDER BY e.executed_at DESC, e.sequence DESC, e.exec_id DESC LIMIT :limit
"""

# When the exchange carried it out: by its own clock as the request was signed; where an owner ended before it could say
# so, by ours, moved by what the two clocks differed at the newest request that tells.
_STOPS = """
SELECT i.id, i.side, i.stop_loss, i.stop_loss_by,
       i.state IN ('proposed', 'approved', 'sending', 'unknown') OR i.applied_at IS NULL AS is_open,
       coalesce(r.signed_at, coalesce(r.created_at, i.created_at) + coalesce(
           (SELECT d.signed_at - d.created_at FROM requests d WHERE d.account_id = :account AND d.signed_at IS NOT NULL
             ORDER BY d.created_at DESC LIMIT 1), interval '0')) AS at
  FROM intents i
  LEFT JOIN LATERAL (SELECT q.signed_at, q.created_at FROM requests q WHERE q.account_id = i.account_id
                        AND q.intent_id = i.id ORDER BY q.attempt DESC LIMIT 1) r ON true
 WHERE i.account_id = :account AND i.kind = 'exits' AND i.category = :category AND i.symbol = :symbol
   AND i.position_index = :index AND i.stop_loss IS NOT NULL AND i.side IS NOT NULL AND i.source <> 'guardian'
   AND i.state IN ('proposed', 'approved', 'sending', 'unknown', 'acknowledged')
 ORDER BY i.created_at DESC, i.id DESC LIMIT :limit
"""


def _fill(row: views.Row) -> BookedFill:
    stop = None
    if row["stop"]:
        stop = PlannedStop(price=row["stop"], by=row["stop_loss_by"] or "LastPrice", origin=row["origin"])
    return BookedFill(at=row["executed_at"], signed=row["signed"], stop=stop)


def _asked_stop(row: views.Row) -> AskedStop:
    return AskedStop(
        origin=row["id"],
        side=row["side"],
        price=row["stop_loss"],
        by=row["stop_loss_by"],
        at=row["at"],
        is_open=row["is_open"],
    )


def _guarded(row: views.Row) -> Guarded:
    return Guarded(
        instrument=InstrumentId(row["category"], row["symbol"]),
        position_index=row["position_index"],
        side=row["side"],
        stop=PlannedStop(price=row["stop_price"], by=row["stop_by"], origin=row["origin_id"]),
        followed=row["followed_price"],
        confirmed=row["confirmed"],
        state=row["state"],
        why=row["why"],
        naked_since=row["naked_since"],
        naked_ms_total=row["naked_ms_total"],
        naked_ms_longest=row["naked_ms_longest"],
        repairs=row["repairs"],
        closes=row["closes"],
    )


async def keep_guarded(
    connection: AsyncConnection, account: AccountRef, guarded: Guarded, news: ProtectionNews | None, events: EventWriter
) -> None:
    """The row, the position that shows it, and the event; "removed" and "flat" end it. The caller commits."""
    key = {
        "account": account.id,
        "category": guarded.instrument.category,
        "symbol": guarded.instrument.symbol,
        "index": guarded.position_index,
    }
    has_ended = news in ("removed", "flat")
    if has_ended:
        await connection.execute(text(f"DELETE FROM protection_plans WHERE {_KEY}"), key)  # noqa: S608
    else:
        await connection.execute(text(_UPSERT), key | _columns(account, guarded))
    view = protection_view(guarded)
    changed = await connection.execute(
        text(f"UPDATE positions SET protection = CAST(:protection AS jsonb) WHERE {_KEY} RETURNING *"),  # noqa: S608
        key | {"protection": None if has_ended else encode_json(view)},
    )
    row = changed.mappings().one_or_none()
    if row is not None:
        events.add("position", {"kind": "position", "position": views.position_view(row)})
    if news is not None:
        told = {"news": news, "category": key["category"], "symbol": key["symbol"], "position_index": key["index"]}
        events.add("protection", {"kind": "protection", "protection": told | view})


_KEY = "account_id = :account AND category = :category AND symbol = :symbol AND position_index = :index"
_UPSERT = """
INSERT INTO protection_plans (account_id, category, symbol, position_index, workspace_id, side, stop_price, stop_by,
       origin_id, followed_price, confirmed, state, why, naked_since, naked_ms_total, naked_ms_longest, repairs, closes,
       updated_at)
VALUES (:account, :category, :symbol, :index, :workspace, :side, :stop_price, :stop_by, :origin_id, :followed_price,
       :confirmed, :state, :why, :naked_since, :naked_ms_total, :naked_ms_longest, :repairs, :closes, clock_timestamp())
ON CONFLICT (account_id, category, symbol, position_index) DO UPDATE SET
       side = excluded.side, stop_price = excluded.stop_price, stop_by = excluded.stop_by,
       origin_id = excluded.origin_id, followed_price = excluded.followed_price, confirmed = excluded.confirmed,
       state = excluded.state, why = excluded.why, naked_since = excluded.naked_since,
       naked_ms_total = excluded.naked_ms_total, naked_ms_longest = excluded.naked_ms_longest,
       repairs = excluded.repairs, closes = excluded.closes, updated_at = excluded.updated_at
"""


def _columns(account: AccountRef, guarded: Guarded) -> dict[str, Any]:
    return {
        "workspace": account.workspace_id,
        "side": guarded.side,
        "stop_price": guarded.stop.price,
        "stop_by": guarded.stop.by,
        "origin_id": guarded.stop.origin,
        "followed_price": guarded.followed,
        "confirmed": guarded.confirmed,
        "state": guarded.state,
        "why": guarded.why,
        "naked_since": guarded.naked_since,
        "naked_ms_total": guarded.naked_ms_total,
        "naked_ms_longest": guarded.naked_ms_longest,
        "repairs": guarded.repairs,
        "closes": guarded.closes,
    }
