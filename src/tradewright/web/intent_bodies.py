"""What a request asks for as the body of an intent: text becomes numbers, and what would be ignored is left out.

Lives here: `body_of`, `confirmation_in`. Not here: the shapes on the wire (`schemas.intents`), the rules
(`trading.checks`).
"""

from __future__ import annotations

from decimal import Decimal
from typing import assert_never

from tradewright.core.ids import IntentId, OrderId
from tradewright.core.money import parse_decimal
from tradewright.core.order import Exit, OrderChange, PositionExits, Trigger
from tradewright.trading.bodies import (
    AmendBody,
    Body,
    CancelBody,
    CloseBody,
    ExitsBody,
    LeverageBody,
    MarginModeBody,
    PlaceBody,
    PositionModeBody,
    ReverseBody,
)
from tradewright.web.schemas.intents import (
    AmendIntent,
    CancelIntent,
    CloseIntent,
    ExitBody,
    ExitsIntent,
    IntentBody,
    LeverageIntent,
    MarginModeIntent,
    PlaceIntent,
    PositionModeIntent,
    ReverseIntent,
    TriggerBody,
)


def confirmation_in(body: IntentBody) -> str | None:
    """What was typed once more. It is no part of what is asked: the same wish is the same intent with and without."""
    return body.confirmation if isinstance(body, PlaceIntent | AmendIntent | ReverseIntent) else None


def body_of(body: IntentBody) -> Body:
    match body:
        case PlaceIntent():
            return _place(body)
        case CancelIntent():
            return CancelBody(id=IntentId(body.id), order_id=OrderId(body.order_id))
        case AmendIntent():
            change = OrderChange(
                quantity=_number(body.quantity),
                price=_number(body.price),
                trigger_price=_number(body.trigger_price),
                take_profit=_number(body.take_profit),
                stop_loss=_number(body.stop_loss),
            )
            return AmendBody(id=IntentId(body.id), order_id=OrderId(body.order_id), change=change)
        case CloseIntent():
            return CloseBody(
                id=IntentId(body.id),
                category=body.category,
                symbol=body.symbol,
                side=body.side,
                percent=parse_decimal(body.percent),
                price=_number(body.price),
                slippage_percent=_number(body.slippage_percent) if body.price is None else None,
            )
        case ReverseIntent():
            return ReverseBody(
                id=IntentId(body.id),
                category=body.category,
                symbol=body.symbol,
                side=body.side,
                size=parse_decimal(body.size),
            )
        case LeverageIntent():
            return LeverageBody(
                id=IntentId(body.id),
                category=body.category,
                symbol=body.symbol,
                leverage=parse_decimal(body.leverage),
            )
        case ExitsIntent():
            exits = PositionExits(
                take_profit=_number(body.take_profit),
                stop_loss=_number(body.stop_loss),
                take_profit_by=body.take_profit_by,
                stop_loss_by=body.stop_loss_by,
                trailing_stop=_number(body.trailing_stop),
                trailing_active_price=_number(body.trailing_active_price),
                position_index=body.position_index or 0,
            )
            return ExitsBody(id=IntentId(body.id), category=body.category, symbol=body.symbol, exits=exits)
        case PositionModeIntent():
            hedge = body.mode == "hedge"
            return PositionModeBody(id=IntentId(body.id), category=body.category, symbol=body.symbol, hedge=hedge)
        case MarginModeIntent():
            return MarginModeBody(id=IntentId(body.id), mode=body.mode)
        case _:
            assert_never(body)


def _place(body: PlaceIntent) -> PlaceBody:
    # The exchange takes a bound of slippage for a market order alone, and not for one that waits for its trigger.
    can_slip = body.order_type == "Market" and body.trigger is None
    return PlaceBody(
        id=IntentId(body.id),
        category=body.category,
        symbol=body.symbol,
        side=body.side,
        order_type=body.order_type,
        quantity=parse_decimal(body.quantity),
        quantity_unit=body.quantity_unit,
        price=_number(body.price),
        time_in_force=body.time_in_force,
        reduce_only=body.reduce_only,
        trigger=None if body.trigger is None else _trigger(body.trigger),
        take_profit=None if body.take_profit is None else _exit(body.take_profit),
        stop_loss=None if body.stop_loss is None else _exit(body.stop_loss),
        slippage_percent=_number(body.slippage_percent) if can_slip else None,
        position_index=body.position_index or 0,
        note=body.note,
    )


def _trigger(trigger: TriggerBody) -> Trigger:
    return Trigger(price=parse_decimal(trigger.price), by=trigger.by, rises=trigger.rises)


def _exit(leg: ExitBody) -> Exit:
    return Exit(
        trigger_price=parse_decimal(leg.trigger_price),
        trigger_by=leg.trigger_by,
        limit_price=_number(leg.limit_price),
    )


def _number(text: str | None) -> Decimal | None:
    return None if text is None else parse_decimal(text)
