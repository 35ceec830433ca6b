"""The public stream of one category: `exchange.ports.PublicStream` on Bybit V5.

Lives here: topics, subscriptions and their refusals, merging of tickers (spot's with the best of its book), new
snapshots for broken books, also where the request for one is lost.
Not here: staying connected (`stream`), who wants which topic (`market.hub`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import msgspec
from structlog.typing import FilteringBoundLogger

from tradewright.core.clock import Clock, Rng
from tradewright.core.instrument import Category, InstrumentId
from tradewright.exchange.bybit import market_codec
from tradewright.exchange.bybit.address import Address
from tradewright.exchange.bybit.book import BookBroken, BookMerger
from tradewright.exchange.bybit.proxy import Proxy
from tradewright.exchange.bybit.stream import StreamRunner
from tradewright.exchange.bybit.stream_link import StreamLink
from tradewright.exchange.bybit.values import Unreadable, decode, millis, words
from tradewright.exchange.bybit.wire import BookRow, KlineRow, Push, StreamFrame, TickerRow, TradeRow
from tradewright.exchange.ports import Book, CandleUpdate, EndpointSource, PublicEvent, PublicTrade, Ticker

TOPICS_A_REQUEST = 10  # spot takes no more, and one bad topic fails the whole request
TOPICS_MAX = 500  # keeps the sum of topic names below Bybit's 21,000 characters a connection
ASK_AGAIN_S = 3.0  # for a book whose snapshot did not come; doubled each time
ASK_AGAIN_S_MAX = 30.0
_LOOK_S = 0.5

_TICKER = msgspec.json.Decoder(Push[TickerRow])
_KLINES = msgspec.json.Decoder(Push[list[KlineRow]])
_TRADES = msgspec.json.Decoder(Push[list[TradeRow]])
_BOOK = msgspec.json.Decoder(Push[BookRow])
_TOPIC_FIRST = b'{"topic":"'  # how Bybit begins every push, though it promises no order of keys
_TOPIC_AT = len(_TOPIC_FIRST)
_Item = Ticker | CandleUpdate | PublicTrade | Book
_Handler = Callable[[bytes], None]


@dataclass(slots=True)
class _Asked:
    """A book that was asked for and has not come."""

    due_s: float  # by the monotonic clock; then it is asked for again
    pause_s: float = ASK_AGAIN_S


class BybitPublicStream:
    """One connection; topics may be subscribed before and after it is up."""

    def __init__(
        self,
        endpoints: EndpointSource,
        category: Category,
        *,
        clock: Clock,
        rng: Rng,
        log: FilteringBoundLogger,
        use_aiofastnet: bool | None = None,
        proxy: Proxy | None = None,
        address: Address | None = None,
    ) -> None:
        self._endpoints = endpoints
        self._category: Category = category
        self._clock = clock
        self._log = log.bind(component="bybit.public_stream", category=category)
        self._runner: StreamRunner[_Item] = StreamRunner(
            self, clock=clock, rng=rng, log=self._log, use_aiofastnet=use_aiofastnet, proxy=proxy, address=address
        )
        self._wanted: dict[str, None] = {}  # topics as they were asked for, in that order
        self._handlers: dict[str, _Handler] = {}  # of these, and of the books that complete spot's tickers
        self._by_beginning: dict[bytes, _Handler] = {}  # the same handlers, by how their messages begin
        self._tickers: dict[InstrumentId, Ticker] = {}
        self._best: dict[InstrumentId, Book] = {}  # spot only, whose tickers have no bid and ask
        self._link: StreamLink | None = None
        self._requests: dict[str, Sequence[str]] = {}
        self._asked: dict[str, _Asked] = {}
        self._asking: asyncio.Task[None] | None = None
        self._request_number = 0

    def events(self) -> AsyncIterator[PublicEvent]:
        return self._runner.events()

    def subscribe(self, *topics: str) -> None:
        """Raises `ValueError` for a topic that is not `tickers`, `kline`, `publicTrade` or `orderbook`."""
        fresh = [topic for topic in dict.fromkeys(self._with_books(topics)) if topic not in self._handlers]
        if len(self._handlers) + len(fresh) > TOPICS_MAX:
            raise ValueError(f"{len(self._handlers) + len(fresh)} topics on one connection; at most {TOPICS_MAX}")
        self._set_handlers(fresh)
        self._wanted |= dict.fromkeys(topics)
        self._request("subscribe", fresh)

    def unsubscribe(self, *topics: str) -> None:
        for topic in topics:
            self._wanted.pop(topic, None)
        needed = set(self._with_books(self._wanted))
        known = [
            topic
            for topic in dict.fromkeys(self._with_books(topics))
            if topic not in needed and self._handlers.pop(topic, None) is not None
        ]
        for topic in known:
            del self._by_beginning[_TOPIC_FIRST + topic.encode()]
            self._asked.pop(topic, None)
            if topic.startswith("tickers."):
                self._tickers.pop(self._instrument(topic), None)
                self._best.pop(self._instrument(topic), None)
        self._request("unsubscribe", known)

    def last_frame_age_seconds(self) -> float | None:
        return self._runner.last_frame_age_seconds()

    async def close(self) -> None:
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.wait([self._asking])
        await self._runner.close()

    def address(self) -> str:
        return f"{self._endpoints().public_stream}/{self._category}"

    async def open(self, link: StreamLink) -> None:
        """Forgets what was merged: only the snapshots of this connection count from here on."""
        self._link = link
        self._requests.clear()
        self._asked.clear()
        self._tickers.clear()
        self._best.clear()
        self._set_handlers(list(self._handlers))
        self._request("subscribe", list(self._handlers))

    def took(self, raw: bytes) -> bool:
        handler = self._by_beginning.get(raw[: raw.find(b'"', _TOPIC_AT)])
        if handler is None:
            return False
        handler(raw)
        return True

    def heard(self, frame: StreamFrame, raw: bytes) -> None:
        if frame.topic:
            handler = self._handlers.get(frame.topic)
            if handler is not None:  # None: pushed after we unsubscribed
                handler(raw)
        elif frame.op in ("subscribe", "unsubscribe"):
            self._acknowledged(frame)

    def _acknowledged(self, frame: StreamFrame) -> None:
        topics = self._requests.pop(str(frame.req_id), ())
        if frame.success is not False or "already subscribed" in frame.ret_msg or frame.op == "unsubscribe":
            return
        if len(topics) == 1:
            self._asked.pop(topics[0], None)
            self._log.error("stream.topic_refused", topic=topics[0], reason=words(frame.ret_msg))
            return
        for topic in topics:  # one bad topic fails the whole request: ask for each alone
            self._request("subscribe", [topic] if topic in self._handlers else [])

    def _request(self, op: str, topics: Sequence[str]) -> None:
        if self._link is None:
            return
        for start in range(0, len(topics), TOPICS_A_REQUEST):
            chunk = list(topics[start : start + TOPICS_A_REQUEST])
            self._request_number += 1
            request_id = str(self._request_number)
            if op == "subscribe":
                self._requests[request_id] = chunk
                self._expect_books(chunk)
            self._link.send({"op": op, "req_id": request_id, "args": chunk})

    def _expect_books(self, topics: Sequence[str]) -> None:
        for topic in topics:
            if topic.startswith("orderbook."):
                self._asked.setdefault(topic, _Asked(self._clock.monotonic() + ASK_AGAIN_S))
        if self._asked and (self._asking is None or self._asking.done()):
            self._asking = asyncio.create_task(self._ask_again(), name="bybit-books")

    async def _ask_again(self) -> None:
        """Until each book has come: a request or its snapshot that is lost would leave the book empty for ever."""
        while self._asked and self._link is not None and not self._link.has_ended:
            await self._clock.sleep(_LOOK_S)
            now_s = self._clock.monotonic()
            for topic, asked in list(self._asked.items()):
                if now_s >= asked.due_s:
                    asked.pause_s = min(asked.pause_s * 2, ASK_AGAIN_S_MAX)
                    asked.due_s = now_s + asked.pause_s
                    self._log.warning("stream.book_missing", topic=topic, again_in_s=asked.pause_s)
                    self._ask_anew(topic)

    def _ask_anew(self, topic: str) -> None:
        """The exchange sends a snapshot for a subscription that it did not have."""
        self._request("unsubscribe", [topic])
        self._request("subscribe", [topic])

    def _set_handlers(self, topics: Sequence[str]) -> None:
        fresh = {topic: self._handler(topic) for topic in topics}
        self._handlers |= fresh
        self._by_beginning |= {_TOPIC_FIRST + topic.encode(): handler for topic, handler in fresh.items()}

    def _handler(self, topic: str) -> _Handler:
        kind, *parts = topic.split(".")
        instrument = self._instrument(topic)
        match kind, len(parts):
            case "tickers", 1:
                return partial(self._ticker, instrument)
            case "kline", 2:
                return partial(self._candles, instrument, parts[0])
            case "publicTrade", 1:
                return partial(self._trades, instrument)
            case "orderbook", 2 if parts[0].isdigit():
                return partial(self._book, topic, BookMerger(instrument, int(parts[0])))
            case _:
                raise ValueError(
                    f"unknown topic {topic!r}; expected tickers.SYMBOL, kline.INTERVAL.SYMBOL, publicTrade.SYMBOL "
                    "or orderbook.DEPTH.SYMBOL"
                )

    def _ticker(self, instrument: InstrumentId, raw: bytes) -> None:
        push = decode(_TICKER, raw)
        known = None if push.type == "snapshot" else self._tickers.get(instrument)
        if known is None and push.type != "snapshot":
            return  # a delta without its snapshot says nothing
        ticker = market_codec.merged_ticker(known, instrument, push.data, push.ts)
        best = self._best.get(instrument)
        if best is not None:
            ticker = market_codec.with_best(ticker, best)
        self._tickers[instrument] = ticker
        self._runner.emit(ticker)

    def _book(self, topic: str, merger: BookMerger, raw: bytes) -> None:
        try:
            push = decode(_BOOK, raw)
            book = merger.apply(push.type, push.data, millis(push.ts, "ts"))
        except (BookBroken, Unreadable) as problem:
            merger.forget()
            self._log.warning("stream.book_broken", topic=topic, reason=str(problem))
            if topic not in self._asked:  # else what came of asking is broken too: not in a loop, but after its pause
                self._ask_anew(topic)
            return
        if book is None:
            return
        self._asked.pop(topic, None)
        if topic in self._wanted:
            self._runner.emit(book)
        if self._category == "spot" and book.depth == 1:
            self._complete_ticker(book)

    def _complete_ticker(self, book: Book) -> None:
        """Bid and ask for spot's ticker; it is told again only when one of them changed."""
        self._best[book.instrument] = book
        known = self._tickers.get(book.instrument)
        if known is None:
            return
        ticker = self._tickers[book.instrument] = market_codec.with_best(known, book)
        if ticker != known:
            self._runner.emit(ticker)

    def _with_books(self, topics: Iterable[str]) -> Iterator[str]:
        """The topics, and on spot behind each ticker the book of one level that completes it."""
        for topic in topics:
            yield topic
            if self._category == "spot" and topic.startswith("tickers."):
                yield f"orderbook.1.{topic.removeprefix('tickers.')}"

    def _candles(self, instrument: InstrumentId, interval: str, raw: bytes) -> None:
        # A list first: if one row is nonsense, none of its message is passed on.
        for update in [market_codec.candle_update(instrument, interval, row) for row in decode(_KLINES, raw).data]:
            self._runner.emit(update)

    def _trades(self, instrument: InstrumentId, raw: bytes) -> None:
        for trade in [market_codec.trade(instrument, row) for row in decode(_TRADES, raw).data]:
            self._runner.emit(trade)

    def _instrument(self, topic: str) -> InstrumentId:
        return InstrumentId(self._category, topic.rpartition(".")[2])
