"""Rows of executions and positions, in Bybit's exact fields.

Lives here: the REST form of each row and what the streams add to it. Not here: orders (`order_payload`), the wallet
(`wallet_payload`), lists (`rest_*`). `feeCurrency` is always set: known clients fail on the documented form.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from tradewright.simulator.accounts.account import Execution
from tradewright.simulator.accounts.margin import MarginView, liquidation_price, position_initial, position_maintenance
from tradewright.simulator.accounts.orders import Order
from tradewright.simulator.accounts.positions import ZERO, Position
from tradewright.simulator.market.model import InstrumentSpec
from tradewright.simulator.matching.protection import whole_legs
from tradewright.simulator.rows.orders import create_type, fee_coin
from tradewright.simulator.texts import average_text, on_grid, plain, price_text, quantity_text

Row = dict[str, Any]

RISK_LIMIT_VALUE = "2000000"
BREAK_EVEN_FEE_MIN = Decimal("0.00055")


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
        "createType": create_type(order),
        "orderType": order.order_type,
        "stopOrderType": order.stop_kind,
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


def fast_execution_row(row: Row) -> Row:
    """The few fields of execution.fast, from the stream's row; a maker's link id is empty there."""
    fields = ("category", "symbol", "execId", "execPrice", "execQty", "orderId", "isMaker", "side", "execTime", "seq")
    return {**{name: row[name] for name in fields}, "orderLinkId": "" if row["isMaker"] else row["orderLinkId"]}


def position_row(
    position: Position, spec: InstrumentSpec, mark_price: Decimal, account: MarginView, live: Iterable[Order]
) -> Row:
    """A position as in position/list; a flat one has side "" and size "0". Its stops are among the orders `live`."""
    legs = whole_legs(live)
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
        "takeProfit": _leg_text(legs.get("TakeProfit"), spec),
        "stopLoss": _leg_text(legs.get("StopLoss"), spec),
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


def position_stream_row(
    position: Position, spec: InstrumentSpec, mark_price: Decimal, account: MarginView, live: Iterable[Order]
) -> Row:
    row = {"category": spec.category, **position_row(position, spec, mark_price, account, live)}
    row["entryPrice"] = row.pop("avgPrice")
    return row


def _leg_text(order: Order | None, spec: InstrumentSpec) -> str:
    return price_text(spec, order.trigger.price) if order is not None and order.trigger is not None else ""


def _break_even(position: Position, spec: InstrumentSpec) -> str:
    """Price at which closing now would leave neither profit nor loss, fees included: Bybit's own formula."""
    if not position.size:
        return "0"
    signed_cost = position.cost if position.size > 0 else -position.cost
    rate = max(spec.taker_fee_rate, BREAK_EVEN_FEE_MIN)
    price = (signed_cost - position.holding_realised) / (position.size - abs(position.size) * rate)
    return average_text(spec, max(price, ZERO))
