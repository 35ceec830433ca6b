"""What a backtest found: trades, the equity at each close, and what there is to say about it. Values only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from tradewright.backtest.settings import Settings
from tradewright.strategy.model import Strategy
from tradewright.strategy.prices import Direction

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class NoBars(Exception):
    """There is no bar to run on between the times asked for."""


class Cancelled(Exception):
    """The run was told to stop; there is no result."""


class Trade(NamedTuple):
    """From opening to closing. Times are Unix milliseconds; costs are positive when paid; `pnl` is after them.

    `bars`: closes at which it was open. `cell`: of a grid, else 0. `is_ambiguous`: the order of prices inside one bar
    could have changed its outcome.
    """

    direction: Direction
    quantity: Decimal
    entry_time_ms: int
    entry_price: Decimal
    entry_reason: str
    exit_time_ms: int
    exit_price: Decimal
    exit_reason: str
    fees: Decimal
    funding: Decimal
    pnl: Decimal
    pnl_pct: float
    bars: int
    is_ambiguous: bool
    cell: int = 0


@dataclass(frozen=True, slots=True)
class Warned:
    """`first_time_ms` is the close of the first decision it is about; None: of the spec or of the whole run."""

    code: str
    message: str
    count: int
    first_time_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """`equity[k]` is the equity at the close of the k-th bar that was run, the last one after the final closing.

    `opened_ms` is the open time of the first of them, `closed_ms` the close time of the last. `first_open` and
    `last_close` are their prices. `exposed`: closes with an open position.
    """

    strategy: Strategy
    settings: Settings
    opened_ms: int
    closed_ms: int
    first_open: Decimal
    last_close: Decimal
    capital: Decimal
    trades: Sequence[Trade]
    close_times_ms: NDArray[np.int64]
    equity: NDArray[np.float64]
    closes: NDArray[np.float64]
    final_equity: Decimal
    exposed: int
    warnings: Sequence[Warned]

    @property
    def bars(self) -> int:
        return len(self.equity)
