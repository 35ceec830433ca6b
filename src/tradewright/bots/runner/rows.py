"""A run as its owner reads it: its own row, what its version says, and the text of its strategy.

Lives here: `RunRow`, `Wish`, and the SQL that reads them. Not here: what is written (`store`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, cast
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.bots.model import HOLDING, AtEnd, RunState, StopHow
from tradewright.core.instrument import Category, InstrumentId
from tradewright.core.order import ATTACHED_TYPES
from tradewright.trading.model import AccountRef

_HOLDING: Final = ", ".join(f"'{state}'" for state in HOLDING)
_ATTACHED: Final = ", ".join(f"'{name}'" for name in sorted(ATTACHED_TYPES))

_RUNS = text(
    f"""
SELECT r.*, v.params, v.capital, v.limits, v.at_end, s.text AS spec_text, s.sha256 AS spec_sha256
  FROM runs r
  JOIN bot_versions v ON v.id = r.bot_version_id AND v.workspace_id = r.workspace_id AND v.account_id = r.account_id
  JOIN spec_versions s ON s.id = v.spec_version_id AND s.workspace_id = r.workspace_id
 WHERE r.account_id = :account AND r.workspace_id = :workspace AND r.state IN ({_HOLDING})
 ORDER BY r.admitted_at, r.id
"""  # noqa: S608
)
_WISHES = text(
    f"""
SELECT r.id, r.duration_ms, r.wish_paused, r.wish_paused_by, r.wish_stop, r.wish_stop_by,
       CAST(floor(EXTRACT(EPOCH FROM clock_timestamp()) * 1000) AS bigint) AS now_ms
  FROM runs r WHERE r.account_id = :account AND r.workspace_id = :workspace AND r.state IN ({_HOLDING})
"""  # noqa: S608
)
# What became of what a run asked. An order is over once its own state is final.
_ASKED = text(
    """
SELECT i.id, i.kind, i.state, i.reason, i.verdict, i.applied_at IS NOT NULL AS is_applied, o.state AS order_state,
       o.exchange_order_id, o.reject_reason, coalesce(o.filled_quantity, 0) AS filled_quantity
  FROM intents i
  LEFT JOIN orders o ON o.account_id = i.account_id AND o.intent_id = i.id
 WHERE i.account_id = :account AND i.workspace_id = :workspace AND i.id = ANY(CAST(:ids AS uuid[]))
"""
)
# Fills of a run that its own events do not tell yet: of its orders, and of exits that the exchange made for its symbol.
_UNTOLD = text(
    f"""
SELECT e.exec_id, e.exchange_order_id, e.link_id, e.side, e.price, e.quantity, e.fee, e.fee_coin, e.is_maker,
       e.exec_type, e.executed_at, e.sequence, coalesce(o.stop_order_type, '') AS stop_order_type
  FROM executions e
  LEFT JOIN orders o ON o.account_id = e.account_id AND o.id = e.order_id
 WHERE e.account_id = :account AND e.workspace_id = :workspace AND e.category = :category AND e.symbol = :symbol
   AND e.recorded_at >= :since
   AND NOT EXISTS (SELECT 1 FROM run_events v
                    WHERE v.run_id = :run AND v.workspace_id = :workspace AND v.kind = 'fill'
                      AND v.payload->>'exec_id' = e.exec_id)
   AND (e.exec_type <> 'Trade' OR o.stop_order_type IN ({_ATTACHED})
        OR EXISTS (SELECT 1 FROM intents i
                    WHERE i.account_id = e.account_id AND i.workspace_id = :workspace AND i.id = e.order_id
                      AND i.run_id = :run))
 ORDER BY e.executed_at, e.sequence, e.exec_id
"""  # noqa: S608
)
_TOLD = text(
    """
SELECT DISTINCT v.intent_id FROM run_events v
 WHERE v.run_id = :run AND v.workspace_id = :workspace AND v.kind = 'intent' AND v.intent_id = ANY(CAST(:ids AS uuid[]))
"""
)
# A reading of the exchange tells fills again that were booked before: whoever begins must know them all.
_KNOWN = text(
    """
SELECT e.exec_id FROM executions e
 WHERE e.account_id = :account AND e.workspace_id = :workspace AND e.category = :category AND e.symbol = :symbol
   AND e.executed_at > clock_timestamp() - interval '8 days'
"""
)
_OPEN_ORDERS = text(
    """
SELECT i.id FROM intents i
  LEFT JOIN orders o ON o.account_id = i.account_id AND o.intent_id = i.id
 WHERE i.run_id = :run AND i.workspace_id = :workspace AND i.kind = 'place' AND NOT i.reduces
   AND (i.state IN ('proposed', 'approved', 'sending', 'unknown')
        OR (i.state = 'acknowledged'
            AND (o.state IS NULL OR o.state NOT IN ('filled', 'cancelled', 'rejected', 'expired'))))
