"""Watches the prices that alerts wait for, in the process that leads.

Lives here: `AlertKeeper`: one reader of the market hub for each instrument that somebody waits for. Not here: when an
alert fires (`model`), the SQL (`firing`).
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import replace
from decimal import Decimal

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from tradewright.core.clock import Clock, Ids
from tradewright.core.environment import Environment
from tradewright.core.errors import NotFound, NotReady
from tradewright.core.instrument import InstrumentId
from tradewright.exchange.ports import Ticker
from tradewright.market.markets import Markets
from tradewright.market.subscription import Subscription, SubscriptionClosed
from tradewright.notify.alerts import firing
from tradewright.notify.alerts.model import CHANNEL, Alert, is_reached, judged
from tradewright.notify.writing import Carry, carry_nothing
from tradewright.storage.bus import Bus

log = structlog.get_logger(__name__)

READ_EVERY_S = 15.0  # beside every hint: ends pass, and a market may be followed by now
_AGAIN_S = 1.0

Place = tuple[Environment, InstrumentId]
_AWAY = (TimeoutError, SQLAlchemyError, OSError)


class AlertKeeper:
    def __init__(
        self, engine: AsyncEngine, bus: Bus, markets: Markets, clock: Clock, ids: Ids, *, carry: Carry = carry_nothing
    ) -> None:
        self._engine, self._bus, self._markets = engine, bus, markets
        self._clock, self._ids, self._carry = clock, ids, carry
        self._alerts: dict[Place, list[Alert]] = {}
        self._readers: dict[Place, asyncio.Task[None]] = {}
        self._reread = asyncio.Event()

    async def run(self) -> None:
        """Until cancelled; then nothing is read from the markets any more."""
        hints = asyncio.create_task(self._listen(), name="notify.alert_hints")
        try:
            while True:
                self._reread.clear()
                try:
                    await self._read()
                except _AWAY as error:
                    log.warning("notify.alerts_unread", error=type(error).__name__)
                try:
                    async with asyncio.timeout(READ_EVERY_S):
                        await self._reread.wait()
                except TimeoutError:
                    pass
        finally:
            hints.cancel()
            for task in (*self._readers.values(),):
                task.cancel()
            await asyncio.gather(hints, *self._readers.values(), return_exceptions=True)
            self._readers.clear()

    async def _listen(self) -> None:
        subscription = self._bus.subscribe(CHANNEL)
        try:
            while True:
                if await subscription.get() is not None:
                    self._reread.set()
        finally:
            subscription.close()

    async def _read(self) -> None:
        async with self._engine.begin() as connection:
            found = await firing.waiting_alerts(connection)
        by_place: dict[Place, list[Alert]] = defaultdict(list)
        for alert in found:
            by_place[alert.asked.environment, alert.asked.instrument].append(alert)
        self._alerts = dict(by_place)
        for place in [each for each, task in self._readers.items() if each not in by_place or task.done()]:
            self._readers.pop(place).cancel()
        for place in by_place:
            if place not in self._readers:
                self._readers[place] = asyncio.create_task(self._watch(place), name="notify.alert")

    async def _watch(self, place: Place) -> None:
        """Reads one instrument's tickers for as long as somebody waits for it. One that cannot be had now is tried
        again with the next reading of the alerts."""
        environment, instrument = place
        try:
            market = self._markets.of(environment)
            market.instruments.require(instrument)
            reader = market.hub(instrument.category).subscribe_ticker(instrument)
        except (NotFound, NotReady) as error:
            log.info("notify.alert_waits_for_market", symbol=instrument.symbol, error=error.code)
            return
        try:
            await self._judge_all(place, reader)
        except SubscriptionClosed as closed:
            log.info("notify.alert_market_ended", symbol=instrument.symbol, reason=closed.reason)
        finally:
            reader.close()

    async def _judge_all(self, place: Place, reader: Subscription[Ticker]) -> None:
        while True:
            ticker = await reader.get()
            for at, alert in enumerate(list(self._alerts.get(place, ()))):
                price = ticker.last_price if alert.asked.price_by == "last" else ticker.mark_price
                if price is None:
                    continue
                try:
                    judged_now = await self._judge(alert, price)
                except _AWAY as error:
                    # It stands where it stood: the next price is judged against that.
                    log.warning("notify.alert_unjudged", alert_id=str(alert.id), error=type(error).__name__)
                    await self._clock.sleep(_AGAIN_S)
                    continue
                self._replace(place, at, alert, judged_now)

    def _replace(self, place: Place, at: int, alert: Alert, judged_now: Alert) -> None:
        known = self._alerts.get(place, [])
        if at < len(known) and known[at] is alert:  # else they were read anew meanwhile
            known[at] = judged_now

    async def _judge(self, alert: Alert, price: Decimal) -> Alert:
        judgement = judged(alert, price, self._clock.now())
        if judgement == "nothing":
            return alert
        reached = is_reached(alert, price)
        async with self._engine.begin() as connection:
            if judgement == "moved":
                is_kept = await firing.keep_reached(connection, alert, reached)
                if is_kept:
                    return replace(alert, is_reached=reached)
            else:
                fired = await firing.fire(connection, alert, price, self._ids, self._carry)
                if fired is not None:
                    log.info("notify.alert_fired", alert_id=str(alert.id))
                    return fired
        self._reread.set()  # it is another alert by now
        return replace(alert, is_reached=reached)
