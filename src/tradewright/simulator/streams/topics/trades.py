"""Public trades and liquidations: `publicTrade` and `allLiquidation`.

Lives here: their rows on the stream. Not here: what trades (`market`). The type says snapshot on every push.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final

from tradewright.simulator.frames import Frame
from tradewright.simulator.market.model import (
    InstrumentSpec,
    Listing,
    MarketEvent,
    MarketLiquidation,
    MarketTrade,
    listing_of,
)
from tradewright.simulator.rows.market import option_quote_texts
from tradewright.simulator.streams.topics.topic import NEVER_MS, Sources
from tradewright.simulator.texts import recorded_text

TRADES_PER_FRAME_MAX: Final = 1_024
LIQUIDATIONS_MS: Final = 500
_FIRST_DIRECTION: Final = "ZeroPlusTick"


class TradeTopic:
    """`publicTrade.{symbol}`: every trade, oldest first."""

    wakes_ms = NEVER_MS

    def __init__(self, topic: str, sources: Sources, spec: InstrumentSpec) -> None:
        self._topic, self._market, self._spec = topic, sources.market, spec
        self.hears = spec.listing
        self._price = sources.market.last_price(spec.listing)
        self._direction = _FIRST_DIRECTION

    def snapshot(self) -> None:
        return None

    def tick(self, happened: Sequence[MarketEvent], *, now_ms: int) -> list[Frame]:
        rows = [self._row(event) for event in happened if isinstance(event, MarketTrade)]
        return [_frame(self._topic, self._market.now_ms, part) for part in _parts(rows)]

    def _row(self, trade: MarketTrade) -> Frame:
        self._direction = tick_direction(self._direction, self._price, trade.price)
        self._price = trade.price
        row = trade_row(self._spec, trade)
        if not self._spec.is_spot:
            row["L"] = self._direction
        return row


class OptionTradeTopic:
    """`publicTrade.{coin}`: the trades in all options of a coin, with what each was worth by then."""

    wakes_ms = NEVER_MS

    def __init__(self, topic: str, sources: Sources, base_coin: str) -> None:
        self._topic, self._market, self._specs = topic, sources.market, sources.specs
        self.hears: Listing = listing_of("option", base_coin)

    def snapshot(self) -> None:
        return None

    def tick(self, happened: Sequence[MarketEvent], *, now_ms: int) -> list[Frame]:
        rows = [self._row(event) for event in happened if isinstance(event, MarketTrade)]
        return [
            {"id": f"{self._topic}-{part[-1]['seq']}-{now_ms}", **_frame(self._topic, self._market.now_ms, part)}
            for part in _parts(rows)
        ]

    def _row(self, trade: MarketTrade) -> Frame:
        return {**trade_row(self._specs[trade.symbol], trade), **option_quote_texts(trade)}


class LiquidationTopic:
    """`allLiquidation.{symbol}`: every liquidation, others' and those of accounts here. `S` is the position's side."""

    def __init__(self, topic: str, sources: Sources, spec: InstrumentSpec) -> None:
        self._topic, self._market, self._spec = topic, sources.market, spec
        self.hears = spec.listing
        self.wakes_ms = NEVER_MS
        self._told_ms = 0
        self._waiting: list[Frame] = []

    def snapshot(self) -> None:
        return None

    def tick(self, happened: Sequence[MarketEvent], *, now_ms: int) -> list[Frame]:
        self._waiting += [self._row(event) for event in happened if isinstance(event, MarketLiquidation)]
        if not self._waiting:
            return []
        if now_ms - self._told_ms < LIQUIDATIONS_MS:
            self.wakes_ms = self._told_ms + LIQUIDATIONS_MS
            return []
        rows, self._waiting, self._told_ms, self.wakes_ms = self._waiting, [], now_ms, NEVER_MS
        return [_frame(self._topic, self._market.now_ms, rows)]

    def _row(self, event: MarketLiquidation) -> Frame:
        return {
            "T": event.time_ms,
            "s": self._spec.symbol,
            "S": event.side,
            "v": recorded_text(event.size, self._spec.qty_step),
            "p": recorded_text(event.price, self._spec.tick_size),
        }


def trade_row(spec: InstrumentSpec, trade: MarketTrade) -> Frame:
    """A trade of any category, without the direction of its tick."""
    return {
        "T": trade.time_ms,
        "s": spec.symbol,
        "S": trade.side,
        "v": recorded_text(trade.size, spec.qty_step),
        "p": recorded_text(trade.price, spec.tick_size),
        "i": trade.trade_id,
        "BT": False,
        "RPI": False,
        "seq": trade.seq,
    }


def tick_direction(previous: str, before: Decimal, after: Decimal) -> str:
    """Bybit's word for the move to a price: up, down, or unchanged since an up or a down."""
    if after > before:
        return "PlusTick"
    if after < before:
        return "MinusTick"
    return "ZeroMinusTick" if previous.endswith("MinusTick") else "ZeroPlusTick"


def _parts(rows: list[Frame]) -> Iterator[list[Frame]]:
    return (rows[start : start + TRADES_PER_FRAME_MAX] for start in range(0, len(rows), TRADES_PER_FRAME_MAX))


def _frame(topic: str, ts: int, rows: list[Frame]) -> Frame:
    return {"topic": topic, "type": "snapshot", "ts": ts, "data": rows}
