"""Endpoints that look back: closed profits and the transaction log.

Lives here: their filters and rows. Not here: how they come about (`past`).
"""

from __future__ import annotations

from typing import Any

from tradewright.simulator.accounts.past import ClosedOrder, Movement, Movements, closed_orders
from tradewright.simulator.errors import bad_parameter
from tradewright.simulator.fields import text
from tradewright.simulator.market.model import InstrumentSpec
from tradewright.simulator.matching.commands import read_symbol, require_linear
from tradewright.simulator.matching.engine import Engine
from tradewright.simulator.paging import DAY_MS, cut, read_page, read_window
from tradewright.simulator.rest.calls import Call, Endpoint, Result
from tradewright.simulator.texts import average_text, plain, price_text, quantity_text


class PastEndpoints:
    """The handlers; `all` lists them for the server."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._movements = Movements()

    def all(self) -> list[Endpoint]:
        reads = {
            "/v5/position/closed-pnl": (self._closed, 50),
            "/v5/account/transaction-log": (self._transactions, 25),
        }
        return [
            Endpoint(method="GET", path=path, handle=handle, private=True, per_second=budget)
            for path, (handle, budget) in reads.items()
        ]

    def _closed(self, call: Call) -> Result:
        """Newest first by the last closing fill; at most seven days per call."""
        require_linear(call.params)
        page = read_page(call.params, highest=100, default=50)
        window = read_window(call.params, now_ms=call.now_ms)
        named = read_symbol(call.params, self._engine.specs).listing if text(call.params, "symbol") else None
        wanted = [
            closed
            for closed in reversed(closed_orders(self._engine.account.executions))
            if named in (None, closed.order.symbol) and window.start_ms <= closed.last_ms <= window.end_ms
        ]
        shown, cursor = cut(wanted, page, lambda closed: closed.seq)
        return {"category": "linear", "list": [self._closed_row(closed) for closed in shown], "nextPageCursor": cursor}

    def _closed_row(self, closed: ClosedOrder) -> dict[str, Any]:
        order, spec = closed.order, self._engine.specs[closed.order.symbol]
        return {
            "symbol": spec.symbol,
            "orderId": order.order_id,
            "side": order.side,
            "qty": quantity_text(spec, order.quantity),
            "orderPrice": price_text(spec, order.price),
            "orderType": order.order_type,
            "execType": "Trade",
            "closedSize": quantity_text(spec, closed.quantity),
            "cumEntryValue": plain(closed.entry_value),
            "avgEntryPrice": average_text(spec, closed.entry_value / closed.quantity),
            "cumExitValue": plain(closed.exit_value),
            "avgExitPrice": average_text(spec, closed.exit_value / closed.quantity),
            "closedPnl": plain(closed.profit),
            "fillCount": str(closed.fills),
            "leverage": plain(self._engine.account.position(order.symbol).leverage),
            "openFee": plain(closed.open_fee),
            "closeFee": plain(closed.close_fee),
            "createdTime": str(closed.first_ms),
            "updatedTime": str(closed.last_ms),
        }

    def _transactions(self, call: Call) -> Result:
        """Newest first; a day per call by default, seven at most."""
        if text(call.params, "accountType") not in ("", "UNIFIED"):
            raise bad_parameter("params error: accountType only support UNIFIED")
        page = read_page(call.params, highest=50, default=20)
        window = read_window(call.params, now_ms=call.now_ms, default_ms=DAY_MS)
        wishes = {name: text(call.params, name) for name in ("category", "currency", "baseCoin", "type")}
        found = [
            movement
            for movement in reversed(self._movements.read(self._engine.floor.entries))
            if window.start_ms <= movement.at_ms <= window.end_ms and self._is_wanted(movement, wishes)
        ]
        shown, cursor = cut(found, page, lambda movement: movement.place)
        return {"list": [self._transaction_row(movement) for movement in shown], "nextPageCursor": cursor}

    def _spec_of(self, movement: Movement) -> InstrumentSpec | None:
        return None if movement.fill is None else self._engine.specs[movement.fill.symbol]

    def _is_wanted(self, movement: Movement, wishes: dict[str, str]) -> bool:
        spec = self._spec_of(movement)
        has = {
            "category": "" if spec is None else spec.category,
            "currency": movement.coin,
            "baseCoin": "" if spec is None else spec.base_coin,
            "type": _type_of(movement),
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
        if fill is None or spec is None:
            return row
        return row | {
            "symbol": spec.symbol,
            "category": spec.category,
            "side": fill.side,
            "qty": quantity_text(spec, fill.quantity),
            "tradePrice": price_text(spec, fill.price),
            "feeRate": plain(fill.fee_rate),
            "tradeId": fill.exec_id,
            "orderId": fill.order_id,
            "orderLinkId": self._engine.account.orders[fill.order_id].link_id,
        }


def _type_of(movement: Movement) -> str:
    if movement.fill is not None:
        return "TRADE"
    return "TRANSFER_IN" if movement.cash >= 0 else "TRANSFER_OUT"
