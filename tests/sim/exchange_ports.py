"""The ports `OrderGateway` and `PrivateStream` onto the exchange twin, with everything that gets lost on the way.

Lives here: `GatewayTwin`, `StreamTwin` and the `Wire` between them and the exchange. What was sent is carried out by
the exchange's own timers, so it happens also when its sender was killed meanwhile.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TypeVar

from sim.exchange_twin import ExchangeTwin, Fact
from sim.faults import NONE, Faults
from tradewright.core.errors import (
    ClockRejected,
    ExchangeError,
    ExchangeUnavailable,
    NotSent,
    OutcomeUnknown,
    RateLimited,
    ReadRefused,
    Trace,
)
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
from tradewright.exchange.ports import Acknowledged, MayGo, PrivateEvent, StreamDown, StreamUp, always

CLIENT_TIMEOUT_S = 10.0
_LATE_S_MAX = 4.9  # just inside the window of validity
_WAY_S = 0.01
_Answer = TypeVar("_Answer")


@dataclass(slots=True)
class Sent:
    """One request that left, or tried to: what its sender was told in the end."""

    kind: str
    link_id: str
    at: datetime  # by the exchange's clock
    told: str = "nothing"


@dataclass(slots=True)
class Wire:
    """The way between us and the exchange. `faults` may be changed at any time; `down` refuses every connection."""

    exchange: ExchangeTwin
    rng: random.Random
    faults: Faults = NONE
    down: bool = False
    sent: list[Sent] = field(default_factory=list)
    on_send: Callable[[Sent], None] = lambda _sent: None
    streams: list[StreamTwin] = field(default_factory=list)
    next_command: list[str] = field(default_factory=list)  # faults for the next commands, before any drawn one
    turns_s: dict[str, float] = field(default_factory=dict)  # by kind: until when its commands wait for their turn
    categories: tuple[Category, ...] = ("linear", "spot")  # what the key may read and trade
    names_forgotten: bool = False  # nothing is shown of what is asked for by its client id
    refused_reads: set[tuple[str, InstrumentId]] = field(default_factory=set)  # by name: judged and turned down

    def publish(self, fact: Fact) -> None:
        for stream in self.streams:
            stream.receive(fact)

    def drop_streams(self, reason: str = "closed by the test") -> None:
        for stream in list(self.streams):
            stream.drop(reason)

    def draw_command_fault(self) -> str:
        if self.next_command:
            return self.next_command.pop(0)
        kinds = (
            "request_not_sent",
            "request_lost",
            "reply_lost",
            "accept_late",
            "server_error",
            "rate_limited",
            "clock_rejected",
        )
        point = self.rng.random()
        for kind in kinds:
            point -= getattr(self.faults, kind) / 2
            if point < 0:
                return kind
        return "none"

    def chance(self, share: float) -> bool:
        return self.rng.random() < share


class GatewayTwin:
    """One process's private REST side. `alive` is awaited at each step: a killed process takes none any more."""

    def __init__(self, wire: Wire, alive: Callable[[str], Awaitable[None]]) -> None:
        self._wire = wire
        self._exchange = wire.exchange
        self._alive = alive

    @property
    def categories(self) -> Sequence[Category]:
        return self._wire.categories

    async def place(self, order: NewOrder, *, may_go: MayGo = always) -> Acknowledged:
        order_id, trace = await self._command(
            "place", order.link_id, lambda at: self._exchange.place(order, at), may_go
        )
        return Acknowledged(order_id, trace)

    async def cancel(
        self, instrument: InstrumentId, *, link_id: LinkId | None, exchange_order_id: ExchangeOrderId | None
    ) -> Acknowledged:
        name = exchange_order_id or link_id
        assert name, "one of the two ids is needed"
        order_id, trace = await self._command(
            "cancel", name, lambda at: self._exchange.cancel(at, link_id=link_id, order_id=exchange_order_id)
        )
        return Acknowledged(order_id, trace)

    async def amend(
        self,
        instrument: InstrumentId,
        change: OrderChange,
        *,
        link_id: LinkId | None,
        exchange_order_id: ExchangeOrderId | None,
        may_go: MayGo = always,
    ) -> Acknowledged:
        name = exchange_order_id or link_id
        assert name, "one of the two ids is needed"
        order_id, trace = await self._command(
            "amend",
            name,
            lambda at: self._exchange.amend(change, at, link_id=link_id, order_id=exchange_order_id),
            may_go,
        )
        return Acknowledged(order_id, trace)

    async def set_leverage(self, instrument: InstrumentId, leverage: Decimal, *, may_go: MayGo = always) -> Trace:
        _, trace = await self._command(
            "leverage", instrument.symbol, lambda at: self._exchange.set_leverage(instrument, leverage, at), may_go
        )
        return trace

    async def set_exits(self, instrument: InstrumentId, exits: PositionExits, *, may_go: MayGo = always) -> Trace:
        _, trace = await self._command(
            "exits", instrument.symbol, lambda at: self._exchange.set_exits(instrument, exits, at), may_go
        )
        return trace

    async def set_position_mode(self, instrument: InstrumentId, *, hedge: bool, may_go: MayGo = always) -> Trace:
        _, trace = await self._command(
            "position_mode",
            instrument.symbol,
            lambda at: self._exchange.set_position_mode(instrument, hedge, at),
            may_go,
        )
        return trace

    async def set_margin_mode(self, mode: MarginMode, *, may_go: MayGo = always) -> Trace:
        _, trace = await self._command("margin_mode", mode, lambda at: self._exchange.set_margin_mode(mode, at), may_go)
        return trace

    async def _command(
        self, kind: str, name: str, carry_out: Callable[[datetime], _Answer], may_go: MayGo = always
    ) -> tuple[_Answer, Trace]:
        await self._alive(f"{kind}.before")
        turn_s = self._wire.turns_s.get(kind, 0.0)
        while (wait_s := turn_s - asyncio.get_running_loop().time()) > 0:
            await asyncio.sleep(wait_s)
        if not may_go():
            raise NotSent("it waited until it might not go any more", Trace())
        sent = Sent(kind, name, self._exchange.clock.now())
        fault = self._wire.draw_command_fault()
        if self._wire.down or fault == "request_not_sent":
            raise NotSent("connection refused", Trace())
        self._wire.sent.append(sent)
        self._wire.on_send(sent)
        try:
            answer = await self._send(fault, sent, carry_out)
        except ExchangeError as error:
            sent.told = error.code
            await self._alive(f"{kind}.told")
            raise
        sent.told = "acknowledged"
        await self._alive(f"{kind}.told")
        return answer, self._exchange.trace(sent.at)

    async def _send(self, fault: str, sent: Sent, carry_out: Callable[[datetime], _Answer]) -> _Answer:
        trace, rng = Trace(signed_at=sent.at), self._wire.rng
        if fault == "rate_limited":
            await asyncio.sleep(_WAY_S)
            retry_at = self._exchange.clock.now() + timedelta(seconds=rng.uniform(0, 2))
            raise RateLimited("too many visits", self._exchange.trace(sent.at, 10006), retry_at=retry_at)
        if fault == "clock_rejected":
            await asyncio.sleep(_WAY_S)
            raise ClockRejected("timestamp outside the window", self._exchange.trace(sent.at, 10002))
        if fault == "request_lost":
            await asyncio.sleep(rng.choice((0.1, CLIENT_TIMEOUT_S)))
            raise OutcomeUnknown("no reply", trace)
        if fault == "server_error":
            if rng.random() < 0.5:
                self._carry_out_later(rng.uniform(0, 1), sent, carry_out)
            await asyncio.sleep(_WAY_S)
            raise OutcomeUnknown("HTTP 502", Trace(signed_at=sent.at, http_status=502))
        delay_s = rng.uniform(0, _LATE_S_MAX) if fault == "accept_late" else rng.uniform(0, 2 * _WAY_S)
        reply = self._carry_out_later(delay_s, sent, carry_out)
        if fault in ("reply_lost", "accept_late"):
            await asyncio.sleep(rng.choice((0.02, 1.0, CLIENT_TIMEOUT_S)))
            raise OutcomeUnknown("no reply", trace)
        answer = await reply
        await asyncio.sleep(rng.uniform(0, 2 * _WAY_S))
        return answer

    def _carry_out_later(
        self, delay_s: float, sent: Sent, carry_out: Callable[[datetime], _Answer]
    ) -> asyncio.Future[_Answer]:
        loop = asyncio.get_running_loop()
        reply: asyncio.Future[_Answer] = loop.create_future()

        def arrive() -> None:
            try:
                answer = carry_out(sent.at)
            except ExchangeError as error:
                if not reply.done():
                    reply.set_exception(error)
                    reply.exception()  # nobody may be waiting for it any more
                return
            if not reply.done():
                reply.set_result(answer)

        loop.call_later(delay_s, arrive)
        return reply

    # Reads.

    async def _read(self, name: str, read: Callable[[], _Answer]) -> _Answer:
        await self._alive(f"read.{name}")
        await asyncio.sleep(self._wire.rng.uniform(0, 2 * _WAY_S))
        if self._wire.down or self._wire.chance(self._wire.faults.read_failed):
            raise ExchangeUnavailable(f"{name}: page 2 could not be read")
        answer = read()
        await self._alive(f"read.{name}.told")
        return answer

    def _judge(self, name: str, instrument: InstrumentId) -> None:
        if instrument.category not in self.categories or (name, instrument) in self._wire.refused_reads:
            raise ReadRefused(f"{name}: the exchange turned the question down")

    async def find_order(
        self, instrument: InstrumentId, *, link_id: LinkId | None, exchange_order_id: ExchangeOrderId | None
    ) -> RemoteOrder | None:
        self._judge("find_order", instrument)
        orders = await self._read("find_order", self._exchange.visible_orders)
        found = [
            order
            for order in orders
            if order.asked.instrument == instrument
            and (order.order_id == exchange_order_id if exchange_order_id else order.asked.link_id == link_id)
            and (exchange_order_id or not self._wire.names_forgotten)
        ]
        return found[0].report() if found else None

    async def open_orders(self) -> Sequence[RemoteOrder]:
        return await self._read("open_orders", lambda: self._reports(ended=False))

    async def order_history(self, since: datetime) -> Sequence[RemoteOrder]:
        reports = await self._read("order_history", lambda: self._reports(ended=True))
        return [report for report in reports if report.created_at >= since]

    def _reports(self, *, ended: bool) -> list[RemoteOrder]:
        reports = [order.report() for order in self._exchange.visible_orders() if order.ended is ended]
        return [report for report in reports if report.instrument.category in self.categories]

    async def executions(self, since: datetime) -> Sequence[Execution]:
        fills = await self._read("executions", self._exchange.visible_fills)
        return [fill for fill in fills if fill.executed_at >= since and fill.instrument.category in self.categories]

    async def executions_of(self, instrument: InstrumentId, link_id: LinkId) -> Sequence[Execution]:
        self._judge("executions_of", instrument)
        fills = await self._read("executions_of", self._exchange.visible_fills)
        if self._wire.names_forgotten:
            return []
        return [fill for fill in fills if fill.link_id == link_id and fill.instrument == instrument]

    async def positions(self) -> Sequence[RemotePosition]:
        held = await self._read("positions", self._exchange.positions)
        return held if "linear" in self.categories else []

    async def legs(self, instrument: InstrumentId) -> Sequence[RemotePosition]:
        self._judge("position", instrument)
        return await self._read("position", lambda: self._exchange.legs(instrument))

    async def position(self, instrument: InstrumentId, index: int = 0) -> RemotePosition:
        found = [leg for leg in await self.legs(instrument) if leg.position_index == index]
        if not found:
            raise ReadRefused(f"{instrument.symbol} has no position {index}")
        return found[0]

    async def wallet(self) -> Wallet:
        return replace(await self._read("wallet", self._exchange.wallet), is_whole=True)

    async def fee_rates(self, instrument: InstrumentId) -> FeeRates:
        return await self._read("fee_rates", lambda: FeeRates(maker=Decimal("0.0002"), taker=Decimal("0.00055")))

    async def modes(self) -> AccountModes:
        return await self._read("modes", lambda: AccountModes(margin_mode=self._exchange.margin_mode))

    async def key_facts(self) -> KeyFacts:
        raise NotImplementedError("no session asks about its own key")

    async def cancel_working(self, category: Category) -> Collection[ExchangeOrderId]:
        named, _ = await self._command(
            "cancel_working", category, lambda at: self._exchange.cancel_working(at, category)
        )
        return named

    async def server_time(self) -> datetime:
        if self._wire.down:
            raise ExchangeUnavailable("the exchange's clock was never measured")
        return self._exchange.clock.now()

    async def close(self) -> None:
        return None


