"""A market that a test owns: rows by open time, a clock that stands where it is put, reads that are counted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from decimal import Decimal

from msgspec.structs import replace

from tradewright.core.errors import ExchangeUnavailable
from tradewright.core.instrument import Category, Instrument, InstrumentId, RiskTier
from tradewright.exchange.ports import Candle, PublicEvent, PublicTrade, Ticker
from tradewright.market.intervals import next_open

BTC = InstrumentId("linear", "BTCUSDT")
MINUTE_MS = 60_000
START_MS = 1_700_000_040_000  # on a minute


def candle(open_ms: int, close: str = "100", *, confirmed: bool = True) -> Candle:
    value = Decimal(close)
    return Candle(
        open_time_ms=open_ms,
        open=value,
        high=value,
        low=value,
        close=value,
        volume=Decimal(1),
        turnover=value,
        confirmed=confirmed,
    )


def instrument(symbol: str, status: str = "Trading", category: Category = "linear") -> Instrument:
    one = Decimal(1)
    return Instrument(
        id=InstrumentId(category, symbol),
        status=status,
        base_coin="BTC",
        quote_coin="USDT",
        settle_coin="USDT",
        tick_size=one,
        min_price=one,
        max_price=one,
        quantity_step=one,
        min_quantity=one,
        max_limit_quantity=one,
        max_market_quantity=one,
        min_notional=one,
        max_leverage=one,
    )


class FakeMarket:
    """`history` has every candle that will ever be; `now_ms` decides which are there and which is open."""

    def __init__(self, interval: str = "1") -> None:
        self.interval = interval
        self.history: dict[int, Candle] = {}
        self.now_ms = START_MS
        self.listed: list[Instrument] = []
        self.tape: list[PublicTrade] = []
        self.reads: list[tuple[int | None, int | None]] = []
        self.fail_after: int | None = None

    def fill(self, count: int, *, missing: Sequence[int] = ()) -> None:
        """`count` candles up to the one that is open now; `missing` are positions that are left out."""
        opens = [START_MS - (count - 1 - position) * MINUTE_MS for position in range(count)]
        self.history = {at: candle(at, str(100 + n)) for n, at in enumerate(opens) if n not in missing}

    async def candles(
        self, instrument: InstrumentId, interval: str, *, start_ms: int | None, end_ms: int | None, limit: int
    ) -> Sequence[Candle]:
        assert interval == self.interval
        self._maybe_fail()
        self.reads.append((start_ms, end_ms))
        await asyncio.sleep(0)
        rows = [
            replace(row, confirmed=next_open(row.open_time_ms, interval) <= self.now_ms)
            for at, row in sorted(self.history.items())
            if (start_ms is None or at >= start_ms) and (end_ms is None or at <= end_ms) and at <= self.now_ms
        ]
        return rows[-limit:]

    async def instruments(self, category: Category) -> Sequence[Instrument]:
        self._maybe_fail()
        return list(self.listed)

    async def tickers(self, category: Category) -> Sequence[Ticker]:
        self._maybe_fail()
        self.reads.append((None, None))
        return [Ticker(instrument=BTC, last_price=Decimal(len(self.reads)))]

    async def all_risk_tiers(self) -> Mapping[InstrumentId, Sequence[RiskTier]]:
        return {}

    async def risk_tiers(self, instrument: InstrumentId) -> Sequence[RiskTier]:
        return ()

    async def trades(self, instrument: InstrumentId, limit: int) -> Sequence[PublicTrade]:
        self._maybe_fail()
        self.reads.append((None, None))
        return self.tape[-limit:]

    async def market_now_ms(self) -> int:
        return self.now_ms

    async def close(self) -> None: ...

    def _maybe_fail(self) -> None:
        if self.fail_after is not None:
            if self.fail_after <= 0:
                raise ExchangeUnavailable("the exchange is away")
            self.fail_after -= 1


class FakeStream:
    """A public stream that a test speaks through; `topics` is what is subscribed now."""

    def __init__(self) -> None:
        self.topics: set[str] = set()
        self.age_s: float | None = 0.0
        self.closed = False
        self._events: asyncio.Queue[PublicEvent | None] = asyncio.Queue()

    async def events(self) -> AsyncIterator[PublicEvent]:
        while (event := await self._events.get()) is not None:
            yield event

    async def say(self, *events: PublicEvent | None) -> None:
        """Returns when the events were taken."""
        for event in events:
            await self._events.put(event)
        while not self._events.empty():
            await asyncio.sleep(0)
        await asyncio.sleep(0)

    def subscribe(self, *topics: str) -> None:
        assert not self.topics.intersection(topics), "counted, so subscribed once"
        self.topics.update(topics)

    def unsubscribe(self, *topics: str) -> None:
        self.topics.difference_update(topics)

    def last_frame_age_seconds(self) -> float | None:
        return self.age_s

    async def close(self) -> None:
        self.closed = True
        await self._events.put(None)
