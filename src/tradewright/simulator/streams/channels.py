"""What each public topic says: a snapshot for who joins, and changes as the market moves.

Lives here: one class per kind of topic, fed with the market's events. Not here: sockets and subscriptions
(`ws_public`). All subscribers of a topic share its channel, so that counters and deltas are the same for everybody.
`ts` is market time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from tradewright.simulator.frames import Frame
from tradewright.simulator.market.intervals import INTERVALS
from tradewright.simulator.market.model import (
    InstrumentSpec,
    Kline,
    Listing,
    Market,
    MarketEvent,
    MarketTrade,
    listing_of,
)
from tradewright.simulator.texts import recorded_text

BOOK_DEPTHS = (1, 50, 200, 1000)
SLOW_BOOK_MS = {200: 100, 1000: 200}  # wall time between deltas; the shallow ones go with every tick
REPEAT_BEST_MS = 3_000  # orderbook.1 repeats itself when nothing changes
TICKER_MS = 100
SPOT_TICKER_MS = 50
KLINE_MS = 200
TRADES_PER_FRAME_MAX = 1_024
REST_ONLY_TICKER_FIELDS = frozenset(
    {"basisRate", "basis", "basisRateYear", "deliveryFeeRate", "deliveryTime", "predictedDeliveryPrice"}
)
REST_ONLY_SPOT_TICKER_FIELDS = frozenset({"bid1Price", "bid1Size", "ask1Price", "ask1Size"})  # that is orderbook.1


class Channel(Protocol):
    """One topic. `now_ms` is wall time; it only paces, the content is in market time."""

    def snapshot(self) -> Frame | None:
        """What a new subscriber gets first; None if the topic has no such thing."""
        ...

    def tick(self, happened: Sequence[MarketEvent], *, now_ms: int) -> list[Frame]:
        """Frames for all subscribers after the market moved. `happened` holds this symbol's events."""
        ...


def make_channel(
    topic: str, market: Market, specs: Mapping[Listing, InstrumentSpec], *, category: str = "linear"
) -> Channel | None:
    """The channel of a topic on the stream of a category, or None if there is no such topic."""
    kind, _, rest = topic.partition(".")
    argument, _, symbol = rest.rpartition(".")
    spec = specs.get(listing_of(category, symbol))
    if spec is None:
        return None
    match kind, argument:
        case "orderbook", depth if depth in map(str, BOOK_DEPTHS):
            return BookChannel(topic, market, spec, int(depth))
        case "publicTrade", "":
            return TradeChannel(topic, market, spec)
        case "tickers", "":
            return SpotTickerChannel(topic, market, spec) if spec.is_spot else TickerChannel(topic, market, spec)
        case "kline", interval if interval in INTERVALS:
            return KlineChannel(topic, market, spec, interval)
        case _:
            return None


class BookChannel:
    """`orderbook.{depth}`: a snapshot, then the levels that changed. Depth 1 is snapshots only.

    A level is only ever deleted if it was told before: a client that deletes an unknown one breaks.
    """

    def __init__(self, topic: str, market: Market, spec: InstrumentSpec, depth: int) -> None:
        self._topic, self._market, self._spec, self._depth = topic, market, spec, depth
        self._told_ms = 0
        self._take_book()
        # One means a restart of the service to clients, so the count starts above it.
        self._update = max(self._update_id, 2)

    def snapshot(self) -> Frame:
        return self._frame("snapshot", list(self._bids.items()), list(self._asks.items()))

    def tick(self, happened: Sequence[MarketEvent], *, now_ms: int) -> list[Frame]:
        self._told_ms = self._told_ms or now_ms  # the first subscriber has just been told
        if now_ms - self._told_ms < SLOW_BOOK_MS.get(self._depth, 0):
            return []
        bids, asks, seen = self._bids, self._asks, self._update_id
        if self._market.book(self._spec.listing).update_id != seen:
            self._take_book()
        changed_bids, changed_asks = _changes(bids, self._bids), _changes(asks, self._asks)
        if changed_bids or changed_asks:
            self._told_ms = now_ms
            self._update += 1
            return [self.snapshot() if self._depth == 1 else self._frame("delta", changed_bids, changed_asks)]
        if self._depth == 1 and now_ms - self._told_ms >= REPEAT_BEST_MS:
            self._told_ms = now_ms
            return [self.snapshot()]
        return []

    def _take_book(self) -> None:
        book = self._market.book(self._spec.listing)
        self._bids = {
            recorded_text(p, self._spec.tick_size): recorded_text(q, self._spec.qty_step)
            for p, q in book.bids[: self._depth]
        }
        self._asks = {
            recorded_text(p, self._spec.tick_size): recorded_text(q, self._spec.qty_step)
            for p, q in book.asks[: self._depth]
        }
        self._update_id, self._seq, self._time_ms = book.update_id, book.seq, book.time_ms

    def _frame(self, kind: str, bids: list[tuple[str, str]], asks: list[tuple[str, str]]) -> Frame:
        return {
            "topic": self._topic,
            "type": kind,
            "ts": self._market.now_ms,
            "data": {"s": self._spec.symbol, "b": bids, "a": asks, "u": self._update, "seq": self._seq},
            "cts": self._time_ms,
        }


