"""Rows of orders, executions and positions, in Bybit's exact fields.

Lives here: the REST form of each row and what the streams add to it. Not here: the wallet (`wallet_payload`), lists
(`rest_*`). Trigger fields are "" where the documentation shows "UNKNOWN", and `feeCurrency` is always set: known
clients fail on the documented forms.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tradewright.simulator.account import SETTLE_COIN, Execution
from tradewright.simulator.events import Side
from tradewright.simulator.margin import MarginView, liquidation_price, position_initial, position_maintenance
from tradewright.simulator.market.model import InstrumentSpec
from tradewright.simulator.orders import Order, OrderStatus
from tradewright.simulator.positions import ZERO, Position
from tradewright.simulator.texts import average_text, on_grid, plain, price_text, quantity_text

Row = dict[str, Any]

RISK_LIMIT_VALUE = "2000000"
BREAK_EVEN_FEE_MIN = Decimal("0.00055")


def order_row(order: Order, spec: InstrumentSpec) -> Row:
    """An order as in order/realtime."""
    row = {
        "orderId": order.order_id,
        "orderLinkId": order.link_id,
        "parentOrderLinkId": "",
        "blockTradeId": "",
        "symbol": spec.symbol,
        "price": price_text(spec, order.price),
        "qty": quantity_text(spec, order.quantity),
        "side": order.side,
        "isLeverage": "",
        "positionIdx": 0,
        "orderStatus": "New" if order.status is OrderStatus.ACCEPTED else str(order.status),
        "createType": "CreateByUser",
        "cancelType": order.cancel_type,
        "rejectReason": order.reject_reason,
        "avgPrice": average_text(spec, order.average_price),
        "leavesQty": quantity_text(spec, order.leaves),
        "leavesValue": plain(order.leaves * order.price),
        "cumExecQty": quantity_text(spec, order.filled_quantity),
        "cumExecValue": plain(order.filled_value),
        "cumExecFee": plain(order.paid_fee),
        "cumFeeDetail": {order.fee_coin or SETTLE_COIN: plain(order.paid_fee)} if order.paid_fee else {},
        "timeInForce": order.time_in_force,
        "orderType": order.order_type,
        "stopOrderType": "",
        "orderIv": "",
        "marketUnit": "",
        "triggerPrice": "",
        "triggerDirection": 0,
        "triggerBy": "",
        "takeProfit": "",
        "stopLoss": "",
        "tpslMode": "",
        "tpTriggerBy": "",
        "slTriggerBy": "",
        "tpLimitPrice": "",
        "slLimitPrice": "",
        "lastPriceOnCreated": price_text(spec, order.last_price_on_created),
        "reduceOnly": order.reduce_only,
        "closeOnTrigger": order.close_on_trigger,
        "placeType": "",
        "smpType": "None",
        "smpGroup": 0,
        "smpOrderId": "",
        "createdTime": str(order.created_ms),
        "updatedTime": str(order.updated_ms),
    }
    return _spot_order_row(row, order) if spec.is_spot else row


def _spot_order_row(row: Row, order: Order) -> Row:
    """Spot's form of an order. Known clients take a row for spot because `tpslMode` is not in it."""
    base_price = row["lastPriceOnCreated"]
    for name in ("createType", "tpslMode", "lastPriceOnCreated"):
        del row[name]
    row |= {"isLeverage": "0", "marketUnit": order.market_unit, "basePrice": base_price, "ocoTriggerBy": ""}
    if order.in_quote:
        row |= {"qty": plain(order.quantity), "leavesQty": "0", "leavesValue": plain(order.leaves)}
    return row


def order_history_row(order: Order, spec: InstrumentSpec) -> Row:
    return {
        **order_row(order, spec),
        "slippageToleranceType": "UNKNOWN",
        "slippageTolerance": "",
        "extraFees": "",
        "rpiTakerAccess": False,
        "rpiMatchedQty": "0",
    }


def order_stream_row(order: Order, spec: InstrumentSpec) -> Row:
    return {
        "category": spec.category,
        "lastPriceOnCreated": "",  # a key that must be there on spot too
        **order_row(order, spec),
        "closedPnl": plain(order.realised),
        "feeCurrency": fee_coin(spec, order.side),
        "rpiTakerAccess": False,
        "rpiMatchedQty": "0",
    }


