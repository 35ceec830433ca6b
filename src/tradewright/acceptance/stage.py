"""What the steps stand on: the gateway and the stream of one account, what has been heard, and small ways to wait.

Lives here: `Stage`. Not here: the steps (`steps_*`), building it (`app.acceptance`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import TypeVar

from tradewright.acceptance.model import Failed
from tradewright.acceptance.relay import Relay
from tradewright.core.clock import Clock, Ids
from tradewright.core.environment import Environment
from tradewright.core.errors import ExchangeError
from tradewright.core.ids import LinkId
from tradewright.core.instrument import Instrument, InstrumentId, Side
from tradewright.core.order import (
    FINAL_STATES,
    Execution,
    FeeRates,
    NewOrder,
    RemoteOrder,
    RemotePosition,
    Wallet,
)
from tradewright.exchange.bybit.rest import RestClient
from tradewright.exchange.ports import (
    MarketGateway,
    OrderGateway,
    PrivateEvent,
    PrivateStream,
    PublicStream,
    StreamDown,
    StreamUp,
)

_T = TypeVar("_T")
_LOOK_S = 0.05
_SETTLING_S = 2.0  # from an order to its fills in the list, with room
_TIDYING_TRIES = 5
PASSIVE_SHARE = Decimal("0.1")  # how far from the market a resting order stands: beyond any band it would be moved


@dataclass(slots=True, kw_only=True)
class Stage:
    """One account, one contract. `rest` signs as the gateway does, for what the gateway has no words for."""

    environment: Environment
    gateway: OrderGateway
    rest: RestClient
    market: MarketGateway
    private: PrivateStream
    public: PublicStream
    relay: Relay
    clock: Clock
    ids: Ids
    symbol: str
    evidence_total: timedelta
    even_if_in_use: bool
    heard: list[tuple[float, PrivateEvent]] = field(default_factory=list)
    instrument_found: Instrument | None = None
    fees: FeeRates | None = None
    placed: list[LinkId] = field(default_factory=list)
    position_before: Decimal | None = None  # its size when nothing was placed yet; None: not looked yet
    moved_position: list[LinkId] = field(default_factory=list)  # orders of ours that opened or closed

    @property
    def id(self) -> InstrumentId:
        return InstrumentId("linear", self.symbol)

    @property
    def instrument(self) -> Instrument:
        if self.instrument_found is None:
            raise Failed("the instrument's rules were not read (step 4), so no order can be made")
        return self.instrument_found

    async def listen(self) -> None:
        """Keeps every private event with the moment it came, until cancelled."""
        async for event in self.private.events():
            self.heard.append((self.clock.monotonic(), event))

    def now(self) -> float:
        return self.clock.monotonic()

    def new_link(self) -> LinkId:
        """A client order id of its own kind: no intent of the terminal ever has it."""
        link = LinkId(f"ac{self.ids.new().hex}")
        self.placed.append(link)
        return link

    async def until(self, look: Callable[[], _T | None], what: str, *, seconds: float = 10.0) -> _T:
        """What `look` finds; raises `Failed` naming `what` after `seconds`."""
        deadline = self.now() + seconds
        while True:
            found = look()
            if found is not None:
                return found
            if self.now() > deadline:
                raise Failed(f"not within {seconds:g} s: {what}")
            await self.clock.sleep(_LOOK_S)

    async def until_read(self, read: Callable[[], Awaitable[_T | None]], what: str, *, seconds: float = 15.0) -> _T:
        """As `until`, for what has to be asked of the exchange."""
        deadline = self.now() + seconds
        while True:
            found = await read()
            if found is not None:
                return found
            if self.now() > deadline:
                raise Failed(f"not within {seconds:g} s: {what}")
            await self.clock.sleep(0.2)

    def orders_heard(self, link: LinkId, since: float = 0.0) -> list[RemoteOrder]:
        return [e for at, e in self.heard if at >= since and isinstance(e, RemoteOrder) and e.link_id == link]

    def executions_heard(self, link: LinkId) -> list[Execution]:
        return [e for _, e in self.heard if isinstance(e, Execution) and e.link_id == link]

    def first_heard(self, link: LinkId) -> float | None:
        return next((at for at, e in self.heard if isinstance(e, RemoteOrder) and e.link_id == link), None)

    def streams_heard(self, kind: type[StreamUp] | type[StreamDown], since: float) -> float | None:
        return next((at for at, e in self.heard if at >= since and isinstance(e, kind)), None)

    def has_heard(self, kind: type[RemotePosition] | type[Wallet]) -> bool:
        return any(isinstance(event, kind) for _, event in self.heard)

    async def last_price(self) -> Decimal:
        rows = await self.market.tickers("linear")
        price = next((row.last_price for row in rows if row.instrument == self.id), None)
        if price is None:
            raise Failed(f"no last price of {self.symbol}")
        return price

    async def passive_order(self, side: Side = "Buy") -> NewOrder:
        """The smallest limit order that rests well away from the market."""
        last = await self.last_price()
        away = last * (1 - PASSIVE_SHARE) if side == "Buy" else last * (1 + PASSIVE_SHARE)
        price = self.instrument.to_tick_down(away) if side == "Buy" else self.instrument.to_tick_up(away)
        return NewOrder(
            link_id=self.new_link(),
            instrument=self.id,
            side=side,
            order_type="Limit",
            quantity=self.smallest(price),
            price=price,
            time_in_force="GTC",
        )

    def smallest(self, price: Decimal) -> Decimal:
        """The least that may be traded at a price, with one step to spare for its worth."""
        by_worth = self.instrument.min_notional / price
        step = self.instrument.quantity_step
        steps = (by_worth // step) + 2
        return max(self.instrument.min_quantity, steps * step)

    async def cancel_quietly(self, link: LinkId) -> None:
        """Ends an order if it lives; what it answers does not matter here."""
        order = await self.gateway.find_order(self.id, link_id=link, exchange_order_id=None)
        if order is not None and order.state in ("working", "partially_filled", "waiting_trigger"):
            await self.gateway.cancel(self.id, link_id=link, exchange_order_id=None)

    async def opened(self) -> Decimal:
        """What the steps' own fills have left open, signed, base coin: all that may be closed again here."""
        left = Decimal(0)
        for link in self.moved_position:
            for fill in await self.gateway.executions_of(self.id, link):
                left += fill.quantity if fill.side == "Buy" else -fill.quantity
        return left

    async def close_own(self, quantity: Decimal) -> LinkId:
        """A reduce-only market order for what the steps opened (signed), and for no more than that."""
        order = NewOrder(
            link_id=self.new_link(),
            instrument=self.id,
            side="Sell" if quantity > 0 else "Buy",
            order_type="Market",
            quantity=abs(quantity),
            price=None,
            time_in_force="IOC",
            reduce_only=True,
        )
        self.moved_position.append(order.link_id)
        await self.gateway.place(order)
        return order.link_id

    async def clean_up(self) -> list[str]:
        """Cancels what the steps have placed and closes what they opened, each for itself; what is left, in words.

        Never touches an order or a part of the position that is not the steps' own.
        """
        left = [text for link in self.placed if (text := await self._tidied(link)) is not None]
        try:
            open_still = await self.opened()
            if open_still:
                await self.close_own(open_still)
                await self.clock.sleep(_SETTLING_S)
                open_still = await self.opened()
            if open_still:
                left.append(f"a position of {open_still:f} {self.symbol} that the steps opened")
        except ExchangeError as error:
            left.append(f"perhaps a position in {self.symbol} that the steps opened: {error.code}")
        return left

    async def _tidied(self, link: LinkId) -> str | None:
        """None once the order is certain to have ended; a refusal for the rate limit is tried again."""
        said = ""
        for _ in range(_TIDYING_TRIES):
            try:
                await self.cancel_quietly(link)
                order = await self.gateway.find_order(self.id, link_id=link, exchange_order_id=None)
            except ExchangeError as error:
                said = error.code
            else:
                if order is None or order.state in FINAL_STATES:
                    return None
                said = order.state
            await self.clock.sleep(_SETTLING_S / 2)
        return f"perhaps the order {link}: {said}"