class TradeChannel:
    """`publicTrade`: every trade, oldest first. The type says snapshot on every push."""

    def __init__(self, topic: str, market: Market, spec: InstrumentSpec) -> None:
        self._topic, self._market, self._spec = topic, market, spec
        self._price = market.last_price(spec.listing)
        self._direction = "ZeroPlusTick"

    def snapshot(self) -> None:
        return None

    def tick(self, happened: Sequence[MarketEvent], *, now_ms: int) -> list[Frame]:
        rows = [self._row(event) for event in happened if isinstance(event, MarketTrade)]
        return [
            {
                "topic": self._topic,
                "type": "snapshot",
                "ts": self._market.now_ms,
                "data": rows[start : start + TRADES_PER_FRAME_MAX],
            }
            for start in range(0, len(rows), TRADES_PER_FRAME_MAX)
        ]

    def _row(self, trade: MarketTrade) -> Frame:
        self._direction = _tick_direction(
            self._direction, before=self._price < trade.price, after=self._price > trade.price
        )
        self._price = trade.price
        direction = {} if self._spec.is_spot else {"L": self._direction}
        return {
            "T": trade.time_ms,
            "s": self._spec.symbol,
            "S": trade.side,
            "v": recorded_text(trade.size, self._spec.qty_step),
            "p": recorded_text(trade.price, self._spec.tick_size),
            **direction,
            "i": trade.trade_id,
            "BT": False,
            "RPI": False,
            "seq": trade.seq,
        }


class TickerChannel:
    """`tickers`: everything once, then only the fields that changed."""

    def __init__(self, topic: str, market: Market, spec: InstrumentSpec) -> None:
        self._topic, self._market, self._spec = topic, market, spec
        self._direction = "ZeroPlusTick"
        self._price = market.last_price(spec.listing)
        self._told_ms = 0
        self._told = self._fields()

    def snapshot(self) -> Frame:
        return self._frame("snapshot", self._told)

    def tick(self, happened: Sequence[MarketEvent], *, now_ms: int) -> list[Frame]:
        if now_ms - self._told_ms < TICKER_MS:
            return []
        self._told_ms = now_ms
        fields = self._fields()
        changed = {name: value for name, value in fields.items() if self._told.get(name) != value}
        self._told = fields
        return [self._frame("delta", {"symbol": self._spec.symbol, **changed})] if changed else []

    def _fields(self) -> dict[str, str]:
        price = self._market.last_price(self._spec.listing)
        if price != self._price:
            self._direction = "PlusTick" if price > self._price else "MinusTick"
            self._price = price
        ticker = self._market.ticker(self._spec.listing)
        kept = {name: value for name, value in ticker.items() if name not in REST_ONLY_TICKER_FIELDS}
        return {**kept, "tickDirection": self._direction}

    def _frame(self, kind: str, data: dict[str, str]) -> Frame:
        return {
            "topic": self._topic,
            "type": kind,
            "data": data,
            "cs": self._market.book(self._spec.listing).seq,
            "ts": self._market.now_ms,
        }


