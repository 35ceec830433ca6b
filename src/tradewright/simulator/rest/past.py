"""Endpoints that look back: closed profits, closed positions in options and the transaction log.

Lives here: their filters and rows. Not here: how they come about (`accounts.past`, `accounts.closed_options`).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from tradewright.simulator.accounts.closed_options import ClosedOption, closed_options
from tradewright.simulator.accounts.past import ClosedOrder, Movement, Movements, closed_orders
from tradewright.simulator.errors import bad_parameter
from tradewright.simulator.fields import text
from tradewright.simulator.market.model import CATEGORIES, InstrumentSpec
from tradewright.simulator.matching.commands import read_symbol, require_category
from tradewright.simulator.matching.engine import Engine
from tradewright.simulator.paging import DAY_MS, cut, read_page, read_window
from tradewright.simulator.rest.calls import Call, Endpoint, Result
from tradewright.simulator.texts import average_text, plain, price_text, quantity_text, traded_text

# The transaction log's word for each execType; what is not here is TRADE.
TYPE_OF_EXECUTION: Final = {"BustTrade": "LIQUIDATION", "AdlTrade": "ADL", "Delivery": "DELIVERY", "Settle": "DELIVERY"}


class PastEndpoints:
    """The handlers; `all` lists them for the server."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._movements = Movements()

    def all(self) -> list[Endpoint]:
        reads = {
            "/v5/position/closed-pnl": (self._closed, 50),
            "/v5/position/get-closed-positions": (self._closed_options, 50),
            "/v5/account/transaction-log": (self._transactions, 25),
        }
        return [
            Endpoint(method="GET", path=path, handle=handle, private=True, per_second=budget)
            for path, (handle, budget) in reads.items()
        ]

    def _closed(self, call: Call) -> Result:
        """Newest first by the last closing fill; at most seven days per call."""
        category = require_category(call.params, ("linear", "inverse"))
        page = read_page(call.params, highest=100, default=50)
        window = read_window(call.params, now_ms=call.now_ms)
        named = self._named(call)
        wanted = [
            closed
            for closed in reversed(closed_orders(self._engine.account.executions))
            if self._engine.specs[closed.order.symbol].category == category
            and named in (None, closed.order.symbol)
            and window.start_ms <= closed.last_ms <= window.end_ms
        ]
        shown, cursor = cut(wanted, page, lambda closed: closed.seq)
        return {"category": category, "list": [self._closed_row(closed) for closed in shown], "nextPageCursor": cursor}

    def _named(self, call: Call) -> str | None:
        return read_symbol(call.params, self._engine.specs).listing if text(call.params, "symbol") else None

    def _closed_row(self, closed: ClosedOrder) -> dict[str, Any]:
        order, spec = closed.order, self._engine.specs[closed.order.symbol]
        return {
            "symbol": spec.symbol,
            "orderId": order.order_id,
            "side": order.side,
            "qty": quantity_text(spec, order.quantity),
            "orderPrice": traded_text(spec, order.price),
            "orderType": order.order_type,
            "execType": closed.exec_type,
            "closedSize": quantity_text(spec, closed.quantity),
            "cumEntryValue": plain(closed.entry_value),
            "avgEntryPrice": average_text(spec, _average(spec, closed.quantity, closed.entry_value)),
            "cumExitValue": plain(closed.exit_value),
            "avgExitPrice": average_text(spec, _average(spec, closed.quantity, closed.exit_value)),
            "closedPnl": plain(closed.profit),
            "fillCount": str(closed.fills),
            "leverage": plain(self._engine.account.position(order.symbol, order.position_index).leverage),
            "openFee": plain(closed.open_fee),
            "closeFee": plain(closed.close_fee),
            "createdTime": str(closed.first_ms),
            "updatedTime": str(closed.last_ms),
        }

    def _closed_options(self, call: Call) -> Result:
        """Positions in options that are over, newest first by their end; at most seven days per call."""
        category = require_category(call.params, ("option",))
        page = read_page(call.params, highest=100, default=50)
        window = read_window(call.params, now_ms=call.now_ms)
        named = self._named(call)
        wanted = [
            closed
            for closed in reversed(closed_options(self._engine.account.executions))
            if named in (None, closed.symbol) and window.start_ms <= closed.close_ms <= window.end_ms
        ]
        shown, cursor = cut(wanted, page, lambda closed: closed.seq)
        rows = [_closed_option_row(closed, self._engine.specs[closed.symbol]) for closed in shown]
        return {"category": category, "list": rows, "nextPageCursor": cursor}

    def _transactions(self, call: Call) -> Result:
        """Newest first; a day per call by default, seven at most. A type that this exchange never books finds none,
        and so does any `transSubType`.
        """
        if text(call.params, "accountType") not in ("", "UNIFIED"):
            raise bad_parameter("params error: accountType only support UNIFIED")
        page = read_page(call.params, highest=50, default=20)
        window = read_window(call.params, now_ms=call.now_ms, default_ms=DAY_MS)
        names = ("category", "currency", "baseCoin", "type", "transSubType")
        wishes = {name: text(call.params, name) for name in names}
        if wishes["category"] not in ("", *CATEGORIES):
            raise bad_parameter(f"params error: category [{wishes['category']}] is not one of {', '.join(CATEGORIES)}")
        found = [
            movement
            for movement in reversed(self._movements.read(self._engine.floor.entries))
            if window.start_ms <= movement.at_ms <= window.end_ms and self._is_wanted(movement, wishes)
        ]
        shown, cursor = cut(found, page, lambda movement: movement.place)
        return {"list": [self._transaction_row(movement) for movement in shown], "nextPageCursor": cursor}

    def _spec_of(self, movement: Movement) -> InstrumentSpec | None:
        cause = movement.fill or movement.funding
        return None if cause is None else self._engine.specs[cause.symbol]

    def _is_wanted(self, movement: Movement, wishes: dict[str, str]) -> bool:
        spec = self._spec_of(movement)
        has = {
            "category": "" if spec is None else spec.category,
            "currency": movement.coin,
            "baseCoin": "" if spec is None else spec.base_coin,
            "type": _type_of(movement),
            "transSubType": "",
        }
        return all(not wish or wish == has[name] for name, wish in wishes.items())

    def _transaction_row(self, movement: Movement) -> dict[str, Any]:
        fill, spec = movement.fill, self._spec_of(movement)
        row = {
            "id": f"{movement.coin}_{movement.place}",
            "symbol": "",
            "category": "",
            "side": "None",
            "transactionTime": str(movement.at_ms),
            "type": _type_of(movement),
            "transSubType": "",
            "qty": plain(abs(movement.cash)),
            "size": plain(movement.rest_size),
            "currency": movement.coin,
            "tradePrice": "",
            "funding": "",
            "fee": plain(movement.fee),
            "cashFlow": plain(movement.cash),
            "change": plain(movement.change),
            "cashBalance": plain(movement.balance),
            "feeRate": "",
            "bonusChange": "",
            "tradeId": "",
            "orderId": "",
            "orderLinkId": "",
            "extraFees": "",
        }
        if spec is not None:
            row |= {"symbol": spec.symbol, "category": spec.category}
        if (paid := movement.funding) is not None and spec is not None:
            row |= {
                "side": paid.side,
                "qty": quantity_text(spec, paid.size),
                "tradePrice": price_text(spec, paid.mark_price),
                "funding": plain(movement.funding_received),
                "feeRate": plain(paid.rate),
                "tradeId": paid.exec_id,
            }
        if fill is None or spec is None:
            return row
        return row | {
            "side": fill.side,
            "qty": quantity_text(spec, fill.quantity),
            "tradePrice": traded_text(spec, fill.price),
            "feeRate": plain(fill.fee_rate),
            "tradeId": fill.exec_id,
            "orderId": fill.order_id,
            "orderLinkId": self._engine.account.orders[fill.order_id].link_id,
        }


