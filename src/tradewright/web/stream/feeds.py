"""What a market topic reads from the hub, and what of the things that wait is put to a browser.

Lives here: `Feed`, one topic's reader with its rule of conflation. Not here: when it is read (`stream.connection`), who
shares the upstream (`market.hub`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, assert_never

from tradewright.exchange.ports import CandleUpdate, PublicTrade
from tradewright.market.hub import TRADES_KEPT
from tradewright.market.markets import MarketData
from tradewright.market.subscription import Subscription
from tradewright.web.stream.topics import BookTopic, CandleTopic, MarketTopic, TickerTopic, TradesTopic
from tradewright.web.views_market import book_view, candle_view, ticker_view, trade_view


@dataclass(frozen=True, slots=True)
class Feed:
    """`fold` makes the data of the messages out of everything that waited, oldest first.

    `first` is the data of a snapshot that can be told at once; where it is None and `has_snapshot`, the first message
    is the snapshot, for each one is whole.
    """

    reader: Subscription[Any]
    fold: Callable[[Sequence[Any]], list[Any]]
    has_snapshot: bool = True
    first: Any = None


def open_feed(market: MarketData, topic: MarketTopic) -> Feed:
    """Raises `NotReady` when the hub has no room for one more topic. Whoever opens a feed closes its reader."""
    hub = market.hub(topic.instrument.category)
    match topic:
        case TickerTopic(_, instrument):
            return Feed(hub.subscribe_ticker(instrument), lambda items: [ticker_view(items[-1])])
        case CandleTopic(_, instrument, interval):
            return Feed(hub.subscribe_candles(instrument, interval), _candles, has_snapshot=False)
        case BookTopic(_, instrument):
            return Feed(hub.subscribe_book(instrument), lambda items: [book_view(items[-1])])
        case TradesTopic(_, instrument):
            reader = hub.subscribe_trades(instrument)
            return Feed(reader, _trades, first=[trade_view(each) for each in hub.trades(instrument)])
        case _:
            assert_never(topic)


def _candles(items: Sequence[CandleUpdate]) -> list[Any]:
    """The last form of each, oldest first: one that has closed is never left out."""
    return [candle_view(each) for each in {item.candle.open_time_ms: item.candle for item in items}.values()]


def _trades(items: Sequence[PublicTrade]) -> list[Any]:
    """One list; of more than a tape shows, the newest."""
    return [[trade_view(each) for each in items[-TRADES_KEPT:]]]
