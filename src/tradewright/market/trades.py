"""The tape of an instrument as it is when somebody begins to look at it.

Lives here: `RecentTrades`, which puts what REST tells before what the stream has brought. Not here: the trades that
come from then on (`market.hub`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from structlog.typing import FilteringBoundLogger

from tradewright.core.clock import Clock
from tradewright.core.errors import ExchangeError
from tradewright.core.instrument import Category, InstrumentId
from tradewright.exchange.ports import MarketGateway, PublicTrade
from tradewright.market.hub import TRADES_KEPT, MarketHub

READ_ROWS = 60  # the most that spot gives
FRESH_FOR_S = 2.0
TIMEOUT_S = 3.0


class RecentTrades:
    """Asks the exchange at most once in two seconds for each instrument, and not where the stream has enough."""

    def __init__(
        self,
        market: MarketGateway,
        hubs: Mapping[Category, MarketHub],
        *,
        clock: Clock,
        log: FilteringBoundLogger,
    ) -> None:
        self._market = market
        self._hubs = hubs
        self._clock = clock
        self._log = log.bind(component="market.trades")
        self._lock = asyncio.Lock()
        self._known: dict[InstrumentId, tuple[float, Sequence[PublicTrade]]] = {}

    async def get(self, instrument: InstrumentId) -> Sequence[PublicTrade]:
        """The newest trades, at most 100, oldest first. Of an exchange that does not answer, those of the stream.

        Nothing is awaited after the stream's were looked at: what the hub brings later is not among them, unless REST
        was quicker to tell it; then it has the same id.
        """
        hub = self._hubs[instrument.category]
        told: Sequence[PublicTrade] = ()
        if len(hub.trades(instrument)) < TRADES_KEPT:
            told = await self._read(instrument)
        streamed = hub.trades(instrument)
        ids = {trade.trade_id for trade in streamed}
        trades = [trade for trade in told if trade.trade_id not in ids]
        # Sorting keeps the order of those of one moment.
        return sorted([*trades, *streamed], key=lambda trade: trade.traded_at_ms)[-TRADES_KEPT:]

    async def _read(self, instrument: InstrumentId) -> Sequence[PublicTrade]:
        async with self._lock:
            now = self._clock.monotonic()
            self._known = {key: row for key, row in self._known.items() if now - row[0] <= FRESH_FOR_S}
            if instrument not in self._known:
                self._known[instrument] = now, await self._ask(instrument)
            return self._known[instrument][1]

    async def _ask(self, instrument: InstrumentId) -> Sequence[PublicTrade]:
        try:
            async with asyncio.timeout(TIMEOUT_S):
                return await self._market.trades(instrument, READ_ROWS)
        except (ExchangeError, TimeoutError) as error:
            self._log.warning("market.trades_not_read", symbol=instrument.symbol, error=type(error).__name__)
            return ()
