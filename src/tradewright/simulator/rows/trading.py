"""Rows of executions and positions, in Bybit's exact fields.

Lives here: the REST form of each row and what the streams add to it. Not here: orders (`order_payload`), the wallet
(`wallet_payload`), lists (`rest_*`). `feeCurrency` is always set: known clients fail on the documented form.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from tradewright.simulator.accounts.account import Execution, FundingPayment
from tradewright.simulator.accounts.contracts import value_of
from tradewright.simulator.accounts.margin import MarginView, liquidation_price
from tradewright.simulator.accounts.needs import Terms
from tradewright.simulator.accounts.orders import Order
from tradewright.simulator.accounts.positions import ZERO, Position
from tradewright.simulator.market.model import InstrumentSpec, Listing
from tradewright.simulator.market.synthetic.options_pricing import volatility_of
from tradewright.simulator.matching.protection import whole_legs
from tradewright.simulator.rows.greeks import position_greeks
from tradewright.simulator.rows.orders import create_type, fee_coin
from tradewright.simulator.texts import average_text, on_grid, plain, price_text, quantity_text, traded_text

Row = dict[str, Any]

BREAK_EVEN_FEE_MIN = Decimal("0.00055")


def execution_row(execution: Execution, spec: InstrumentSpec) -> Row:
    """An execution as in execution/list."""
    fill, order = execution.fill, execution.order
    row = {
        "symbol": spec.symbol,
        "orderId": fill.order_id,
        "orderLinkId": order.link_id,
        "side": fill.side,
        "orderPrice": traded_text(spec, order.price),
        "orderQty": quantity_text(spec, order.quantity),
        "leavesQty": quantity_text(spec, order.quantity - order.filled_quantity),
        "createType": create_type(order),
        "orderType": order.order_type,
        "stopOrderType": order.stop_kind,
        "execFee": plain(fill.fee),
        "execFeeV2": "",
        "execId": fill.exec_id,
        "execPrice": traded_text(spec, fill.price),
        "execQty": quantity_text(spec, fill.quantity),
        "execType": fill.exec_type,
        "execValue": plain(value_of(fill.symbol, fill.quantity, fill.price)),
        "execTime": str(fill.at.wall_ms),
        "feeCurrency": fill.fee_coin or fee_coin(spec, fill.side),
        "isMaker": fill.is_maker,
        "feeRate": plain(fill.fee_rate),
        "tradeIv": "",
        "markIv": "",
        "markPrice": _mark_text(spec, fill.mark_price),
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
    if spec.is_option and fill.index_price:
        index, at_ms = fill.index_price, fill.at.market_ms
        row |= {
            "tradeIv": plain(volatility_of(spec, forward=index, now_ms=at_ms, price=fill.price)),
            "markIv": plain(volatility_of(spec, forward=index, now_ms=at_ms, price=fill.mark_price)),
            "indexPrice": plain(index),
            "underlyingPrice": plain(index),
        }
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


def funding_row(payment: FundingPayment, spec: InstrumentSpec) -> Row:
    """A funding payment among the executions: `execFee` is what was paid, negative what was received. Which ids and
    which side Bybit gives it is not verified: here it has no order, and the position's side.
    """
    paid = payment.paid
    return {
        "symbol": spec.symbol,
        "orderId": "",
        "orderLinkId": "",
        "side": paid.side,
        "orderPrice": "0",
        "orderQty": "0",
        "leavesQty": "0",
        "createType": "",
        "orderType": "UNKNOWN",
        "stopOrderType": "UNKNOWN",
        "execFee": plain(paid.fee),
        "execFeeV2": "",
        "execId": paid.exec_id,
        "execPrice": price_text(spec, paid.mark_price),
        "execQty": quantity_text(spec, paid.size),
        "execType": "Funding",
        "execValue": plain(value_of(paid.symbol, paid.size, paid.mark_price)),
        "execTime": str(paid.at.wall_ms),
        "feeCurrency": paid.settle_coin,
        "isMaker": False,
        "feeRate": plain(paid.rate),
        "tradeIv": "",
        "markIv": "",
        "markPrice": price_text(spec, paid.mark_price),
        "indexPrice": "",
        "underlyingPrice": "",
        "blockTradeId": "",
        "closedSize": "0",
        "seq": payment.seq,
        "extraFees": "",
    }


def funding_stream_row(payment: FundingPayment, spec: InstrumentSpec) -> Row:
    row = {
        "category": spec.category,
        **funding_row(payment, spec),
        "isLeverage": "0",
        "execPnl": plain(-payment.paid.fee),
        "marketUnit": "",
    }
    del row["execFeeV2"]
    return row


def fast_execution_row(row: Row) -> Row:
    """The few fields of execution.fast, from the stream's row; a maker's link id is empty there."""
    fields = ("category", "symbol", "execId", "execPrice", "execQty", "orderId", "isMaker", "side", "execTime", "seq")
    return {**{name: row[name] for name in fields}, "orderLinkId": "" if row["isMaker"] else row["orderLinkId"]}


def position_rows(
    legs: Sequence[Position],
    terms: Terms,
    account: MarginView,
    live: Iterable[Order],
    *,
    ticker: Callable[[Listing], Mapping[str, str]],
    on_stream: bool = False,
) -> list[Row]:
    """A listing's positions as in position/list: one, or both legs of hedge mode. A flat one has side "" and size "0".
    The stops are among the orders `live`, `ticker` has the greeks of an option; on the stream a row has its category
    and calls the average price otherwise.
    """
    orders = list(live)
    rows = [
        _position_row(leg, terms, account, legs, [order for order in orders if order.position_index == leg.index])
        for leg in legs
    ]
    if terms.spec.is_option:
        rows = [row | position_greeks(leg, ticker) for leg, row in zip(legs, rows, strict=True)]
    if not on_stream:
        return rows
    told = [{"category": terms.spec.category, **row} for row in rows]
    for row in told:
        row["entryPrice"] = row.pop("avgPrice")
    return told


def _position_row(
    position: Position, terms: Terms, account: MarginView, legs: Sequence[Position], live: Iterable[Order]
) -> Row:
    spec, mark_price = terms.spec, terms.mark_price
    whole = whole_legs(live)
    need = account.need(position, terms)
    liquidation = liquidation_price(position, terms, account, legs)
    initial, maintenance = plain(need.initial), plain(need.maintenance)
    return {
        "positionIdx": position.index,
        "riskId": need.tier.number if need.tier is not None else 0,
        "riskLimitValue": plain(need.tier.value_max) if need.tier is not None else "",
        "symbol": spec.symbol,
        "side": position.side or "",
        "size": quantity_text(spec, abs(position.size)) if position.size else "0",
        "avgPrice": average_text(spec, position.average_price),
        "positionValue": plain(position.cost),
        "tradeMode": 0,
        "positionStatus": "Liq" if position.is_liquidated else "Normal",
        "autoAddMargin": int(position.adds_margin),
        "adlRankIndicator": 2 if position.size else 0,
        "leverage": plain(position.leverage),
        "breakEvenPrice": _break_even(position, spec),
        "positionBalance": initial,
        "markPrice": _mark_text(spec, mark_price),
        "liqPrice": on_grid(liquidation, spec.tick_size) if liquidation is not None else "",
        "bustPrice": "",
        "positionMM": maintenance,
        "positionMMByMp": maintenance,
        "positionIM": initial,
        "positionIMByMp": initial,
        "tpslMode": "Full",
        "takeProfit": _leg_text(whole.get("TakeProfit"), spec),
        "stopLoss": _leg_text(whole.get("StopLoss"), spec),
        "trailingStop": _trail_text(whole.get("TrailingStop"), spec),
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


def _trail_text(order: Order | None, spec: InstrumentSpec) -> str:
    return price_text(spec, order.trail.distance) if order is not None and order.trail is not None else "0"


def _leg_text(order: Order | None, spec: InstrumentSpec) -> str:
    return price_text(spec, order.trigger.price) if order is not None and order.trigger is not None else ""


def _break_even(position: Position, spec: InstrumentSpec) -> str:
    """Price at which closing now would leave neither profit nor loss, fees included: Bybit's own formula. That of an
    inverse contract, which Bybit does not give, is the same in the coin.
    """
    if not position.size:
        return "0"
    rate = max(spec.taker_fee_rate, BREAK_EVEN_FEE_MIN)
    is_long = position.size > 0
    if spec.is_inverse:
        value = (position.cost + position.holding_realised) if is_long else (position.cost - position.holding_realised)
        value /= 1 + rate if is_long else 1 - rate
        return average_text(spec, abs(position.size) / value if value > 0 else None)
    signed_cost = position.cost if is_long else -position.cost
    price = (signed_cost - position.holding_realised) / (position.size - abs(position.size) * rate)
    return average_text(spec, max(price, ZERO))


def _mark_text(spec: InstrumentSpec, mark_price: Decimal) -> str:
    return traded_text(spec, mark_price) if spec.is_option else price_text(spec, mark_price)
