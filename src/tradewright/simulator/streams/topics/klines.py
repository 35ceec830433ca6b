"""Candles: `kline.{interval}.{symbol}`.

Lives here: the open candle as it grows, and each closed one exactly once with confirm true. Not here: the candles
(`market`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tradewright.simulator.frames import Frame
from tradewright.simulator.market.intervals import bucket_end, bucket_start
from tradewright.simulator.market.model import InstrumentSpec, Kline, MarketEvent, MarketTrade
from tradewright.simulator.streams.topics.topic import Sources

KLINE_MS: Final = 200


class KlineTopic:
    """Of linear and inverse contracts and spot pairs."""

    def __init__(self, topic: str, sources: Sources, spec: InstrumentSpec, interval: str) -> None:
        self._topic, self._market, self._spec, self._interval = topic, sources.market, spec, interval
        self.hears = spec.listing
        self.wakes_ms = 0
        self._told_ms = 0
        self._told: Kline | None = None
        self._grew = True
        newest = self._market.klines(spec.listing, interval, None, None, 1)
        first_ms = newest[0].start_ms if newest else bucket_start(interval, self._market.now_ms)
        self._confirmed_ms = first_ms if newest and newest[0].confirm else first_ms - 1
        self._ends_ms = self._next_end()

    def snapshot(self) -> Frame | None:
        """The open candle, so that a chart need not wait for the next trade."""
        live = self._market.live_kline(self._spec.listing, self._interval)
        return self._frame([live]) if live is not None else None

    def tick(self, happened: Sequence[MarketEvent], *, now_ms: int) -> list[Frame]:
        self.wakes_ms = now_ms + KLINE_MS
        frames = self._closed()
        self._grew = self._grew or any(isinstance(event, MarketTrade) for event in happened)
        if not frames and not (self._grew and now_ms - self._told_ms >= KLINE_MS):
            return frames
        self._grew = False
        live = self._market.live_kline(self._spec.listing, self._interval)
        if live is not None and live != self._told:
            self._told, self._told_ms = live, now_ms
            frames.append(self._frame([live]))
        return frames

    def _closed(self) -> list[Frame]:
        """Candles that are over. One without trades never is: then the next one is asked for again and again."""
        frames: list[Frame] = []
        if self._market.now_ms < self._ends_ms:
            return frames
        while closed := self._market.closed_klines(self._spec.listing, self._interval, self._confirmed_ms):
            self._confirmed_ms = closed[-1].start_ms
            frames += [self._frame([row]) for row in closed]
        self._ends_ms = self._next_end()
        return frames

    def _next_end(self) -> int:
        """When the candle after the last confirmed one is over (market time)."""
        start_ms = bucket_end(self._interval, bucket_start(self._interval, self._confirmed_ms))
        return bucket_end(self._interval, start_ms)

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
