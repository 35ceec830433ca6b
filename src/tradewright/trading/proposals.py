"""What an account's owner itself wants sent, written down as an intent like any other, in the owner's transaction.

Lives here: `propose`, for the guardian, the kill switch and the closing of differences. Not here: why they want it,
what a person asks (`commands`, `change_commands`), who acts on it (`session`).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import assert_never
from uuid import UUID

from sqlalchemy import text

from tradewright.audit.model import AuditEntry
from tradewright.audit.store import record
from tradewright.core.ids import link_id_of
from tradewright.core.instrument import InstrumentId, Side
from tradewright.core.order import NewOrder
from tradewright.core.order_status import UNSETTLED_INTENT_STATES
from tradewright.trading.asking import Asked, insert_intent
from tradewright.trading.bodies import CancelBody, CloseBody, ExitsBody, OwnBody, PlaceBody
from tradewright.trading.change_commands import ENDED_STATUSES, cancel_asked, exits_asked
from tradewright.trading.commands import place_asked
from tradewright.trading.intent_moves import IntentMoves
from tradewright.trading.model import OwnSource, Proposed, Reason
from tradewright.trading.own_orders import told_by
from tradewright.trading.queries import order_row_of
from tradewright.trading.views import Row, order_status

_ALL = Decimal(100)  # percent


async def propose(
    moves: IntentMoves,
    body: OwnBody,
    *,
    source: OwnSource,
    reason: Reason,
    validity: timedelta | None,
    run_id: UUID | None = None,
) -> Proposed:
    """As `Journal.propose` promises it. The caller commits."""
    connection, account = moves.connection, moves.account
    if await connection.scalar(
        text("SELECT 1 FROM intents WHERE account_id = :account AND id = :id"), {"account": account.id, "id": body.id}
    ):
        return "known"
    asked = await _asked(moves, body)
    if not isinstance(asked, Asked):
        return asked
    written = await insert_intent(
        connection,
        (account.workspace_id, account.id),
        body,
        replace(asked, validity=validity),
        source=source,
        created_by=None,
        run_id=run_id,
    )
    assert written, f"the id {body.id} of an intent of the {source} belongs to another account"
    await record(
        connection,
        AuditEntry(
            id=moves.ids.new(),
            workspace_id=account.workspace_id,
            account_id=account.id,
            at=moves.clock.now(),
            actor_kind="system",
            action=asked.action,
            object_kind=asked.object_kind,
            object_id=asked.object_id,
            after={**body.canonical(), **told_by(source, run_id, reason)},
            outcome="asked",
        ),
    )
    if isinstance(body, ExitsBody):
        moves.events.hint()
    else:
        await moves.tell_order(body.order_id if isinstance(body, CancelBody) else body.id)
    return "proposed"


async def _asked(moves: IntentMoves, body: OwnBody) -> Asked | Proposed:
    match body:
        case CancelBody():
            row = await order_row_of(moves.connection, moves.account.id, body.order_id)
            if row is None or order_status(row) in ENDED_STATUSES:
                return "moot"
            if row["cancel_state"] in UNSETTLED_INTENT_STATES:
                return "known"
            return cancel_asked(body.order_id, InstrumentId(row["category"], row["symbol"]))
        case CloseBody():
            must_close_all(body)
            held = await _position(moves, body.instrument, "side = :which", body.side)
            if held is None or not held["size"]:
                return "moot"
            return place_asked(close_order(body, held["size"], held["position_index"]), "order.close")
        case ExitsBody():
            held = await _position(moves, body.instrument, "position_index = :which", body.exits.position_index)
            if held is None or held["side"] is None or not held["size"]:
                return "moot"
            return exits_asked(body, held["side"])
        case PlaceBody():
            return place_asked(part_order(body), "order.close")
        case _:
            assert_never(body)


def must_close_all(body: CloseBody) -> None:
    if body.percent != _ALL or body.price is not None:
        raise ValueError(
            f"the owner closes all of a position at market, not {body.percent} % of {body.symbol} at {body.price};"
            " give percent 100 and no price"
        )


def close_order(body: CloseBody, size: Decimal, position_index: int = 0) -> NewOrder:
    """The order that takes off all of a position, or of a leg, of this size."""
    return NewOrder(
        link_id=link_id_of(body.id),
        instrument=body.instrument,
        side="Sell" if body.side == "Buy" else "Buy",
        order_type="Market",
        quantity=size,
        price=None,
        time_in_force="IOC",
        reduce_only=True,
        slippage_percent=body.slippage_percent,
        position_index=position_index,
    )


def part_order(body: PlaceBody) -> NewOrder:
    """The order that takes a part of a position off."""
    if not body.reduce_only or body.order_type != "Market" or body.trigger is not None:
        raise ValueError(
            f"the owner itself opens nothing and rests nothing: {body.order_type} {body.side} {body.symbol}; give a"
            " reduce-only order at market"
        )
    return NewOrder(
        link_id=link_id_of(body.id),
        instrument=body.instrument,
        side=body.side,
        order_type="Market",
        quantity=body.quantity,
        price=None,
        time_in_force="IOC",
        reduce_only=True,
        slippage_percent=body.slippage_percent,
        position_index=body.position_index,
    )


async def _position(moves: IntentMoves, instrument: InstrumentId, by: str, which: Side | int) -> Row | None:
    """That of a side, or of a leg: of a symbol there is at most one of either that is not flat."""
    found = await moves.connection.execute(
        text(
            "SELECT side, size, position_index FROM positions WHERE account_id = :account AND category = :category"  # noqa: S608
            f" AND symbol = :symbol AND {by} ORDER BY size DESC LIMIT 1"
        ),
        {
            "account": moves.account.id,
            "category": instrument.category,
            "symbol": instrument.symbol,
            "which": which,
        },
    )
    return found.mappings().one_or_none()
