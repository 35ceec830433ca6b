"""What each public topic says: one module a kind of topic.

Lives here: which topic a name asks for. Not here: sockets and subscriptions (`streams.public`).
"""

from __future__ import annotations

from tradewright.simulator.market.intervals import INTERVALS
from tradewright.simulator.market.model import InstrumentSpec, is_option, listing_of
from tradewright.simulator.streams.topics.books import book_topic
from tradewright.simulator.streams.topics.funds import GROUPS, AlertTopic, InsuranceTopic
from tradewright.simulator.streams.topics.klines import KlineTopic
from tradewright.simulator.streams.topics.limits import LimitTopic
from tradewright.simulator.streams.topics.status import StatusTopic
from tradewright.simulator.streams.topics.tickers import ContractTicker, WholeTicker
from tradewright.simulator.streams.topics.topic import Sources, Topic, no_premium
from tradewright.simulator.streams.topics.trades import LiquidationTopic, OptionTradeTopic, TradeTopic

__all__ = ["Sources", "Topic", "no_premium", "topic_of"]


def topic_of(name: str, sources: Sources, *, category: str = "linear") -> Topic | None:
    """A new topic of a name on the stream of a category, or None if there is no such topic.

    `category` is one of Bybit's, or `misc/status`. What was delivered has no topics any more.
    """
    kind, _, rest = name.partition(".")
    if category == "misc/status":
        return StatusTopic(name, sources) if name == "system.status" else None
    if kind in ("insurance", "adlAlert"):
        fund = InsuranceTopic if kind == "insurance" else AlertTopic
        return fund(name, sources, rest) if rest in GROUPS.get(category, ()) else None
    if category == "option" and kind == "publicTrade":
        return OptionTradeTopic(name, sources, rest) if _has_options(sources, rest) else None
    argument, _, symbol = rest.rpartition(".")
    spec = sources.specs.get(listing_of(category, symbol))
    return (
        None
        if spec is None or (spec.delivery_ms and spec.status == "Closed")
        else _of_listing(name, sources, spec, kind, argument)
    )


def _of_listing(name: str, sources: Sources, spec: InstrumentSpec, kind: str, argument: str) -> Topic | None:
    match kind, argument:
        case "orderbook", depth:
            return book_topic(name, sources, spec, depth)
        case "tickers", "":
            whole = spec.is_spot or spec.is_option
            return WholeTicker(name, sources, spec) if whole else ContractTicker(name, sources, spec)
        case "publicTrade", "" if not spec.is_option:
            return TradeTopic(name, sources, spec)
        case "kline", interval if interval in INTERVALS and not spec.is_option:
            return KlineTopic(name, sources, spec, interval)
        case "priceLimit", "" if not spec.is_option:
            return LimitTopic(name, sources, spec)
        case "allLiquidation", "" if spec.category in ("linear", "inverse"):
            return LiquidationTopic(name, sources, spec)
        case _:
            return None


def _has_options(sources: Sources, base_coin: str) -> bool:
    return any(is_option(listing) and spec.base_coin == base_coin for listing, spec in sources.specs.items())
