"""What may be asked of trading that changes what is there: cancel, amend, cancel all, leverage, exits of a position.

Lives here: their validation and what they are written as. Not here: what makes an order (`commands`), the insert
itself (`asking`).
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, get_args
from uuid import UUID

from sqlalchemy import text

from tradewright.core.change_rules import Amendable
from tradewright.core.errors import InvalidInput, NotFound, Problem
from tradewright.core.ids import IntentId, OrderId
from tradewright.core.instrument import InstrumentId, Side
from tradewright.core.leg_rules import index_problems, may_hedge
from tradewright.core.money import ZERO
from tradewright.core.order import MarginMode, OrderChange, Trigger
from tradewright.core.order_status import UNSETTLED_INTENT_STATES
from tradewright.identity.quota_spending import Spend
from tradewright.trading import views
from tradewright.trading.asking import (
    Asked,
    Asker,
    audit,
    existing,
    listed,
    must_fit,
    must_not_rest,
    standing_of,
    write,
)
from tradewright.trading.bodies import (
    AmendBody,
    CancelAllBody,
    CancelBody,
    ExitsBody,
    LeverageBody,
    MarginModeBody,
    PositionModeBody,
)
from tradewright.trading.checks import MarketView, change_problems, setting_problems
from tradewright.trading.model import (
    HAND_VALIDITY,
    PROTECTING_VALIDITY,
    IntentConflict,
    OrderEnded,
    OrderNotLive,
    SubmittedIntent,
)
from tradewright.trading.queries import hedged, order_row_of, require_account
from tradewright.trading.rows import LIVE, ORDER_ROWS
from tradewright.trading.views import Row

ENDED_STATUSES = frozenset({"refused", "not_sent", "filled", "cancelled", "rejected", "expired", "not_placed"})
_WAITS_FOR_TRIGGER = "(order_state = 'waiting_trigger' OR (order_state IS NULL AND trigger_price IS NOT NULL))"
_CHANGEABLE = frozenset({"acknowledged", "waiting_trigger", "working", "partially_filled", "amend_requested"})


@dataclass(frozen=True, slots=True)
class AskedCancel:
    intent_id: IntentId
    order_id: OrderId


async def submit_cancel(asker: Asker, body: CancelBody) -> SubmittedIntent:
    """Asks to cancel the order of one row; never expires.

    Raises `NotFound` for a foreign account or order, `IntentConflict` for a used id, `OrderEnded`.
    """
    known = await existing(asker, body)
    if known is not None:
        return known
    target = await _live_row(asker, body.order_id, "cancel")
    return await write(asker, body, cancel_asked(body.order_id, InstrumentId(target["category"], target["symbol"])))


async def target_of_amend(asker: Asker, order_id: OrderId) -> InstrumentId:
    """What the order to be changed is of, so that the caller can bring its rules and prices. Raises `NotFound`."""
    await require_account(asker.connection, asker.workspace_id, asker.account_id)
    row = await _row(asker, order_id)
    return InstrumentId(row["category"], row["symbol"])


async def submit_amend(asker: Asker, body: AmendBody, market: MarketView) -> SubmittedIntent:
    """Asks to change a live order. What only takes quantity off waits longer and goes while degraded.

    Raises `InvalidInput`, `NotFound`, `IntentConflict`; `OrderEnded`; `OrderNotLive` while the exchange has not taken
    the order, or while it is being cancelled.
    """
    known = await existing(asker, body)
    if known is not None:
        return known
    target = await _live_row(asker, body.order_id, "change")
    status = views.order_status(target)
    if status not in _CHANGEABLE:
        raise OrderNotLive(f"order {body.order_id} is {status}; only an order that the exchange holds can be changed")
    instrument = listed(market, target["symbol"])
    is_behind = target["amend_is_asked"]
    must_fit(change_problems(instrument, _amendable(target), body.change, market.quotes, is_behind=is_behind))
    reduces = not is_behind and _only_takes_off(body.change, target["quantity"])
    return await write(
        asker,
        body,
        Asked(
            kind="amend",
            instrument=instrument.id,
            reduces=reduces,
            validity=PROTECTING_VALIDITY if reduces else HAND_VALIDITY,
            action="order.amend",
            object_kind="order",
            object_id=str(body.order_id),
            columns={
                "target_id": body.order_id,
                "quantity": body.change.quantity,
                "price": body.change.price,
                "trigger_price": body.change.trigger_price,
                "take_profit": body.change.take_profit,
                "stop_loss": body.change.stop_loss,
            },
            spends=Spend(0, _growth(target, body.change)),
        ),
    )


def _growth(target: Row, change: OrderChange) -> Decimal:
    """What the change adds to the order's worth: a small order that is made a big one uses of the day's quota too."""
    if target["reduce_only"]:
        return ZERO
    before: Decimal = target["quantity"]
    price: Decimal = target["price"] or target["trigger_price"] or ZERO
    after = before if change.quantity is None else change.quantity
    return max(ZERO, after * (change.price or change.trigger_price or price) - before * price)


async def submit_leverage(asker: Asker, body: LeverageBody, market: MarketView) -> SubmittedIntent:
    """Asks for the leverage of a whole symbol. Raises `InvalidInput`, `NotFound`, `IntentConflict`."""
    known = await existing(asker, body)
    if known is not None:
        return known
    instrument = listed(market, body.symbol)
    standing = await standing_of(asker, instrument.id, None)
    must_fit(setting_problems(instrument, body.leverage, market.quotes, standing))
    asked = _setting("leverage", instrument.id, {"leverage": body.leverage}, reduces=False)
    return await write(asker, body, asked)


async def submit_exits(asker: Asker, body: ExitsBody, market: MarketView) -> SubmittedIntent:
    """Asks for take-profit, stop-loss and trailing stop of an open position, in hedge mode of one leg. Raises
    `InvalidInput`, `NotFound`, `IntentConflict`.

    What only sets protects, so it waits longer and goes while degraded. What removes one does neither. The side that
    the position has now is kept with it: for a position that was turned it is not meant.
    """
    known = await existing(asker, body)
    if known is not None:
        return known
    instrument = listed(market, body.symbol)
    index = body.exits.position_index
    hedge = await hedged(asker.connection, asker.account_id, instrument.id)
    must_fit(index_problems(instrument, index, hedged=hedge))
    standing = await standing_of(asker, instrument.id, index)
    must_fit(setting_problems(instrument, body.exits, market.quotes, standing))
    return await write(asker, body, exits_asked(body, standing.position_side))


async def submit_position_mode(asker: Asker, body: PositionModeBody, market: MarketView) -> SubmittedIntent:
    """Asks that one contract is held in two legs, or in one position for both sides.

    Raises `InvalidInput` where it has no hedge mode and while it has a position or orders (the exchange would refuse
    it), `NotFound`, `IntentConflict`.
    """
    known = await existing(asker, body)
    if known is not None:
        return known
    instrument = listed(market, body.symbol)
    if body.hedge and not may_hedge(instrument):
        must_fit([Problem("position_mode.unsupported", "symbol", {"symbol": body.symbol})])
    await _must_be_free(asker, instrument.id)
    return await write(asker, body, _setting("position_mode", instrument.id, {"hedge": body.hedge}, reduces=False))


async def submit_margin_mode(asker: Asker, body: MarginModeBody) -> SubmittedIntent:
    """Asks for the margin mode of the whole account: cross or isolated.

    Raises `InvalidInput` for any other, and while there is any position or order: under them it would move liquidation
    prices, and the exchange refuses it. `NotFound`, `IntentConflict`.
    """
    known = await existing(asker, body)
    if known is not None:
        return known
    if body.mode not in get_args(MarginMode):
        must_fit([Problem("margin_mode.unsupported", "mode", {"value": body.mode[:40]})])
    await _must_be_free(asker, None)
    return await write(
        asker,
        body,
        Asked(
            kind="margin_mode",
            instrument=None,
            reduces=False,
            validity=HAND_VALIDITY,
            action="account.margin_mode",
            object_kind="account",
            object_id=str(asker.account_id),
            columns={"margin_mode": body.mode},
        ),
    )


async def _must_be_free(asker: Asker, instrument: InstrumentId | None) -> None:
    """No position and no live order of one contract, or of the account. What we do not know of, the exchange does."""
    where = {
        "account": asker.account_id,
        "workspace": asker.workspace_id,
        "category": None if instrument is None else instrument.category,
        "symbol": None if instrument is None else instrument.symbol,
    }
    of_these = (
        " WHERE account_id = :account AND workspace_id = :workspace"
        " AND category = coalesce(CAST(:category AS text), category)"
        " AND symbol = coalesce(CAST(:symbol AS text), symbol)"
    )
    held = await asker.connection.scalar(text(f"SELECT count(*) FROM positions{of_these} AND size <> 0"), where)  # noqa: S608
    if held:
        code = "margin_mode.has_positions" if instrument is None else "position_mode.has_positions"
        must_fit([Problem(code, "", {"count": str(held)})])
    live = await asker.connection.scalar(
        text(f"SELECT count(*) FROM ({ORDER_ROWS}) r{of_these} AND {LIVE}"),  # noqa: S608
        where,
    )
    if live:
        code = "margin_mode.has_orders" if instrument is None else "position_mode.has_orders"
        must_fit([Problem(code, "", {"count": str(live)})])


async def submit_cancel_all(asker: Asker, body: CancelAllBody) -> list[AskedCancel]:
    """Asks to cancel every live order of the account, a category or a symbol: one cancel each, oldest order first;
    where one is on its way already, that one is meant.

    Orders that were placed elsewhere are spared unless they are asked for, and so may those be that still wait for a
    trigger. Exits that the exchange made for a position are always spared: whoever clears their orders does not mean to
    stand without a stop. The same id and body again asks for nothing new, whatever was placed since; the ids of the
    cancels follow from this id and the orders'. Raises `NotFound` for a foreign account, `IntentConflict` for a used
    id, `InvalidInput` for a symbol without its category.
    """
    account = await require_account(asker.connection, asker.workspace_id, asker.account_id)
    if body.symbol is not None and body.category is None:
        raise InvalidInput([Problem("input.missing", "category")])
    await asker.connection.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:id, 0))"), {"id": f"cancel_all:{body.id}"}
    )
    scope: dict[str, Any] = {"category": body.category, "symbol": body.symbol}
    scope |= {"external": True} if body.external else {}
    scope |= {} if body.conditional else {"conditional": False}
    known = await _asked_before(asker, body, scope)
    if known is not None:
        return known
    must_not_rest(account)
    cancels = []
    for row in await _live_rows(asker, body):
        order_id = OrderId(row["id"])
        if row["cancel_state"] in UNSETTLED_INTENT_STATES:
            cancels.append(AskedCancel(IntentId(row["cancel_id"]), order_id))  # a second one would only be in the way
            continue
        intent_id = IntentId(uuid.uuid5(body.id, str(order_id)))  # lint: allow raw-id: made of ids, not of chance
        cancel = CancelBody(id=intent_id, order_id=order_id)
        await write(asker, cancel, cancel_asked(order_id, InstrumentId(row["category"], row["symbol"])))
        cancels.append(AskedCancel(cancel.id, order_id))
    pairs = [[str(cancel.intent_id), str(cancel.order_id)] for cancel in cancels]
    await audit(asker, "order.cancel_all", "cancel_all", str(body.id), {"scope": scope, "cancels": pairs})
    return cancels


async def _asked_before(asker: Asker, body: CancelAllBody, scope: dict[str, Any]) -> list[AskedCancel] | None:
    """The audit entry is the record of it: the command has no row of its own."""
    found = await asker.connection.scalar(
        text(
            "SELECT \"after\" FROM audit_entries WHERE object_kind = 'cancel_all' AND object_id = :id"
            " AND workspace_id = :workspace AND account_id = :account"
        ),
        {"id": str(body.id), "workspace": asker.workspace_id, "account": asker.account_id},
    )
    if found is None:
        return None
    if found["scope"] != scope:
        raise IntentConflict(f"the id {body.id} was used for another cancel-all; make a new id for a new wish")
    return [AskedCancel(IntentId(UUID(intent)), OrderId(UUID(order))) for intent, order in found["cancels"]]


async def _live_rows(asker: Asker, body: CancelAllBody) -> list[views.Row]:
    found = await asker.connection.execute(
        text(
            f"SELECT * FROM ({ORDER_ROWS}) r WHERE account_id = :account AND workspace_id = :workspace AND {LIVE}"  # noqa: S608
            " AND source <> 'attached' AND (:external OR source <> 'external')"
            f" AND (:conditional OR NOT {_WAITS_FOR_TRIGGER})"
            " AND category = coalesce(:category, category) AND symbol = coalesce(:symbol, symbol)"
            " ORDER BY created_at, id"
        ),
        {
            "account": asker.account_id,
            "workspace": asker.workspace_id,
            "category": body.category,
            "symbol": body.symbol,
            "external": body.external,
            "conditional": body.conditional,
        },
    )
    return list(found.mappings())


async def _row(asker: Asker, order_id: OrderId) -> views.Row:
    row = await order_row_of(asker.connection, asker.account_id, order_id)
    if row is None:
        raise NotFound(f"there is no order {order_id} on this account")
    return row


async def _live_row(asker: Asker, order_id: OrderId, wish: str) -> views.Row:
    row = await _row(asker, order_id)
    status = views.order_status(row)
    if status in ENDED_STATUSES:
        raise OrderEnded(f"order {order_id} has ended ({status}); there is nothing to {wish}")
    return row


def _amendable(row: views.Row) -> Amendable:
    trigger = None
    if row["trigger_price"] is not None and row["order_state"] in (None, "waiting_trigger"):
        shown = views.trigger_view(row)
        assert shown is not None, "it has a trigger price"
        trigger = Trigger(price=row["trigger_price"], by=shown["by"], rises=shown["rises"])
    return Amendable(
        side=row["side"],
        order_type=row["order_type"],
        quantity=row["quantity"],
        filled=row["filled_quantity"],
        price=row["price"],
        reduce_only=row["reduce_only"],
        trigger=trigger,
        take_profit=row["take_profit"],
        stop_loss=row["stop_loss"],
    )


def _only_takes_off(change: OrderChange, quantity: Decimal) -> bool:
    asked = change.quantity
    return asked is not None and asked < quantity and change == OrderChange(quantity=asked)


def cancel_asked(order_id: OrderId, instrument: InstrumentId) -> Asked:
    """A cancel as it is written down, whoever asks for it."""
    return Asked(
        kind="cancel",
        instrument=instrument,
        reduces=True,
        validity=None,
        action="order.cancel",
        object_kind="order",
        object_id=str(order_id),
        columns={"target_id": order_id},
    )


def exits_asked(body: ExitsBody, position_side: Side | None) -> Asked:
    """Exits as they are written down, whoever asks for them: they are meant for a position of this side."""
    exits = body.exits
    columns = {
        "side": position_side,
        "take_profit": exits.take_profit,
        "take_profit_by": exits.take_profit_by,
        "stop_loss": exits.stop_loss,
        "stop_loss_by": exits.stop_loss_by,
        "trailing_stop": exits.trailing_stop,
        "trailing_active_price": exits.trailing_active_price,
        "position_index": exits.position_index,
    }
    return _setting("exits", body.instrument, columns, reduces=not exits.removes_one)


def _setting(kind: Any, instrument: InstrumentId, columns: dict[str, Any], *, reduces: bool) -> Asked:
    return Asked(
        kind=kind,
        instrument=instrument,
        reduces=reduces,
        validity=PROTECTING_VALIDITY if reduces else HAND_VALIDITY,
        action=f"symbol.{kind}",
        object_kind="symbol",
        object_id=f"{instrument.category}:{instrument.symbol}",
        columns=columns,
    )
