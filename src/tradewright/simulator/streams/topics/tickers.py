"""Tickers: `tickers.{symbol}`.

Lives here: how the stream's form of a ticker differs from REST's, and what is told when. Not here: the numbers
(`market.ticker`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from tradewright.simulator.frames import Frame
from tradewright.simulator.market.clock import time_text
from tradewright.simulator.market.model import InstrumentSpec, MarketEvent
from tradewright.simulator.streams.topics.topic import QUIET_MS, Sources
from tradewright.simulator.streams.topics.trades import tick_direction

TICKER_MS: Final = 100
SPOT_TICKER_MS: Final = 50
_DELIVERY: Final = frozenset(
    {"basisRate", "basis", "basisRateYear", "deliveryFeeRate", "deliveryTime", "predictedDeliveryPrice"}
)
_LASTING: Final = frozenset({"fundingIntervalHour", "fundingCap", "preOpenPrice", "preQty", "curPreListingPhase"})
_BEST: Final = frozenset({"bid1Price", "bid1Size", "ask1Price", "ask1Size"})  # on spot that is orderbook.1
_OPTION_NAMES: Final = {
    "bid1Price": "bidPrice",
    "bid1Size": "bidSize",
    "bid1Iv": "bidIv",
    "ask1Price": "askPrice",
    "ask1Size": "askSize",
    "ask1Iv": "askIv",
    "markIv": "markPriceIv",
}


class ContractTicker:
    """Of linear and inverse contracts: everything once, then only the fields that changed."""

    wakes_ms = 0

    def __init__(self, topic: str, sources: Sources, spec: InstrumentSpec) -> None:
        self._topic, self._market, self._spec = topic, sources.market, spec
        self.hears = spec.listing
        self._direction = "ZeroPlusTick"
        self._price = sources.market.last_price(spec.listing)
        self._told_ms = 0
        self._told = self._fields()

    def snapshot(self) -> Frame:
        return self._frame("snapshot", self._told)

    def tick(self, happened: Sequence[MarketEvent], *, now_ms: int) -> list[Frame]:
        if now_ms - self._told_ms < TICKER_MS:
            self.wakes_ms = self._told_ms + TICKER_MS
            return []
        self._told_ms, self.wakes_ms = now_ms, now_ms + QUIET_MS
        fields = self._fields()
        changed = {name: value for name, value in fields.items() if self._told.get(name) != value}
        self._told = fields
        return [self._frame("delta", {"symbol": self._spec.symbol, **changed})] if changed else []

    def _fields(self) -> dict[str, str]:
        """What never ends has no delivery here, what ends no funding; its delivery is told as ISO text."""
        price = self._market.last_price(self._spec.listing)
        if price != self._price:
            self._direction = tick_direction(self._direction, self._price, price)
            self._price = price
        ticker = self._market.ticker(self._spec.listing)
        left_out = _LASTING if self._spec.delivery_ms else _DELIVERY
        kept = {name: value for name, value in ticker.items() if name not in left_out}
        if self._spec.delivery_ms:
            kept["deliveryTime"] = time_text(self._spec.delivery_ms)
        return {**kept, "tickDirection": self._direction}

    def _frame(self, kind: str, data: dict[str, str]) -> Frame:
        return {
            "topic": self._topic,
            "type": kind,
            "data": data,
            "cs": self._market.book(self._spec.listing).seq,
            "ts": self._market.now_ms,
        }


class WholeTicker:
    """Of spot pairs and options: the whole of it whenever something changed."""

    wakes_ms = 0

    def __init__(self, topic: str, sources: Sources, spec: InstrumentSpec) -> None:
        self._topic, self._market, self._spec = topic, sources.market, spec
        self.hears = spec.listing
        self._shape: Callable[[dict[str, str]], dict[str, str]] = _option_fields if spec.is_option else _spot_fields
        self._pace_ms = TICKER_MS if spec.is_option else SPOT_TICKER_MS
        self._told_ms = 0
        self._told = self._fields()

    def snapshot(self) -> Frame:
        book, now_ms = self._market.book(self._spec.listing), self._market.now_ms
        mark: Frame = {"id": f"{self._topic}-{book.seq}-{now_ms}"} if self._spec.is_option else {"cs": book.seq}
        return {"topic": self._topic, "ts": now_ms, "type": "snapshot", **mark, "data": self._told}

    def tick(self, happened: Sequence[MarketEvent], *, now_ms: int) -> list[Frame]:
        if now_ms - self._told_ms < self._pace_ms:
            self.wakes_ms = self._told_ms + self._pace_ms
            return []
        self._told_ms, self.wakes_ms = now_ms, now_ms + QUIET_MS
        fields = self._fields()
        if fields == self._told:
            return []
        self._told = fields
        return [self.snapshot()]

    def _fields(self) -> dict[str, str]:
        return self._shape(self._market.ticker(self._spec.listing))


def _spot_fields(ticker: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in ticker.items() if name not in _BEST}


def _option_fields(ticker: dict[str, str]) -> dict[str, str]:
    return {_OPTION_NAMES.get(name, name): value for name, value in ticker.items()}
