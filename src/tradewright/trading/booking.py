"""Booking reports of the exchange into our tables: orders by the tracker, fills once each.

Lives here: one function a kind of fact, each inside the caller's transaction, each idempotent.
Not here: positions and wallet (`holdings`), the rule which report is newer (`core.order.apply`), transactions and
locking (`store`).
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.audit.model import AuditEntry
from tradewright.audit.store import record
from tradewright.core.clock import Ids
from tradewright.core.ids import ExchangeOrderId, IntentId, intent_of
from tradewright.core.order import FINAL_STATES, UNSEEN, Execution, RemoteOrder, TrackedOrder, apply
from tradewright.trading import views
from tradewright.trading.events import EventWriter
from tradewright.trading.journal import Drift
from tradewright.trading.model import AccountRef
from tradewright.trading.queries import order_view_of
from tradewright.trading.rows import FILL_ROWS


async def book_order(
    connection: AsyncConnection, account: AccountRef, ids: Ids, report: RemoteOrder, events: EventWriter
) -> list[Drift]:
    """Moves the order along, acknowledges its intent (a report is evidence), tells; returns what it cannot explain."""
    found = await connection.execute(
        text("SELECT * FROM orders WHERE account_id = :account AND exchange_order_id = :order"),
        {"account": account.id, "order": report.exchange_order_id},
    )
    row = found.mappings().one_or_none() or await _renamed(connection, account, report)
    moved = apply(None if row is None else tracked(row), report)
    if row is None:
        order_id, drifts = await _insert_order(connection, account, ids, report)
        events.add("order", {"kind": "order", "order": await _view(connection, account, order_id)}, ref=order_id)
        await _link_fills(connection, account, report, order_id, events)
        return drifts
    if moved is None:
        return []
    await connection.execute(
        text(
            "UPDATE orders SET state = :state, quantity = :quantity, price = :price, filled_quantity = :filled,"
            " average_price = :average, reject_reason = :reject, raw_status = :raw, exchange_updated_at = :at,"
            " trigger_price = :trigger, take_profit = :take_profit, stop_loss = :stop_loss, position_index = :index,"
            " updated_at = clock_timestamp(), version = version + 1 WHERE account_id = :account AND id = :id"
        ),
        {
            "account": account.id,
            "state": moved.state,
            "quantity": moved.quantity,
            "price": moved.price,
            "filled": moved.filled_quantity,
            "average": moved.average_price,
            "reject": moved.reject_reason,
            "raw": report.raw_status,
            "at": moved.updated_at,
            "trigger": moved.trigger_price,
            "take_profit": moved.take_profit,
            "stop_loss": moved.stop_loss,
            "index": report.position_index,
            "id": row["id"],
        },
    )
    events.add("order", {"kind": "order", "order": await _view(connection, account, row["id"])}, ref=row["id"])
    return []


async def _renamed(connection: AsyncConnection, account: AccountRef, report: RemoteOrder) -> views.Row | None:
    """The row of a spot order that waited for its trigger and goes on under another id of the exchange's.

    Whether Bybit does that is not documented; of contracts it says that both ids stay. Our client id is never reused.
    """
    if report.instrument.category != "spot" or report.state == "waiting_trigger" or not report.link_id:
        return None
    renamed = await connection.execute(
        text(
            "UPDATE orders SET exchange_order_id = :order WHERE account_id = :account AND link_id = :link"
            " AND category = 'spot' AND symbol = :symbol AND intent_id IS NOT NULL AND state = 'waiting_trigger'"
            " RETURNING *"
        ),
        {
            "order": report.exchange_order_id,
            "account": account.id,
            "link": report.link_id,
            "symbol": report.instrument.symbol,
        },
    )
    return renamed.mappings().one_or_none()


async def end_unseen(
    connection: AsyncConnection, account: AccountRef, exchange_order_id: ExchangeOrderId, events: EventWriter
) -> None:
    """Ends a live order that the exchange shows nowhere any more. What it filled stays."""
    ended = await connection.execute(
        text(
            "UPDATE orders SET state = 'cancelled', reject_reason = :unseen, updated_at = clock_timestamp(),"
            " version = version + 1 WHERE account_id = :account AND exchange_order_id = :order"
            " AND state NOT IN ('filled', 'cancelled', 'rejected', 'expired') RETURNING id"
        ),
        {"unseen": UNSEEN, "account": account.id, "order": exchange_order_id},
    )
    order_id = ended.scalar()
    if order_id is not None:
        events.add("order", {"kind": "order", "order": await _view(connection, account, order_id)}, ref=order_id)


async def _insert_order(
    connection: AsyncConnection, account: AccountRef, ids: Ids, report: RemoteOrder
) -> tuple[UUID, list[Drift]]:
    """The new row's id, and what cannot be explained about it. What nobody here asked for belongs to nobody."""
    intent_id = intent_of(report.link_id)
    intent = None if intent_id is None else await _intent_behind(connection, account, intent_id)
    if intent_id is not None and intent is None:
        # Perhaps a close of the kill switch that is being brought just now: of two that do not see each other, none
        # would join the order with its intent.
        await hold_claims(connection, account)
        intent = await _intent_behind(connection, account, intent_id)
    intent_state, has_order = (None, False) if intent is None else (intent.state, intent.has_order)
    sent_again = intent is not None and intent.source == "kill"
    ours = intent_state is not None and not has_order
    order_id: UUID = intent_id if ours and intent_id is not None else ids.new()
    await connection.execute(
        text(
            "INSERT INTO orders (id, workspace_id, account_id, intent_id, exchange_order_id, link_id, category, symbol,"
            " side, order_type, time_in_force, quantity, price, reduce_only, state, filled_quantity, average_price,"
            " reject_reason, raw_status, quantity_unit, trigger_price, trigger_by, trigger_rises, take_profit,"
            " stop_loss, stop_order_type, parent_link_id, close_on_trigger, position_index, exchange_created_at,"
            " exchange_updated_at, updated_at) VALUES"
            " (:id, :workspace, :account, :intent, :order, :link, :category, :symbol, :side, :type, :tif, :quantity,"
            " :price, :reduce_only, :state, :filled, :average, :reject, :raw, :unit, :trigger, :trigger_by, :rises,"
            " :take_profit, :stop_loss, :stop_type, :parent, :close_on_trigger, :index, :created, :updated,"
            " clock_timestamp())"
        ),
        {
            "id": order_id,
            "workspace": account.workspace_id,
            "account": account.id,
            "intent": intent_id if ours else None,
            "order": report.exchange_order_id,
            "link": report.link_id,
            "category": report.instrument.category,
            "symbol": report.instrument.symbol,
            "side": report.side,
            "type": report.order_type,
            "tif": report.time_in_force,
            "quantity": report.quantity,
            "price": report.price,
            "reduce_only": report.reduce_only,
            "state": report.state,
            "filled": report.filled_quantity,
            "average": report.average_price,
            "reject": report.reject_reason,
            "raw": report.raw_status,
            "unit": report.quantity_unit,
            "trigger": report.trigger_price,
            "trigger_by": report.trigger_by,
            "rises": report.trigger_rises,
            "take_profit": report.take_profit,
            "stop_loss": report.stop_loss,
            "stop_type": report.stop_order_type,
            "parent": report.parent_link_id,
            "close_on_trigger": report.close_on_trigger,
            "index": report.position_index,
            "created": report.created_at,
            "updated": report.updated_at,
        },
    )
    if ours and intent_state != "acknowledged":
        await connection.execute(
            text(
                "UPDATE intents SET state = 'acknowledged', reason = NULL, version = version + 1,"
                " updated_at = clock_timestamp() WHERE account_id = :account AND id = :id"
            ),
            {"account": account.id, "id": intent_id},
        )
        await _audit_evidence(connection, account, ids, order_id, report)
    return order_id, _unexpected(report, intent_state, has_order=has_order, sent_again=sent_again)


