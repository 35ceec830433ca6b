"""Prices for the owner of an account: one subscription for each symbol that is judged, shared by all accounts.

Lives here: the port `Prices` and `HubPrices`, on the market hub of this process. Not here: whether they may be believed
(`core.risk_prices`), the hub itself (`market.hub`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from tradewright.core.clock import Clock
from tradewright.core.errors import NotFound, NotReady
from tradewright.core.instrument import Category, InstrumentId
from tradewright.core.risk_prices import Believed, PriceView
from tradewright.core.rule_parts import Quotes
from tradewright.exchange.ports import Ticker
from tradewright.market.hub import MarketHub
from tradewright.market.subscription import Subscription, SubscriptionClosed

log = structlog.get_logger()

WATCHED_MAX = 400  # symbols at once; below what a hub carries, of which pages read as well
_UNUSED_AFTER_S = 3_600.0
_LOOK_S = 60.0


class Prices(Protocol):
    """What the owner needs of a market. Nothing here waits."""

    def of(self, instrument: InstrumentId) -> PriceView | None:
        """The newest prices with their age; None until the first have come, and while the link is down."""
        ...

    def want(self, instrument: InstrumentId, arrived: Callable[[], None]) -> None:
        """From now on this symbol is watched; `arrived` is called once, with its first prices."""
        ...


@dataclass(slots=True)
class _Watched:
    subscription: Subscription[Ticker]
    asked_s: float
    came_s: float | None = None
    newest: Ticker | None = None
    is_believed: bool = True
    believed: Believed = field(default_factory=Believed)
    waiting: list[Callable[[], None]] = field(default_factory=list)


class HubPrices:
    """Of one environment. `run` must be running for prices to come."""

    def __init__(self, hub_of: Callable[[Category], MarketHub], *, clock: Clock) -> None:
        self._hub_of = hub_of
        self._clock = clock
        self._watched: dict[InstrumentId, _Watched] = {}
        self._fresh: asyncio.Queue[InstrumentId] = asyncio.Queue(WATCHED_MAX)

    async def run(self) -> None:
        """Until cancelled; then nothing is watched any more."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._let_go_of_unused())
                while True:
                    instrument = await self._fresh.get()
                    tasks.create_task(self._watch(instrument))
        finally:
            for watched in self._watched.values():
                watched.subscription.close()
            self._watched.clear()

    def of(self, instrument: InstrumentId) -> PriceView | None:
        watched = self._watched.get(instrument)
        if watched is None or watched.came_s is None:
            return None
        now_s = self._clock.monotonic()
        watched.asked_s = now_s
        try:
            hub = self._hub_of(instrument.category)
        except (NotFound, NotReady):
            return None
        ticker, health = hub.ticker(instrument), hub.health()
        if ticker is None or health.state == "down" or health.last_frame_age_ms is None:
            return None
        if ticker is not watched.newest:  # it came this very moment: a jump must not go by unnoticed
            self._take(watched, ticker)
        return PriceView(
            quotes=quotes_of(ticker),
            link_age_s=health.last_frame_age_ms / 1000,
            quote_age_s=max(0.0, now_s - watched.came_s),
            has_jumped=not watched.is_believed,
        )

    def want(self, instrument: InstrumentId, arrived: Callable[[], None]) -> None:
        now_s = self._clock.monotonic()
        watched = self._watched.get(instrument)
        if watched is None:
            if len(self._watched) >= WATCHED_MAX or self._fresh.full():
                log.warning("prices.too_many", symbol=instrument.symbol, watched=len(self._watched))
                return
            try:
                subscription = self._hub_of(instrument.category).subscribe_ticker(instrument)
            except (NotFound, NotReady) as error:
                log.warning("prices.not_watched", symbol=instrument.symbol, error=str(error))
                return
            watched = self._watched[instrument] = _Watched(subscription, now_s)
            self._fresh.put_nowait(instrument)
        watched.asked_s = now_s
        if watched.came_s is None and arrived not in watched.waiting:
            watched.waiting.append(arrived)

    async def _watch(self, instrument: InstrumentId) -> None:
        watched = self._watched.get(instrument)
        if watched is None:
            return
        try:
            while True:
                self._take(watched, await watched.subscription.get())
        except SubscriptionClosed:
            if self._watched.get(instrument) is watched:
                del self._watched[instrument]

    def _take(self, watched: _Watched, ticker: Ticker) -> None:
        if ticker is watched.newest:
            return
        watched.newest, watched.came_s = ticker, self._clock.monotonic()
        price = ticker.last_price if ticker.mark_price is None else ticker.mark_price
        watched.is_believed = watched.believed.takes(price, watched.came_s)
        for arrived in watched.waiting:
            arrived()
        watched.waiting.clear()

    async def _let_go_of_unused(self) -> None:
        while True:
            await self._clock.sleep(_LOOK_S)
            old_s = self._clock.monotonic() - _UNUSED_AFTER_S
            for watched in [each for each in self._watched.values() if each.asked_s < old_s]:
                watched.subscription.close()


def quotes_of(ticker: Ticker) -> Quotes:
    return Quotes(
        last=ticker.last_price,
        mark=ticker.mark_price,
        index=ticker.index_price,
        bid=ticker.bid_price,
        ask=ticker.ask_price,
    )
