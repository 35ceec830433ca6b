"""What may be asked of trading: place an order, cancel one. A command writes an intent; the account's owner acts on it.

Lives here: validation, the idempotent insert with its audit row, and the notification, all in the caller's transaction.
Not here: sending (`session`), authorisation (`web`).
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.audit.model import AuditEntry
from tradewright.audit.store import record
from tradewright.core.clock import Clock, Ids
from tradewright.core.errors import InvalidInput, NotFound, Problem
from tradewright.core.ids import AccountId, UserId, WorkspaceId, link_id_of
from tradewright.core.instrument import Instrument, order_problems
from tradewright.storage.bus import notify
from tradewright.trading.model import HAND_VALIDITY, CancelBody, IntentConflict, OrderEnded, PlaceBody, SubmittedIntent
from tradewright.trading.queries import order_view_of, require_account

INTENTS_CHANNEL = "intents"
NOTE_LENGTH_MAX = 64
_FINAL = frozenset({"refused", "not_sent", "filled", "cancelled", "rejected", "expired", "not_placed"})


async def submit_place(
    connection: AsyncConnection,
    *,
    workspace_id: WorkspaceId,
    account_id: AccountId,
    user_id: UserId,
    body: PlaceBody,
    instrument: Instrument | None,
    reference_price: Decimal | None,
    clock: Clock,
    ids: Ids,
    ip: str | None,
) -> SubmittedIntent:
    """Asks for an order by hand. The same id and body again is the same intent; the caller commits.

    `instrument` is None when the exchange lists no such symbol; `reference_price` (last price) values a market order.
    Raises `InvalidInput` (nothing is written), `NotFound` for a foreign account, `IntentConflict` for a used id.
    """
    await require_account(connection, workspace_id, account_id)
    existing = await _existing(connection, workspace_id, account_id, body)
    if existing is not None:
        return existing
    _validate(body, instrument, reference_price)
    inserted = await connection.execute(
        text(
            "INSERT INTO intents (id, workspace_id, account_id, kind, body, category, symbol, side, order_type,"
            " time_in_force, quantity, price, reduce_only, note, link_id, state, valid_until, created_by, source,"
            " created_at, updated_at)"
            " VALUES (:id, :workspace, :account, 'place', CAST(:body AS jsonb), :category, :symbol, :side, :order_type,"
            " :tif, :quantity, :price, :reduce_only, :note, :link, 'proposed',"
            " CASE WHEN :reduce_only THEN NULL ELSE clock_timestamp() + CAST(:validity AS interval) END,"
            " :user, 'manual', clock_timestamp(), clock_timestamp()) ON CONFLICT DO NOTHING RETURNING id"
        ),
        {
            "id": body.id,
            "workspace": workspace_id,
            "account": account_id,
            "body": json.dumps(body.canonical()),
            "category": body.category,
            "symbol": body.symbol,
            "side": body.side,
            "order_type": body.order_type,
            "tif": body.time_in_force,
            "quantity": body.quantity,
            "price": body.price,
            "reduce_only": body.reduce_only,
            "note": body.note,
            "link": link_id_of(body.id),
            "validity": HAND_VALIDITY,
            "user": user_id,
        },
    )
    if inserted.first() is None:
        return await _raced(connection, workspace_id, account_id, body)
    asked = body.canonical()
    await _audit(connection, workspace_id, account_id, user_id, "order.place", body.id, asked, clock, ids, ip)
    await notify(connection, INTENTS_CHANNEL, str(account_id))
    return SubmittedIntent(body.id, created=True)


async def submit_cancel(
    connection: AsyncConnection,
    *,
    workspace_id: WorkspaceId,
    account_id: AccountId,
    user_id: UserId,
    body: CancelBody,
    clock: Clock,
    ids: Ids,
    ip: str | None,
) -> SubmittedIntent:
    """Asks to cancel the order of one row; never expires. Raises as `submit_place`; `OrderEnded`."""
    await require_account(connection, workspace_id, account_id)
    existing = await _existing(connection, workspace_id, account_id, body)
    if existing is not None:
        return existing
    target = await order_view_of(connection, account_id, body.order_id)
    if target is None:
        raise NotFound(f"there is no order {body.order_id} on this account")
    if target["status"] in _FINAL:
        raise OrderEnded(f"order {body.order_id} has ended ({target['status']}); there is nothing to cancel")
    inserted = await connection.execute(
        text(
            "INSERT INTO intents (id, workspace_id, account_id, kind, body, category, symbol, target_id, state,"
            " created_by, source, created_at, updated_at)"
            " VALUES (:id, :workspace, :account, 'cancel', CAST(:body AS jsonb), :category, :symbol, :target,"
            " 'proposed', :user, 'manual', clock_timestamp(), clock_timestamp())"
            " ON CONFLICT DO NOTHING RETURNING id"
        ),
        {
            "id": body.id,
            "workspace": workspace_id,
            "account": account_id,
            "body": json.dumps(body.canonical()),
            "category": target["category"],
            "symbol": target["symbol"],
            "target": body.order_id,
            "user": user_id,
        },
    )
    if inserted.first() is None:
        return await _raced(connection, workspace_id, account_id, body)
    await _audit(
        connection, workspace_id, account_id, user_id, "order.cancel", body.order_id, body.canonical(), clock, ids, ip
    )
    await notify(connection, INTENTS_CHANNEL, str(account_id))
    return SubmittedIntent(body.id, created=True)


def _validate(body: PlaceBody, instrument: Instrument | None, reference_price: Decimal | None) -> None:
    if instrument is None:
        raise InvalidInput([Problem("order.instrument_unknown", "symbol", {"value": body.symbol[:40]})])
    problems = order_problems(
        instrument,
        side=body.side,
        order_type=body.order_type,
        quantity=body.quantity,
        price=body.price,
        reference_price=reference_price,
        reduce_only=body.reduce_only,
    )
    if body.note is not None and len(body.note) > NOTE_LENGTH_MAX:
        problems.append(Problem("order.note_too_long", "note", {"maximum": str(NOTE_LENGTH_MAX)}))
    if body.order_type == "Market" and body.time_in_force != "IOC":
        problems.append(Problem("order.market_is_ioc", "time_in_force", {"value": body.time_in_force}))
    if problems:
        raise InvalidInput(problems)


async def _existing(
    connection: AsyncConnection, workspace_id: WorkspaceId, account_id: AccountId, body: PlaceBody | CancelBody
) -> SubmittedIntent | None:
    """The intent with this id, if it is this body; `IntentConflict` when the id was used for something else."""
    found = await connection.execute(
        text("SELECT workspace_id, account_id, body FROM intents WHERE id = :id"), {"id": body.id}
    )
    row = found.first()
    if row is None:
        return None
    if (row.workspace_id, row.account_id, row.body) != (workspace_id, account_id, body.canonical()):
        raise IntentConflict(f"the intent id {body.id} was used for something else; make a new id for a new order")
    return SubmittedIntent(body.id, created=False)


async def _raced(
    connection: AsyncConnection, workspace_id: WorkspaceId, account_id: AccountId, body: PlaceBody | CancelBody
) -> SubmittedIntent:
    existing = await _existing(connection, workspace_id, account_id, body)
    assert existing is not None, "the insert met a conflict on a row that is not there"
    return existing


async def _audit(
    connection: AsyncConnection,
    workspace_id: WorkspaceId,
    account_id: AccountId,
    user_id: UserId,
    action: str,
    object_id: UUID,
    after: dict[str, Any],
    clock: Clock,
    ids: Ids,
    ip: str | None,
) -> None:
    entry = AuditEntry(
        id=ids.new(),
        workspace_id=workspace_id,
        account_id=account_id,
        at=clock.now(),
        actor_kind="user",
        actor_id=user_id,
        action=action,
        object_kind="order",
        object_id=str(object_id),
        before=None,
        after=after,
        ip=ip,
        outcome="asked",
    )
    await record(connection, entry)