"""
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """As it was read at the start or the takeover; `text` and `sha256` of its strategy, to be checked again."""

    id: UUID
    number: int
    state: RunState
    instrument: InstrumentId
    timeframe: str
    began_at: Any  # aware UTC; None before it began
    created_at: Any
    began_market_ms: int | None
    duration_ms: int
    event_seq: int
    memory: Mapping[str, Any] | None
    bar_open_ms: int | None
    anchor: Mapping[str, int] | None
    totals: Mapping[str, Any] | None
    reason: Mapping[str, Any] | None
    params: Mapping[str, str]
    capital: Decimal
    limits: Mapping[str, Any]
    at_end: AtEnd
    wish_paused: bool
    wish_paused_by: UUID | None
    wish_stop: StopHow | None
    spec_text: str
    spec_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What people want of a run now. `now_ms` is the database's clock."""

    is_paused: bool = False
    paused_by: UUID | None = None
    stop: StopHow | None = None
    stop_by: UUID | None = None
    duration_ms: int = 0
    now_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of an intent of a run, and of its order."""

    id: UUID
    kind: str
    state: str
    reason: Mapping[str, Any] | None
    verdict: Sequence[Mapping[str, str]] | None
    is_applied: bool
    order_state: str | None
    reject_reason: str
    filled_quantity: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class UntoldFill:
    exec_id: str
    exchange_order_id: str
    link_id: str
    side: str
    price: Decimal
    quantity: Decimal
    fee: Decimal
    is_maker: bool
    exec_type: str
    executed_at: Any
    stop_order_type: str


async def held_runs(connection: AsyncConnection, account: AccountRef) -> list[RunRow]:
    """All runs that hold a slot on the account, oldest first."""
    found = await connection.execute(_RUNS, {"account": account.id, "workspace": account.workspace_id})
    return [
        RunRow(
            id=row["id"],
            number=row["number"],
            state=row["state"],
            instrument=InstrumentId(cast("Category", row["category"]), row["symbol"]),
            timeframe=row["timeframe"],
            began_at=row["began_at"],
            created_at=row["created_at"],
            began_market_ms=row["began_market_ms"],
            duration_ms=row["duration_ms"],
            event_seq=row["event_seq"],
            memory=row["memory"],
            bar_open_ms=row["bar_open_ms"],
            anchor=row["anchor"],
            totals=row["totals"],
            reason=row["reason"],
            params=row["params"],
            capital=row["capital"],
            limits=row["limits"],
            at_end=row["at_end"],
            wish_paused=row["wish_paused"],
            wish_paused_by=row["wish_paused_by"],
            wish_stop=row["wish_stop"],
            spec_text=row["spec_text"],
            spec_sha256=row["spec_sha256"],
        )
        for row in found.mappings()
    ]


async def wishes(connection: AsyncConnection, account: AccountRef) -> dict[UUID, Wish]:
    """Of each run that holds a slot on the account."""
    found = await connection.execute(_WISHES, {"account": account.id, "workspace": account.workspace_id})
    return {
        row["id"]: Wish(
            is_paused=row["wish_paused"],
            paused_by=row["wish_paused_by"],
            stop=row["wish_stop"],
            stop_by=row["wish_stop_by"],
            duration_ms=row["duration_ms"],
            now_ms=row["now_ms"],
        )
        for row in found.mappings()
    }


async def outcomes(connection: AsyncConnection, account: AccountRef, ids: Sequence[UUID]) -> dict[UUID, Outcome]:
    """Of those that were written down; an id that is missing never was."""
    values = {"account": account.id, "workspace": account.workspace_id, "ids": list(ids)}
    found = await connection.execute(_ASKED, values)
    return {
        row["id"]: Outcome(
            id=row["id"],
            kind=row["kind"],
            state=row["state"],
            reason=row["reason"],
            verdict=row["verdict"],
            is_applied=row["is_applied"],
            order_state=row["order_state"],
            reject_reason=row["reject_reason"] or "",
            filled_quantity=row["filled_quantity"],
        )
        for row in found.mappings()
    }


async def untold_fills(connection: AsyncConnection, account: AccountRef, run: RunRow) -> list[UntoldFill]:
    """Fills since the run began that none of its events tells, in the exchange's order."""
    found = await connection.execute(
        _UNTOLD,
        {
            "account": account.id,
            "workspace": account.workspace_id,
            "category": run.instrument.category,
            "symbol": run.instrument.symbol,
            "run": run.id,
            "since": run.began_at,
        },
    )
    return [
        UntoldFill(
            exec_id=row["exec_id"],
            exchange_order_id=row["exchange_order_id"],
            link_id=row["link_id"],
            side=row["side"],
            price=row["price"],
            quantity=row["quantity"],
            fee=row["fee"],
            is_maker=row["is_maker"],
            exec_type=row["exec_type"],
            executed_at=row["executed_at"],
            stop_order_type=row["stop_order_type"],
        )
        for row in found.mappings()
    ]


async def told_intents(
    connection: AsyncConnection, account: AccountRef, run_id: UUID, ids: Sequence[UUID]
) -> set[UUID]:
    """Which of these the run's events tell already."""
    found = await connection.execute(_TOLD, {"workspace": account.workspace_id, "run": run_id, "ids": list(ids)})
    return set(found.scalars())


async def known_fills(connection: AsyncConnection, account: AccountRef, instrument: InstrumentId) -> set[str]:
    """Of a symbol, all that were booked until now and that the exchange may tell again."""
    values = {"account": account.id, "workspace": account.workspace_id}
    found = await connection.execute(_KNOWN, {**values, "category": instrument.category, "symbol": instrument.symbol})
    return set(found.scalars())


async def open_orders(connection: AsyncConnection, account: AccountRef, run_id: UUID) -> list[UUID]:
    """Orders of a run that open and have not ended, whoever of its owners sent them."""
    found = await connection.execute(_OPEN_ORDERS, {"workspace": account.workspace_id, "run": run_id})
    return list(found.scalars())
