"""Rows of orders in Bybit's exact fields.

Lives here: the REST form and what history and the stream add to it. Not here: executions and positions (`payloads`).
Trigger fields are "" where the documentation shows "UNKNOWN": known clients fail on the documented form.
"""

from __future__ import annotations

from typing import Any

from tradewright.simulator.accounts.contracts import value_of
from tradewright.simulator.accounts.events import Leg, Side
from tradewright.simulator.accounts.orders import Order, OrderStatus
from tradewright.simulator.market.model import InstrumentSpec
from tradewright.simulator.texts import average_text, plain, price_text, quantity_text, traded_text

Row = dict[str, Any]


def order_row(order: Order, spec: InstrumentSpec) -> Row:
    """An order as in order/realtime."""
    waits = order.is_dormant or order.status is OrderStatus.DEACTIVATED
    row = {
        "orderId": order.order_id,
        "orderLinkId": order.link_id,
        "parentOrderLinkId": order.parent_link_id,
        "blockTradeId": "",
        "symbol": spec.symbol,
        "price": "0" if waits and order.order_type == "Market" else traded_text(spec, order.price),
        "qty": quantity_text(spec, order.quantity),
        "side": order.side,
        "isLeverage": "",
        "positionIdx": order.position_index,
        "orderStatus": _status(order),
        "createType": create_type(order),
        "cancelType": order.cancel_type,
        "rejectReason": order.reject_reason,
        "avgPrice": average_text(spec, order.average_price),
        "leavesQty": quantity_text(spec, order.leaves),
        "leavesValue": plain(value_of(order.symbol, order.leaves, order.price)) if order.price else "0",
        "cumExecQty": quantity_text(spec, order.filled_quantity),
        "cumExecValue": plain(order.filled_value),
        "cumExecFee": plain(order.paid_fee),
        "cumFeeDetail": _fee_detail(order, spec),
        "timeInForce": order.time_in_force,
        "orderType": order.order_type,
        "stopOrderType": order.stop_kind,
        "orderIv": "" if order.iv is None else plain(order.iv),
        "marketUnit": "",
        **_trigger_fields(order, spec),
        **_protection_fields(order, spec),
        "lastPriceOnCreated": price_text(spec, order.last_price_on_created),
        "reduceOnly": order.reduce_only,
        "closeOnTrigger": order.close_on_trigger,
        "placeType": "" if not spec.is_option else "price" if order.iv is None else "iv",
        "smpType": order.smp_type,
        "smpGroup": 0,
        "smpOrderId": order.smp_order_id,
        "createdTime": str(order.created_ms),
        "updatedTime": str(order.updated_ms),
    }
    if spec.is_option:
        row["tpslMode"] = ""
    return _spot_order_row(row, order) if spec.is_spot else row


def _fee_detail(order: Order, spec: InstrumentSpec) -> Row:
    """What was paid, by coin; a rebate is below 0."""
    detail = {order.fee_coin or spec.settle_coin: plain(order.paid_fee)} if order.paid_fee else {}
    return detail | ({order.rebate_coin: plain(-order.rebate)} if order.rebate else {})


def _spot_order_row(row: Row, order: Order) -> Row:
    """Spot's form of an order. Known clients take a row for spot because `tpslMode` is not in it, and one rejects a
    page where `lastPriceOnCreated` is not, though the documentation has it for contracts only.
    """
    base_price = row["lastPriceOnCreated"]
    for name in ("createType", "tpslMode"):
        del row[name]
    row |= {"isLeverage": "0", "marketUnit": order.market_unit, "basePrice": base_price, "ocoTriggerBy": ""}
    row["lastPriceOnCreated"] = ""
    if order.in_quote:
        row |= {"qty": plain(order.quantity), "leavesQty": "0", "leavesValue": plain(order.leaves)}
    return row


def _trigger_fields(order: Order, spec: InstrumentSpec) -> Row:
    trigger = order.trigger
    if trigger is None:
        return {"triggerPrice": "", "triggerDirection": 0, "triggerBy": ""}
    return {
        "triggerPrice": price_text(spec, trigger.price),
        "triggerDirection": 0 if spec.is_spot else 1 if trigger.rises else 2,
        "triggerBy": trigger.by,
    }


def _protection_fields(order: Order, spec: InstrumentSpec) -> Row:
    """What an entry carries, leg by leg; `tpslMode` is also told of the orders that came of it."""
    protection = order.protection
    fields: Row = {"tpslMode": ""}
    if protection is not None:
        fields["tpslMode"] = "Full" if protection.whole else "Partial"
    elif order.is_protective:
        fields["tpslMode"] = "Full" if order.follows_position else "Partial"
    for prefix, name in (("tp", "take_profit"), ("sl", "stop_loss")):
        leg: Leg | None = getattr(protection, name, None)
        fields["takeProfit" if prefix == "tp" else "stopLoss"] = "" if leg is None else price_text(spec, leg.price)
        fields[f"{prefix}TriggerBy"] = "" if leg is None else leg.by
        limit = None if leg is None else leg.limit
        fields[f"{prefix}LimitPrice"] = "" if limit is None else price_text(spec, limit)
    return fields


def _status(order: Order) -> str:
    """An accepted order is told as what it will be at the matching engine, as Bybit does."""
    if order.status is not OrderStatus.ACCEPTED:
        return str(order.status)
    return str(OrderStatus.UNTRIGGERED if order.is_dormant else OrderStatus.NEW)


def create_type(order: Order) -> str:
    """Who made the order. Whether Bybit calls a client's triggered order otherwise is not verified."""
    if order.create_type:
        return order.create_type
    return f"CreateBy{order.stop_kind}" if order.is_protective else "CreateByUser"


def order_history_row(order: Order, spec: InstrumentSpec) -> Row:
    return {
        **order_row(order, spec),
        "slippageToleranceType": "UNKNOWN" if order.slippage is None else order.slippage.unit,
        "slippageTolerance": "" if order.slippage is None else plain(order.slippage.tolerance),
        "extraFees": "",
        "rpiTakerAccess": False,
        "rpiMatchedQty": "0",
    }


def order_stream_row(order: Order, spec: InstrumentSpec) -> Row:
    """An order as on the stream, which does not tell who made an option's order."""
    row = {
        "category": spec.category,
        **order_row(order, spec),
        "closedPnl": plain(order.realised),
        "feeCurrency": fee_coin(spec, order.side),
        "rpiTakerAccess": False,
        "rpiMatchedQty": "0",
    }
    if spec.is_option:
        del row["createType"]
    return row


def fee_coin(spec: InstrumentSpec, side: Side) -> str:
    """The coin that a fee is taken from: what is received on spot, the settle coin of a contract."""
    if not spec.is_spot:
        return spec.settle_coin
    return spec.base_coin if side == "Buy" else spec.quote_coin