class StreamTwin:
    """One process's private stream: reconnects by itself, and every so often loses, repeats or delays an event."""

    def __init__(self, wire: Wire, alive: Callable[[str], Awaitable[None]]) -> None:
        self._wire = wire
        self._alive = alive
        self._waiting: asyncio.Queue[Fact | StreamDown] = asyncio.Queue()
        self._connection = 0
        self._in_order_s = 0.0  # when the last event that was not delayed arrives
        self._closed = False

    async def events(self) -> AsyncIterator[PrivateEvent]:
        while not self._closed:
            await asyncio.sleep(self._wire.rng.uniform(0.05, 1.0))
            if self._wire.down:
                continue
            await self._alive("stream.up")
            self._connection += 1
            self._waiting = asyncio.Queue()
            self._wire.streams.append(self)
            self._maybe_drop_later()
            yield StreamUp(self._connection)
            while not isinstance(event := await self._waiting.get(), StreamDown):
                await self._alive("stream.event")
                yield event
            yield event

    def receive(self, fact: Fact) -> None:
        faults, rng, loop = self._wire.faults, self._wire.rng, asyncio.get_running_loop()
        if self._wire.chance(faults.event_lost):
            return
        if self._wire.chance(faults.event_delayed):
            arrivals = [loop.time() + rng.uniform(0, faults.event_delay_s_max)]
        else:
            # One after another, as on one socket: timers of the same moment would come in any order.
            self._in_order_s = max(self._in_order_s + 1e-6, loop.time() + _WAY_S)
            arrivals = [self._in_order_s]
        if self._wire.chance(faults.event_twice):
            arrivals.append(loop.time() + rng.uniform(0, faults.event_delay_s_max))
        for arrival_s in arrivals:
            loop.call_at(arrival_s, self._waiting.put_nowait, fact)

    def drop(self, reason: str) -> None:
        """The connection ends; what is still on its way to it is lost."""
        if self in self._wire.streams:
            self._wire.streams.remove(self)
            while not self._waiting.empty():
                self._waiting.get_nowait()
            self._waiting.put_nowait(StreamDown(reason))

    def _maybe_drop_later(self) -> None:
        rate = self._wire.faults.disconnects_a_minute
        if rate:
            after_s = self._wire.rng.expovariate(rate / 60)
            connection = self._connection
            asyncio.get_running_loop().call_later(
                after_s, lambda: self.drop("silent") if connection == self._connection else None
            )

    async def close(self) -> None:
        self._closed = True
        if self in self._wire.streams:
            self._wire.streams.remove(self)