async def _intent_behind(connection: AsyncConnection, account: AccountRef, intent_id: IntentId) -> Any:
    """Its `state` and `source`, and whether it `has_order`; None where nobody here has asked for it, so far."""
    found = await connection.execute(
        text(
            "SELECT state, source,"
            " EXISTS (SELECT 1 FROM orders o WHERE o.account_id = i.account_id AND o.intent_id = i.id) AS has_order"
            " FROM intents i"
            " WHERE id = :id AND account_id = :account AND kind = 'place' FOR UPDATE OF i"
        ),
        {"id": intent_id, "account": account.id},
    )
    return found.first()


async def hold_claims(connection: AsyncConnection, account: AccountRef) -> None:
    """Held until the commit by whoever brings an intent whose order may have been reported before, and by whoever books
    a report whose intent may be under way: the second of them sees what the first has done."""
    await connection.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": f"claims:{account.id}"}
    )


async def _link_fills(
    connection: AsyncConnection, account: AccountRef, report: RemoteOrder, order_id: UUID, events: EventWriter
) -> None:
    """Fills may come before their order, also those of an order that is not ours: by it they are known for what they
    are, and told once more."""
    linked = await connection.execute(
        text(
            "UPDATE executions SET order_id = :id, position_index = :index"
            " WHERE account_id = :account AND exchange_order_id = :order"
            " AND order_id IS DISTINCT FROM CAST(:id AS uuid) RETURNING exec_id"
        ),
        {
            "id": order_id,
            "index": report.position_index,
            "account": account.id,
            "order": report.exchange_order_id,
        },
    )
    for exec_id in sorted(linked.scalars()):
        await _tell_fill(connection, account, exec_id, events)


