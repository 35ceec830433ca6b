"""The private REST side of one account: `exchange.ports.OrderGateway` on Bybit V5.

Lives here: which call answers which question, pages, time windows. Not here: rows (`codec`), sending (`rest`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

import msgspec
from structlog.typing import FilteringBoundLogger

from tradewright.core.clock import Clock, milliseconds
from tradewright.core.errors import ExchangeUnavailable, OutcomeUnknown
from tradewright.core.ids import ExchangeOrderId, LinkId
from tradewright.core.instrument import InstrumentId
from tradewright.core.money import plain
from tradewright.core.order import Execution, NewOrder, RemoteOrder, RemotePosition, Wallet
from tradewright.exchange.bybit import codec
from tradewright.exchange.bybit.pages import read_pages, read_rows
from tradewright.exchange.bybit.rest import Params, Reply, RestClient
from tradewright.exchange.bybit.signing import Signer
from tradewright.exchange.bybit.values import Unreadable, decode, identifier
from tradewright.exchange.bybit.wire import ExecutionRow, OrderAck, OrderRow, PositionRow, WalletRow
from tradewright.exchange.ports import Acknowledged, ApiKey, EndpointSource

CATEGORY = "linear"
SETTLE_COIN = "USDT"
WINDOW = timedelta(days=7)  # the longest that Bybit takes in one question
HISTORY_MAX = timedelta(days=730)  # it keeps no more
_ORDERS_A_PAGE = "50"
_EXECUTIONS_A_PAGE = "100"
_POSITIONS_A_PAGE = "200"

_ACK = msgspec.json.Decoder(OrderAck)
_ORDER = msgspec.json.Decoder(OrderRow)
_EXECUTION = msgspec.json.Decoder(ExecutionRow)
_POSITION = msgspec.json.Decoder(PositionRow)
_WALLET = msgspec.json.Decoder(WalletRow)
_Row = TypeVar("_Row")
_Found = TypeVar("_Found")


class BybitOrderGateway:
    """Orders, executions, positions and wallet of the key's account: linear contracts settled in USDT."""

    def __init__(self, endpoints: EndpointSource, key: ApiKey, *, clock: Clock, log: FilteringBoundLogger) -> None:
        self._log = log.bind(component="bybit.orders")
        self._rest = RestClient(endpoints, clock=clock, log=log, signer=Signer(key))

    async def place(self, order: NewOrder) -> Acknowledged:
        """Sends the order once. Errors as `OrderGateway` says."""
        reply = await self._rest.command("/v5/order/create", create_body(order))
        return self._acknowledged(reply)

    async def cancel(
        self, instrument: InstrumentId, *, link_id: LinkId | None, exchange_order_id: ExchangeOrderId | None
    ) -> Acknowledged:
        field, name = _order_name(link_id, exchange_order_id)
        body: dict[str, object] = {"category": instrument.category, "symbol": instrument.symbol, field: name}
        return self._acknowledged(await self._rest.command("/v5/order/cancel", body))

    async def find_order(
        self, instrument: InstrumentId, *, link_id: LinkId | None, exchange_order_id: ExchangeOrderId | None
    ) -> RemoteOrder | None:
        name = _order_name(link_id, exchange_order_id)
        params = (("category", instrument.category), ("symbol", instrument.symbol), name)
        for path in ("/v5/order/realtime", "/v5/order/history"):
            rows = await self._pages(path, params, _ORDER, codec.order, at_most_pages=1)
            for row in rows:
                if (row.exchange_order_id if exchange_order_id else row.link_id) == name[1]:
                    return row
        return None

    async def open_orders(self) -> Sequence[RemoteOrder]:
        params = (("category", CATEGORY), ("settleCoin", SETTLE_COIN), ("limit", _ORDERS_A_PAGE))
        return await self._pages("/v5/order/realtime", params, _ORDER, codec.order)

    async def order_history(self, since: datetime) -> Sequence[RemoteOrder]:
        """Final orders created since then (an older one that ended since may be missing: ask for it by its id)."""
        params = (("category", CATEGORY), ("settleCoin", SETTLE_COIN), ("limit", _ORDERS_A_PAGE))
        found: list[RemoteOrder] = []
        for window in await self._windows(since):
            found += await self._pages("/v5/order/history", (*params, *window), _ORDER, codec.order)
        return found

    async def executions(self, since: datetime) -> Sequence[Execution]:
        params = (("category", CATEGORY), ("settleCoin", SETTLE_COIN), ("limit", _EXECUTIONS_A_PAGE))
        found: list[Execution] = []
        for window in await self._windows(since):
            found += await self._pages("/v5/execution/list", (*params, *window), _EXECUTION, codec.execution)
        return _oldest_first(found)

    async def executions_of(self, instrument: InstrumentId, link_id: LinkId) -> Sequence[Execution]:
        params = (
            ("category", instrument.category),
            ("symbol", instrument.symbol),
            ("orderLinkId", link_id),
            ("limit", _EXECUTIONS_A_PAGE),
        )
        found = await self._pages("/v5/execution/list", params, _EXECUTION, codec.execution)
        return _oldest_first([row for row in found if row.link_id == link_id])

    async def positions(self) -> Sequence[RemotePosition]:
        """Positions that are not flat."""
        params = (("category", CATEGORY), ("settleCoin", SETTLE_COIN), ("limit", _POSITIONS_A_PAGE))
        return await self._pages("/v5/position/list", params, _POSITION, codec.position)

    async def wallet(self) -> Wallet:
        path = "/v5/account/wallet-balance"
        reply = await self._rest.read(path, (("accountType", "UNIFIED"),), signed=True)
        rows = read_rows(reply, path, _WALLET, lambda row, _category: codec.wallet(row, reply.time), self._log)
        if len(rows) != 1:
            raise ExchangeUnavailable(f"{path}: {len(rows)} unified accounts in the answer; expected one", reply.trace)
        return rows[0]

    async def server_time(self) -> datetime:
        """The exchange's clock; measures it when needed. Raises `ExchangeUnavailable` if it was never measured."""
        return await self._rest.server_clock.now()

    async def close(self) -> None:
        await self._rest.close()

    async def _pages(
        self,
        path: str,
        params: Params,
        decoder: msgspec.json.Decoder[_Row],
        convert: Callable[[_Row, str], _Found | None],
        at_most_pages: int | None = None,
    ) -> list[_Found]:
        return await read_pages(
            self._rest, path, params, decoder, convert, self._log, signed=True, at_most_pages=at_most_pages
        )

    async def _windows(self, since: datetime) -> Sequence[Params]:
        """Time parameters that cover [since, now] in steps of at most 7 days, oldest first."""
        # One second more than now, so that nothing is missed for a reading of the clock that is a little behind.
        until = await self._rest.server_clock.now() + timedelta(seconds=1)
        start = max(since, until - HISTORY_MAX)
        windows: list[Params] = []
        while start < until:
            end = min(start + WINDOW, until)
            windows.append((("startTime", str(milliseconds(start))), ("endTime", str(milliseconds(end)))))
            start = end
        return windows

    def _acknowledged(self, reply: Reply) -> Acknowledged:
        try:
            ack = decode(_ACK, reply.result)
            return Acknowledged(ExchangeOrderId(identifier(ack.orderId, "orderId")), reply.trace)
        except Unreadable as problem:
            self._log.error("orders.ack_unreadable", error=str(problem), raw=problem.raw)
            text = f"acknowledged without a readable order id: {problem}; the outcome must be asked"
            raise OutcomeUnknown(text, reply.trace) from problem


