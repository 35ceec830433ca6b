"""The private REST side of one account: `exchange.ports.OrderGateway` on Bybit V5.

Lives here: which call answers which question, for which categories and settle coins, pages, time windows.
Not here: rows (`codec`), bodies (`order_bodies`), sending (`rest`), what is not orders (`account`).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

import msgspec
from structlog.typing import FilteringBoundLogger

from tradewright.core.clock import Clock, Rng
from tradewright.core.errors import ExchangeUnavailable, NotSent, OutcomeUnknown, ReadRefused, Refused, Trace
from tradewright.core.ids import ExchangeOrderId, LinkId
from tradewright.core.instrument import Category, InstrumentId
from tradewright.core.order import (
    AccountModes,
    Execution,
    FeeRates,
    KeyFacts,
    MarginMode,
    NewOrder,
    OrderChange,
    PositionExits,
    RemoteOrder,
    RemotePosition,
    Wallet,
)
from tradewright.core.side_by_side import side_by_side
from tradewright.core.transactions import ClosedPnl, Transaction
from tradewright.exchange.bybit import account, codec, ledger_reads
from tradewright.exchange.bybit.address import Address
from tradewright.exchange.bybit.batches import CancelBatches
from tradewright.exchange.bybit.limits import RequestBudgets
from tradewright.exchange.bybit.order_bodies import (
    CONDITIONAL,
    PLAIN,
    Body,
    amend_body,
    cancel_body,
    create_body,
    exits_body,
    leverage_body,
    order_filter,
    order_name,
    position_mode_body,
)
from tradewright.exchange.bybit.pages import read_pages
from tradewright.exchange.bybit.priority import Priority
from tradewright.exchange.bybit.proxy import Proxy
from tradewright.exchange.bybit.rest import Params, Reply, RestClient
from tradewright.exchange.bybit.signing import Signer, signer_of
from tradewright.exchange.bybit.spans import Span, read_span, spans
from tradewright.exchange.bybit.values import Unreadable, decode, identifier, words
from tradewright.exchange.bybit.wire import CancelledList, ExecutionRow, OrderAck, OrderRow, PositionRow
from tradewright.exchange.ports import Acknowledged, ApiKey, EndpointSource, MayGo, RateBudget, always

CATEGORIES: tuple[Category, ...] = ("linear", "spot")
# One question each: of contracts Bybit lists the whole account only by settle coin, of spot in one.
_SCOPES: Mapping[Category, tuple[Params, ...]] = {
    "linear": (
        (("category", "linear"), ("settleCoin", "USDT")),
        (("category", "linear"), ("settleCoin", "USDC")),
    ),
    "spot": ((("category", "spot"),),),
}
_ORDERS_A_PAGE = ("limit", "50")
_EXECUTIONS_A_PAGE = ("limit", "100")
_POSITIONS_A_PAGE = ("limit", "200")
_KINDS_KEPT = 5_000  # spot orders whose kind is remembered
_TRADE = "Trade"
_LEVERAGE_AS_IT_WAS = 110043
_EXITS_AS_THEY_WERE = 34040
_POSITION_MODE_AS_IT_WAS = 110025
_MARGIN_MODE_AS_IT_WAS = 110026  # the present one is usually a plain success

_ACK = msgspec.json.Decoder(OrderAck)
_CANCELLED = msgspec.json.Decoder(CancelledList)
_ORDER = msgspec.json.Decoder(OrderRow)
_EXECUTION = msgspec.json.Decoder(ExecutionRow)
_POSITION = msgspec.json.Decoder(PositionRow)
_TRIGGERS = ("LastPrice", "MarkPrice", "IndexPrice")
_Row = TypeVar("_Row")
_Found = TypeVar("_Found")


class BybitOrderGateway:
    """Orders, executions, positions and wallet of the key's account.

    `categories` are what the key may trade: a key without a permission is refused the reads of its category too.
    """

    def __init__(
        self,
        endpoints: EndpointSource,
        key: ApiKey | Signer,
        *,
        clock: Clock,
        log: FilteringBoundLogger,
        categories: Sequence[Category] = CATEGORIES,
        proxy: Proxy | None = None,
        address: Address | None = None,
        rng: Rng | None = None,
        gate: MayGo = always,
        reach: Callable[[str], None] = lambda _point: None,
        budgets: RequestBudgets | None = None,
        is_kill: bool = False,
        stopped: Callable[[Trace], None] = lambda _trace: None,
        batches: Collection[Category] = (),
    ) -> None:
        """`gate`, `reach`, `budgets` and `stopped`: see `RestClient`. `is_kill`: its orders and cancels go before all
        others. `batches`: of which categories a burst of cancels may go in batches."""
        self._log = log.bind(component="bybit.orders")
        self._rest = RestClient(
            endpoints,
            clock=clock,
            log=log,
            signer=signer_of(key),
            proxy=proxy,
            address=address,
            rng=rng,
            gate=gate,
            reach=reach,
            budgets=budgets,
            stopped=stopped,
        )
        self._first = Priority.KILL if is_kill else None
        self._batched = frozenset(batches)
        self._cancels = CancelBatches(self._cancel_alone, self._cancel_along)
        self._categories = tuple(categories)
        self._scopes = [scope for category in categories for scope in _SCOPES[category]]
        self._contract_scopes = _SCOPES["linear"] if "linear" in categories else ()
        self._kinds: OrderedDict[str, str] = OrderedDict()  # of spot orders, by either of their ids

    @property
    def categories(self) -> Sequence[Category]:
        return self._categories

    def budget(self) -> RateBudget:
        """What is left of what may be asked of this account and from this address."""
        return self._rest.budget()

    async def place(self, order: NewOrder, *, may_go: MayGo = always) -> Acknowledged:
        """Sends the order once. Errors as `OrderGateway` says."""
        if order.instrument.category == "spot":
            self._remember(CONDITIONAL if order.trigger else PLAIN, order.link_id)
        priority = self._first
        if priority is None:
            priority = Priority.REDUCE if order.reduce_only else Priority.PLACE
        body = create_body(order)
        return self._acknowledged(await self._rest.command("/v5/order/create", body, may_go, priority=priority))

    async def cancel(
        self, instrument: InstrumentId, *, link_id: LinkId | None, exchange_order_id: ExchangeOrderId | None
    ) -> Acknowledged:
        name = order_name(link_id, exchange_order_id)
        kind = await self._kind_of(instrument, link_id, exchange_order_id) if instrument.category == "spot" else None
        body = cancel_body(instrument, name, kind)
        if instrument.category in self._batched and kind in (None, PLAIN):
            return await self._cancels.cancel(instrument.category, body)
        return await self._cancel_alone(body)

    async def _cancel_alone(self, body: Body) -> Acknowledged:
        return self._acknowledged(await self._rest.command("/v5/order/cancel", body, priority=self._first))

    async def _cancel_along(self, body: Body, units: int) -> Reply:
        return await self._rest.command("/v5/order/cancel-batch", body, priority=self._first, units=units)

    async def cancel_working(self, category: Category) -> Collection[ExchangeOrderId]:
        """Every order that waits in the book, whoever placed it, in one request for each settle coin; conditional ones
        stay, and with them the stops of positions. Those that the exchange says it cancels: at most 500 of a coin, so
        ask again. Errors as of a cancel."""
        named: list[ExchangeOrderId] = []
        for scope in _SCOPES[category]:
            body: dict[str, object] = {**dict(scope), "orderFilter": PLAIN}
            reply = await self._rest.command("/v5/order/cancel-all", body, priority=self._first)
            try:
                rows = decode(_CANCELLED, reply.result).rows
                named += [ExchangeOrderId(identifier(row.orderId, "orderId")) for row in rows]
            except Unreadable as problem:
                self._log.error("orders.cancelled_unreadable", error=str(problem), raw=problem.raw)
                raise OutcomeUnknown(f"cancelled, and nobody can read what: {problem}", reply.trace) from problem
        return named

    async def amend(
        self,
        instrument: InstrumentId,
        change: OrderChange,
        *,
        link_id: LinkId | None,
        exchange_order_id: ExchangeOrderId | None,
        may_go: MayGo = always,
    ) -> Acknowledged:
        name = order_name(link_id, exchange_order_id)
        triggers = await self._exit_triggers(instrument, name, change)
        body = amend_body(instrument, name, change, triggers)
        return self._acknowledged(await self._rest.command("/v5/order/amend", body, may_go))

    async def set_leverage(self, instrument: InstrumentId, leverage: Decimal, *, may_go: MayGo = always) -> Trace:
        body = leverage_body(instrument, leverage)
        return await self._set("/v5/position/set-leverage", body, _LEVERAGE_AS_IT_WAS, may_go)

    async def set_exits(self, instrument: InstrumentId, exits: PositionExits, *, may_go: MayGo = always) -> Trace:
        body = exits_body(instrument, exits)
        return await self._set("/v5/position/trading-stop", body, _EXITS_AS_THEY_WERE, may_go)

    async def set_position_mode(self, instrument: InstrumentId, *, hedge: bool, may_go: MayGo = always) -> Trace:
        body = position_mode_body(instrument, hedge=hedge)
        return await self._set("/v5/position/switch-mode", body, _POSITION_MODE_AS_IT_WAS, may_go)

    async def set_margin_mode(self, mode: MarginMode, *, may_go: MayGo = always) -> Trace:
        return await self._set("/v5/account/set-margin-mode", {"setMarginMode": mode}, _MARGIN_MODE_AS_IT_WAS, may_go)

    async def find_order(
        self, instrument: InstrumentId, *, link_id: LinkId | None, exchange_order_id: ExchangeOrderId | None
    ) -> RemoteOrder | None:
        name = order_name(link_id, exchange_order_id)
        params = (("category", instrument.category), ("symbol", instrument.symbol), name)
        for path in ("/v5/order/realtime", "/v5/order/history"):
            rows = await self._pages(path, params, _ORDER, self._order, at_most_pages=1)
            for row in rows:
                if (row.exchange_order_id if exchange_order_id else row.link_id) == name[1]:
                    return row
        return None

    async def open_orders(self) -> Sequence[RemoteOrder]:
        return await _each(
            self._pages("/v5/order/realtime", (*scope, _ORDERS_A_PAGE), _ORDER, self._order) for scope in self._scopes
        )

    async def order_history(self, since: datetime) -> Sequence[RemoteOrder]:
        """Final orders created since then (an older one that ended since may be missing: ask for it by its id)."""
        found: list[RemoteOrder] = []
        for window in spans(since, await self._rest.server_clock.now()):
            found += await _each(
                self._in_window("/v5/order/history", (*scope, _ORDERS_A_PAGE), window, _ORDER, self._order)
                for scope in self._scopes
            )
        return list({order.exchange_order_id: order for order in found}.values())

    async def executions(self, since: datetime) -> Sequence[Execution]:
        found: list[Execution] = []
        for window in spans(since, await self._rest.server_clock.now()):
            found += await _each(
                self._in_window("/v5/execution/list", (*scope, _EXECUTIONS_A_PAGE), window, _EXECUTION, self._execution)
                for scope in self._scopes
            )
        return _oldest_first(found)

    async def executions_of(self, instrument: InstrumentId, link_id: LinkId) -> Sequence[Execution]:
        params = (
            ("category", instrument.category),
            ("symbol", instrument.symbol),
            ("orderLinkId", link_id),
            _EXECUTIONS_A_PAGE,
        )
        found = await self._pages("/v5/execution/list", params, _EXECUTION, self._execution)
        return _oldest_first([row for row in found if row.link_id == link_id])

    async def positions(self) -> Sequence[RemotePosition]:
        """Positions that are not flat."""
        return await _each(
            self._pages("/v5/position/list", (*scope, _POSITIONS_A_PAGE), _POSITION, codec.position)
            for scope in self._contract_scopes
        )

    async def legs(self, instrument: InstrumentId) -> Sequence[RemotePosition]:
        params = (("category", instrument.category), ("symbol", instrument.symbol))
        rows = await self._pages("/v5/position/list", params, _POSITION, codec.position)
        held = sorted((row for row in rows if row.instrument == instrument), key=lambda row: row.position_index)
        if [row.position_index for row in held] not in ([0], [1, 2]):
            seen = [row.position_index for row in held]
            raise ReadRefused(
                f"/v5/position/list: positions {seen} of {instrument.symbol}; expected 0 alone, or 1 and 2"
            )
        return held

    async def position(self, instrument: InstrumentId, index: int = 0) -> RemotePosition:
        held = await self.legs(instrument)
        for row in held:
            if row.position_index == index:
                return row
        mode = "one-way" if len(held) == 1 else "hedge"
        raise ReadRefused(f"/v5/position/list: {instrument.symbol} is in {mode} mode and has no position {index}")

    async def wallet(self) -> Wallet:
        return await account.wallet(self._rest, self._log)

    async def fee_rates(self, instrument: InstrumentId) -> FeeRates:
        return await account.fee_rates(self._rest, instrument, self._log)

    async def key_facts(self) -> KeyFacts:
        return await account.key_facts(self._rest, self._log)

    async def ask_demo_money(self, coin: str, amount: Decimal) -> None:
        """Raises `NotSent`, `Refused`, `OutcomeUnknown`."""
        await account.ask_demo_money(self._rest, coin, amount)

    async def modes(self) -> AccountModes:
        return await account.modes(self._rest, self._log)

    async def transaction_log(self, since: datetime) -> Sequence[Transaction]:
        return await ledger_reads.transactions(self._rest, self._log, since)

    async def closed_pnl(self, since: datetime) -> Sequence[ClosedPnl]:
        return await ledger_reads.closed(self._rest, self._log, since) if self._contract_scopes else []

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

    async def _in_window(
        self,
        path: str,
        params: Params,
        window: Span,
        decoder: msgspec.json.Decoder[_Row],
        convert: Callable[[_Row, str], _Found | None],
    ) -> list[_Found]:
        """What is in one span of time, oldest half first where it is more than can be read at once."""
        return await read_span(window, lambda times: self._pages(path, (*params, *times), decoder, convert))

    def _execution(self, row: ExecutionRow, category: str) -> Execution | None:
        """One booking. A trade must be readable; what the exchange booked otherwise (a settlement, a delivery) and we
        cannot read is skipped and told: it must not hide all trades, and what it did to a position shows as a break."""
        try:
            return codec.execution(row, category)
        except Unreadable as problem:
            if row.execType == _TRADE:
                raise
            self._log.error(
                "orders.booking_unreadable", kind=words(row.execType), error=str(problem), exec_id=words(row.execId)
            )
            return None

    async def _set(self, path: str, body: dict[str, object], as_it_was: int, may_go: MayGo) -> Trace:
        """A setting; the code that says that it was so already counts as done."""
        try:
            return (await self._rest.command(path, body, may_go)).trace
        except Refused as refusal:
            if refusal.trace.ret_code == as_it_was:
                return refusal.trace
            raise

    async def _exit_triggers(
        self, instrument: InstrumentId, name: tuple[str, str], change: OrderChange
    ) -> dict[str, object]:
        """By which price each exit goes off that is set: as it was, where the order had one, else by the last price.

        Bybit wants it said where there was none, and takes what is said where there was one. Raises `NotSent`.
        """
        wanted = {"tpTriggerBy": change.take_profit, "slTriggerBy": change.stop_loss}
        wanted = {field: price for field, price in wanted.items() if price}
        if not wanted or instrument.category == "spot":
            return {}
        params = (("category", instrument.category), ("symbol", instrument.symbol), name)
        try:
            rows = await self._pages("/v5/order/realtime", params, _ORDER, lambda row, _category: row, at_most_pages=1)
        except ExchangeUnavailable as problem:
            raise NotSent(f"the order's exits could not be read before they are changed: {problem}") from problem
        known = next((row for row in rows if name[1] in (row.orderId, row.orderLinkId)), None)
        said = {} if known is None else {"tpTriggerBy": known.tpTriggerBy, "slTriggerBy": known.slTriggerBy}
        return {field: said[field] if said.get(field) in _TRIGGERS else "LastPrice" for field in wanted}

    def _order(self, row: OrderRow, category: str) -> RemoteOrder | None:
        """One report; of a spot order its kind is remembered, because a cancel must name it."""
        report = codec.order(row, category)
        if report is not None and report.instrument.category == "spot":
            self._remember(order_filter(report.stop_order_type), report.exchange_order_id, report.link_id)
        return report

    def _remember(self, kind: str, *names: str) -> None:
        for name in filter(None, names):
            self._kinds[name] = kind
            self._kinds.move_to_end(name)
        while len(self._kinds) > _KINDS_KEPT:
            self._kinds.popitem(last=False)

    async def _kind_of(
        self, instrument: InstrumentId, link_id: LinkId | None, exchange_order_id: ExchangeOrderId | None
    ) -> str:
        """The kind of a spot order, asked where it is not known; where that fails it is taken for a plain one."""
        for name in (exchange_order_id, link_id):
            if name and name in self._kinds:
                return self._kinds[name]
        try:
            found = await self.find_order(instrument, link_id=link_id, exchange_order_id=exchange_order_id)
        except ExchangeUnavailable as problem:
            self._log.warning("orders.kind_unknown", error=str(problem))
            return PLAIN
        return PLAIN if found is None else order_filter(found.stop_order_type)

    def _acknowledged(self, reply: Reply) -> Acknowledged:
        try:
            ack = decode(_ACK, reply.result)
            return Acknowledged(ExchangeOrderId(identifier(ack.orderId, "orderId")), reply.trace)
        except Unreadable as problem:
            self._log.error("orders.ack_unreadable", error=str(problem), raw=problem.raw)
            text = f"acknowledged without a readable order id: {problem}; the outcome must be asked"
            raise OutcomeUnknown(text, reply.trace) from problem


async def _each(reads: Iterable[Coroutine[Any, Any, list[_Found]]]) -> list[_Found]:
    """What all reads found, in their order; side by side, because the exchange may be far away. A part is no answer."""
    return [row for rows in await side_by_side(reads) for row in rows]


def _oldest_first(rows: Sequence[Execution]) -> list[Execution]:
    """By time, then by what Bybit documents as the tie-break; each execution once, although windows touch."""
    unique = {row.exec_id: row for row in rows}
    return sorted(unique.values(), key=lambda row: (row.executed_at, row.sequence, row.exec_id))