def execution_row(execution: Execution, spec: InstrumentSpec) -> Row:
    """An execution as in execution/list."""
    fill, order = execution.fill, execution.order
    row = {
        "symbol": spec.symbol,
        "orderId": fill.order_id,
        "orderLinkId": order.link_id,
        "side": fill.side,
        "orderPrice": price_text(spec, order.price),
        "orderQty": quantity_text(spec, order.quantity),
        "leavesQty": quantity_text(spec, order.quantity - order.filled_quantity),
        "createType": "CreateByUser",
        "orderType": order.order_type,
        "stopOrderType": "",
        "execFee": plain(fill.fee),
        "execFeeV2": "",
        "execId": fill.exec_id,
        "execPrice": price_text(spec, fill.price),
        "execQty": quantity_text(spec, fill.quantity),
        "execType": "Trade",
        "execValue": plain(fill.price * fill.quantity),
        "execTime": str(fill.at.wall_ms),
        "feeCurrency": fee_coin(spec, fill.side),
        "isMaker": fill.is_maker,
        "feeRate": plain(fill.fee_rate),
        "tradeIv": "",
        "markIv": "",
        "markPrice": price_text(spec, fill.mark_price),
        "indexPrice": "",
        "underlyingPrice": "",
        "blockTradeId": "",
        "closedSize": quantity_text(spec, fill.closed_quantity),
        "seq": execution.seq,
        "extraFees": "",
    }
    if spec.is_spot:
        del row["createType"]
        row["markPrice"] = ""
    if order.in_quote:
        row |= {"orderQty": plain(order.quantity), "leavesQty": "0"}
    return row


def fee_coin(spec: InstrumentSpec, side: Side) -> str:
    """The coin that a fee is taken from: what is received on spot, the settle coin of a contract."""
    if not spec.is_spot:
        return SETTLE_COIN
    return spec.base_coin if side == "Buy" else spec.quote_coin


def execution_stream_row(execution: Execution, spec: InstrumentSpec) -> Row:
    row = {
        "category": spec.category,
        **execution_row(execution, spec),
        "isLeverage": "0",
        "execPnl": plain(execution.fill.realised),
        "marketUnit": execution.order.market_unit,
    }
    del row["execFeeV2"]
    return row


def position_row(position: Position, spec: InstrumentSpec, mark_price: Decimal, account: MarginView) -> Row:
    """A position as in position/list; a flat one has side "" and size "0"."""
    liquidation = liquidation_price(position, spec, mark_price, account)
    initial = plain(position_initial(position, spec, mark_price))
    maintenance = plain(position_maintenance(position, spec, mark_price))
    return {
        "positionIdx": 0,
        "riskId": 1,
        "riskLimitValue": RISK_LIMIT_VALUE,
        "symbol": spec.symbol,
        "side": position.side or "",
        "size": quantity_text(spec, abs(position.size)) if position.size else "0",
        "avgPrice": average_text(spec, position.average_price),
        "positionValue": plain(position.cost),
        "tradeMode": 0,
        "positionStatus": "Normal",
        "autoAddMargin": 0,
        "adlRankIndicator": 2 if position.size else 0,
        "leverage": plain(position.leverage),
        "breakEvenPrice": _break_even(position, spec),
        "positionBalance": initial,
        "markPrice": price_text(spec, mark_price),
        "liqPrice": on_grid(liquidation, spec.tick_size) if liquidation is not None else "",
        "bustPrice": "",
        "positionMM": maintenance,
        "positionMMByMp": maintenance,
        "positionIM": initial,
        "positionIMByMp": initial,
        "tpslMode": "Full",
        "takeProfit": "",
        "stopLoss": "",
        "trailingStop": "0",
        "unrealisedPnl": plain(position.unrealised(mark_price)) if position.size else "0",
        "curRealisedPnl": plain(position.holding_realised),
        "cumRealisedPnl": plain(position.total_realised),
        "sessionAvgPrice": "",
        "seq": position.seq,
        "isReduceOnly": False,
        "mmrSysUpdatedTime": "",
        "leverageSysUpdatedTime": "",
        "createdTime": str(position.created_ms) if position.created_ms else "",
        "updatedTime": str(position.updated_ms) if position.updated_ms else "",
        "openTime": position.opened_ms,
    }


def position_stream_row(position: Position, spec: InstrumentSpec, mark_price: Decimal, account: MarginView) -> Row:
    row = {"category": spec.category, **position_row(position, spec, mark_price, account)}
    row["entryPrice"] = row.pop("avgPrice")
    return row


def _break_even(position: Position, spec: InstrumentSpec) -> str:
    """Price at which closing now would leave neither profit nor loss, fees included: Bybit's own formula."""
    if not position.size:
        return "0"
    signed_cost = position.cost if position.size > 0 else -position.cost
    rate = max(spec.taker_fee_rate, BREAK_EVEN_FEE_MIN)
    price = (signed_cost - position.holding_realised) / (position.size - abs(position.size) * rate)
    return average_text(spec, max(price, ZERO))