async def _tell_fill(connection: AsyncConnection, account: AccountRef, exec_id: str, events: EventWriter) -> None:
    booked = await connection.execute(
        text(f"{FILL_ROWS} WHERE e.account_id = :account AND e.exec_id = :exec"),
        {"account": account.id, "exec": exec_id},
    )
    events.add("fill", {"kind": "fill", "fill": views.fill_view(booked.mappings().one())})


async def _audit_evidence(
    connection: AsyncConnection, account: AccountRef, ids: Ids, order_id: UUID, report: RemoteOrder
) -> None:
    """The exchange's report settled the intent, before or instead of its answer."""
    entry = AuditEntry(
        id=ids.new(),
        workspace_id=account.workspace_id,
        account_id=account.id,
        at=await connection.scalar(text("SELECT clock_timestamp()")),
        actor_kind="exchange",
        action="order.place",
        object_kind="order",
        object_id=str(order_id),
        after={"exchange_order_id": report.exchange_order_id, "status": report.raw_status},
        outcome="acknowledged",
    )
    await record(connection, entry)


def _unexpected(report: RemoteOrder, intent_state: str | None, *, has_order: bool, sent_again: bool) -> list[Drift]:
    """Foreign orders, a second order of one intent, and orders of an intent that we had called ended without one.

    An exit that the exchange made itself is explained by the position or the order that it is attached to. What the
    kill switch sends may be `sent_again` by its own id after it had ended without an order, and its order may be told
    before that attempt is written down: its entries may wait in the spool.
    """
    if has_order:
        return [Drift("order.duplicate", report.exchange_order_id, "", report.raw_status)]
    if intent_state is None:
        if report.is_attached or report.state in FINAL_STATES:
            return []  # nor is one that has ended before we knew of it anything to look after
        return [Drift("order.foreign", report.exchange_order_id, "", report.raw_status)]
    if not sent_again and intent_state in ("not_placed", "rejected", "expired", "refused", "proposed", "approved"):
        return [Drift("order.unexpected", report.exchange_order_id, intent_state, report.raw_status)]
    return []


async def book_execution(
    connection: AsyncConnection, account: AccountRef, execution: Execution, events: EventWriter
) -> None:
    """Books a fill (or another venue-made booking) once, by its id."""
    found = await connection.execute(
        text(
            "SELECT id, position_index FROM (SELECT 1 AS rank, id, position_index FROM orders"
            " WHERE account_id = :account AND exchange_order_id = :order UNION ALL SELECT 2, id, position_index"
            " FROM intents WHERE account_id = :account AND kind = 'place' AND id = :intent) f ORDER BY rank LIMIT 1"
        ),
        {
            "account": account.id,
            "order": execution.exchange_order_id,
            "intent": intent_of(execution.link_id),  # the order itself may not have been reported yet
        },
    )
    order = found.first()
    inserted = await connection.execute(
        text(
            "INSERT INTO executions (account_id, exec_id, workspace_id, order_id, exchange_order_id, link_id, category,"
            " symbol, side, price, quantity, fee, fee_coin, is_maker, exec_type, position_index, executed_at, sequence,"
            " recorded_at)"
            " VALUES (:account, :exec, :workspace, :order_id, :order, :link, :category, :symbol, :side, :price,"
            " :quantity, :fee, :fee_coin, :maker, :type, :index, :at, :sequence, clock_timestamp())"
            " ON CONFLICT (account_id, exec_id) DO NOTHING RETURNING exec_id"
        ),
        {
            "account": account.id,
            "exec": execution.exec_id,
            "workspace": account.workspace_id,
            "order_id": None if order is None else order.id,
            "index": 0 if order is None else order.position_index,
            "order": execution.exchange_order_id,
            "link": execution.link_id,
            "category": execution.instrument.category,
            "symbol": execution.instrument.symbol,
            "side": execution.side,
            "price": execution.price,
            "quantity": execution.quantity,
            "fee": execution.fee,
            "fee_coin": execution.fee_coin,
            "maker": execution.is_maker,
            "type": execution.exec_type,
            "at": execution.executed_at,
            "sequence": execution.sequence,
        },
    )
    if inserted.first() is None:
        return
    await _tell_fill(connection, account, execution.exec_id, events)


def tracked(row: views.Row) -> TrackedOrder:
    """An order as its row in the tables has it."""
    return TrackedOrder(
        state=row["state"],
        quantity=row["quantity"],
        price=row["price"],
        filled_quantity=row["filled_quantity"],
        average_price=row["average_price"],
        reject_reason=row["reject_reason"],
        updated_at=row["exchange_updated_at"],
        trigger_price=row["trigger_price"],
        take_profit=row["take_profit"],
        stop_loss=row["stop_loss"],
    )


async def _view(connection: AsyncConnection, account: AccountRef, order_id: UUID) -> dict[str, Any]:
    view = await order_view_of(connection, account.id, order_id)
    assert view is not None, f"order row {order_id} was just written"
    return view
