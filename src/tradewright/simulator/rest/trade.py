"""Order and execution endpoints, `/v5/order/*` and `/v5/execution/*`.

Lives here: the handlers of create, amend, cancel, cancel-all, realtime, history, executions. Not here: batches
(`batch`), the rules (`commands`, `order_options`, `engine`).
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterable, Sequence
from decimal import ROUND_HALF_EVEN, Decimal

from tradewright.simulator.accounts.account import Execution, FundingPayment
from tradewright.simulator.accounts.margin import MarginView
from tradewright.simulator.accounts.orders import Order, OrderStatus
from tradewright.simulator.errors import ApiError, bad_parameter, order_not_found
from tradewright.simulator.faults.visibility import Visibility
from tradewright.simulator.fields import Body, text
from tradewright.simulator.market.model import Category
from tradewright.simulator.matching.amend import AmendOrder, read_amend
from tradewright.simulator.matching.commands import (
    CONTRACTS,
    WITH_POSITIONS,
    CancelOrder,
    read_cancel,
    read_category,
    read_symbol,
    require_category,
)
from tradewright.simulator.matching.engine import Engine
from tradewright.simulator.matching.order_options import read_create
from tradewright.simulator.paging import cut, read_page, read_window
from tradewright.simulator.rest.calls import Call, Endpoint, Result
from tradewright.simulator.rows.orders import order_history_row, order_row
from tradewright.simulator.rows.trading import Row, execution_row, funding_row

RECENT_CLOSED_MAX = 500
CANCELLED_AT_ONCE_MAX = 500  # by one cancel-all
DEFAULT_OPTION_COIN = "BTC"
UNFILLED_KEPT_MS = 24 * 3_600_000  # Bybit forgets an order that ended without a fill after a day
ORDER_FILTERS = ("Order", "OpenOrder", "StopOrder", "tpslOrder", "OcoOrder", "BidirectionalTpslOrder")
OPEN_ONLY = ("0", "1", "2")  # 2 is of accounts of an earlier kind: open orders, as 0
ORDER_STATUSES = (
    "Created",
    "New",
    "PartiallyFilled",
    "Untriggered",
    "Triggered",
    "Filled",
    "Cancelled",
    "PartiallyFilledCanceled",
    "Rejected",
    "Deactivated",
)
EXEC_TYPES = (
    "Trade",
    "AdlTrade",
    "Funding",
    "BustTrade",
    "Delivery",
    "Settle",
    "BlockTrade",
    "MovePosition",
    "FutureSpread",
    "CorporateAction",
    "UNKNOWN",
)


class TradeEndpoints:
    """The handlers; `all` lists them for the server."""

    def __init__(
        self, engine: Engine, visibility: Visibility, *, started_ms: int, memory_ms: int | None = None
    ) -> None:
        """`memory_ms` is how long ended orders are kept, None for ever."""
        self._engine = engine
        self._visibility = visibility
        self._started_ms = started_ms
        self._memory_ms = memory_ms

    def all(self) -> list[Endpoint]:
        def read(path: str, handle: Callable[[Call], Result]) -> Endpoint:
            return Endpoint(method="GET", path=path, handle=handle, private=True, per_second=50)

        def write(path: str, handle: Callable[[Call], Result], *, of_spot: int = 20, of_options: int = 10) -> Endpoint:
            return Endpoint(
                method="POST",
                path=path,
                handle=handle,
                private=True,
                writes=True,
                per_second=10,
                spot_per_second=of_spot,
                option_per_second=of_options,
            )

        return [
            write("/v5/order/create", self.create),
            write("/v5/order/pre-check", self.pre_check),
            write("/v5/order/amend", self.amend, of_spot=10),
            write("/v5/order/cancel", self.cancel),
            write("/v5/order/cancel-all", self.cancel_all, of_options=1),
            read("/v5/order/realtime", self._realtime),
            read("/v5/order/history", self._history),
            read("/v5/execution/list", self._executions),
        ]

    def create(self, call: Call) -> Result:
        return _ids(self._engine.place(read_create(call.params, self._engine.specs)))

    def pre_check(self, call: Call) -> Result:
        """What an order would do to the margin rates (times ten thousand); for want of margin the rates that it would
        lead to are beside the refusal. Not on spot, not for conditional orders, not for inverse contracts in cross
        margin.
        """
        category = require_category(call.params, WITH_POSITIONS)
        if category == "inverse" and self._engine.account.margin_mode == "REGULAR_MARGIN":
            raise bad_parameter("params error: inverse orders cannot be checked in advance in cross margin")
        command = read_create(call.params, self._engine.specs)
        if command.trigger is not None:
            raise bad_parameter("params error: conditional orders cannot be checked in advance")
        trial = self._engine.try_out(command)
        before, after = trial.before, trial.after
        later = {"postImrE4": _rate(after.initial, after), "postMmrE4": _rate(after.maintenance, after)}
        if trial.refusal is not None:
            raise ApiError(trial.refusal.code, trial.refusal.text, extra=later)
        return {
            "orderId": trial.order.order_id,
            "orderLinkId": trial.order.link_id,
            "preImrE4": _rate(before.initial, before),
            "preMmrE4": _rate(before.maintenance, before),
            **later,
        }

    def amend(self, call: Call) -> Result:
        command = read_amend(call.params, self._engine.specs)
        self._check_seen(command, call)
        return _ids(self._engine.amend(command))

    def cancel(self, call: Call) -> Result:
        """On spot `orderFilter` must name the kind of the order that is meant."""
        command = read_cancel(call.params, self._engine.specs)
        order = self._check_seen(command, call)
        if (
            order is not None
            and order.is_spot
            and not _is_kind(order, _one_of(call.params, "orderFilter", ORDER_FILTERS) or "Order")
        ):
            raise order_not_found(spot=True)
        return _ids(self._engine.cancel(command))

    def _check_seen(self, command: CancelOrder | AmendOrder, call: Call) -> Order | None:
        """Nobody may change an order that a fault hides."""
        order = self._engine.account.find_order(order_id=command.order_id, link_id=command.link_id)
        if order is not None and self._is_hidden(order, call.now_ms):
            raise order_not_found(spot=order.is_spot)
        return order

    def cancel_all(self, call: Call) -> Result:
        """Contracts need one of symbol, baseCoin, settleCoin, spot needs none; the first present decides.

        Without a filter all orders of contracts go, of spot only plain ones; stopOrderType `Stop` spares the stops of
        positions.
        """
        symbols = self._named_symbols(call.params, needed_by=CONTRACTS)
        default = "Order" if read_category(call.params) == "spot" else ""
        order_filter = _one_of(call.params, "orderFilter", ORDER_FILTERS) or default
        spares_positions = text(call.params, "stopOrderType") == "Stop"
        gone: list[Order] = []
        for order in self._engine.account.live_orders():
            if order.symbol not in symbols or not _is_kind(order, order_filter):
                continue
            if len(gone) >= CANCELLED_AT_ONCE_MAX:
                break
            if not (order.is_protective and spares_positions) and not self._is_hidden(order, call.now_ms):
                # One that the market fills while the others are cancelled has its own, better end.
                with contextlib.suppress(ApiError):
                    command = CancelOrder(symbol=order.symbol, order_id=order.order_id, link_id="")
                    gone.append(self._engine.cancel(command))
        return {"list": [_ids(order) for order in gone], "success": "1"}

    def _realtime(self, call: Call) -> Result:
        """Open orders; with openOnly=1 the newest closed ones; with an id that order, if it is one of either.

        What has closed is listed here only as long as it is recent and the service was not restarted: then history.
        """
        category = read_category(call.params)
        page = read_page(call.params, highest=50, default=20)
        named = self._named_order(call.params)
        if named is None:
            symbols = self._named_symbols(call.params, needed_by=("linear",))
            wants_closed = _one_of(call.params, "openOnly", OPEN_ONLY) == "1"
            live = reversed(list(self._engine.account.live_orders()))
            wanted = self._recently_closed(category) if wants_closed else live
            order_filter = _one_of(call.params, "orderFilter", ORDER_FILTERS)
            orders = [order for order in wanted if order.symbol in symbols and _is_kind(order, order_filter)]
        else:
            orders = [order for order in named if order.is_live or order in self._recently_closed(category)]
        shown, cursor = cut(self._visible(orders, call.now_ms), page, lambda order: order.number)
        return {
            "category": category,
            "list": [order_row(order, self._engine.specs[order.symbol]) for order in shown],
            "nextPageCursor": cursor,
        }

    def _history(self, call: Call) -> Result:
        """Orders that have ended, at most seven days per call."""
        category = read_category(call.params)
        page = read_page(call.params, highest=50, default=20)
        window = read_window(call.params, now_ms=call.now_ms)
        status, named = _one_of(call.params, "orderStatus", ORDER_STATUSES), self._named_order(call.params)
        if named is None:
            symbols = self._named_symbols(call.params)
            order_filter = _one_of(call.params, "orderFilter", ORDER_FILTERS)
            orders: list[Order] = [
                order
                for order in reversed(self._engine.account.orders.values())
                if order.symbol in symbols
                and _is_kind(order, order_filter)
                and window.start_ms <= order.created_ms <= window.end_ms
            ]
        else:
            orders = named
        final = [
            order
            for order in self._visible(orders, call.now_ms)
            if not order.is_live and status in ("", order.status) and not self._forgotten(order, call.now_ms)
        ]
        shown, cursor = cut(final, page, lambda order: order.number)
        return {
            "category": category,
            "list": [order_history_row(order, self._engine.specs[order.symbol]) for order in shown],
            "nextPageCursor": cursor,
        }

    def _executions(self, call: Call) -> Result:
        """With an order id all other filters are ignored."""
        category = read_category(call.params)
        page = read_page(call.params, highest=100, default=50)
        window = read_window(call.params, now_ms=call.now_ms)
        named = self._named_order(call.params)
        paid: list[FundingPayment] = []
        if named is not None:
            wanted_ids = {order.order_id for order in named}
            found = [e for e in reversed(self._engine.account.executions) if e.fill.order_id in wanted_ids]
        else:
            params = call.params
            if category == "option" and not (text(params, "symbol") or text(params, "baseCoin")):
                params = {**params, "baseCoin": DEFAULT_OPTION_COIN}
            symbols, exec_type = self._named_symbols(params), _one_of(params, "execType", EXEC_TYPES)
            found = [
                execution
                for execution in reversed(self._engine.account.executions)
                if exec_type in ("", execution.fill.exec_type)
                and execution.fill.symbol in symbols
                and window.start_ms <= execution.fill.at.wall_ms <= window.end_ms
            ]
            if exec_type in ("", "Funding"):
                payments = self._engine.account.funding
                times = range(window.start_ms, window.end_ms + 1)
                paid = [p for p in payments if p.paid.symbol in symbols and p.paid.at.wall_ms in times]
        visible: list[Execution | FundingPayment] = [
            e for e in found if not self._visibility.hidden_ms(e.fill.order_id, now_ms=call.now_ms)
        ]
        if paid:
            visible = sorted([*visible, *paid], key=_execution_place, reverse=True)
        shown, cursor = cut(visible, page, _execution_place)
        return {
            "category": category,
            "list": [self._execution_row(execution) for execution in shown],
            "nextPageCursor": cursor,
        }

    def _execution_row(self, execution: Execution | FundingPayment) -> Row:
        if isinstance(execution, FundingPayment):
            return funding_row(execution, self._engine.specs[execution.paid.symbol])
        return execution_row(execution, self._engine.specs[execution.fill.symbol])

    def _recently_closed(self, category: Category) -> list[Order]:
        """Newest first, of all symbols of a category."""
        specs = self._engine.specs
        closed = (
            order
            for order in reversed(self._engine.account.orders.values())
            if not order.is_live and specs[order.symbol].category == category
        )
        recent = (order for order in closed if order.updated_ms >= self._started_ms)
        return list(itertools.islice(recent, RECENT_CLOSED_MAX))

    def _named_order(self, params: Body) -> list[Order] | None:
        """The order of the category that an id asks for (none or one), or None if no id is given. orderId wins over
        orderLinkId.
        """
        order_id, link_id = text(params, "orderId"), text(params, "orderLinkId")
        if not (order_id or link_id):
            return None
        order = self._engine.account.find_order(order_id=order_id, link_id=link_id)
        asked = order is not None and self._engine.specs[order.symbol].category == read_category(params)
        return [order] if order is not None and asked else []

    def _named_symbols(self, params: Body, *, needed_by: tuple[Category, ...] = ()) -> set[str]:
        """The listings of the category that symbol, baseCoin or settleCoin (the first given) ask for; all if none is
        given, unless the category is one that needs one. Spot knows no settle coin.
        """
        if text(params, "symbol"):
            return {read_symbol(params, self._engine.specs).listing}
        category = read_category(params)
        base_coin, settle_coin = text(params, "baseCoin"), text(params, "settleCoin") if category != "spot" else ""
        if category in needed_by and not (base_coin or settle_coin):
            raise bad_parameter("Missing some parameters that must be filled in, symbol or settleCoin or baseCoin")
        specs = [spec for spec in self._engine.specs.values() if spec.category == category]
        if base_coin:
            return {spec.listing for spec in specs if spec.base_coin == base_coin}
        return {spec.listing for spec in specs if settle_coin in ("", spec.settle_coin)}

    def _forgotten(self, order: Order, now_ms: int) -> bool:
        """Whether history has dropped an order: after a day without a fill, or by the environment's memory."""
        if self._memory_ms is not None and order.updated_ms < now_ms - self._memory_ms:
            return True
        ended = order.status in (OrderStatus.CANCELLED, OrderStatus.DEACTIVATED)
        return ended and not order.filled_quantity and order.updated_ms < now_ms - UNFILLED_KEPT_MS

    def _visible(self, orders: Iterable[Order], now_ms: int) -> list[Order]:
        return [order for order in orders if not self._is_hidden(order, now_ms)]

    def _is_hidden(self, order: Order, now_ms: int) -> bool:
        return self._visibility.hidden_ms(order.order_id, now_ms=now_ms) > 0


