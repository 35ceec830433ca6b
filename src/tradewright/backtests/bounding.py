"""A report of bounded size: what a page shows of a run of any length.

Lives here: which trades and points of equity are kept. Not here: the whole report (`backtest.report`), which the
command line writes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from tradewright.backtest.result import Result

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TRADES_MAX = 2_000
POINTS_MAX = 1_000
WARNINGS_MAX = 100


def bounded(report: dict[str, Any], result: Result) -> dict[str, Any]:
    """The report with its last trades, and of the equity the first and last point and each stretch's lowest and highest
    between: a drawdown does not vanish because it was short."""
    trades, points = report["trades"], equity_points(result)
    return {
        **report,
        "trades": trades[-TRADES_MAX:],
        "trades_left_out": max(0, len(trades) - TRADES_MAX),
        "equity": points,
        "equity_left_out": result.bars + 1 - len(points),
        "warnings": report["warnings"][:WARNINGS_MAX],
    }


def equity_points(result: Result) -> list[tuple[int, float]]:
    """At most POINTS_MAX of (Unix ms, equity), in order of time: the capital at the begin, then closes."""
    inner = result.bars - 1  # the last close is told as the trades say, not as doubles add up
    kept = _kept(result.equity[:inner], POINTS_MAX - 2)
    times, equity = result.close_times_ms[kept].tolist(), result.equity[kept].tolist()
    return [
        (result.opened_ms, float(result.capital)),
        *zip(times, equity, strict=True),
        (result.closed_ms, float(result.final_equity)),
    ]


def _kept(equity: NDArray[np.float64], most: int) -> NDArray[np.int64]:
    """Which closes are kept."""
    import numpy as np

    if len(equity) <= most:
        return np.arange(len(equity))
    edges = np.linspace(0, len(equity), most // 2 + 1).astype(np.int64)
    kept = set()
    for begin, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        stretch = equity[begin:end]
        kept |= {begin + int(stretch.argmin()), begin + int(stretch.argmax())}
    return np.array(sorted(kept), dtype=np.int64)


def report_bytes(report: dict[str, Any]) -> bytes:
    """As JSON. A ratio that is no number (of no trades, say) is null."""
    return msgspec.json.encode(report)
