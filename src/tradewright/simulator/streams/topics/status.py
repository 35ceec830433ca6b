"""The exchange's own announcements: `system.status` on the misc/status stream.

Lives here: telling them when they change. Not here: what is announced (`faults`), the REST form (`rest.market`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tradewright.simulator.frames import Frame
from tradewright.simulator.market.model import MarketEvent
from tradewright.simulator.streams.topics.topic import Sources

STATUS_MS: Final = 200


class StatusTopic:
    """Nothing is told while nothing is announced; there is no snapshot (not verified)."""

    hears = ""
    wakes_ms = 0

    def __init__(self, topic: str, sources: Sources) -> None:
        self._topic, self._sources = topic, sources
        self._told = sources.notices()

    def snapshot(self) -> Frame | None:
        return self._frame(self._told) if self._told else None

    def tick(self, happened: Sequence[MarketEvent], *, now_ms: int) -> list[Frame]:
        self.wakes_ms = now_ms + STATUS_MS
        notices = self._sources.notices()
        fresh = [row for row in notices if row not in self._told]
        self._told = notices
        return [self._frame(fresh)] if fresh else []

    def _frame(self, rows: list[Frame]) -> Frame:
        return {"topic": self._topic, "ts": self._sources.market.now_ms, "data": rows}