class SpotTickerChannel:
    """`tickers` of a spot pair: the whole of it whenever something changed, without the best bid and ask."""

    def __init__(self, topic: str, market: Market, spec: InstrumentSpec) -> None:
        self._topic, self._market, self._spec = topic, market, spec
        self._told_ms = 0
        self._told = self._fields()

    def snapshot(self) -> Frame:
        return {
            "topic": self._topic,
            "ts": self._market.now_ms,
            "type": "snapshot",
            "cs": self._market.book(self._spec.listing).seq,
            "data": self._told,
        }

    def tick(self, happened: Sequence[MarketEvent], *, now_ms: int) -> list[Frame]:
        if now_ms - self._told_ms < SPOT_TICKER_MS:
            return []
        self._told_ms = now_ms
        fields = self._fields()
        if fields == self._told:
            return []
        self._told = fields
        return [self.snapshot()]

    def _fields(self) -> dict[str, str]:
        ticker = self._market.ticker(self._spec.listing)
        return {name: value for name, value in ticker.items() if name not in REST_ONLY_SPOT_TICKER_FIELDS}


class KlineChannel:
    """`kline.{interval}`: the open candle as it grows, and each closed one exactly once with confirm true."""

    def __init__(self, topic: str, market: Market, spec: InstrumentSpec, interval: str) -> None:
        self._topic, self._market, self._spec, self._interval = topic, market, spec, interval
        self._told_ms = 0
        self._told: Kline | None = None
        newest = market.klines(spec.listing, interval, None, None, 1)
        self._confirmed_ms = market.now_ms
        if newest:
            self._confirmed_ms = newest[0].start_ms if newest[0].confirm else newest[0].start_ms - 1

    def snapshot(self) -> Frame | None:
        """The open candle, so that a chart need not wait for the next trade."""
        live = self._market.live_kline(self._spec.listing, self._interval)
        return self._frame([live]) if live is not None else None

    def tick(self, happened: Sequence[MarketEvent], *, now_ms: int) -> list[Frame]:
        frames: list[Frame] = []
        while closed := self._market.closed_klines(self._spec.listing, self._interval, self._confirmed_ms):
            self._confirmed_ms = closed[-1].start_ms
            frames += [self._frame([row]) for row in closed]
        live = self._market.live_kline(self._spec.listing, self._interval)
        if live is not None and live != self._told and (frames or now_ms - self._told_ms >= KLINE_MS):
            self._told, self._told_ms = live, now_ms
            frames.append(self._frame([live]))
        return frames

    def _frame(self, rows: list[Kline]) -> Frame:
        now_ms = self._market.now_ms
        return {
            "topic": self._topic,
            "data": [
                {
                    "start": row.start_ms,
                    "end": row.end_ms,
                    "interval": self._interval,
                    "open": format(row.open, "f"),
                    "close": format(row.close, "f"),
                    "high": format(row.high, "f"),
                    "low": format(row.low, "f"),
                    "volume": format(row.volume, "f"),
                    "turnover": format(row.turnover, "f"),
                    "confirm": row.confirm,
                    "timestamp": min(now_ms, row.end_ms),
                }
                for row in rows
            ],
            "ts": now_ms,
            "type": "snapshot",
        }


def _changes(before: dict[str, str], after: dict[str, str]) -> list[tuple[str, str]]:
    """Levels to set, and levels to delete (size `0`)."""
    changed = [(price, size) for price, size in after.items() if before.get(price) != size]
    return changed + [(price, "0") for price in before if price not in after]


def _tick_direction(previous: str, *, before: bool, after: bool) -> str:
    """Bybit's word for the move to this trade's price: up, down, or unchanged since an up or a down."""
    if before:
        return "PlusTick"
    if after:
        return "MinusTick"
    return "ZeroMinusTick" if previous.endswith("MinusTick") else "ZeroPlusTick"
