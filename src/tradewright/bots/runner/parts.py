"""What runs of one account are made with, and why one of them cannot begin.

Lives here: `RunnerParts`, `NotStarted`, `Ending`. Not here: where the parts come from (`app`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy.ext.asyncio import AsyncEngine

from tradewright.core.clock import Clock
from tradewright.core.instrument import Instrument, InstrumentId
from tradewright.market.markets import MarketData
from tradewright.storage.bus import Bus
from tradewright.trading.crash_points import Reach, nowhere
from tradewright.trading.model import AccountRef

EndState = Literal["finished", "stopped", "failed", "halted"]


def _nothing(_instrument: InstrumentId) -> None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnerParts:
    """`market` gives the environment's market data, or raises while it is not followed yet (`NotReady`, `NoMarket`).
    `is_killed`: whether a latch holds for the account. `instrument_of` answers None for what is not listed.
    `warm` is told where orders will be wanted, so that none has to wait for what it is judged by."""

    account: AccountRef
    engine: AsyncEngine
    bus: Bus
    clock: Clock
    market: Callable[[], MarketData]
    instrument_of: Callable[[InstrumentId], Instrument | None]
    is_killed: Callable[[], bool]
    warm: Callable[[InstrumentId], None] = _nothing
    reach: Reach = nowhere


class NotStarted(Exception):
    """A run cannot begin, or not go on: `code` with its numbers says why. Nothing that opens is sent for it."""

    def __init__(self, code: str, **params: str) -> None:
        super().__init__(code)
        self.code, self.params = code, params


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a run ends: `closes` its position first; `waits` until it is flat by itself (a gentle stop)."""

    state: EndState
    code: str
    params: Mapping[str, str] = field(default_factory=dict)
    closes: bool = False
    waits: bool = False
    by: str | None = None

    def reason(self) -> dict[str, Any]:
        return {"code": self.code, "params": dict(self.params)}

    def memory(self) -> dict[str, Any]:
        return {
            "state": self.state,
            "code": self.code,
            "params": dict(self.params),
            "closes": self.closes,
            "waits": self.waits,
            "by": self.by,
        }

    @classmethod
    def restored(cls, kept: Mapping[str, Any] | None) -> Ending | None:
        return None if kept is None else cls(**kept)