def _average(spec: InstrumentSpec, quantity: Decimal, value: Decimal) -> Decimal:
    """The price of the base coin at which so much has this value in the settle coin."""
    return quantity / value if spec.is_inverse else value / quantity


def _closed_option_row(closed: ClosedOption, spec: InstrumentSpec) -> dict[str, Any]:
    return {
        "symbol": spec.symbol,
        "side": closed.side,
        "totalOpenFee": plain(closed.open_fee),
        "deliveryFee": plain(closed.delivery_fee),
        "totalCloseFee": plain(closed.close_fee),
        "qty": quantity_text(spec, closed.quantity),
        "closeTime": closed.close_ms,
        "avgExitPrice": average_text(spec, closed.exit_value / closed.quantity),
        "deliveryPrice": "" if closed.delivery_price is None else plain(closed.delivery_price),
        "openTime": closed.open_ms,
        "avgEntryPrice": average_text(spec, closed.entry_value / closed.quantity),
        "totalPnl": plain(closed.profit),
    }


def _type_of(movement: Movement) -> str:
    if movement.funding is not None:
        return "SETTLEMENT"
    if movement.fill is not None:
        return TYPE_OF_EXECUTION.get(movement.fill.exec_type, "TRADE")
    return "TRANSFER_IN" if movement.cash >= 0 else "TRANSFER_OUT"
