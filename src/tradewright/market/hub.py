"""The hub: one public upstream of one category, shared by every reader in this process.

Lives here: counted topics, the latest merged ticker, candle and book of each, fan-out to bounded subscribers, health.
Not here: the connection itself (`exchange.bybit.public_stream`), REST-backed history (`market.candles`).
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, assert_never

from structlog.typing import FilteringBoundLogger

from tradewright.core.errors import NotFound, NotReady
from tradewright.core.fault import Fault
from tradewright.core.instrument import Category, InstrumentId
from tradewright.exchange.ports import (
    Book,
    CandleUpdate,
    PublicEvent,
    PublicStream,
    PublicTrade,
    StreamDown,
    StreamUp,
    Ticker,
)
from tradewright.market.subscription import Subscription

STALE_AFTER_S = 22.0  # a ping goes out every 20 s, so by then at least its answer should have arrived
CANDLES_WAITING_MAX = 1_000
TRADES_WAITING_MAX = 1_000
TRADES_KEPT = 100
TOPICS_MAX = 480  # below what one connection to the exchange carries; 256 browsers may ask for more than that

FeedState = Literal["live", "stale", "down"]
CandleObserver = Callable[[CandleUpdate | StreamUp | StreamDown], None]


@dataclass(frozen=True, slots=True)
class FeedHealth:
    """How far the upstream may be believed. `reason` is set unless it is live."""

    state: FeedState
    last_frame_age_ms: int | None
    reason: Fault | None


class MarketHub:
    """Fans one public stream out. `run` must be running for anything to arrive; everything else returns at once."""

    def __init__(self, stream: PublicStream, *, log: FilteringBoundLogger, category: Category = "linear") -> None:
        self._stream = stream
        self._category: Category = category
        self._log = log.bind(component="market.hub", category=category)
        self._readers: dict[str, dict[Subscription[Any], None]] = defaultdict(dict)  # in the order of their coming
        self._observers: list[CandleObserver] = []
        self._tickers: dict[InstrumentId, Ticker] = {}
        self._candles: dict[tuple[InstrumentId, str], CandleUpdate] = {}
        self._books: dict[tuple[InstrumentId, int], Book] = {}
        self._trades: dict[InstrumentId, deque[PublicTrade]] = {}
        self._down: Fault | None = Fault("link.not_connected")

    async def run(self) -> None:
        """Reads the upstream until it is closed or this task is cancelled; then stream and subscriptions are closed."""
        try:
            async for event in self._stream.events():
                self._apply(event)
        finally:
            await self._stream.close()
            self._down = Fault("link.stopped")
            self._forget()
            for readers in list(self._readers.values()):
                for reader in list(readers):
                    reader.close("the market hub has stopped")

    def ticker(self, instrument: InstrumentId) -> Ticker | None:
        """The newest merged ticker; None unless someone is subscribed and it came since the last (re)connect."""
        return self._tickers.get(instrument)

    def candle(self, instrument: InstrumentId, interval: str) -> CandleUpdate | None:
        return self._candles.get((instrument, interval))

    def book(self, instrument: InstrumentId, depth: int = 50) -> Book | None:
        return self._books.get((instrument, depth))

    def trades(self, instrument: InstrumentId) -> Sequence[PublicTrade]:
        """The newest trades, at most 100, oldest first: those that came since somebody watches and nothing was lost."""
        return tuple(self._trades.get(instrument, ()))

    @property
    def has_readers(self) -> bool:
        return bool(self._readers)

    def subscribe_ticker(self, instrument: InstrumentId) -> Subscription[Ticker]:
        """Whole merged tickers, newest only; starts with the known one."""
        reader = self._subscribe(f"tickers.{self._symbol(instrument)}", _one_slot, 1, "drop_oldest")
        if known := self._tickers.get(instrument):
            reader.push(known)
        return reader

    def subscribe_candles(self, instrument: InstrumentId, interval: str) -> Subscription[CandleUpdate]:
        """One item per candle, its newest form. No confirmed one is dropped: a reader too slow for that is closed."""
        topic = f"kline.{interval}.{self._symbol(instrument)}"
        reader = self._subscribe(topic, _by_open_time, CANDLES_WAITING_MAX, "close")
        if known := self._candles.get((instrument, interval)):
            reader.push(known)
        return reader

    def subscribe_trades(self, instrument: InstrumentId) -> Subscription[PublicTrade]:
        """Every public trade, oldest dropped (and counted) when the reader is slow."""
        topic = f"publicTrade.{self._symbol(instrument)}"
        return self._subscribe(topic, _by_trade_id, TRADES_WAITING_MAX, "drop_oldest")

    def subscribe_book(self, instrument: InstrumentId, depth: Literal[1, 50, 200] = 50) -> Subscription[Book]:
        """Whole books at the asked depth, newest only; starts with the known one."""
        reader = self._subscribe(f"orderbook.{depth}.{self._symbol(instrument)}", _one_slot, 1, "drop_oldest")
        if known := self._books.get((instrument, depth)):
            reader.push(known)
        return reader

    def observe_candles(self, observer: CandleObserver) -> None:
        """Calls `observer` for every candle that arrives for anybody, and when the upstream comes and goes."""
        self._observers.append(observer)

    def health(self) -> FeedHealth:
        age_s = self._stream.last_frame_age_seconds()
        age_ms = None if age_s is None else int(age_s * 1000)
        if self._down is not None:
            return FeedHealth("down", age_ms, self._down)
        if age_s is None or age_s > STALE_AFTER_S:
            return FeedHealth("stale", age_ms, Fault("link.stale", {"seconds": f"{STALE_AFTER_S:g}"}))
        return FeedHealth("live", age_ms, None)

    def _symbol(self, instrument: InstrumentId) -> str:
        if instrument.category != self._category:
            raise NotFound(f"no stream for category {instrument.category!r}; this hub carries {self._category!r} only")
        return instrument.symbol

    def _subscribe(
        self,
        topic: str,
        key_of: Callable[[Any], int | str],
        limit: int,
        overflow: Literal["drop_oldest", "close"],
    ) -> Subscription[Any]:
        def give_back(reader: Subscription[Any]) -> None:
            readers = self._readers[topic]
            readers.pop(reader, None)
            if not readers:
                del self._readers[topic]
                self._forget_topic(topic)
                self._stream.unsubscribe(topic)

        reader: Subscription[Any] = Subscription(key_of=key_of, limit=limit, overflow=overflow, on_close=give_back)
        if topic not in self._readers:
            if len(self._readers) >= TOPICS_MAX:
                raise NotReady(f"{TOPICS_MAX} topics of {self._category} are read already, and no more fit; close some")
            self._stream.subscribe(topic)
        self._readers[topic][reader] = None
        return reader

    def _apply(self, event: PublicEvent) -> None:
        match event:
            case Ticker():
                if self._push(f"tickers.{event.instrument.symbol}", event):
                    self._tickers[event.instrument] = event
            case CandleUpdate():
                if self._push(f"kline.{event.interval}.{event.instrument.symbol}", event):
                    self._candles[(event.instrument, event.interval)] = event
                self._tell_observers(event)
            case PublicTrade():
                if self._push(f"publicTrade.{event.instrument.symbol}", event):
                    self._trades.setdefault(event.instrument, deque(maxlen=TRADES_KEPT)).append(event)
            case Book():
                if self._push(f"orderbook.{event.depth}.{event.instrument.symbol}", event):
                    self._books[(event.instrument, event.depth)] = event
            case StreamUp():
                self._down = None
                self._log.info("market.up", connection=event.connection)
                self._tell_observers(event)
            case StreamDown():
                self._down = Fault(event.code, detail=event.reason)
                self._forget()
                self._log.warning("market.down", reason=event.reason)
                self._tell_observers(event)
            case _:
                assert_never(event)

    def _push(self, topic: str, item: object) -> bool:
        """False when nobody reads the topic any more: what still comes then must not be kept: it would grow old."""
        for reader in list(self._readers.get(topic, ())):  # a copy: a reader that is too slow leaves while we push
            reader.push(item)
        return topic in self._readers

    def _tell_observers(self, event: CandleUpdate | StreamUp | StreamDown) -> None:
        for observer in self._observers:
            observer(event)

    def _forget(self) -> None:
        """After a loss of the connection nothing held is known to be true; the next snapshots fill it again."""
        self._tickers.clear()
        self._candles.clear()
        self._books.clear()
        self._trades.clear()

    def _forget_topic(self, topic: str) -> None:
        kind, _, rest = topic.partition(".")
        symbol = rest.rpartition(".")[2]
        instrument = InstrumentId(self._category, symbol)
        if kind == "tickers":
            self._tickers.pop(instrument, None)
        elif kind == "publicTrade":
            self._trades.pop(instrument, None)
        elif kind == "orderbook":
            self._books.pop((instrument, int(rest.partition(".")[0])), None)
        elif kind == "kline":
            self._candles.pop((instrument, rest.partition(".")[0]), None)


def _one_slot(_item: Any) -> int:
    return 0


def _by_open_time(update: CandleUpdate) -> int:
    return update.candle.open_time_ms


def _by_trade_id(trade: PublicTrade) -> str:
    return trade.trade_id
