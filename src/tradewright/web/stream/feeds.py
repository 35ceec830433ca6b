"""What a market topic reads from the hub, and what of the things that wait is put to a browser.

Lives here: `Feed`, one topic's reader with its rule of conflation. Not here: when it is read (`stream.connection`), who
shares the upstream (`market.hub`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, assert_never

from tradewright.core.instrument import InstrumentId
from tradewright.exchange.ports import CandleUpdate, PublicTrade
from tradewright.market.hub import TRADES_KEPT
from tradewright.market.markets import MarketData
from tradewright.market.subscription import Subscription
from tradewright.web.stream.topics import BookTopic, CandleTopic, MarketTopic, TickerTopic, TradesTopic
from tradewright.web.views_market import book_view, candle_view, ticker_view, trade_view


class Feed:
    """Each item is whole: the newest of those that wait is told, the first as a snapshot. Its opener closes it."""

    has_snapshot: ClassVar[bool] = True

    def __init__(self, reader: Subscription[Any]) -> None:
        self.reader = reader

    async def first(self) -> Any:
        """The data of a snapshot to begin with; None where the first item is one, or there is no such thing."""
        return None

    def fold(self, items: Sequence[Any]) -> list[Any]:
        """The data of the messages that tell what waited, oldest first."""
        raise NotImplementedError


class _Tickers(Feed):
    def fold(self, items: Sequence[Any]) -> list[Any]:
        return [ticker_view(items[-1])]


class _Books(Feed):
    def fold(self, items: Sequence[Any]) -> list[Any]:
        return [book_view(items[-1])]


class _Candles(Feed):
    """The last form of each candle, oldest first: one that has closed is never left out."""

    has_snapshot = False

    def fold(self, items: Sequence[CandleUpdate]) -> list[Any]:
        return [candle_view(each) for each in {item.candle.open_time_ms: item.candle for item in items}.values()]


class _Trades(Feed):
    """Lists of trades, each of them once; of more than a tape shows, the newest."""

    def __init__(self, market: MarketData, instrument: InstrumentId) -> None:
        super().__init__(market.hub(instrument.category).subscribe_trades(instrument))
        self._market = market
        self._instrument = instrument
        self._told: frozenset[str] = frozenset()

    async def first(self) -> Any:
        trades = await self._market.trades.get(self._instrument)
        while self.reader.poll() is not None:
            pass  # what came meanwhile is among them
        self._told = frozenset(trade.trade_id for trade in trades)
        return [trade_view(trade) for trade in trades]

    def fold(self, items: Sequence[PublicTrade]) -> list[Any]:
        fresh = [trade_view(trade) for trade in items if trade.trade_id not in self._told]
        return [fresh[-TRADES_KEPT:]] if fresh else []


def open_feed(market: MarketData, topic: MarketTopic) -> Feed:
    """Raises `NotReady` when the hub has no room for one more topic."""
    hub = market.hub(topic.instrument.category)
    match topic:
        case TickerTopic(_, instrument):
            return _Tickers(hub.subscribe_ticker(instrument))
        case CandleTopic(_, instrument, interval):
            return _Candles(hub.subscribe_candles(instrument, interval))
        case BookTopic(_, instrument):
            return _Books(hub.subscribe_book(instrument))
        case TradesTopic(_, instrument):
            return _Trades(market, instrument)
        case _:
            assert_never(topic)