def create_body(order: NewOrder) -> dict[str, object]:
    """The JSON object of `order/create`; decimals as plain text."""
    body: dict[str, object] = {
        "category": order.instrument.category,
        "symbol": order.instrument.symbol,
        "side": order.side,
        "orderType": order.order_type,
        "qty": plain(order.quantity),
        "orderLinkId": order.link_id,
        "positionIdx": 0,
    }
    if order.order_type == "Limit":
        if order.price is None:
            raise ValueError("a limit order needs a price; got none")
        body["price"] = plain(order.price)
        body["timeInForce"] = order.time_in_force
    if order.instrument.category == "spot" and order.order_type == "Market":
        body["marketUnit"] = "baseCoin"  # otherwise the quantity of a buy would be an amount of the quote coin
    if order.reduce_only:
        body["reduceOnly"] = True
    return body


def _order_name(link_id: LinkId | None, exchange_order_id: ExchangeOrderId | None) -> tuple[str, str]:
    """How an order is named to Bybit: by its own id where it is known."""
    if exchange_order_id:
        return "orderId", exchange_order_id
    if link_id:
        return "orderLinkId", link_id
    raise ValueError("an order is named by the exchange's order id or the client order id; got neither")


def _oldest_first(rows: Sequence[Execution]) -> list[Execution]:
    """By time, then by what Bybit documents as the tie-break; each execution once, although windows touch."""
    unique = {row.exec_id: row for row in rows}
    return sorted(unique.values(), key=lambda row: (row.executed_at, row.sequence, row.exec_id))