def _ids(order: Order) -> Result:
    return {"orderId": order.order_id, "orderLinkId": order.link_id}


def _rate(amount: Decimal, account: MarginView) -> int:
    """A share of what backs the account, times ten thousand, rounded half even; all of it where there is none."""
    if account.backing <= 0:
        return 10_000
    return int((amount / account.backing * 10_000).quantize(Decimal(1), ROUND_HALF_EVEN))


def _execution_place(execution: Execution | FundingPayment) -> int:
    return execution.seq


def _one_of(params: Body, name: str, allowed: Sequence[str]) -> str:
    """What is asked for, "" for anything. A misspelt word would look like an answer without rows: 10001."""
    value = text(params, name)
    if value and value not in allowed:
        raise bad_parameter(f"params error: {name} must be one of {', '.join(allowed)}")
    return value


def _is_kind(order: Order, order_filter: str) -> bool:
    """Whether an order is what `orderFilter` asks for; "" asks for all. One that has triggered is a plain order."""
    waits = order.trigger is not None and not order.was_triggered
    match order_filter:
        case "":
            return True
        case "StopOrder":
            return waits and order.stop_kind not in ("tpslOrder", "BidirectionalTpslOrder")
        case "tpslOrder" | "BidirectionalTpslOrder":
            return waits and order.stop_kind == order_filter
        case "Order" | "OpenOrder":
            return not waits
        case _:
            return False
