"""Bounds of limit prices: `priceLimit.{symbol}`.

Lives here: when they are told: when they changed, at Bybit's pace. Not here: their formula (`matching.liquidity`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tradewright.simulator.frames import Frame
from tradewright.simulator.market.model import InstrumentSpec, MarketEvent
from tradewright.simulator.rows.limits import price_limit_row
from tradewright.simulator.streams.topics.topic import QUIET_MS, Sources

LIMIT_MS: Final = 300


class LimitTopic:
    """Of linear and inverse contracts and spot pairs. Its frames have no type, as documented."""

    wakes_ms = 0

    def __init__(self, topic: str, sources: Sources, spec: InstrumentSpec) -> None:
        self._topic, self._sources, self._spec = topic, sources, spec
        self.hears = spec.listing
        self._told_ms = 0
        self._told = self._row()

    def snapshot(self) -> Frame:
        return {"topic": self._topic, "data": self._told, "ts": self._sources.market.now_ms}

    def tick(self, happened: Sequence[MarketEvent], *, now_ms: int) -> list[Frame]:
        if now_ms - self._told_ms < LIMIT_MS:
            self.wakes_ms = self._told_ms + LIMIT_MS
            return []
        self._told_ms, self.wakes_ms = now_ms, now_ms + QUIET_MS
        row = self._row()
        if row == self._told:
            return []
        self._told = row
        return [self.snapshot()]

    def _row(self) -> Frame:
        return price_limit_row(self._sources.market, self._spec, self._sources.premium(self.hears))
