"""The JSON bodies of commands: what an order, a change, a leverage and a position's exits are called by Bybit.

Lives here: pure functions from the core's types to bodies; decimals as plain text. Not here: sending (`orders`).
"""

from __future__ import annotations

from decimal import Decimal

from tradewright.core.ids import ExchangeOrderId, LinkId
from tradewright.core.instrument import InstrumentId
from tradewright.core.money import plain
from tradewright.core.order import Exit, NewOrder, OrderChange, PositionExits, Trigger

Body = dict[str, object]
_RISES, _FALLS = 1, 2
_ONE_WAY, _HEDGE = 0, 3
# On spot an order belongs to a kind that a cancel must name. What `stop_order_type` of its reports says of the kind:
PLAIN = "Order"
_FILTERS = {
    "": PLAIN,
    "Stop": "StopOrder",
    "tpslOrder": "tpslOrder",
    "TakeProfit": "tpslOrder",
    "StopLoss": "tpslOrder",
    "OcoOrder": "OcoOrder",
    "BidirectionalTpslOrder": "BidirectionalTpslOrder",
}
CONDITIONAL = "StopOrder"  # locks nothing until it is set off, like a conditional order of a contract


def order_filter(stop_order_type: str) -> str:
    """The kind by which a spot order with this `stop_order_type` is cancelled."""
    return _FILTERS.get(stop_order_type, PLAIN)


def create_body(order: NewOrder) -> Body:
    """The body of `order/create`. Raises `ValueError` for a limit order without a price."""
    category, kind = order.instrument.category, order.order_type
    is_spot = category == "spot"
    body: Body = {
        "category": category,
        "symbol": order.instrument.symbol,
        "side": order.side,
        "orderType": kind,
        "qty": plain(order.quantity),
        "orderLinkId": order.link_id,
    }
    if not is_spot:
        body["positionIdx"] = order.position_index
    if kind == "Limit":
        price = order.price
        if price is None:
            raise ValueError("a limit order needs a price; got none")
        body["price"] = plain(price)
        body["timeInForce"] = order.time_in_force
    elif is_spot:
        # Said always: without it the quantity of a buy would be an amount of the quote coin.
        body["marketUnit"] = "quoteCoin" if order.quantity_unit == "quote" else "baseCoin"
    if order.reduce_only:
        body["reduceOnly"] = True
        if order.quantity == 0:
            body["closeOnTrigger"] = True  # all of the position, up to the most that one order may be
    if order.slippage_percent is not None:
        body |= {"slippageToleranceType": "Percent", "slippageTolerance": plain(order.slippage_percent)}
    if order.trigger is not None:
        body |= _trigger(order.trigger, is_spot=is_spot)
    if order.take_profit is not None or order.stop_loss is not None:
        body |= _attached(order, is_spot=is_spot)
    return body


def _trigger(trigger: Trigger, *, is_spot: bool) -> Body:
    body: Body = {"triggerPrice": plain(trigger.price)}
    if is_spot:
        return body | {"orderFilter": CONDITIONAL}
    return body | {"triggerDirection": _RISES if trigger.rises else _FALLS, "triggerBy": trigger.by}


def _attached(order: NewOrder, *, is_spot: bool) -> Body:
    exits = [leg for leg in (order.take_profit, order.stop_loss) if leg is not None]
    body = _leg("takeProfit", "tp", order.take_profit, is_spot=is_spot)
    body |= _leg("stopLoss", "sl", order.stop_loss, is_spot=is_spot)
    if is_spot:
        return body
    # Exits of the whole position are at market; one at a limit belongs to what this order fills.
    return body | {"tpslMode": "Full" if all(leg.limit_price is None for leg in exits) else "Partial"}


def _leg(name: str, short: str, leg: Exit | None, *, is_spot: bool) -> Body:
    if leg is None:
        return {}
    body: Body = {name: plain(leg.trigger_price)}
    if not is_spot:
        body[f"{short}TriggerBy"] = leg.trigger_by
    if leg.limit_price is None:
        return body | {f"{short}OrderType": "Market"}
    return body | {f"{short}OrderType": "Limit", f"{short}LimitPrice": plain(leg.limit_price)}


def cancel_body(instrument: InstrumentId, name: tuple[str, str], kind: str | None) -> Body:
    """The body of `order/cancel`; `kind` is a spot order's."""
    body = _named(instrument, name)
    return body if kind is None else body | {"orderFilter": kind}


def amend_body(instrument: InstrumentId, name: tuple[str, str], change: OrderChange, triggers: Body) -> Body:
    """The body of `order/amend`; `triggers` says by which price each exit that is set goes off."""
    changes = {
        "qty": change.quantity,
        "price": change.price,
        "triggerPrice": change.trigger_price,
        "takeProfit": change.take_profit,
        "stopLoss": change.stop_loss,
    }
    return (
        _named(instrument, name)
        | {field: plain(value) for field, value in changes.items() if value is not None}
        | triggers
    )


def leverage_body(instrument: InstrumentId, leverage: Decimal) -> Body:
    """The body of `position/set-leverage`: both sides alike, as one-way mode and cross margin want it; in hedge mode
    both legs."""
    text = plain(leverage)
    return {
        "category": instrument.category,
        "symbol": instrument.symbol,
        "buyLeverage": text,
        "sellLeverage": text,
    }


def exits_body(instrument: InstrumentId, exits: PositionExits) -> Body:
    """The body of `position/trading-stop`: the exits of the whole position. Only what is asked is in it."""
    body: Body = {
        "category": instrument.category,
        "symbol": instrument.symbol,
        "positionIdx": exits.position_index,
        "tpslMode": "Full",
    }
    if exits.take_profit is not None:
        body["takeProfit"] = plain(exits.take_profit)
        if exits.take_profit:
            body["tpTriggerBy"] = exits.take_profit_by
    if exits.stop_loss is not None:
        body["stopLoss"] = plain(exits.stop_loss)
        if exits.stop_loss:
            body["slTriggerBy"] = exits.stop_loss_by
    if exits.trailing_stop is not None:
        body["trailingStop"] = plain(exits.trailing_stop)
        if exits.trailing_stop and exits.trailing_active_price is not None:
            body["activePrice"] = plain(exits.trailing_active_price)
    return body


def position_mode_body(instrument: InstrumentId, *, hedge: bool) -> Body:
    """The body of `position/switch-mode`, for one symbol."""
    return {"category": instrument.category, "symbol": instrument.symbol, "mode": _HEDGE if hedge else _ONE_WAY}


def order_name(link_id: LinkId | None, exchange_order_id: ExchangeOrderId | None) -> tuple[str, str]:
    """How an order is named to Bybit: by its own id where it is known."""
    if exchange_order_id:
        return "orderId", exchange_order_id
    if link_id:
        return "orderLinkId", link_id
    raise ValueError("an order is named by the exchange's order id or the client order id; got neither")


def _named(instrument: InstrumentId, name: tuple[str, str]) -> Body:
    field, value = name
    return {"category": instrument.category, "symbol": instrument.symbol, field: value}
