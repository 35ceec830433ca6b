"""Insurance pools and alerts of auto-deleveraging: `insurance.{group}` and `adlAlert.{group}`.

Lives here: what is told of the pools of a group (USDT, USDC, inverse) and when. Not here: the pools (`rows.pools`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from tradewright.simulator.frames import Frame
from tradewright.simulator.market.model import MarketEvent
from tradewright.simulator.rows.pools import Pool, alert_rows, pools_of, told_pool
from tradewright.simulator.streams.topics.topic import Sources

FUNDS_MS: Final = 1_000
GROUPS: Final = {"linear": ("USDT", "USDC"), "inverse": ("inverse",)}


class FundTopic:
    """Both kinds look at the pools once a second."""

    hears = ""
    wakes_ms = 0

    def __init__(self, topic: str, sources: Sources, group: str) -> None:
        self._topic, self._market, self._group = topic, sources.market, group

    def _pools(self) -> list[Pool]:
        market = self._market
        return [pool for pool in pools_of(market.instruments, market.now_ms) if pool.group == self._group]

    def _frame(self, kind: str, rows: list[dict[str, Any]]) -> Frame:
        return {"topic": self._topic, "type": kind, "ts": self._market.now_ms, "data": rows}


class InsuranceTopic(FundTopic):
    """All pools of one contract once, then those whose balance changed. Shared pools are not told, as documented."""

    def __init__(self, topic: str, sources: Sources, group: str) -> None:
        super().__init__(topic, sources, group)
        self._told = self._isolated()

    def snapshot(self) -> Frame:
        return self._frame("snapshot", [told_pool(pool) for pool in self._told])

    def tick(self, happened: Sequence[MarketEvent], *, now_ms: int) -> list[Frame]:
        self.wakes_ms = now_ms + FUNDS_MS
        before = {pool.symbols: pool.balance for pool in self._told}
        self._told = self._isolated()
        changed = [pool for pool in self._told if before.get(pool.symbols) != pool.balance]
        return [self._frame("delta", [told_pool(pool) for pool in changed])] if changed else []

    def _isolated(self) -> list[Pool]:
        return [pool for pool in self._pools() if not pool.is_shared]


class AlertTopic(FundTopic):
    """The alerts of all contracts of a group, each second."""

    def snapshot(self) -> Frame:
        now_ms = self._market.now_ms
        return self._frame("snapshot", [row for pool in self._pools() for row in alert_rows(pool, now_ms)])

    def tick(self, happened: Sequence[MarketEvent], *, now_ms: int) -> list[Frame]:
        due = now_ms >= self.wakes_ms
        self.wakes_ms = now_ms + FUNDS_MS
        return [self.snapshot()] if due else []
