"""Public REST reads: `exchange.ports.MarketGateway` on Bybit V5.

Lives here: instruments, risk limits, candles, funding, tickers, market time. Not here: rows (`market_codec`), caches
(`market`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import msgspec
from structlog.typing import FilteringBoundLogger

from tradewright.core.clock import Clock, Rng, from_milliseconds, milliseconds
from tradewright.core.errors import ExchangeUnavailable
from tradewright.core.instrument import Category, Instrument, InstrumentId, RiskTier
from tradewright.exchange.bybit import market_codec
from tradewright.exchange.bybit.address import Address
from tradewright.exchange.bybit.pages import read_pages
from tradewright.exchange.bybit.proxy import Proxy
from tradewright.exchange.bybit.rest import RestClient
from tradewright.exchange.bybit.values import Unreadable, decode, instrument_id, millis
from tradewright.exchange.bybit.wire import (
    FundingRow,
    InstrumentRow,
    KlinePage,
    RecentTradeRow,
    RiskLimitRow,
    SimulatedClock,
    TickerRow,
)
from tradewright.exchange.ports import Candle, EndpointSource, FundingRate, PublicTrade, Ticker

CANDLES_MAX = 1_000
TRADES_MAX = 60  # what spot gives at most
FUNDING_MAX = 200
_DAY_MS = 86_400_000
_INSTRUMENT = msgspec.json.Decoder(InstrumentRow)
_RISK_LIMIT = msgspec.json.Decoder(RiskLimitRow)
_TRADE = msgspec.json.Decoder(RecentTradeRow)
_TICKER = msgspec.json.Decoder(TickerRow)
_FUNDING = msgspec.json.Decoder(FundingRow)
_KLINES = msgspec.json.Decoder(KlinePage)
_SIMULATED_CLOCK = msgspec.json.Decoder(SimulatedClock)


class BybitMarketGateway:
    """Unsigned reads; needs no key."""

    def __init__(
        self,
        endpoints: EndpointSource,
        *,
        clock: Clock,
        log: FilteringBoundLogger,
        proxy: Proxy | None = None,
        address: Address | None = None,
        rng: Rng | None = None,
    ) -> None:
        self._endpoints = endpoints
        self._log = log.bind(component="bybit.market")
        self._rest = RestClient(endpoints, clock=clock, log=log, proxy=proxy, address=address, rng=rng)
        self._without_market_clock: str | None = None  # the address that is known to have wall time only

    async def instruments(self, category: Category) -> Sequence[Instrument]:
        """Everything listed, all pages. One whose rules cannot be read is left out and logged: it cannot be traded."""

        def convert(row: InstrumentRow, _category: str) -> Instrument | None:
            try:
                key = instrument_id(category, row.symbol)
                return None if key is None else market_codec.instrument(key, row)
            except Unreadable as problem:
                self._log.warning("market.instrument_unreadable", symbol=row.symbol[:40], error=str(problem))
                return None

        path = "/v5/market/instruments-info"
        params = (("category", category), ("limit", "1000"))
        return await read_pages(self._rest, path, params, _INSTRUMENT, convert, self._log, signed=False)

    async def risk_tiers(self, instrument: InstrumentId) -> Sequence[RiskTier]:
        """The steps of one contract's risk limits, lowest first; all pages. Spot has none."""
        if instrument.category != "linear":
            return ()

        def convert(row: RiskLimitRow, _category: str) -> RiskTier | None:
            return market_codec.risk_tier(row) if row.symbol == instrument.symbol else None

        path = "/v5/market/risk-limit"
        params = (("category", instrument.category), ("symbol", instrument.symbol))
        tiers = await read_pages(self._rest, path, params, _RISK_LIMIT, convert, self._log, signed=False)
        return sorted(tiers, key=lambda tier: tier.value_max)

    async def all_risk_tiers(self) -> Mapping[InstrumentId, Sequence[RiskTier]]:
        """Of every contract, each lowest first; fifteen contracts a page. One with a step that cannot be read is left
        out and logged."""
        tiers: dict[InstrumentId, list[RiskTier]] = {}
        unreadable: set[InstrumentId] = set()

        def convert(row: RiskLimitRow, _category: str) -> None:
            key = instrument_id("linear", row.symbol)
            if key is None:
                return
            try:
                tiers.setdefault(key, []).append(market_codec.risk_tier(row))
            except Unreadable as problem:
                self._log.warning("market.risk_tier_unreadable", symbol=row.symbol[:40], error=str(problem))
                unreadable.add(key)

        params = (("category", "linear"),)
        await read_pages(self._rest, "/v5/market/risk-limit", params, _RISK_LIMIT, convert, self._log, signed=False)
        return {
            key: sorted(steps, key=lambda tier: tier.value_max) for key, steps in tiers.items() if key not in unreadable
        }

    async def trades(self, instrument: InstrumentId, limit: int) -> Sequence[PublicTrade]:
        """Oldest first. The exchange tells them newest first, the order of one moment included."""
        if not 1 <= limit <= TRADES_MAX:
            raise ValueError(f"limit is {limit}; allowed are 1 to {TRADES_MAX} trades a call")

        def convert(row: RecentTradeRow, _category: str) -> PublicTrade | None:
            return market_codec.recent_trade(instrument, row) if row.symbol == instrument.symbol else None

        path = "/v5/market/recent-trade"
        params = (("category", instrument.category), ("symbol", instrument.symbol), ("limit", str(limit)))
        rows = await read_pages(self._rest, path, params, _TRADE, convert, self._log, signed=False, at_most_pages=1)
        return rows[::-1]

    async def funding_rates(
        self, instrument: InstrumentId, *, start_ms: int, end_ms: int, limit: int
    ) -> Sequence[FundingRate]:
        """The newest `limit` of those due in [start, end], oldest first."""
        if not 1 <= limit <= FUNDING_MAX:
            raise ValueError(f"limit is {limit}; allowed are 1 to {FUNDING_MAX} rates a call")

        def convert(row: FundingRow, _category: str) -> FundingRate | None:
            return market_codec.funding_rate(row) if row.symbol == instrument.symbol else None

        path = "/v5/market/funding/history"
        span = (("startTime", str(start_ms)), ("endTime", str(end_ms)), ("limit", str(limit)))
        params = (("category", instrument.category), ("symbol", instrument.symbol), *span)
        rows = await read_pages(self._rest, path, params, _FUNDING, convert, self._log, signed=False, at_most_pages=1)
        return sorted(rows, key=lambda one: one.due_at_ms)

    async def candles(
        self, instrument: InstrumentId, interval: str, *, start_ms: int | None, end_ms: int | None, limit: int
    ) -> Sequence[Candle]:
        """Oldest first. The market clock is read before the rows, so what it calls closed was closed when read."""
        if not 1 <= limit <= CANDLES_MAX:
            raise ValueError(f"limit is {limit}; allowed are 1 to {CANDLES_MAX} candles a call")
        now_ms = await self.market_now_ms()
        path = "/v5/market/kline"
        params = [("category", instrument.category), ("symbol", instrument.symbol), ("interval", interval)]
        params += [("start", str(start_ms))] if start_ms is not None else []
        params += [("end", str(end_ms))] if end_ms is not None else []
        reply = await self._rest.read(path, (*params, ("limit", str(limit))))
        try:
            rows = dict(market_codec.candle_of_page(columns) for columns in decode(_KLINES, reply.result).rows)
        except Unreadable as problem:
            self._log.error("market.candles_unreadable", symbol=instrument.symbol, error=str(problem), raw=problem.raw)
            raise ExchangeUnavailable(f"{path}: {problem}", reply.trace) from problem
        return [
            msgspec.structs.replace(rows[opened], confirmed=True)
            if _closes_at(opened, interval) <= now_ms
            else rows[opened]
            for opened in sorted(rows)
        ]

    async def tickers(self, category: Category) -> Sequence[Ticker]:
        path = "/v5/market/tickers"
        at_ms = milliseconds(await self._rest.server_clock.now())

        def convert(row: TickerRow, _category: str) -> Ticker | None:
            key = instrument_id(category, row.symbol)
            return None if key is None else market_codec.merged_ticker(None, key, row, at_ms)

        params = (("category", category),)
        return await read_pages(self._rest, path, params, _TICKER, convert, self._log, signed=False, at_most_pages=1)

    async def market_now_ms(self) -> int:
        """Market time of the simulated exchange; where there is none, the exchange's clock."""
        base = self._endpoints().rest
        if base != self._without_market_clock:
            body = await self._rest.read_plain("/sim/clock")
            if body is not None:
                try:
                    return millis(decode(_SIMULATED_CLOCK, body).market_now_ms, "market_now_ms")
                except Unreadable as problem:
                    raise ExchangeUnavailable(f"/sim/clock: {problem}") from problem
            self._without_market_clock = base
        return await self._rest.server_clock.now_ms()

    async def close(self) -> None:
        await self._rest.close()


def _closes_at(open_ms: int, interval: str) -> int:
    """When the candle that opens at `open_ms` is closed. Raises `ValueError` for an interval Bybit does not have."""
    if interval == "M":
        opened = from_milliseconds(open_ms)
        year, month = (opened.year + 1, 1) if opened.month == 12 else (opened.year, opened.month + 1)
        return milliseconds(datetime(year, month, 1, tzinfo=UTC))
    if interval == "W":
        return open_ms + 7 * _DAY_MS
    return open_ms + (_DAY_MS if interval == "D" else int(interval) * 60_000)
